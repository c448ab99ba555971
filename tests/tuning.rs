//! Tuning chooses among kernels that compute the same, remembers the choice, and never changes it
//! within a run.

mod common;

use std::fs;
use std::path::Path;

use dcgan_gpu::device::Device;
use dcgan_gpu::engine::Engine;
use dcgan_gpu::kernels::linear::variants;
use dcgan_gpu::model::checkpoint::Checkpoint;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::selftest::{lockstep, presets};
use dcgan_gpu::tuning::{self, Choices, Tuning};

/// 8×8 images; small layers that have several variants all the same.
const TINY: &str = r#"
preset = "quick"
image = { height = 8, width = 8 }
latent = { dim = 4 }
training = { batch_size = 16, steps = 6 }
init = { weights = "glorot_uniform" }
output = { sample_every = "6steps", checkpoint_every = "3steps", keep = 5, log_every = 1, rows = 1, cols = 2 }

[generator]
layers = [
    { type = "dense", shape = [2, 2, 8], bias = false },
    { type = "batch_norm" },
    { type = "relu" },
    { type = "conv_transpose", channels = 40, kernel = 4, stride = 2, padding = 1 },
    { type = "leaky_relu", slope = 0.2 },
    { type = "conv_transpose", channels = 1, kernel = 4, stride = 2, padding = 1 },
    { type = "tanh" },
]

[discriminator]
layers = [
    { type = "conv", channels = 40, kernel = 4, stride = 2, padding = 1 },
    { type = "leaky_relu", slope = 0.2 },
    { type = "dense", units = 1 },
]
"#;

fn tiny() -> Config {
    common::config(TINY)
}

/// Chooses with a cache file; returns the choice and whether anything was measured.
fn choose(device: &Device, config: &Config, cache: &Path) -> (Tuning, bool) {
    let mut measured = false;
    let mut announce = |_: &str| measured = true;
    let tuning = tuning::choose(device, config, Some(cache), &mut announce).expect("the device works");
    (tuning.expect("an adapter is tuned"), measured)
}

/// Whatever tuning could choose is within the kernels' bounds of the twins, in every linear
/// dispatch of a step.
#[test]
fn every_choice_computes_what_the_twins_compute() {
    for device in common::adapters() {
        let profile = device.profile();
        for case in presets::all(&profile).expect("presets are valid").into_iter().take(2) {
            for number in 1..3 {
                let plan = &case.program.plans[0];
                let last = |dispatch| {
                    let variants = variants::of(dispatch, &profile);
                    variants.get(number).map(|variant| (tuning::key(dispatch), variant.name()))
                };
                let choices: Choices = plan.dispatches.iter().filter_map(last).collect();
                let mut program = case.program.clone();
                choices.apply(&mut program.plans[0], &profile);
                let changed = program.plans[0].dispatches.iter().zip(&plan.dispatches);
                let changed = changed.filter(|(a, b)| (a.kernel, &a.constants) != (b.kernel, &b.constants)).count();
                assert!(changed > 0 || number > 1, "{}: nothing is tuned", case.name);
                let mut failures = Vec::new();
                lockstep::run_program(&device, &program, &[], |row| failures.extend(row.failure))
                    .expect("the device works");
                assert!(failures.is_empty(), "{}: {failures:?}", case.name);
            }
        }
    }
}

#[test]
fn choices_are_cached_and_a_useless_cache_is_replaced() {
    for device in common::adapters() {
        let folder = tempfile::tempdir().unwrap();
        let (config, cache) = (tiny(), folder.path().join("cache/device.json"));
        let (first, measured) = choose(&device, &config, &cache);
        assert!(measured && !first.choices.is_empty(), "{first:?}");
        assert_eq!(tuning::load(&cache).unwrap(), Some(first.clone()));
        let (second, measured) = choose(&device, &config, &cache);
        assert!(!measured, "the cache is not used");
        assert_eq!(second, first);

        let foreign = Tuning { device: "another".to_string(), ..first.clone() };
        let odd = Choices::from_iter(first.choices.iter().map(|(shape, _)| (shape.to_string(), "no such".to_string())));
        let unknown = Tuning { choices: odd, ..first.clone() };
        let texts = [foreign, unknown].map(|tuning| serde_json::to_string(&tuning).unwrap());
        for text in texts.into_iter().chain(["{".to_string(), String::new(), "[]".to_string()]) {
            fs::write(&cache, &text).unwrap();
            let (again, measured) = choose(&device, &config, &cache);
            assert!(measured, "used as a cache: {text}");
            let shapes =
                |tuning: &Tuning| tuning.choices.iter().map(|(shape, _)| shape.to_string()).collect::<Vec<_>>();
            assert_eq!(shapes(&again), shapes(&first));
            assert_eq!(tuning::load(&cache).unwrap(), Some(again), "the cache is rewritten");
        }
    }
}

