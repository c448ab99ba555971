//! TensorBoard reads what is written for it: `cargo test --release --test tensorboard`.
//!
//! Needs Python with the package `tensorboard`: `python3`, or the program that the environment
//! variable PYTHON names. Without it this fails; it does not skip. The expected version is in
//! `requirements.txt`.

#[path = "../common/program.rs"]
mod program;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use dcgan_gpu::output::{Overwrite, Picture, save_png};
use dcgan_gpu::report::tensorboard::EventFile;
use serde_json::{Value, json};

use self::program::program;

fn main() -> ExitCode {
    match a_file_replaces_another().and_then(|()| a_run_that_is_extended_is_one_that_was_longer()) {
        Ok(()) => {
            println!("tensorboard: ok. Scalars and images are read back, of a resumed run as of an undisturbed one");
            ExitCode::SUCCESS
        }
        Err(message) => {
            println!("tensorboard: FAILED. {message}");
            ExitCode::FAILURE
        }
    }
}

/// A reader that follows a folder in which a file was torn by a kill, and another one begun.
fn a_file_replaces_another() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let events = folder.path().join("tensorboard");
    let png = picture(folder.path())?;
    let begun = 1_700_000_000.0;

    // Six steps, then a kill in the middle of a record.
    let mut first = EventFile::create(&events, begun).map_err(|e| e.to_string())?;
    for step in 1..=6 {
        write(&mut first, step, begun + f64::from(step), 1.0, &png)?;
    }
    first.flush().map_err(|e| e.to_string())?;
    let path = first.path().to_path_buf();
    drop(first);
    let bytes = fs::read(&path).map_err(|e| e.to_string())?;
    fs::write(&path, &bytes[..bytes.len() - 7]).map_err(|e| e.to_string())?;

    // The run goes on, on a clock that was set back: all steps come again, the later ones with
    // other values.
    let mut second = EventFile::create(&events, begun - 1000.0).map_err(|e| e.to_string())?;
    let factor = |step: u32| if step <= 4 { 1.0 } else { 2.0 };
    let time = |step: u32| begun + f64::from(step) - 1000.0;
    for step in 1..=8 {
        write(&mut second, step, time(step), factor(step), &png)?;
    }
    second.flush().map_err(|e| e.to_string())?;

    let found = read_back(&events)?;
    let factor = |step| f64::from(factor(step));
    let scalars = |part: f64| (1..=8).map(move |step| json!([step, time(step), factor(step) * part * f64::from(step)]));
    let tensors = |part: f64| (1..=8).map(move |step| json!([step, factor(step) * part * f64::from(step)]));
    equal(&found["scalars"]["loss/d"], &scalars(0.5).collect())?;
    equal(&found["scalars"]["loss/g"], &scalars(0.25).collect())?;
    equal(&found["tensors"]["loss/d"], &tensors(0.5).collect())?;
    equal(&found["images"]["samples"], &(1..=8).map(|step| json!([step, time(step), 3, 2, png])).collect())?;
    equal(&found["plugins"], &json!({ "loss/d": "scalars", "loss/g": "scalars", "samples": "images" }))
}

/// A run that ends off its cadences, goes on without event files, and then with them again.
fn a_run_that_is_extended_is_one_that_was_longer() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let train = |arguments: &str| {
        let mut command = program();
        command.current_dir(folder.path()).args(["train", "-q", "--device", "cpu"]).args(arguments.split(' '));
        let ended = command.output().map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        if ended.status.success() { Ok(()) } else { Err(format!("train {arguments}: {said}")) }
    };
    let start = "--preset quick --data strokes --batch-size 2 --log-every 2 --sample-every 3 --checkpoint-every 4";
    train(&format!("{start} --tensorboard --out parts --steps 5"))?;
    train("--resume parts --tensorboard=false --steps 7")?;
    train("--resume parts --tensorboard --steps 10")?;
    train(&format!("{start} --tensorboard --out whole --steps 10"))?;
    let [parts, whole] = ["parts", "whole"].map(|run| read_back(&folder.path().join(run).join("tensorboard")));
    let (parts, whole) = (without_clock(parts?), without_clock(whole?));
    if whole["scalars"].as_object().map(|tags| tags.len()) != Some(6) {
        return Err(format!("not the curves of a run: {whole}"));
    }
    equal(&parts, &whole)
}

/// What is read back, without the times, and without the speeds.
fn without_clock(mut found: Value) -> Value {
    for kind in ["scalars", "tensors"] {
        found[kind].as_object_mut().map(|tags| tags.remove("images per second"));
    }
    for kind in ["scalars", "images"] {
        for events in found[kind].as_object_mut().into_iter().flat_map(|tags| tags.values_mut()) {
            events.as_array_mut().into_iter().flatten().for_each(|event| event[1] = Value::Null);
        }
    }
    found
}

/// Halves and quarters, which are exact in 32 bits, and a picture.
fn write(events: &mut EventFile, step: u32, time: f64, factor: f32, png: &[u8]) -> Result<(), String> {
    let value = step as f32 * factor;
    let scalars = events.scalars(step, time, &[("loss/d", 0.5 * value), ("loss/g", 0.25 * value)]);
    scalars.and_then(|()| events.image(step, time, "samples", png, [3, 2, 1])).map_err(|e| e.to_string())
}

/// A PNG of 3×2 pixels.
fn picture(folder: &Path) -> Result<Vec<u8>, String> {
    let path = folder.join("grid.png");
    let picture = Picture::new(vec![0, 50, 100, 150, 200, 250], [2, 3, 1]);
    picture.and_then(|picture| save_png(&picture, &path, Overwrite::Never)).map_err(|e| e.to_string())?;
    fs::read(&path).map_err(|e| e.to_string())
}

fn read_back(events: &Path) -> Result<Value, String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_string());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tensorboard/read_back.py");
    let output =
        Command::new(&python).arg(script).arg(events).output().map_err(|e| format!("cannot start {python}: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        let remedy =
            "python -m pip install -r tests/tensorboard/requirements.txt, or name a Python that has it in PYTHON";
        return Err(format!("{}\n{remedy}", text(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("{e}: {}", text(&output.stdout)))
}

fn equal(found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("TensorBoard reads {found}, not {expected}")) }
}
