//! Failing disks. In a process of its own: a lock that this process holds is for a moment also held
//! by a process that another test starts.
//!
//! Every file operation of a run fails once, and fails from then on: the run ends with an error
//! that names the path, what was saved before still loads, and the run goes on to the same bits
//! once the disk works again.

mod common;

use std::cell::Cell;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use common::desk::TINY;
use common::record::Record;
use dcgan_gpu::data::locate::cache_folder;
use dcgan_gpu::device::Device;
use dcgan_gpu::disk::{self, DiskFault, Operation};
use dcgan_gpu::error::{Kind, Result};
use dcgan_gpu::model::checkpoint::{Ancestor, Checkpoint};
use dcgan_gpu::model::config::Config;
use dcgan_gpu::run::checkpoints;
use dcgan_gpu::run::claim::Claim;
use dcgan_gpu::run::files::{CHECKPOINTS, CONFIG, LEASE};
use dcgan_gpu::run::folder::RunFolder;
use dcgan_gpu::train::stop::Stop;
use dcgan_gpu::train::trainer::{self, Observer, Progress, Trainer, Tune};

const OPERATIONS: [Operation; 8] = [
    Operation::Read,
    Operation::Create,
    Operation::Write,
    Operation::Sync,
    Operation::Lock,
    Operation::Rename,
    Operation::CreateFolder,
    Operation::Remove,
];
/// A full disk, one that was made read-only, and one that is broken.
const KINDS: [ErrorKind; 3] = [ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem, ErrorKind::Other];

/// Stops a run after some checkpoints.
struct Patience {
    left: u32,
    stop: Stop,
}

impl Observer for Patience {
    fn progress(&mut self, _: &Progress) {}
    fn sample(&mut self, _: &Path) {}
    fn notice(&mut self, _: &str) {}

    fn checkpoint(&mut self, _: &Path) {
        self.left -= 1;
        if self.left == 0 {
            self.stop.flag().store(15, Ordering::Relaxed);
        }
    }
}

/// What `train --out RUN` does, stopped after `patience` checkpoints.
fn start(run: &Path, force: bool, patience: u32) -> Result<()> {
    let config = common::config(TINY);
    let claim = Claim::new_run(run, force)?;
    let data = trainer::open_data(&config)?;
    let tune = Tune { wanted: false, announce: &mut |_| {} };
    let trainer = Trainer::start(config, data, Device::Host, claim, tune)?;
    let stop = Stop::default();
    trainer.run(&mut Patience { left: patience, stop: stop.clone() }, &stop).map(drop)
}

/// What `train --from` does, with the weights of a run that was stopped.
fn inherit(run: &Path) -> Result<()> {
    static SOURCE: OnceLock<Checkpoint> = OnceLock::new();
    let source = SOURCE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        start(&folder.path().join("source"), false, 1).unwrap();
        checkpoints::newest(&folder.path().join("source")).unwrap().unwrap().checkpoint
    });
    let config = Config { from: Some("source".into()), ..common::config(TINY) };
    let ancestor = Ancestor { step: source.metadata.step, sha256: String::new() };
    let claim = Claim::new_run(run, false)?;
    let data = trainer::open_data(&config)?;
    let tune = Tune { wanted: false, announce: &mut |_| {} };
    let trainer = Trainer::start_from((source, ancestor), config, data, Device::Host, claim, tune)?;
    let stop = Stop::default();
    trainer.run(&mut Patience { left: u32::MAX, stop: stop.clone() }, &stop).map(drop)
}

/// What `train --resume RUN` does.
fn resume(run: &Path) -> Result<()> {
    let claim = Claim::existing(run)?;
    let found = checkpoints::newest(run)?;
    let config = match &found {
        Some(found) => {
            found.set_aside()?;
            found.checkpoint.metadata.config.clone()
        }
        None => RunFolder::read_config(run)?,
    };
    let steps = config.training.steps;
    if found.as_ref().is_some_and(|found| Some(found.checkpoint.metadata.step) >= steps) {
        return checkpoints::prune(run, config.output.keep);
    }
    let data = trainer::open_data(&config)?;
    let tune = Tune { wanted: false, announce: &mut |_| {} };
    let from = found.as_ref().map(|found| &found.checkpoint);
    let trainer = Trainer::resume(config, data, Device::Host, claim, from, tune)?;
    let stop = Stop::default();
    trainer.run(&mut Patience { left: u32::MAX, stop: stop.clone() }, &stop).map(drop)
}

/// What a process does to a run's folder.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Start,
    Inherit,
    Resume,
    Replace,
}

impl Deed {
    /// Makes the folder that the deed finds.
    fn prepare(self, run: &Path) {
        match self {
            Deed::Start | Deed::Inherit => {}
            Deed::Resume => start(run, false, 2).unwrap(),
            Deed::Replace => start(run, false, 3).unwrap(),
        }
    }

    fn attempt(self, run: &Path) -> Result<()> {
        match self {
            Deed::Start => start(run, false, u32::MAX),
            Deed::Inherit => inherit(run),
            Deed::Resume => resume(run),
            Deed::Replace => start(run, true, u32::MAX),
        }
    }

