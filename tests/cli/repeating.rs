//! `train --resume-or-start`: one command, given again and again until the run is done.

use std::fs;

use dcgan_gpu::model::checkpoint::Checkpoint;

use crate::common::record::Record;
use crate::desk::{Desk, idx_images};

const REPEAT: &str = "train --config tiny.toml --device cpu --resume-or-start run";

/// Takes a run back to its checkpoint of a step, as if it had been killed after that.
fn cut(desk: &Desk, step: u32) {
    for name in desk.names("run/checkpoints") {
        if name != format!("step-{step:08}.safetensors") {
            fs::remove_file(desk.path(format!("run/checkpoints/{name}"))).unwrap();
        }
    }
}

#[test]
fn a_command_that_is_repeated_finishes_its_run() {
    let desk = Desk::new();
    let train = "train --config tiny.toml --device cpu --out whole";
    desk.run(&format!("{train} --keep 3")).done();
    let repeat = format!("{REPEAT} --keep 3");
    desk.run(&repeat).done();
    let whole = || Record::of(desk.path("whole"));
    Record::of(desk.path("run")).assert_is(&whole(), "a run that was started so");
    cut(&desk, 15);
    let ended = desk.run(&repeat);
    assert!(ended.stderr.contains("steps 15 to 20, in run"), "{ended:?}");
    ended.done();

    let before = desk.snapshot();
    let ended = desk.run(&repeat);
    assert!(ended.stderr.contains("run has all its 20 steps"), "{ended:?}");
    ended.done();
    assert!(desk.snapshot() == before, "it is not touched");
    desk.run(&format!("{repeat} --steps 40")).done();
    desk.run(&format!("{train} --keep 3 --steps 40 --force")).done();
    Record::of(desk.path("run")).assert_is(&whole(), "a run that was repeated");
}

#[test]
fn a_folder_in_which_a_start_was_killed_gets_a_run() {
    let desk = Desk::new();
    for name in ["run/.lock", "run/.dcgan-gpu-1", "run/checkpoints/.dcgan-gpu-2"] {
        desk.write(name, "half");
    }
    desk.run(REPEAT).done();
    // Killed before its first checkpoint.
    fs::remove_dir_all(desk.path("run/checkpoints")).unwrap();
    desk.run(REPEAT).done();
    desk.run("train --config tiny.toml --device cpu --out whole").done();
    Record::of(desk.path("run")).assert_is(&Record::of(desk.path("whole")), "a run that was killed early");
}

#[test]
fn another_run_is_refused_and_its_first_key_named() {
    let desk = Desk::with_run();
    cut(&desk, 15);
    let before = desk.snapshot();
    for (flags, fragment) in [
        ("--lr 0.02", "adam.lr cannot change on a resumed run: run has 0.01, not 0.02; "),
        ("--seed 7 --batch-size 4", "seed cannot change on a resumed run: run has "),
        ("--set generator.layers=[{type=\"tanh\"}]", "generator.layers cannot change on a resumed run"),
        ("--loss hinge", "objective"),
        ("--rows 3", "output.rows cannot change on a resumed run: run has 2, not 3; "),
    ] {
        desk.run(&format!("{REPEAT} -q {flags}")).refused(2, fragment);
    }
    desk.run_with(&[("DCGAN_GPU_BATCH_SIZE", "4")], &format!("{REPEAT} -q"))
        .refused(2, "training.batch_size cannot change on a resumed run: run has 8, not 4");
    desk.run("train --preset quick --device cpu --resume-or-start run -q").refused(2, "cannot change on a resumed run");
    assert!(desk.snapshot() == before);
    // What it has, said in other words.
    desk.run(&format!("{REPEAT} --lr 1e-2 --set training.batch_size=8 --rows 2 --sample-every 5")).done();
}

#[test]
fn what_is_no_run_is_refused() {
    let desk = Desk::new();
    desk.write("notes/a.txt", "mine");
    desk.write("torn/metrics.jsonl", "");
    let before = desk.snapshot();
    for (folder, fragment) in [
        ("tiny.toml", "tiny.toml is a file; give --resume-or-start a folder"),
        ("notes", "notes is not empty and holds no run; choose another folder"),
    ] {
        desk.run(&format!("train --config tiny.toml --device cpu --resume-or-start {folder}")).refused(2, fragment);
    }
    desk.run(&REPEAT.replace("start run", "start new --device nowhere").replace("--device cpu ", ""))
        .refused(3, "nowhere");
    assert!(desk.snapshot() == before);
    desk.run(&REPEAT.replace("start run", "start torn")).refused(2, "start it anew with --out torn --force");
}

/// Classes and background come from the data, the penalty's weight and a schedule's end from other
/// values: the command says none of them.
#[test]
fn what_a_run_was_told_when_it_began_is_no_difference() {
    for flags in [
        "--set classes.generator=batch_norm --set augment.cutout=0.5",
        "--penalty r1 --set generator.optimizer.schedule={kind=\"cosine\"}",
    ] {
        let desk = Desk::new();
        desk.run(&format!("{REPEAT} {flags}")).done();
        cut(&desk, 10);
        desk.run(&format!("{REPEAT} {flags}")).done();
        desk.run(&format!("train --config tiny.toml --device cpu --out whole {flags}")).done();
        assert_eq!(desk.config("run"), desk.config("whole"), "{flags}");
        assert_eq!(desk.read("run/dcgan.gif"), desk.read("whole/dcgan.gif"), "{flags}");
    }
}

#[test]
fn a_folder_of_data_is_the_same_from_any_place() {
    let desk = Desk::new();
    desk.write("digits/train-images-idx3-ubyte", idx_images(43, &[8, 8]));
    let repeat = format!("{REPEAT} --data digits --epochs 4");
    desk.run(&repeat).done();
    cut(&desk, 10);
    desk.run(&repeat).done();
    let absolute = format!("--data {}", desk.path("digits").display());
    desk.run(&repeat.replace("--data digits", &absolute)).done();
}

#[test]
fn the_weights_that_a_run_began_with_are_not_needed_again() {
    for settings in ["", "--config tiny.toml "] {
        let desk = Desk::with_run();
        fs::rename(desk.path("run"), desk.path("source")).unwrap();
        let repeat = format!("train {settings}--device cpu --from source --resume-or-start run --keep 3");
        desk.run(&repeat).done();
        cut(&desk, 15);
        fs::remove_dir_all(desk.path("source")).unwrap();
        desk.run(&repeat).done();
        assert!(desk.path("run/checkpoints/step-00000020.safetensors").exists());
        desk.run(&format!("{repeat} --lr 0.5 -q")).refused(2, "adam.lr cannot change");
    }
}

/// After a divergence a run has smaller learning rates than those that it was started with.
#[test]
fn a_run_that_was_slowed_down_is_still_the_one_that_was_started() {
    let desk = Desk::with_run();
    cut(&desk, 15);
    let path = desk.path("run/checkpoints/step-00000015.safetensors");
    let mut checkpoint = Checkpoint::load(&path).unwrap();
    checkpoint.metadata.rollbacks = 2;
    checkpoint.metadata.config.scale_learning_rates(0.25);
    checkpoint.save(&path).unwrap();
    desk.run(REPEAT).done();
    assert_eq!(desk.config("run")["adam"]["lr"].as_float(), Some(0.0025));
}
