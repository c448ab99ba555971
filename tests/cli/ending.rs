//! Runs that end before their last step because of how good their samples are: at the same step
//! however often they were interrupted, and as at their end.

use crate::common::record::Record;
use crate::desk::Desk;
use crate::judging::{desk, numbers, quality};

/// Checkpoints, lines of metrics and grids on different steps, so that what an end leaves besides
/// can be told.
const RUN: &str = "train --config tiny.toml --device cpu --checkpoint-every 10steps --log-every 4";

/// A condition that the samples of a run first pass at a step at which nothing else is due, and
/// that step.
fn condition(desk: &Desk, run: &str) -> (String, u64) {
    let lines = quality(desk, run);
    for key in ["fd", "diversity", "distance"].into_iter().filter(|key| lines[0].get(key).is_some()) {
        let numbers = numbers(&lines, key);
        for (place, &(step, value)) in numbers.iter().enumerate() {
            let before = &numbers[..place];
            let is_odd = matches!(step, 15 | 25 | 30 | 35) && step % 10 == 5;
            for (sign, is_first) in [
                ("<=", before.iter().all(|(_, other)| *other > value)),
                (">=", before.iter().all(|(_, other)| *other < value)),
            ] {
                if is_first && is_odd {
                    return (format!("{key}{sign}{value}"), step);
                }
            }
        }
    }
    panic!("no number of {lines:?} is the first of its kind at such a step");
}

/// What a run leaves but for the settings in its checkpoints, which may have changed since.
fn left(desk: &Desk, run: &str) -> Record {
    Record::of(desk.path(run)).only(|name| !name.ends_with('#'))
}

fn resume(desk: &Desk, run: &str, flags: &[&str]) -> crate::desk::Ended {
    let mut command = desk.command(&format!("train --device cpu --resume {run}"));
    command.args(flags);
    crate::desk::end(command)
}

#[test]
fn a_condition_ends_a_run_as_its_length_does() {
    for desk in [desk(), Desk::new()] {
        desk.run(&format!("{RUN} --steps 40 --out whole")).done();
        let (condition, step) = condition(&desk, "whole");
        let start = |flags: &str| desk.run(&format!("{RUN} --stop-when {condition} {flags}"));
        let ended = start("--steps 40 --out run --json");
        assert!(ended.stderr.contains(&format!("the run ends at step {step}: ")), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("done: {step} steps of 40, ")), "{}", ended.stderr);
        let outcome = ended.json();
        assert_eq!(outcome["steps"], step);
        assert!(
            outcome["ended"].as_str().unwrap().ends_with(&format!("training.stop_when is {condition}")),
            "{outcome}"
        );
        assert_eq!(outcome["quality"]["step"], step);

        // All that an end leaves, with the same bits as that of a run of this length.
        desk.run(&format!("{RUN} --steps {step} --out short")).done();
        let of_end = |run: &str| left(&desk, run).only(|name| name != "config.toml");
        of_end("run").assert_is(&of_end("short"), "a run that ended early");

        // Killed on the way, in effect, and resumed.
        start("--steps 10 --out parts").done();
        resume(&desk, "parts", &["--steps", "40"]).done();
        Record::of(desk.path("parts")).assert_is(&Record::of(desk.path("run")), "a run that went on, and ended early");

        let before = desk.snapshot();
        let again = resume(&desk, "run", &["--json"]);
        assert!(again.stderr.contains(&format!("run ended at step {step} of 40: ")), "{}", again.stderr);
        assert!(again.stderr.contains("give --stop-when \"\" or another to go on"), "{}", again.stderr);
        assert_eq!(again.json()["steps"], step);
        assert!(desk.snapshot() == before, "nothing changed");

        resume(&desk, "run", &["--stop-when", ""]).done();
        left(&desk, "run").assert_is(&left(&desk, "whole"), "a run that ended early, and went on");
    }
}

