//! What a resumed run may change, and what stays: settings, environment, names and data.

#[cfg(not(windows))]
use dcgan_gpu::model::checkpoint::Checkpoint;
use serde_json::Value;

use crate::desk::{Desk, TRAIN, idx_images};
use crate::resuming::{RESUME, metrics, steps};

#[test]
fn what_shapes_the_mathematics_stays() {
    let desk = Desk::with_run();
    let before = desk.snapshot();
    for flag in [
        "--batch-size 4",
        "--latent-dim 5",
        "--lr 1e-3",
        "--beta1 0.5",
        "--beta2 0.9",
        "--order simultaneous",
        "--label-real 0.9",
        "--label-fake 0.1",
        "--instance-noise 0.1",
        "--seed 3",
        "--rows 3",
        "--cols 3",
        "--gif other.gif",
        "--set adam.lr=1",
        "--preset quick",
        "--config tiny.toml",
    ] {
        let name = flag.split(' ').next().unwrap();
        desk.run(&format!("{RESUME} --steps 40 {flag}")).refused(2, &format!("{name} cannot change on a resumed run"));
    }
    assert!(desk.snapshot() == before);
}

#[test]
fn the_environment_does_not_change_a_run() {
    let desk = Desk::with_run();
    let variables = [
        ("LR", "1"),
        ("OUT", "elsewhere"),
        ("PRESET", "keras"),
        ("CONFIG", "no.toml"),
        ("SEED", "9"),
        ("DATA", "nowhere"),
    ];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (format!("DCGAN_GPU_{name}"), *value)).collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    desk.run_with(&variables, &format!("{RESUME} --steps 25")).done();
    assert_eq!(desk.names(""), ["run", "tiny.toml"]);
    assert_eq!(desk.config("run")["adam"]["lr"].as_float(), Some(0.01));
}

#[test]
fn cadences_and_length_may_change() {
    let desk = Desk::with_run();
    let length = "--steps 32 --sample-every 3 --checkpoint-every 4steps --keep 3 --log-every 1";
    desk.run(&format!("{RESUME} {length}")).done();
    let numbers = |folder| steps(&desk, folder).iter().map(|name| name[5..13].parse().unwrap()).collect::<Vec<u32>>();
    assert_eq!(numbers("run/samples"), [5, 10, 15, 20, 21, 24, 27, 30, 32]);
    assert_eq!(numbers("run/checkpoints"), [24, 28, 32]);
    let logged: Vec<_> = metrics(&desk, "run").iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(logged, [vec![4, 8, 12, 16, 20], (21..=32).collect()].concat());
    assert_eq!(desk.frames("run/dcgan.gif").len(), 9);
}

#[test]
fn a_cadence_keeps_its_unit_when_the_length_gets_another() {
    let desk = Desk::new();
    desk.write("digits/train-images-idx3-ubyte", idx_images(43, &[8, 8]));
    let cadences = "--sample-every 1 --checkpoint-every 1";
    desk.run(&format!("{TRAIN} --data digits --epochs 2 {cadences}")).done();
    desk.run(&format!("{RESUME} --steps 17")).done();
    let names = [5, 10, 15, 17].map(|step| format!("step-{step:08}.png"));
    assert_eq!(steps(&desk, "run/samples"), names);
}

/// An event file's length does not depend on times.
#[test]
fn tensorboard_can_be_switched_off_and_on() {
    let desk = Desk::new();
    let events = |run: &str| {
        let names = desk.names(&format!("{run}/tensorboard"));
        assert_eq!(names.len(), 1, "{names:?}");
        (names[0].clone(), desk.read(&format!("{run}/tensorboard/{}", names[0])))
    };
    desk.run(&format!("{TRAIN} --steps 17 --tensorboard")).done();
    let first = events("run");
    desk.run(&format!("{RESUME} --steps 31 --tensorboard=false")).done();
    assert!(events("run") == first, "it stays as it was");
    assert_eq!(desk.config("run")["output"]["tensorboard"].as_bool(), Some(false));
    desk.run(&format!("{RESUME} --steps 42")).done();
    assert!(events("run") == first, "it stays switched off");
    desk.run_with(&[("DCGAN_GPU_TENSORBOARD", "true")], &format!("{RESUME} --steps 53")).done();
    desk.run(&format!("{RESUME} --steps 64")).done();
    desk.run("train --config tiny.toml --device cpu --out whole --steps 64 --tensorboard=true").done();
    assert_eq!(events("run").1.len(), events("whole").1.len());
    assert!(events("run").0 > first.0, "TensorBoard reads files in the order of their names");
    desk.run(&format!("{RESUME} --tensorboard=perhaps")).refused(2, "--tensorboard");
}

/// Names that not every system takes were not refused once.
#[cfg(not(windows))]
#[test]
fn a_run_goes_on_with_the_name_that_it_has() {
    let desk = Desk::with_run();
    let newest = desk.path("run/checkpoints/step-00000020.safetensors");
    let mut checkpoint = Checkpoint::load(&newest).unwrap();
    checkpoint.metadata.config.output.gif = "a:b.gif".to_string();
    checkpoint.save(&newest).unwrap();
    desk.run(&format!("{RESUME} --steps 40")).done();
    assert_eq!(desk.frames("run/a:b.gif").len(), 8);
    desk.run("sample --checkpoint run --out a.png --device cpu").done();
    desk.run(&format!("{TRAIN} --force")).done();
    assert!(!desk.path("run/a:b.gif").exists(), "it is replaced with the run");
}

#[test]
fn a_finished_run_says_so() {
    let desk = Desk::with_run();
    let before = desk.snapshot();
    for length in ["", "--steps 20", "--steps 5"] {
        let ended = desk.run(&format!("{RESUME} {length}"));
        assert_eq!(ended.stderr, "run has all its 20 steps; give a longer --epochs or --steps to go on\n");
        ended.done();
    }
    let outcome = desk.run(&format!("{RESUME} --json")).json();
    assert_eq!((&outcome["steps"], &outcome["run"]), (&Value::from(20), &Value::from("run")));
    assert!(desk.path(outcome["checkpoint"].as_str().unwrap()).is_file());
    assert!(desk.snapshot() == before, "it is not touched");
}

#[test]
fn other_data_are_refused() {
    let desk = Desk::new();
    desk.write("digits/train-images-idx3-ubyte", idx_images(43, &[8, 8]));
    desk.run(&format!("{TRAIN} --data digits")).done();
    desk.write("digits/train-images-idx3-ubyte", idx_images(90, &[8, 8]));
    let before = desk.snapshot();
    desk.run(&format!("{RESUME} --steps 40 -q")).refused(4, "digits has 90 images, 11 steps an epoch");
    assert!(desk.snapshot() == before);
}

/// As many images, and one pixel of one of them is another.
#[test]
fn almost_the_same_data_are_refused() {
    let desk = Desk::new();
    let file = "digits/train-images-idx3-ubyte";
    desk.write(file, idx_images(90, &[8, 8]));
    desk.run(&format!("{TRAIN} --data digits")).done();
    let original = desk.read(file);
    for pixel in [0, 200, 89 * 64 + 63] {
        let mut changed = original.clone();
        changed[16 + pixel] ^= 1;
        desk.write(file, changed);
        desk.run(&format!("{RESUME} --steps 40 -q"))
            .refused(4, "digits has other images than the run was trained with");
    }
    desk.write(file, original);
    desk.run(&format!("{RESUME} --steps 40")).done();
}
