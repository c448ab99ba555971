//! A lease, a file that is renewed, says who trains in a folder: beside the lock, and alone where a
//! file system has no locks.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, SystemTime};

use dcgan_gpu::disk::{DiskFault, Operation};
use dcgan_gpu::error::{Kind, Result};
use dcgan_gpu::model::checkpoint::Checkpoint;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::run::checkpoints;
use dcgan_gpu::run::claim::Claim;
use dcgan_gpu::run::files::LEASE;
use dcgan_gpu::run::folder::RunFolder;
use dcgan_gpu::train::stop::Stop;
use dcgan_gpu::train::trainer::{Observer, Progress};

use crate::common::desk::TINY;
use crate::common::record::Record;
use crate::{common, resume, start};

/// From now on, as long as it lives, no file can be locked on this thread.
fn without_locks() -> DiskFault {
    DiskFault::arm(Operation::Lock, 1, ErrorKind::Unsupported, true)
}

/// Writes the lease of a process on another machine, with its last sign of life so long ago.
fn foreign(run: &Path, ago: Duration) {
    lay(run, r#"{"host":"elsewhere","number":4711,"id":"x"}"#, ago);
}

fn lay(run: &Path, text: &str, ago: Duration) {
    let path = run.join(LEASE);
    fs::write(&path, text).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - ago).unwrap();
}

/// Sees a run's lease at each checkpoint, and may lose it to another machine.
struct Watcher {
    run: PathBuf,
    seen: u32,
    loses_at: u32,
}

impl Watcher {
    fn of(run: &Path, loses_at: u32) -> Self {
        Watcher { run: run.to_path_buf(), seen: 0, loses_at }
    }
}

impl Observer for Watcher {
    fn progress(&mut self, _: &Progress) {}
    fn notice(&mut self, _: &str) {}
    fn sample(&mut self, _: &Path) {}

    fn checkpoint(&mut self, _: &Path) {
        let text = fs::read_to_string(self.run.join(LEASE)).unwrap();
        assert!(text.contains(&format!("\"number\":{},", std::process::id())), "{text}");
        self.seen += 1;
        if self.seen == self.loses_at {
            foreign(&self.run, Duration::ZERO);
        }
    }
}

/// Sees nothing.
struct Blind;

impl Observer for Blind {
    fn progress(&mut self, _: &Progress) {}
    fn notice(&mut self, _: &str) {}
    fn sample(&mut self, _: &Path) {}
    fn checkpoint(&mut self, _: &Path) {}
}

#[test]
fn a_run_without_locks_is_one_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let [run, whole] = ["run", "whole"].map(|name| folder.path().join(name));
    let config = common::config(TINY);
    start(&config, &whole, &mut Blind, &Stop::default()).unwrap();
    let fault = without_locks();
    let mut watcher = Watcher::of(&run, u32::MAX);
    start(&config, &run, &mut watcher, &Stop::default()).unwrap();
    assert!(fault.happened() && watcher.seen == 4, "{}", watcher.seen);
    assert!(!run.join(LEASE).exists(), "it goes with the run");
    Record::of(&run).assert_is(&Record::of(&whole), "a run without locks");
}

#[test]
fn of_a_crowd_without_locks_one_trains() {
    const CROWD: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let deeds: [fn(&Path); 3] = [
        |_| {},
        |run| fs::create_dir(run).unwrap(),
        |run| {
            fs::create_dir(run).unwrap();
            foreign(run, Duration::from_secs(1000));
        },
    ];
    for deed in deeds {
        deed(&run);
        let barrier = Barrier::new(CROWD);
        let claim = || {
            let _fault = without_locks();
            barrier.wait();
            let claim = Claim::new_run(&run, false);
            barrier.wait();
            claim.map_err(|error| assert_eq!(error.kind(), Kind::Busy, "{error}")).is_ok()
        };
        let won = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CROWD).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
        });
        assert_eq!(won, 1);
        let _ = fs::remove_dir_all(&run);
    }
}

#[test]
fn who_trains_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let _fault = without_locks();
    let claim = Claim::new_run(&run, false).unwrap();
    let error = Claim::new_run(&run, true).unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    let known = format!("another process trains in {} (process {} on ", run.display(), std::process::id());
    assert!(error.to_string().starts_with(&known), "{error}");
    drop(claim);
    assert!(!run.exists(), "a claim that is given up leaves nothing");
}

