//! `train --from`: a new run that begins with the weights of another one.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use safetensors::SafeTensors;
use serde_json::Value;

use crate::common::makers::grey_png;
use crate::common::record::Record;
use crate::desk::{Desk, TINY, idx_images};

const NEWEST: &str = "run/checkpoints/step-00000020.safetensors";
/// Trains on the processor, beginning with the weights of `run`.
const FROM: &str = "train --device cpu --from run";

/// Every tensor of a checkpoint by name, with its shape and its values.
fn tensors(desk: &Desk, path: &str) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let bytes = desk.read(path);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let values = |data: &[u8]| data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    file.tensors().into_iter().map(|(name, view)| (name, (view.shape().to_vec(), values(view.data())))).collect()
}

/// What a checkpoint says of its run.
fn said(desk: &Desk, path: &str) -> Value {
    let bytes = desk.read(path);
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let json: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["dcgan-gpu"]).unwrap();
    json["run"].clone()
}

fn beginning(run: &str) -> String {
    format!("{run}/checkpoints/step-00000000.safetensors")
}

/// The names of the checkpoints of a run.
fn checkpoints(desk: &Desk, run: &str) -> Vec<String> {
    desk.names(&format!("{run}/checkpoints"))
}

#[test]
fn weights_and_settings_are_those_of_the_other_run() {
    let desk = Desk::with_run();
    let ended = desk.run(&format!("{FROM} --out next --keep 9 --lr 0.002"));
    let (config, source) = (desk.config("next"), desk.config("run"));
    for key in ["name", "data", "seed", "image", "training", "generator", "discriminator", "init"] {
        assert_eq!(config[key], source[key], "{key}");
    }
    assert_eq!(config["adam"]["lr"].as_float(), Some(0.002));
    let path = config["from"].as_str().unwrap().replace('\\', "/");
    assert!(std::path::Path::new(&path).is_absolute() && path.ends_with(NEWEST), "{path}");
    assert!(ended.stderr.contains(&format!("{NEWEST}: 12 of 12 tensors; ")), "{}", ended.stderr);
    assert!(ended.stderr.contains("\n  generator: all is taken\n  discriminator: all is taken\n"), "{}", ended.stderr);
    ended.done();

    let (first, newest) = (tensors(&desk, &beginning("next")), tensors(&desk, NEWEST));
    assert!(first.keys().eq(newest.keys()));
    for (name, (_, values)) in &first {
        match name.contains("/adam_") {
            true => assert!(values.iter().all(|value| *value == 0.0), "{name}"),
            false => assert_eq!(values, &newest[name].1, "{name}"),
        }
    }
    // All of a cadence are there, and the run's beginning.
    assert_eq!(checkpoints(&desk, "next").len(), 5);
    let sha256 = {
        use sha2::{Digest, Sha256};
        Sha256::digest(desk.read(NEWEST)).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    for step in [0, 5, 20] {
        let said = said(&desk, &format!("next/checkpoints/step-{step:08}.safetensors"));
        assert_eq!(said["from"], serde_json::json!({ "step": 20, "sha256": sha256 }), "step {step}");
        assert_eq!(said["step"], step);
    }
    assert!(said(&desk, NEWEST).get("from").is_none());

    desk.run("report next").done();
    let page = String::from_utf8(desk.read("next/report.html")).unwrap();
    assert!(page.contains("<dt>Weights from</dt>") && page.contains(&format!("20 steps, SHA-256 {sha256}")));
    assert!(!String::from_utf8(desk.read("run/config.toml")).unwrap().contains("from ="));
    assert!(desk.run("show next --json").json()["from"].as_str().unwrap().ends_with("step-00000020.safetensors"));
    assert!(desk.run("show run --json").json().get("from").is_none());
    let differences = desk.run("compare run next --json").json()["differences"].clone();
    assert!(differences["from"][0].is_null() && differences["from"][1].is_string(), "{differences}");
}

#[test]
fn a_run_that_goes_on_with_the_same_weights_is_not_the_same_run() {
    let desk = Desk::with_run();
    desk.run(&format!("{FROM} --out next -q")).done();
    desk.run("train --resume run --steps 40 --device cpu -q").done();
    let [next, longer] = ["next/checkpoints/step-00000020.safetensors", "run/checkpoints/step-00000040.safetensors"]
        .map(|path| tensors(&desk, path));
    assert!(next != longer, "its moments are new ones");
}

#[test]
fn settings_come_from_a_preset_or_a_file_where_one_is_given() {
    let desk = Desk::with_run();
    let shown = desk.run("config show --from run --seed 5").done();
    for expected in [
        "seed = 5  # flag --seed",
        "batch_size = 8  # checkpoint run/checkpoints/step-00000020.safetensors",
        "[[generator.layers]]  # checkpoint run/checkpoints/step-00000020.safetensors",
    ] {
        assert!(shown.replace('\\', "/").lines().any(|line| line == expected), "{shown} does not say {expected:?}");
    }
    let from = shown.lines().find(|line| line.starts_with("from = ")).unwrap();
    assert!(from.ends_with("step-00000020.safetensors\"  # flag --from"), "{from}");
    let shown = desk.run("config show --from run --config tiny.toml").done();
    assert!(shown.contains("batch_size = 8  # tiny.toml:5") && shown.contains("\"  # flag --from"), "{shown}");
    let shown = desk.run_with(&[("DCGAN_GPU_FROM", "run")], "config show --preset quick").done();
    assert!(shown.contains("batch_size = 64  # preset quick"), "{shown}");
    assert!(shown.contains("\"  # environment DCGAN_GPU_FROM"), "{shown}");
    // A resumed run has weights of its own.
    desk.run_with(&[("DCGAN_GPU_FROM", "nowhere")], "train --resume run --steps 25 --device cpu").done();

    // What the run resolved to begins with the same weights again.
    desk.run(&format!("{FROM} --out next --seed 7 -q")).done();
    desk.run("train --config next/config.toml --device cpu --out again -q").done();
    let [next, again] =
        ["next", "again"].map(|run| tensors(&desk, &format!("{run}/checkpoints/step-00000020.safetensors")));
    assert!(next == again);
}

#[test]
fn other_data_and_another_batch() {
    let desk = Desk::with_run();
    desk.write("digits/train-images-idx3-ubyte", idx_images(43, &[8, 8]));
    desk.run(&format!("{FROM} --data digits --batch-size 4 --epochs 2 --out next --keep 9 -q")).done();
    let (first, newest) = (tensors(&desk, &beginning("next")), tensors(&desk, NEWEST));
    assert!(first.iter().all(|(name, tensor)| name.contains("/adam_") || *tensor == newest[name]));
    assert_eq!(said(&desk, &beginning("next"))["steps_per_epoch"], 10);
    assert_eq!(desk.config("next")["training"]["epochs"].as_integer(), Some(2));
}

#[test]
fn a_layer_in_front_shifts_nothing_and_what_does_not_fit_begins_anew() {
    let desk = Desk::with_run();
    let in_front = "[generator]\nlayers = [\n    { type = \"dense\", shape = [1, 1, 4] },\n";
    let wider = "\n[discriminator]\nlayers = [\n    { type = \"conv\", channels = 5,";
    let file = TINY.replace("[generator]\nlayers = [\n", in_front);
    let file = file.replace("\n[discriminator]\nlayers = [\n    { type = \"conv\", channels = 4,", wider);
    desk.write("other.toml", &file);
    let line = "--config other.toml --seed 3 --steps 1 --keep 9";
    let ended = desk.run(&format!("{FROM} {line} --out next"));
    for expected in [
        ": 9 of 14 tensors; the optimizer and all counters begin anew",
        "  generator: taken: layers 1 to 6 (0 to 5 there)",
        "  generator: begins anew: 0.weight [1, 4, 4] (not there), 0.bias [4] (not there)",
        "  discriminator: taken: 3.bias",
        "  discriminator: begins anew: 0.weight [16, 1, 5] ([16, 1, 4] there), 0.bias [5] ([4] there), 3.weight [16, 5, 1] \
         ([16, 4, 1] there)",
    ] {
        assert!(
            ended.stderr.lines().any(|line| line.ends_with(expected)),
            "{} does not say {expected:?}",
            ended.stderr
        );
    }
    ended.done();
    // What is not taken is what the run would have begun with.
    desk.write("still.toml", file.replace("adam = { lr = 0.01 }", "adam = { lr = 0.0 }"));
    desk.run("train --device cpu --config still.toml --seed 3 --steps 1 --out still -q").done();
    let still = tensors(&desk, "still/checkpoints/step-00000001.safetensors");
    let (first, source) = (tensors(&desk, &beginning("next")), tensors(&desk, NEWEST));
    for (new, old) in [("1.weight", "0.weight"), ("2.scale", "1.scale"), ("4.weight", "3.weight"), ("6.bias", "5.bias")]
    {
        let [new, old] = [new, old].map(|name| format!("generator/parameter/{name}"));
        assert_eq!(first[&new], source[&old], "{new}");
    }
    assert_eq!(first["generator/state/2.running"], source["generator/state/1.running"]);
    assert_eq!(first["discriminator/parameter/3.bias"], source["discriminator/parameter/3.bias"]);
    for name in ["generator/parameter/0.weight", "discriminator/parameter/0.weight", "discriminator/parameter/3.weight"]
    {
        assert_eq!(first[name], still[name], "{name}");
    }
}

#[test]
fn the_best_checkpoint_or_a_file_can_be_chosen() {
    let desk = Desk::new();
    desk.run("train --config tiny.toml --device cpu --out run --steps 200 -q").done();
    let kept = checkpoints(&desk, "run");
    let distance = |name: &String| said(&desk, &format!("run/checkpoints/{name}"))["distance"].as_f64().unwrap();
    let best = kept.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap();
    for (flags, expected) in [
        ("--from run --best".to_string(), best),
        ("--from run".to_string(), kept.last().unwrap()),
        (format!("--from run/checkpoints/{}", kept[0]), &kept[0]),
    ] {
        let shown = desk.run(&format!("config show {flags}")).done();
        let from = shown.lines().find(|line| line.starts_with("from = ")).unwrap();
        assert!(from.contains(expected.as_str()), "{flags}: {from}");
    }
    // A broken one is passed over, as it is where a run is resumed or drawn from.
    let newest = format!("run/checkpoints/{}", kept.last().unwrap());
    let mut bytes = desk.read(&newest);
    let middle = bytes.len() - 100;
    bytes[middle] ^= 1;
    desk.write(&newest, bytes);
    let ended = desk.run(&format!("{FROM} --out next --steps 5"));
    assert!(ended.stderr.contains("; an older one is used\n"), "{}", ended.stderr);
    assert!(desk.config("next")["from"].as_str().unwrap().contains(&kept[kept.len() - 2]));
    ended.done();
    // The beginning of a run is a checkpoint too.
    fs::rename(desk.path("next/checkpoints/step-00000005.safetensors"), desk.path("aside.safetensors")).unwrap();
    desk.run("sample --checkpoint next --out a.png --device cpu").done();
    desk.run("train --from next --out third --device cpu --steps 5 -q").done();
    assert!(desk.config("third")["from"].as_str().unwrap().ends_with("step-00000000.safetensors"));
}

/// A kill at once after the beginning was saved, and one later.
#[test]
fn a_killed_run_goes_on_to_the_bits_of_an_undisturbed_one() {
    let desk = Desk::with_run();
    let flags = "--log-every 1 --sample-every 5steps --checkpoint-every 7steps --steps";
    let mut waits = (1..).map(|kill| if kill % 2 == 1 { "step-00000000" } else { "step-00000014" });
    for _ in 0..4 {
        let wait = waits.next().unwrap();
        let mut command = desk.command(&format!("{FROM} {flags} 100000 --out parts"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let is_there = || {
            desk.path("parts/checkpoints").is_dir()
                && checkpoints(&desk, "parts")
                    .iter()
                    .any(|name| name.ends_with(".safetensors") && name.as_str() >= wait && !name.starts_with('.'))
        };
        while !is_there() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let newest = checkpoints(&desk, "parts").into_iter().rfind(|name| name.ends_with("safetensors"));
        let newest = newest.unwrap_or_else(|| panic!("no checkpoint {wait} within a minute"));
        let step: u32 = newest.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
        let length = step + 20;
        desk.run(&format!("train --resume parts --device cpu -q --steps {length}")).done();
        desk.run(&format!("{FROM} {flags} {length} --out whole -q")).done();
        Record::of(desk.path("parts")).assert_is(&Record::of(desk.path("whole")), &format!("killed at step {step}"));
        ["parts", "whole"].iter().for_each(|run| fs::remove_dir_all(desk.path(run)).unwrap());
    }
}

#[test]
fn a_run_without_later_checkpoints_goes_on_from_its_beginning() {
    let desk = Desk::with_run();
    for run in ["next", "whole"] {
        desk.run(&format!("{FROM} --out {run} --keep 9 -q")).done();
    }
    let later = checkpoints(&desk, "next").split_off(1);
    later.iter().for_each(|name| fs::remove_file(desk.path(format!("next/checkpoints/{name}"))).unwrap());
    // The configuration is written after it.
    for is_there in [true, false] {
        if !is_there {
            fs::remove_file(desk.path("next/config.toml")).unwrap();
        }
        desk.run("train --resume next --device cpu -q").done();
        Record::of(desk.path("next")).assert_is(&Record::of(desk.path("whole")), &format!("config.toml: {is_there}"));
        later.iter().for_each(|name| fs::remove_file(desk.path(format!("next/checkpoints/{name}"))).unwrap());
    }
    // Without any it would not be the run that it was.
    fs::remove_file(desk.path(beginning("next"))).unwrap();
    let left = desk.snapshot();
    desk.run("train --resume next --device cpu -q").refused(9, "the run began with the weights of ");
    assert!(desk.snapshot() == left);
}

#[test]
fn a_beginning_goes_as_any_other_checkpoint() {
    let desk = Desk::with_run();
    desk.run(&format!("{FROM} --out next -q")).done();
    assert_eq!(checkpoints(&desk, "next"), ["step-00000015.safetensors", "step-00000020.safetensors"]);
    desk.run(&format!("{FROM} --out short --steps 5 -q")).done();
    assert_eq!(checkpoints(&desk, "short"), ["step-00000000.safetensors", "step-00000005.safetensors"]);
    let line = "verify-resume --config next/config.toml --device cpu -q --json --steps 100";
    let verdict = desk.run(line).json();
    assert_eq!(verdict["differences"], Value::Array(Vec::new()), "{verdict}");
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let desk = Desk::with_run();
    let elsewhere = "preset = \"quick\"\n[discriminator]\nlayers = [{ type = \"dense\", units = 1, bias = false }]\n";
    desk.write("elsewhere.toml", elsewhere);
    fs::create_dir(desk.path("empty")).unwrap();
    desk.write("gone.toml", "preset = \"quick\"\nfrom = \"no.safetensors\"\n");
    let mut file = desk.read(NEWEST);
    let end = file.len();
    file[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    desk.write("nan.safetensors", file);
    let first = include_bytes!("../golden/checkpoints/version-1.safetensors");
    desk.write("first.safetensors", first);
    let before = desk.snapshot();
    for (line, code, fragment) in [
        (
            "train --from run --config elsewhere.toml",
            2,
            "step-00000020.safetensors fits this run's networks: generator/parameter/0.weight [49, 64, 64] ([4, 4, 8] there); \
             discriminator/parameter/0.weight [784, 1, 1] ([16, 4, 1] there); without --preset and --config",
        ),
        ("train --from run --resume run", 2, "'--from <RUN|FILE>' cannot be used with '--resume <RUN>'"),
        ("train --from run --out run --force", 2, "run holds the weights that the run is to begin with"),
        ("train --from run --out run", 2, "run holds the weights that the run is to begin with"),
        ("train --best", 2, "required arguments were not provided: --from <RUN|FILE>"),
        ("train --from", 2, "a value is required for '--from <RUN|FILE>'"),
        ("train --from nowhere", 9, "nowhere: cannot read the checkpoint"),
        ("train --from empty", 9, "empty holds no checkpoint; give a run folder or a .safetensors file"),
        ("train --from tiny.toml", 9, "tiny.toml: not a readable checkpoint"),
        ("train --from nan.safetensors", 9, "nan.safetensors: "),
        ("train --config gone.toml", 9, "no.safetensors: cannot read the checkpoint"),
        ("train --config gone.toml", 9, "check the path (gone.toml:2)"),
        ("config show --from nowhere", 9, "nowhere: cannot read the checkpoint"),
        ("train --from run --latent-dim 0", 2, "latent.dim = 0 is outside"),
        ("train --from run --set image.width=9", 2, "but [image] is 8×9×1"),
    ] {
        desk.run(&format!("{line} -q")).refused(code, fragment);
        assert!(desk.snapshot() == before, "{line}");
    }
    // A dry run says what would be taken.
    let ended = desk.run("train --from run --dry-run");
    assert!(ended.stderr.contains("12 of 12 tensors; "), "{}", ended.stderr);
    assert!(ended.done().contains("generator: 725 parameters") && desk.snapshot() == before);
}

/// One that passes its checksum, as no run saves it.
#[test]
fn weights_that_are_not_finite_are_refused() {
    use sha2::{Digest, Sha256};
    let desk = Desk::with_run();
    let mut bytes = desk.read(NEWEST);
    let (header, map) = SafeTensors::read_metadata(&bytes).unwrap();
    let (json, data) = (map.metadata().as_ref().unwrap()["dcgan-gpu"].clone(), 8 + header);
    let run = json.split_once("\"run\":").unwrap().1.strip_suffix('}').unwrap().to_string();
    let digest = |bytes: &[u8]| {
        let digest = Sha256::new_with_prefix(&run).chain_update(&bytes[data..]).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let saved = digest(&bytes);
    bytes[data..data + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let (changed, text) = (digest(&bytes), saved.as_bytes());
    let at = bytes.windows(64).position(|window| window == text).unwrap();
    bytes[at..at + 64].copy_from_slice(changed.as_bytes());
    desk.write("nan.safetensors", bytes);
    desk.run("train --from nan.safetensors -q").refused(9, "holds NaN or infinity");
}

/// A folder with a class for each name, six images of each.
fn write_classes(desk: &Desk, folder: &str, names: &[&str]) {
    for (name, number) in names.iter().flat_map(|name| (0..6).map(move |number| (name, number))) {
        desk.write(&format!("{folder}/{name}/{number}.png"), grey_png(8, 8));
    }
}

#[test]
fn classes_take_the_rows_of_their_names() {
    let desk = Desk::new();
    write_classes(&desk, "two", &["apple", "cat"]);
    write_classes(&desk, "three", &["apple", "bird", "cat"]);
    desk.write("classes.toml", format!("{TINY}\n[classes]\ndiscriminator = \"projection\"\n"));
    desk.run("train --config tiny.toml --data two --device cpu --out plain -q").done();
    desk.run("train --config classes.toml --data two --device cpu --out run -q").done();

    let ended = desk.run(&format!("{FROM} --data three --keep 9 --out next"));
    assert!(ended.stderr.contains("2 of 3 rows of 2.gain, 2 of 3 rows of 2.shift"), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 of 3 rows of 3.classes"), "{}", ended.stderr);
    ended.done();
    let names = desk.config("next")["classes"]["names"].clone();
    assert_eq!(names, toml::Value::from(vec!["apple", "bird", "cat"]), "those of the data, not of the other run");
    let (first, source) = (tensors(&desk, &beginning("next")), tensors(&desk, NEWEST));
    for name in ["generator/parameter/2.gain", "generator/parameter/2.shift", "discriminator/parameter/3.classes"] {
        let ((shape, new), (_, old)) = (&first[name], &source[name]);
        let row = |values: &[f32], row: usize| values[row * shape[1]..][..shape[1]].to_vec();
        assert_eq!((shape[0], row(new, 0), row(new, 2)), (3, row(old, 0), row(old, 1)), "{name}");
        assert_ne!(row(new, 1), row(old, 1), "{name}");
    }

    // A run without classes gives what is no class's.
    let ended = desk.run("train --from plain --config classes.toml --data three --keep 9 --out third --device cpu");
    assert!(ended.stderr.contains("discriminator: taken: layer 0, 3.weight, 3.bias\n"), "{}", ended.stderr);
    assert!(ended.stderr.contains("3.classes [3, 4] (not there)"), "{}", ended.stderr);
    assert!(ended.stderr.contains("generator: left there: 1.scale, 1.shift"), "{}", ended.stderr);
    ended.done();
}

#[test]
fn an_average_begins_with_the_other_runs_or_with_its_weights() {
    let desk = Desk::with_run();
    desk.run(&format!("{FROM} --average 100 --keep 9 --out next -q")).done();
    let (first, source) = (tensors(&desk, &beginning("next")), tensors(&desk, NEWEST));
    let averages = |prefix: &str| {
        let names = first.keys().filter_map(|name| name.strip_prefix(prefix)).map(str::to_string);
        names.collect::<Vec<_>>()
    };
    for (own, average) in [("parameter", "average"), ("state", "average_state")] {
        let names = averages(&format!("generator/{average}/"));
        assert!(!names.is_empty());
        for name in names {
            assert_eq!(
                first[&format!("generator/{average}/{name}")],
                source[&format!("generator/{own}/{name}")],
                "{name}"
            );
        }
    }
    desk.run("train --from next --keep 9 --out third --device cpu -q").done();
    let (first, source) =
        (tensors(&desk, &beginning("third")), tensors(&desk, "next/checkpoints/step-00000020.safetensors"));
    let taken = first.iter().filter(|(name, _)| name.starts_with("generator/average"));
    assert!(taken.clone().count() > 6 && taken.clone().all(|(name, tensor)| *tensor == source[name]));
}
