//! 200,000 seeded mutations of small valid files for each parser of what comes from outside: IDX,
//! gzip, NumPy arrays and archives of them, tables of pixels, labels, latents, pictures and their
//! captions, configurations, checkpoints and feature networks. None may panic, take a second, or
//! make the process grow beyond 256 MB, and each is either accepted or refused with the right kind
//! of error in one short line.
//!
//! `DCGAN_GPU_MUTATIONS` sets another number; `fuzz/` goes on from the same seeds with coverage.

mod common;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use common::makers::zip;
use common::mutate::{Dice, mutated, with_checksums};
use common::{program, seeds};
use dcgan_gpu::data::labels::table;
use dcgan_gpu::data::npy::Wanted;
use dcgan_gpu::data::reading::Reading;
use dcgan_gpu::data::{idx, npy, npz, picture, table as images};
use dcgan_gpu::error::{Error, Kind, Result};
use dcgan_gpu::eval::file::Filed;
use dcgan_gpu::model::checkpoint::Checkpoint;
use dcgan_gpu::model::sources::Merge;
use dcgan_gpu::output::{Caption, Overwrite, Picture, save_captioned};
use dcgan_gpu::shape::Shape;

/// What one parse may take.
const LONGEST: Duration = Duration::from_secs(1);

/// What the process may take, in bytes.
const LARGEST: u64 = 256 << 20;

fn mutations() -> u64 {
    std::env::var("DCGAN_GPU_MUTATIONS").map_or(200_000, |text| text.parse().expect("a number of mutations"))
}

/// Most memory that this process has had, where the system says it (Linux).
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// Parses mutations of `seeds`, which are parsed first as they are.
fn survive(name: &str, seeds: &[Vec<u8>], refusal: Kind, parse: impl Fn(&[u8]) -> Result<()>) {
    let (mut accepted, mut refused, mut longest) = (0_u64, 0_u64, Duration::ZERO);
    for number in 0..mutations() {
        let mut dice = Dice::new(name, number);
        let file = mutated(seeds, &mut dice);
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| parse(&file)));
        longest = longest.max(start.elapsed());
        match result {
            Err(_) => panic!("{name}: mutation {number} panics: {file:02x?}"),
            Ok(Ok(())) => accepted += 1,
            Ok(Err(error)) => {
                refused += 1;
                let message = error.to_string();
                assert_eq!(error.kind(), refusal, "{name}: mutation {number}: {message}");
                let readable = (1..2000).contains(&message.len());
                assert!(readable, "{name}: mutation {number}: {message:?}");
            }
        }
        assert!(longest < LONGEST, "{name}: mutation {number} took {longest:?}: {file:02x?}");
    }
    let peak = peak();
    println!(
        "{name}: {accepted} accepted, {refused} refused, longest {longest:?}, peak {:?} MiB",
        peak.map(|b| b >> 20)
    );
    assert!(accepted > 0 && refused > accepted / 100, "{name}: {accepted} accepted, {refused} refused: no test");
    assert!(peak.is_none_or(|bytes| bytes < LARGEST), "{name}: the process has taken {peak:?} bytes");
}

#[test]
fn idx_files() {
    survive("idx", &seeds::idx_files(), Kind::Data, |file| {
        let images = idx::parse_images(file, file.len() as u64, None);
        // Labels are the same format with one dimension.
        match images {
            Err(error) if error.to_string().contains("rank 1") => idx::parse_labels(file, file.len() as u64).map(drop),
            other => other.map(drop),
        }
    });
}

#[test]
fn gzip_files() {
    let parse = |file: &[u8]| idx::parse_images(file, file.len() as u64, None).map(drop);
    survive("gzip", &seeds::gzip_files(), Kind::Data, parse);
}

#[test]
fn numpy_arrays() {
    survive("npy", &seeds::npy_files(), Kind::Data, |file| npy::parse(file, file.len() as u64, WANTED).map(drop));
    let range = Some("-100,70000".parse().unwrap());
    let ranged = Wanted { range, ..WANTED };
    survive("npy in a range", &seeds::npy_files(), Kind::Data, |file| {
        npy::parse(file, file.len() as u64, ranged).map(drop)
    });
}