/// A choice other than the default changes what an engine runs.
#[test]
fn an_engine_runs_what_is_chosen() {
    for device in common::adapters() {
        let config = tiny();
        let profile = device.profile();
        let mut default = Engine::new(&device, &config, None).unwrap();
        let dispatches = default.session().program().whole_step().dispatches;
        let second = |dispatch| Some((tuning::key(dispatch), variants::of(dispatch, &profile).get(1)?.name()));
        let choices: Choices = dispatches.iter().filter_map(second).collect();
        let mut tuned = Engine::tuned(&device, &config, None, &choices).unwrap();
        let running = tuned.session().program().whole_step().dispatches;
        let mut changed = 0;
        for (default, running) in dispatches.iter().zip(&running) {
            if let Some(variant) = variants::of(default, &profile).get(1) {
                let wanted = variant.apply(default);
                assert_eq!((running.kernel, &running.constants), (wanted.kernel, &wanted.constants));
                changed += 1;
            } else {
                assert_eq!((running.kernel, &running.constants), (default.kernel, &default.constants));
            }
        }
        assert!(changed > 0, "nothing has two variants");
    }
}

/// Runs the program in a folder; returns what it said on stderr.
fn program(folder: &Path, line: &str) -> String {
    let mut command = common::program::program();
    command.current_dir(folder).env("DCGAN_GPU_CACHE", folder.join("cache")).args(line.split_whitespace());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{line}: {said}");
    said
}

fn parameters(folder: &Path, run: &str, step: u32) -> dcgan_gpu::model::checkpoint::Tensors {
    let path = folder.join(run).join(format!("checkpoints/step-{step:08}.safetensors"));
    Checkpoint::load(&path).expect("a checkpoint").tensors
}

/// A run keeps the choice that it recorded, also when the cache says something else by now, and its
/// bits with it.
#[test]
fn a_resumed_run_keeps_its_choice() {
    if common::adapters().is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("tiny.toml"), TINY).unwrap();
    let train = "train --config tiny.toml --device 0 --out";
    let said = program(folder, &format!("{train} whole"));
    assert!(said.contains("tuning "), "{said}");
    let recorded = fs::read(folder.join("whole/tuning.json")).unwrap();

    let said = program(folder, &format!("{train} parts --steps 3"));
    assert!(!said.contains("tuning "), "the cache is not used: {said}");
    assert_eq!(fs::read(folder.join("parts/tuning.json")).unwrap(), recorded);
    fs::remove_dir_all(folder.join("cache")).unwrap();
    let said = program(folder, "train --resume parts --device 0 --steps 6");
    assert!(!said.contains("tun"), "{said}");
    assert!(!folder.join("cache").exists(), "a resumed run measures nothing");
    assert_eq!(fs::read(folder.join("parts/tuning.json")).unwrap(), recorded);
    assert!(parameters(folder, "whole", 6) == parameters(folder, "parts", 6), "the bits differ");

    // Whatever is recorded is kept, also what nobody would measure.
    let mut odd = tuning::load(&folder.join("parts/tuning.json")).unwrap().expect("recorded");
    odd.choices = odd.choices.iter().take(1).map(|(shape, name)| (shape.to_string(), name.to_string())).collect();
    fs::write(folder.join("parts/tuning.json"), serde_json::to_string(&odd).unwrap()).unwrap();
    program(folder, "train --resume parts --device 0 --steps 7");
    assert_eq!(tuning::load(&folder.join("parts/tuning.json")).unwrap(), Some(odd));

    // A choice for another device is of no use, and the run says so.
    let foreign = String::from_utf8(recorded).unwrap().replacen("Mesa", "Nobody", 1).replacen("dcgan-gpu", "other", 1);
    fs::write(folder.join("parts/tuning.json"), foreign).unwrap();
    let said = program(folder, "train --resume parts --device 0 --steps 8");
    assert!(said.contains("the run was tuned for another device") && said.contains("last bits"), "{said}");
}

#[test]
fn without_tuning_nothing_is_measured_and_runs_are_the_same() {
    if common::adapters().is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("tiny.toml"), TINY).unwrap();
    for run in ["a", "b"] {
        let said = program(folder, &format!("train --config tiny.toml --device 0 --no-tune --out {run}"));
        assert!(!said.contains("tuning "), "{said}");
        let recorded = tuning::load(&folder.join(run).join("tuning.json")).unwrap().expect("the default is recorded");
        assert!(recorded.choices.is_empty());
    }
    assert!(!folder.join("cache").exists());
    assert!(parameters(folder, "a", 6) == parameters(folder, "b", 6), "the bits differ");
    let quiet = program(folder, "-q train --config tiny.toml --device 0 --out c");
    assert!(quiet.is_empty(), "{quiet}");
}
