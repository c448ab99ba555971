//! Processes that are killed at random moments, resumed, killed again, resumed again: in the end
//! the run is the one that nothing happened to.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::desk::{Desk, Ended};
use crate::record::Record;
use crate::{adapter, checkpoints, count};

/// Cadences of samples, checkpoints and log lines; what is written most often is hit most often. The
/// last run begins with the weights of another one.
const CADENCES: [&str; 5] = [
    "--sample-every 5 --checkpoint-every 5 --log-every 4",
    "--sample-every 1 --checkpoint-every 7 --log-every 1",
    "--sample-every 11 --checkpoint-every 1 --log-every 10 --keep 3",
    "--sample-every 3 --checkpoint-every 60 --log-every 7 --keep 2",
    "--sample-every 4 --checkpoint-every 9 --log-every 3 --from source",
];
/// Steps of a run, too few for any cadence to divide it evenly all the time.
pub const STEPS: u32 = 60;
/// Where every third run ends first, in peace, to be extended: a step that hardly any cadence calls
/// for.
const FIRST_END: u32 = 37;

/// A place for runs of one device, with the records that they are to have.
pub struct Course {
    pub desk: Desk,
    device: String,
    /// For each cadence: what the run leaves, and how long it takes.
    whole: Vec<(Record, Duration)>,
}

impl Course {
    pub fn new(device: &str) -> Self {
        let desk = Desk::new();
        let mut course = Course { desk, device: device.to_string(), whole: Vec::new() };
        course.desk.run(&course.start("", 20, "source")).done();
        for (number, cadence) in CADENCES.iter().enumerate() {
            let run = format!("whole-{number}");
            let start = Instant::now();
            course.desk.run(&course.start(cadence, STEPS, &run)).done();
            let elapsed = start.elapsed();
            course.whole.push((Record::of(course.desk.path(&run)), elapsed));
        }
        course
    }

    fn start(&self, cadence: &str, steps: u32, run: &str) -> String {
        let Course { device, .. } = self;
        format!("train --config tiny.toml --steps {steps} --device {device} --no-tune --out {run} -q {cadence}")
    }

    /// One run that `interrupt` is let loose on, at random moments of its start and of up to three
    /// resumptions, before it may end in peace and is compared. Returns how often it was
    /// interrupted, at least once.
    ///
    /// `interrupt` ends a process of this course, or waits for its end; it says whether it was in
    /// time.
    pub fn trial(&self, trial: u32, interrupt: &mut dyn FnMut(Running<'_>) -> bool) -> u32 {
        let mut chance = Chance::new(trial);
        let which = trial as usize % CADENCES.len();
        let (cadence, (whole, duration)) = (CADENCES[which], &self.whole[which]);
        let run = format!("run-{trial}");
        let mut interrupted = 0;
        for attempt in 0..200 {
            if trial % 3 == 2 && self.stage(&run) == Stage::Nothing {
                self.desk.run(&self.start(cadence, FIRST_END, &run)).done();
            }
            // A resumed process has less to do. Every third interruption comes early, where little
            // is there yet.
            let share = if chance.below(3) == 0 { 0.3 } else { 1.0 };
            let after = duration.mul_f64(chance.fraction() * share);
            let line = self.line(cadence, &run);
            let running = Running { course: self, run: &run, line: &line, after };
            if interrupt(running) {
                interrupted += 1;
            } else if interrupted == 0 {
                // It was done before its moment came: this trial has not begun.
                std::fs::remove_dir_all(self.desk.path(&run)).unwrap();
                assert!(attempt < 199, "the run always ends before it can be interrupted");
                continue;
            }
            if interrupted > 0 && chance.below(2) == 0 || interrupted == 4 {
                break;
            }
        }
        let line = self.line(cadence, &run);
        let ended: Ended = self.desk.run(&line);
        assert_eq!(ended.code, Some(0), "trial {trial}: {line}: {ended:#?}");
        Record::of(self.desk.path(&run))
            .assert_is(whole, &format!("trial {trial}: {cadence}, interrupted {interrupted} times"));
        std::fs::remove_dir_all(self.desk.path(&run)).unwrap();
        interrupted
    }

    /// The command that brings a run to its end: resuming it where there is a configuration, else
    /// starting it.
    fn line(&self, cadence: &str, run: &str) -> String {
        match self.stage(run) {
            Stage::Nothing => self.start(cadence, STEPS, run),
            _ => format!("train --resume {run} --steps {STEPS} --device {} --no-tune -q", self.device),
        }
    }

    /// How far a run is.
    pub fn stage(&self, run: &str) -> Stage {
        match () {
            () if !checkpoints(&self.desk, run).is_empty() => Stage::Saved,
            () if self.desk.path(run).join("config.toml").exists() => Stage::Begun,
            () => Stage::Nothing,
        }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// There is no configuration.
    Nothing,
    /// There is a configuration and no checkpoint.
    Begun,
    /// There is a checkpoint.
    Saved,
}

/// A process to start, and the moment to end it.
pub struct Running<'a> {
    pub course: &'a Course,
    pub run: &'a str,
    pub line: &'a str,
    pub after: Duration,
}

/// Kills `trials` runs on `device`; says how many kills came at which stage.
fn check(device: &str, trials: u32) {
    let course = Course::new(device);
    let mut stages = [0; 3];
    let mut kill = |running: Running<'_>| {
        let Running { course, run, line, after } = running;
        let mut child = course.desk.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(after);
        child.kill().unwrap();
        // Without a code it ended by the signal; other systems have codes of their own for that.
        let status = child.wait().unwrap();
        assert!(status.success() || status.code().is_none() || cfg!(windows), "{line}: {status}");
        let in_time = !status.success();
        stages[course.stage(run) as usize] += u32::from(in_time);
        in_time
    };
    let kills: u32 = (0..trials).map(|trial| course.trial(trial, &mut kill)).sum();
    let [nothing, begun, saved] = stages;
    println!(
        "{device}: {trials} runs of {STEPS} steps, {kills} kills: {nothing} before config.toml, {begun} before the first \
         checkpoint, {saved} later; all ended with the bits of a run that was never killed"
    );
}

#[test]
fn runs_on_the_host_survive_being_killed() {
    check("cpu", count("DCGAN_GPU_KILLS", 12));
}

#[test]
fn runs_on_an_adapter_survive_being_killed() {
    if let Some(device) = adapter() {
        check(&device, count("DCGAN_GPU_KILLS_ADAPTER", 3));
    }
}
