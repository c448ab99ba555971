//! A run's `config.toml` that somebody edited: what may change is taken and told, what may not is
//! refused, and what the program wrote there itself is neither.

use std::fs;

use crate::desk::{Desk, TRAIN};
use crate::resuming::{RESUME, steps};

const CONFIG: &str = "run/config.toml";
/// What every line about an edit begins with.
const TOLD: &str = "run/config.toml";

/// Replaces `old` in the run's configuration.
#[track_caller]
fn edit(desk: &Desk, old: &str, new: &str) {
    let text = String::from_utf8(desk.read(CONFIG)).unwrap();
    assert!(text.contains(old), "{text}");
    desk.write(CONFIG, text.replacen(old, new, 1));
}

/// The lines that `ended` told about edits.
fn told(stderr: &str) -> Vec<&str> {
    stderr.lines().filter(|line| line.contains("config.toml")).collect()
}

#[test]
fn what_may_change_is_taken_and_told() {
    let desk = Desk::with_run();
    edit(&desk, "keep = 2", "keep = 4");
    edit(&desk, "steps = 20", "steps = 40");
    edit(&desk, "log_every = 4", "log_every = 2");
    let ended = desk.run(RESUME);
    let mut lines = told(&ended.stderr);
    lines.sort_unstable();
    let expected =
        ["output.keep is 4 now, was 2", "output.log_every is 2 now, was 4", "training.steps is 40 now, was 20"];
    assert_eq!(lines, expected.map(|line| format!("{TOLD}: {line}")));
    ended.done();
    // And the best, where that is none of them.
    assert!(steps(&desk, "run/checkpoints").len() >= 4);
    // It is the program's own now.
    let again = desk.run(&format!("{RESUME} --steps 45"));
    assert_eq!(told(&again.stderr), [""; 0]);
    again.done();
    assert_eq!(desk.config("run")["output"]["keep"].as_integer(), Some(4));
}

#[test]
fn what_has_to_stay_is_refused_and_nothing_is_touched() {
    let desk = Desk::with_run();
    let original = desk.read(CONFIG);
    for (old, new, key) in [
        ("lr = 0.01", "lr = 0.02", "adam.lr cannot change on a resumed run, and is 0.02 here, 0.01 in the run"),
        ("seed = 0", "seed = 2", "seed cannot change"),
        ("batch_size = 8", "batch_size = 16", "training.batch_size cannot change"),
        ("rows = 2", "rows = 3", "output.rows cannot change"),
        ("slope = 0.2", "slope = 0.1", "generator.layers cannot change"),
        ("keep = 2", "keeep = 2", "unknown key `output.keeep`; did you mean `keep`?"),
        ("keep = 2", "keep = 1", "output.keep = 1 is outside 2"),
        ("keep = 2", "keep = 2 2", "mend it, or remove it"),
    ] {
        desk.write(CONFIG, &original);
        edit(&desk, old, new);
        let before = desk.snapshot();
        let ended = desk.run(&format!("{RESUME} --steps 30 -q"));
        let text = String::from_utf8(desk.read(CONFIG)).unwrap();
        let line = text.lines().position(|line| line.contains(new)).unwrap() + 1;
        if !new.starts_with("slope") {
            assert!(ended.stderr.contains(&format!("{TOLD}:{line}")), "{line}: {}", ended.stderr);
        }
        ended.refused(2, key);
        assert!(desk.snapshot() == before, "{new}");
        // All else works with it.
        desk.run("show run --json").json();
        desk.run("sample --checkpoint run --out a.png --device cpu --force -q").done();
        desk.run("report run --force").done();
        fs::remove_file(desk.path("run/report.html")).unwrap();
    }
    fs::remove_file(desk.path(CONFIG)).unwrap();
    desk.run(&format!("{RESUME} --steps 30")).done();
}

/// A kill after `--steps`, and before the next checkpoint, which would tell of it.
#[test]
fn what_the_program_wrote_itself_is_not_told() {
    let desk = Desk::with_run();
    let newest = "run/checkpoints/step-00000020.safetensors";
    let before = desk.read(newest);
    desk.run(&format!("{RESUME} --steps 38 --keep 3")).done();
    steps(&desk, "run/checkpoints").iter().for_each(|name| {
        fs::remove_file(desk.path(format!("run/checkpoints/{name}"))).unwrap();
    });
    desk.write(newest, before);
    let ended = desk.run(RESUME);
    assert_eq!(told(&ended.stderr), [""; 0]);
    ended.done();
    let config = desk.config("run");
    let kept = [("output", "keep"), ("training", "steps")].map(|(table, key)| config[table][key].as_integer().unwrap());
    assert_eq!(kept, [3, 38]);
    assert!(desk.path("run/checkpoints/step-00000038.safetensors").is_file());
}

/// A run of an older program has no mark in the file, and need not have all of today's keys.
#[test]
fn a_configuration_without_a_mark_is_compared_by_its_values() {
    let desk = Desk::with_run();
    let text = String::from_utf8(desk.read(CONFIG)).unwrap();
    let (mark, rest) = text.split_once('\n').unwrap();
    assert!(mark.starts_with("# "), "{mark}");
    desk.write(CONFIG, rest.replace("on_nan = \"stop\"\n", "").replace("tensorboard = false\n", ""));
    let ended = desk.run(&format!("{RESUME} --steps 25"));
    assert_eq!(told(&ended.stderr), [""; 0]);
    ended.done();
    let text = String::from_utf8(desk.read(CONFIG)).unwrap();
    desk.write(CONFIG, text.split_once('\n').unwrap().1.replace("lr = 0.01", "lr = 0.03"));
    desk.run(&format!("{RESUME} --steps 30 -q")).refused(2, "adam.lr cannot change");
}

#[test]
fn a_run_without_a_checkpoint_begins_again_as_edited() {
    let desk = Desk::with_run();
    fs::remove_dir_all(desk.path("run/checkpoints")).unwrap();
    edit(&desk, "lr = 0.01", "lr = = 0.02");
    let text = String::from_utf8(desk.read(CONFIG)).unwrap();
    let line = text.lines().position(|line| line.contains("= =")).unwrap() + 1;
    desk.run(&format!("{RESUME} -q")).refused(9, &format!("cannot use run/config.toml: line {line}: "));
    edit(&desk, "lr = = 0.02", "lr = 0.02");
    let ended = desk.run(RESUME);
    assert_eq!(told(&ended.stderr), ["run/config.toml was edited: the run begins again as it says"]);
    ended.done();
    desk.run(&format!("{} --lr 0.02", TRAIN.replace("--out run", "--out whole"))).done();
    assert_eq!(desk.config("run"), desk.config("whole"));
    let last = "samples/step-00000020.png";
    assert!(desk.read(&format!("run/{last}")) == desk.read(&format!("whole/{last}")));
}

#[test]
fn an_edited_length_in_the_other_unit_leaves_cadences_as_they_are() {
    let desk = Desk::new();
    desk.run(&format!("{TRAIN} --sample-every 5 --checkpoint-every 5")).done();
    // 60,000 strokes an epoch.
    edit(&desk, "steps = 20", "epochs = 1");
    let refused = desk.run(&format!("{RESUME} --steps 25"));
    assert_eq!(told(&refused.stderr), ["run/config.toml: training.epochs is 1 now, was not set"]);
    refused.done();
    assert_eq!(desk.config("run")["output"]["sample_every"].as_str(), Some("5steps"));
}
