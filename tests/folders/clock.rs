//! `--checkpoint-every 10minutes`: when checkpoints are saved changes nothing else.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use dcgan_gpu::model::checkpoint::Checkpoint;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::run::checkpoints;
use dcgan_gpu::train::stop::Stop;
use dcgan_gpu::train::trainer::{Observer, Progress};

use crate::common::desk::TINY;
use crate::common::record::Record;
use crate::{common, resume, start};

const STEPS: u32 = 40;

/// Slows a run down, so that time passes between its checkpoints, and may stop it.
#[derive(Default)]
struct Slow {
    /// The steps of the checkpoints that were saved.
    saved: Vec<u32>,
    samples: u32,
    /// The sample grid after which the run is asked to end.
    last: Option<u32>,
    stop: Stop,
}

impl Observer for Slow {
    fn progress(&mut self, _: &Progress) {}
    fn notice(&mut self, _: &str) {}

    fn sample(&mut self, _: &Path) {
        // A grid every five steps: three of them are more than a second.
        sleep(Duration::from_millis(400));
        self.samples += 1;
        if Some(self.samples) == self.last {
            self.stop.flag().store(15, Ordering::Relaxed);
        }
    }

    fn checkpoint(&mut self, path: &Path) {
        self.saved.push(Checkpoint::peek(path).unwrap().step);
    }
}

fn config(cadence: &str) -> Config {
    let text = TINY.replace("checkpoint_every = \"5steps\"", &format!("checkpoint_every = \"{cadence}\""));
    common::config(&text.replace("steps = 20", &format!("steps = {STEPS}")))
}

/// What a run leaves but for its cadence, and for the checkpoints before its end.
fn record(run: &Path) -> Record {
    let end = format!("checkpoints/step-{STEPS:08}.safetensors#");
    Record::of(run).only(|name| {
        let is_tensor_of_end = name.starts_with(&end) && name != end;
        is_tensor_of_end || !name.starts_with("checkpoints/") && name != "config.toml"
    })
}

/// What a run leaves whose checkpoints nobody timed.
fn whole() -> Record {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    start(&config("40steps"), &run, &mut Slow::default(), &Stop::default()).unwrap();
    record(&run)
}

#[test]
fn a_run_that_saves_by_the_clock_leaves_what_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut slow = Slow::default();
    start(&config("1second"), &run, &mut slow, &Stop::default()).unwrap();
    assert!(slow.saved.len() >= 3 && slow.saved.is_sorted() && slow.saved.ends_with(&[STEPS]), "{:?}", slow.saved);
    assert!(slow.saved.len() <= 10, "not after each step: {:?}", slow.saved);
    record(&run).assert_is(&whole(), "a run that saves by the clock");
    let kept = checkpoints::list(&run).unwrap();
    assert!((2..=3).contains(&kept.len()), "two, and the best: {kept:?}");
    let text = std::fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(text.contains("checkpoint_every = \"1second\"\n"), "{text}");
}

#[test]
fn a_run_that_saves_by_the_clock_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    // Before the clock calls for a checkpoint.
    let mut slow = Slow { last: Some(1), ..Slow::default() };
    let stop = slow.stop.clone();
    let outcome = start(&config("1second"), &run, &mut slow, &stop).unwrap();
    assert_eq!((outcome.steps, outcome.stopped_by), (5, Some(15)));
    assert_eq!(slow.saved, [5]);
    let distance = |path: &Path| Checkpoint::peek(path).unwrap().distance;
    assert_eq!(distance(&checkpoints::list(&run).unwrap()[0]), None, "it was saved because of the stop");
    resume(&run, &mut Slow::default(), &Stop::default()).unwrap();
    record(&run).assert_is(&whole(), "a run that saves by the clock, and was stopped");
    let kept = checkpoints::list(&run).unwrap();
    assert!((2..=3).contains(&kept.len()), "two, and the best: {kept:?}");
    assert!(kept.iter().all(|path| distance(path).is_some()), "that of the stop counts for nothing");
}