const WANTED: Wanted = Wanted { network: Shape { height: 2, width: 3, channels: 1 }, range: None };

#[test]
fn archives_of_arrays() {
    let parse = |file: &[u8], key: Option<&str>| {
        let chosen = npz::parse(Cursor::new(file), file.len() as u64, key, WANTED)?;
        chosen.labels.map(drop)
    };
    survive("npz", &seeds::archives(), Kind::Data, |file| parse(file, None).or_else(|_| parse(file, Some("b"))));
    // With checksums that fit.
    survive("npy in npz", &seeds::npy_files(), Kind::Data, |file| {
        parse(&zip(&[("train_images.npy", file)], true), None)
    });
}

#[test]
fn tables_of_pixels() {
    survive("pixel tables", &seeds::pixel_tables(), Kind::Data, |file| {
        images::parse(file, file.len() as u64, WANTED)?.labels.map(drop)
    });
}

#[test]
fn numbers_as_labels() {
    survive("label numbers", &seeds::label_numbers(), Kind::Data, |file| {
        npy::parse_labels(file, file.len() as u64, |_| Ok(())).map(drop)
    });
}

#[test]
fn latents() {
    survive("latents", &seeds::latents(), Kind::Data, |file| {
        let mut latents = npy::Latents::parse(Cursor::new(file), file.len() as u64, Path::new("z.npy"))?;
        latents.take(latents.count() as usize).map(drop)
    });
}

#[test]
fn tables_of_labels() {
    let files = ["a.png", "b/1.png", "b/2.png"].map(|file| file.as_bytes().to_vec());
    survive("label tables", &seeds::label_tables(), Kind::Data, |file| {
        let by_file = table::parse(file, table::Images::Files(&files));
        by_file.or_else(|_| table::parse(file, table::Images::InOrder(3))).map(drop)
    });
}

#[test]
fn pictures() {
    let shape = Shape { height: 6, width: 5, channels: 3 };
    survive("picture", &seeds::pictures(), Kind::Data, |file| {
        // Half of the PNGs get checksums that fit, or none would come beyond its first chunk.
        let file = if file.iter().fold(0, |a, b| a ^ b) % 2 == 0 { with_checksums(file) } else { file.to_vec() };
        picture::decode(&file, shape, &Reading::default()).map(drop)
    });
}

#[test]
fn captions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let picture = Picture::new(vec![1, 2, 3, 4], [2, 2, 1]).unwrap();
    let caption = Caption { run: "tiny".to_string(), seeds: vec![7], ..Caption::default() };
    save_captioned(&picture, &caption, &path, Overwrite::Never).unwrap();
    let seeds = [std::fs::read(path).unwrap()];
    survive("caption", &seeds, Kind::Data, |file| {
        let file = if file.iter().fold(0, |a, b| a ^ b) % 2 == 0 { with_checksums(file) } else { file.to_vec() };
        Caption::parse(&file).map(drop).ok_or_else(|| Error::data("it has none"))
    });
}

#[test]
fn configurations() {
    survive("toml", &seeds::configurations(), Kind::Usage, |file| {
        let text = String::from_utf8_lossy(file);
        Merge::from_text(&text, Path::new("mutated.toml"))?.finish()?.layouts().map(drop)
    });
}

#[test]
fn checkpoints() {
    survive("checkpoint", &[checkpoint()], Kind::Checkpoint, |file| Checkpoint::parse(file).map(drop));
}

#[test]
fn feature_networks() {
    survive("features", &[common::golden("features.safetensors")], Kind::Data, |file| {
        Filed::parse(file.to_vec()).map(drop)
    });
}

/// A small checkpoint, as the program saves it.
fn checkpoint() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tiny.toml"), &seeds::configurations()[3]).unwrap();
    let line =
        "train --config tiny.toml --device cpu --out run --data strokes --set image.channels=1 --steps 1 --quiet";
    let line = format!("{line} --batch-size 2 --rows 1 --cols 1");
    let mut command = program::program();
    let layers = "generator.layers=[{ type = \"dense\", shape = [4, 4, 1] }, { type = \"tanh\" }]";
    let output = command.args(line.split(' ')).args(["--set", layers]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(folder.path().join("run/checkpoints/step-00000001.safetensors")).unwrap()
}