    /// Does what the deed was to do, with whatever a failure left.
    fn mend(self, run: &Path) {
        let done = match self {
            Deed::Start if !run.join(CONFIG).exists() => start(run, false, u32::MAX),
            Deed::Inherit if checkpoints::list(run).unwrap().is_empty() => inherit(run),
            Deed::Start | Deed::Inherit | Deed::Resume => resume(run),
            Deed::Replace => start(run, true, u32::MAX),
        };
        done.unwrap();
    }
}

/// Lets the `nth` operation fail; whether it came to that.
fn trial(deed: Deed, operation: Operation, nth: u64, kind: ErrorKind, lasts: bool, whole: &dyn Fn() -> Record) -> bool {
    let what = format!("{deed:?}, {operation:?} {nth}, {kind:?}, {}", if lasts { "for good" } else { "once" });
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    deed.prepare(&run);
    let saved = || checkpoints::list(&run).unwrap();
    let before = saved();

    let fault = DiskFault::arm(operation, nth, kind, lasts);
    let outcome = deed.attempt(&run);
    let (happened, carried_on) = (fault.happened(), outcome.is_ok());
    drop(fault);
    match outcome {
        Err(error) => {
            assert!(happened, "{what}: {error}");
            // A checkpoint that cannot be read is one that cannot be used.
            let expected = [Kind::Io, if operation == Operation::Read { Kind::Checkpoint } else { Kind::Io }];
            assert!(expected.contains(&error.kind()), "{what}: {:?}: {error}", error.kind());
            let text = error.to_string();
            // Features of the data are looked for in the cache.
            let places = [folder.path().to_path_buf(), cache_folder().unwrap_or_default()];
            let named = places.iter().any(|place| text.contains(place.to_str().unwrap()));
            assert!(named && !text.contains('\n'), "{what}: {text}");
        }
        // What cannot be read need not be lost: an older checkpoint is used, a frame is left out,
        // nothing is pruned. A lease that cannot be removed is in nobody's way.
        Ok(()) => {
            let is_harmless = operation == Operation::Read || run.join(LEASE).exists();
            assert!(!happened || is_harmless, "{what}: nobody noticed");
        }
    }

    let is_frame_lost = operation == Operation::Read && happened && carried_on;

    // Whatever has a checkpoint's name is one.
    for path in saved() {
        Checkpoint::load(&path).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    if let (Deed::Resume, true) = (deed, before.is_empty() || saved().is_empty()) {
        panic!("{what}: no checkpoint is left");
    }
    if operation == Operation::Read && !lasts && happened {
        // A checkpoint that could not be read was set aside.
        for entry in fs::read_dir(run.join(CHECKPOINTS.folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "broken") {
                fs::remove_file(path).unwrap();
            }
        }
    }
    deed.mend(&run);
    let (left, whole) = (Record::of(&run), whole());
    if is_frame_lost {
        // A grid that could not be read was left out of the animation.
        left.without("dcgan.gif").assert_is(&whole.without("dcgan.gif"), &what);
    } else {
        left.assert_is(&whole, &what);
    }
    happened
}

/// Lets the first, the second, … of each operation fail until the run does not come to it.
fn check(deed: Deed) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    deed.prepare(&run);
    deed.attempt(&run).unwrap();
    let whole = || Record::of(&run);
    // Each kind of error at each operation, where that is asked for; else one after the other.
    let kinds = if std::env::var_os("DCGAN_GPU_FAULTS_ALL").is_some() { KINDS.len() } else { 1 };
    let (turn, trials) = (Cell::new(0), Cell::new(0));
    let mut counts = Vec::new();
    for operation in OPERATIONS {
        let mut nth = 1;
        let fails = |nth: u64| {
            let kind = |_| KINDS[turn.replace(turn.get() + 1) % KINDS.len()];
            let kinds: Vec<_> = (0..kinds).map(kind).collect();
            let each = |lasts| kinds.iter().filter(|kind| trial(deed, operation, nth, **kind, lasts, &whole)).count();
            let [lasting, single] = [true, false].map(each);
            assert!(lasting == single && [0, kinds.len()].contains(&single), "{operation:?} {nth}");
            trials.set(trials.get() + lasting + single);
            single > 0
        };
        while fails(nth) {
            nth += 1;
        }
        counts.push(format!("{operation:?} {}", nth - 1));
    }
    println!("{deed:?}: {} failures, each operation once and for good: {}", trials.get(), counts.join(", "));
}

#[test]
fn a_new_run_survives_every_failing_operation() {
    check(Deed::Start);
}

#[test]
fn a_run_with_the_weights_of_another_one_survives_every_failing_operation() {
    check(Deed::Inherit);
}

#[test]
fn a_resumed_run_survives_every_failing_operation() {
    check(Deed::Resume);
}

#[test]
fn a_replaced_run_survives_every_failing_operation() {
    check(Deed::Replace);
}

/// Some file systems sync files alone, and say so.
#[test]
fn a_folder_that_cannot_be_synced_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("a")).unwrap();
    let sync = |kind| {
        [true, false].map(|of_folder| {
            let fault = DiskFault::arm(Operation::Sync, 1, kind, false);
            let result = if of_folder { disk::sync_folder(folder.path()) } else { disk::sync(&file) };
            assert!(fault.happened());
            result.is_ok()
        })
    };
    assert_eq!(sync(ErrorKind::InvalidInput), [true, false]);
    assert_eq!(sync(ErrorKind::Unsupported), [true, false]);
    assert_eq!(sync(ErrorKind::Other), [false, false]);
}