#[test]
fn patience_ends_a_run_at_the_same_step() {
    let desk = desk();
    desk.run(&format!("{RUN} --steps 80 --out whole")).done();
    let scores = numbers(&quality(&desk, "whole"), "fd");
    let mut best = (0, f64::INFINITY);
    let ends = scores.iter().enumerate().find_map(|(place, (step, score))| {
        best = if *score < best.1 { (place, *score) } else { best };
        (place - best.0 == 2).then_some(*step)
    });
    let ends = ends.unwrap_or_else(|| panic!("{scores:?} always fall"));
    assert!((15..80).contains(&ends), "{ends} of {scores:?}");
    let outcome = desk.run(&format!("{RUN} --steps 80 --patience 2 --out run --json")).json();
    assert_eq!(outcome["steps"], ends);
    assert!(
        outcome["ended"].as_str().unwrap().starts_with("training.patience is 2, and no estimate since that of step")
    );
    desk.run(&format!("{RUN} --steps 10 --patience 2 --out parts")).done();
    // Once more, after the best.
    resume(&desk, "parts", &["--steps", &(ends - 5).to_string()]).done();
    resume(&desk, "parts", &["--steps", "80"]).done();
    left(&desk, "parts").assert_is(&left(&desk, "run"), "a run that was patient in parts");
    let again = resume(&desk, "run", &[]);
    assert!(again.stderr.contains("give --patience 0 or another to go on"), "{}", again.stderr);
    resume(&desk, "run", &["--patience", "0"]).done();
    left(&desk, "run").assert_is(&left(&desk, "whole"), "a run whose patience ended, and that went on");
}

/// A step at which samples are drawn only because the run ends there is none of a longer run's, and
/// decides nothing.
#[test]
fn the_samples_of_an_end_decide_nothing_when_it_is_moved() {
    let desk = Desk::new();
    desk.run(&format!("{RUN} --steps 13 --out run")).done();
    assert_eq!(quality(&desk, "run").len(), 3, "two of the cadence, and that of the end");
    // All samples pass it.
    let outcome = resume(&desk, "run", &["--steps", "40", "--stop-when", "diversity>=0", "--json"]).json();
    assert_eq!(outcome["steps"], 15, "at the next ones of the cadence");
}

#[test]
fn what_can_never_end_a_run_is_refused_before_it_begins() {
    let desk = Desk::new();
    for (flags, code, fragment) in [
        ("--stop-when fd<20", 2, "training.stop_when = \"fd<20\" needs features, but pixels judge this run"),
        ("--stop-when fd<20 --judge pixels", 2, "needs features"),
        ("--stop-when fdd<20", 2, "--stop-when: `training.stop_when`: `fdd` is no estimate; did you mean `fd`?"),
        ("--stop-when distance", 2, "`distance` is no condition; write one such as fd<20"),
        ("--stop-when fd<x", 2, "`x` in `fd<x` is no number"),
        ("--set training.stop_when=5", 2, "invalid type"),
    ] {
        desk.run(&format!("train --config tiny.toml --device cpu --out run {flags}")).refused(code, fragment);
        assert!(!desk.path("run").exists(), "{flags}");
    }
    desk.run("train --config tiny.toml --device cpu --out run").done();
    let before = desk.snapshot();
    resume(&desk, "run", &["--steps", "40", "--stop-when", "fd<20"]).refused(2, "needs features");
    assert!(desk.snapshot() == before);
}

/// A condition may be written into the file of a run that goes on, and taken out of it.
#[test]
fn conditions_can_be_edited() {
    let desk = Desk::with_run();
    let text = String::from_utf8(desk.read("run/config.toml")).unwrap();
    desk.write(
        "run/config.toml",
        text.replace("[training]\n", "[training]\nstop_when = \"distance<9\"\npatience = 7\n"),
    );
    let ended = resume(&desk, "run", &["--steps", "40"]);
    assert!(ended.stderr.contains("training.stop_when is \"distance<9\" now, was not set"), "{}", ended.stderr);
    assert!(ended.stderr.contains("training.patience is 7 now, was not set"), "{}", ended.stderr);
    assert!(ended.stderr.contains("run ended at step 20 of 40: distance is "), "{}", ended.stderr);
    let text = String::from_utf8(desk.read("run/config.toml")).unwrap();
    desk.write("run/config.toml", text.replace("stop_when = \"distance<9\"", "stop_when = \"\""));
    assert_eq!(resume(&desk, "run", &["--steps", "40", "--json"]).json()["steps"], 40);
    assert!(desk.config("run")["training"].get("stop_when").is_none());
}
