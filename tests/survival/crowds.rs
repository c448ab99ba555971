//! Many processes that want the same: one gets it, the others say so and touch nothing.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::desk::{Desk, Ended};
use crate::newest;
use crate::record::Record;

const CROWD: usize = 20;

/// Starts a crowd with the same command.
fn start(desk: &Desk, line: &str) -> Vec<Child> {
    let child = |_| desk.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    (0..CROWD).map(child).collect()
}

/// Waits until all but one have ended, and that one is further than a run that was there; kills it.
/// How the others ended.
fn all_but_one(desk: &Desk, mut crowd: Vec<Child>) -> Vec<Ended> {
    let start = Instant::now();
    loop {
        let running = crowd.iter_mut().filter_map(|child| child.try_wait().unwrap().is_none().then_some(())).count();
        if running <= 1 && newest(desk, "run") > 20 {
            break;
        }
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "{running} processes train in one folder, at step {}",
            newest(desk, "run")
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut ended = Vec::new();
    for mut child in crowd {
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
            continue;
        }
        ended.push(Ended::of(child.wait_with_output().unwrap()));
    }
    ended
}

/// What `line`, a run that would last for hours, leaves when a crowd starts it at once, after its
/// winner was killed and went on for a few steps: the same as without the crowd.
fn check(desk: &Desk, line: &str) {
    let losers = all_but_one(desk, start(desk, line));
    assert_eq!(losers.len(), CROWD - 1, "one wins: {losers:#?}");
    for loser in losers {
        assert_eq!(loser.problem(8, "another process trains in run"), None);
    }
    let length = format!("--steps {}", newest(desk, "run") + 30);
    desk.run(&format!("train --resume run --device cpu -q {length}")).done();
    desk.run(&format!("train --config tiny.toml --device cpu --out whole -q {length}")).done();
    Record::of(desk.path("run")).assert_is(&Record::of(desk.path("whole")), "the run beside a crowd");
}

#[test]
fn of_twenty_that_start_in_one_folder_one_trains() {
    check(&Desk::new(), "train --config tiny.toml --device cpu --out run -q --steps 100000000");
}

#[test]
fn of_twenty_that_start_or_resume_one_run_one_trains() {
    let line = "train --config tiny.toml --device cpu --resume-or-start run -q --steps 100000000";
    check(&Desk::new(), line);
    check(&Desk::with_run(), line);
}

#[test]
fn of_twenty_that_resume_one_run_one_trains() {
    let desk = Desk::with_run();
    check(&desk, "train --resume run --device cpu -q --steps 100000000");
}

#[test]
fn of_twenty_that_replace_one_run_one_trains() {
    let desk = Desk::with_run();
    check(&desk, "train --config tiny.toml --device cpu --out run --force -q --steps 100000000");
}

#[test]
fn twenty_without_a_folder_get_one_each() {
    let desk = Desk::new();
    let mut runs = BTreeMap::new();
    for child in start(&desk, "train --config tiny.toml --device cpu --json -q") {
        let outcome = Ended::of(child.wait_with_output().unwrap()).json();
        let run = outcome["run"].as_str().unwrap().to_string();
        *runs.entry(run).or_insert(0) += 1;
    }
    assert_eq!(runs.len(), CROWD, "{runs:?}");
    let records: Vec<_> = runs.keys().map(|run| Record::of(desk.path(run))).collect();
    records.iter().for_each(|record| record.assert_is(&records[0], "runs side by side"));
}