/// A process that was stopped for minutes, while another one took the run.
#[test]
fn who_lost_a_run_writes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let config = common::config(TINY);
    let fault = without_locks();
    let error = start(&config, &run, &mut Watcher::of(&run, 2), &Stop::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Busy, "{error}");
    assert!(error.to_string().starts_with(&format!("another process has taken {}", run.display())), "{error}");
    let saved = checkpoints::newest(&run).unwrap().unwrap().checkpoint.metadata.step;
    assert_eq!(saved, 10, "what was saved before is there");
    assert!(fs::read_to_string(run.join(LEASE)).unwrap().contains("elsewhere"), "the other one's lease stays");

    let error = resume(&run, &mut Blind, &Stop::default()).unwrap_err();
    assert!(error.to_string().contains("(process 4711 on elsewhere; "), "{error}");
    foreign(&run, Duration::from_secs(1000));
    resume(&run, &mut Watcher::of(&run, u32::MAX), &Stop::default()).unwrap();
    drop(fault);
    let whole = folder.path().join("whole");
    start(&config, &whole, &mut Blind, &Stop::default()).unwrap();
    Record::of(&run).assert_is(&Record::of(&whole), "a run that was lost and found");
}

/// Locks may work on one machine and not on another.
#[test]
fn a_process_with_locks_heeds_leases() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    start(&common::config(TINY), &run, &mut Blind, &Stop::default()).unwrap();
    foreign(&run, Duration::ZERO);
    assert_eq!(Claim::existing(&run).unwrap_err().kind(), Kind::Busy);
    foreign(&run, Duration::from_secs(1000));
    Claim::existing(&run).unwrap();
}

/// A table of locks may be full, and the server of locks away, for a while.
#[test]
fn a_process_without_locks_heeds_one_that_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    start(&common::config(TINY), &run, &mut Blind, &Stop::default()).unwrap();
    let claim = Claim::existing(&run).unwrap();
    let fault = without_locks();
    assert_eq!(Claim::existing(&run).unwrap_err().kind(), Kind::Busy);
    drop(claim);
    assert!(!run.join(LEASE).exists(), "it goes with the lock");
    Claim::existing(&run).unwrap();
    // Of a process that was killed: its lock went with it.
    let killed = r#"{"host":"elsewhere","number":4711,"id":"x","locked":true}"#;
    lay(&run, killed, Duration::ZERO);
    assert_eq!(Claim::existing(&run).unwrap_err().kind(), Kind::Busy);
    drop(fault);
    Claim::existing(&run).unwrap();
}

/// What a process does in the folder of its run.
type Deed = fn(&mut RunFolder, &Config, &Checkpoint) -> Result<()>;

/// What a run's folder holds, with its bytes.
fn snapshot(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut files, mut folders) = (Vec::new(), vec![run.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push((path.clone(), fs::read(path).unwrap())) }
        }
    }
    files.sort();
    files
}

/// A laptop that slept: what another machine saved in the meantime stays, whatever this one was at.
#[test]
fn who_lost_a_run_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let config = common::config(TINY);
    start(&config, &run, &mut Blind, &Stop::default()).unwrap();
    let newest = checkpoints::newest(&run).unwrap().unwrap().checkpoint;
    for has_locks in [true, false] {
        let _fault = (!has_locks).then(without_locks);
        let is_refused = |deed: &dyn Fn(Claim) -> Result<()>| {
            let claim = Claim::existing(&run).unwrap();
            let result = deed(claim);
            assert_eq!(result.unwrap_err().kind(), Kind::Busy);
            fs::remove_file(run.join(LEASE)).unwrap();
        };
        let lose = || {
            foreign(&run, Duration::ZERO);
            snapshot(&run)
        };
        is_refused(&|claim| {
            let before = lose();
            let result = RunFolder::create(claim, &config, None).map(drop);
            assert!(snapshot(&run) == before, "a new run would replace it");
            result
        });
        is_refused(&|claim| {
            let before = lose();
            let result = RunFolder::resume(claim, &config, None).map(drop);
            assert!(snapshot(&run) == before, "it would begin again");
            result
        });
        let of_a_folder: [Deed; 5] = [
            |folder, _, _| folder.rewind(None),
            |folder, _, _| folder.finish(),
            |folder, config, _| folder.write_config(&Config { seed: 4711, ..config.clone() }),
            |folder, _, newest| folder.save_checkpoint(newest).map(drop),
            |folder, _, _| folder.prune(1),
        ];
        for (number, deed) in of_a_folder.into_iter().enumerate() {
            is_refused(&|claim| {
                let mut folder = RunFolder::resume(claim, &config, Some(&newest.metadata)).unwrap();
                let before = lose();
                let result = deed(&mut folder, &config, &newest);
                assert!(snapshot(&run) == before, "deed {number}");
                result
            });
        }
    }
}

/// The files with which others may be about to take a lease over are theirs.
#[test]
fn a_run_clears_away_what_was_left_but_for_leases() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    start(&common::config(TINY), &run, &mut Blind, &Stop::default()).unwrap();
    let [left, lease] = [".dcgan-gpu-left", ".dcgan-gpu-lease-0123456789abcdef-0"].map(|name| run.join(name));
    fs::write(&left, "half").unwrap();
    fs::write(&lease, "half").unwrap();
    resume(&run, &mut Blind, &Stop::default()).unwrap();
    assert!(!left.exists() && lease.exists());
}
