//! A lease: a file that says who holds something, for those who find no locks, and whose age says
//! whether that process is still there.
//!
//! Who holds a lock has a lease as well, marked as a lock's: it tells those who find no locks, and
//! who gets the lock himself knows that its process is gone, and puts his own in its place.
//!
//! A file system that can do nothing else can make a file that was not there, so of those who find
//! no lease one wins. Who finds one that is out of date first makes a file of a name that follows
//! from this very lease: one process gets it, writes its own lease into it, and renames it over the
//! old one.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Process;
use crate::disk;
use crate::error::{Error, Result};
use crate::output::{TEMPORARY_PREFIX, folder_of, save_durably};

/// Time between signs of life.
const BEAT: Duration = Duration::from_secs(5);
/// Time without a sign of life after which a lease is out of date. File systems of a network may
/// show a file as it was a minute ago.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time that a process gets to write a lease into the file that it has just made. Who holds the
/// lock waits so long for a file without one; its process was killed in between.
const WRITING: Duration = Duration::from_secs(1);
/// The most that is read of a lease.
const LARGEST: u64 = 4096;
/// How often a lease that changes hands all the time is looked at.
const ATTEMPTS: u32 = 100;
/// How the names of files begin with which a lease that is out of date is replaced.
pub const SUCCESSOR_PREFIX: &str = ".dcgan-gpu-lease-";

/// What a process holds besides its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Nothing: it found no locks.
    Nothing,
    /// The lock.
    Lock,
}

/// A lease that this process holds, and renews until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    path: PathBuf,
    line: Vec<u8>,
    beside: Beside,
    /// The thread that renews it ends with this.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The process that has a lease, where it says so.
pub(super) type Holder = Option<Process>;

/// What a lease says.
#[derive(Serialize, Deserialize)]
struct Claimant {
    #[serde(flatten)]
    process: Process,
    /// No two leases have the same.
    id: String,
    /// Whether its process holds the lock as well.
    #[serde(default)]
    locked: bool,
}

/// A lease as it was found.
#[derive(PartialEq, Eq)]
struct Found {
    bytes: Vec<u8>,
    modified: SystemTime,
}

impl Lease {
    /// Takes the lease of the file `path`, or tells who has it.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub(super) fn take(path: &Path, beside: Beside) -> Result<std::result::Result<Lease, Holder>> {
        let line = line(beside);
        for _ in 0..ATTEMPTS {
            match disk::create(path) {
                Ok(file) => {
                    write(file, path, &line)?;
                    return Lease::begin(path, line, beside).map(Ok);
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                // Another process gave up the folder, which it had made.
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Err(None)),
                Err(e) => return Err(Error::io("create", path, &e)),
            }
            let Some(found) = Found::at(path)? else { continue };
            // The lock that goes with a lease cannot be had twice.
            let is_orphaned = beside == Beside::Lock && (found.is_locked() || found.stays_unwritten(path)?);
            if !is_orphaned && found.is_valid(path)? {
                return Ok(Err(found.holder()));
            }
            if beside == Beside::Lock {
                // Nobody else has the lock, so no successor has to be agreed upon, nor is one left
                // where this process is killed: whoever thinks to have the lease still looks at it.
                if Found::at(path)?.as_ref() == Some(&found) {
                    save_durably(&line, path)?;
                    return Lease::begin(path, line, beside).map(Ok);
                }
                continue;
            }
            match succession(path, &found)? {
                Ok((heir, file)) if Found::at(path)?.as_ref() == Some(&found) => {
                    write(file, &heir, &line)?;
                    match disk::rename(&heir, path) {
                        Ok(()) => return Lease::begin(path, line, beside).map(Ok),
                        // Somebody cleared it away, and may go on with another one.
                        Err(e) if e.kind() == ErrorKind::NotFound => {}
                        Err(e) => {
                            drop(disk::remove_file(&heir));
                            return Err(Error::io("write", path, &e));
                        }
                    }
                }
                // It was renewed, or has another successor by now.
                Ok((heir, _)) => disk::remove_file(&heir).map_err(|e| Error::io("remove", &heir, &e))?,
                Err(holder) => return Ok(Err(holder)),
            }
        }
        Ok(Err(None))
    }

    /// Begins to renew the lease that `path` holds.
    fn begin(path: &Path, line: Vec<u8>, beside: Beside) -> Result<Lease> {
        let failed = |e: io::Error| Error::io("write", path, &e);
        let mut lease = Lease { path: path.to_path_buf(), line: line.clone(), beside, alive: None, thread: None };
        let (alive, ended) = channel();
        let path = path.to_path_buf();
        let renewal = move || {
            while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                // A lease that cannot be renewed runs out, and whoever writes for it looks at it.
                let _ = renew(&path, &line);
            }
        };
        // From here on the lease goes with the value.
        lease.thread = Some(std::thread::Builder::new().name("lease".to_string()).spawn(renewal).map_err(failed)?);
        lease.alive = Some(alive);
        Ok(lease)
    }

    /// Whether nobody else has taken it.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub(super) fn is_held(&self) -> Result<bool> {
        Ok(match Found::at(&self.path)? {
            Some(found) => found.bytes == self.line,
            // Cleared away, which gives the lock to nobody.
            None => self.beside == Beside::Lock,
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.alive.take());
        self.thread.take().map(JoinHandle::join);
        if self.is_held().is_ok_and(|is_held| is_held) {
            let _ = disk::remove_file(&self.path);
        }
    }
}

/// What a new lease of this process says.
fn line(beside: Beside) -> Vec<u8> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let process = Process::this();
    let id = format!("{process} {now} {}", COUNT.fetch_add(1, Ordering::Relaxed));
    let line = serde_json::to_string(&Claimant { process, id, locked: beside == Beside::Lock }).unwrap_or_default();
    format!("{line}\n").into_bytes()
}

/// Writes a lease into the new file `path`, which goes where that fails.
fn write(mut file: File, path: &Path, line: &[u8]) -> Result<()> {
    let written = disk::write_all(&mut file, line).and_then(|()| disk::sync(&file));
    written.map_err(|e| Error::io("write", path, &e)).inspect_err(|_| drop(disk::remove_file(path)))
}

/// Writes the same bytes again: the file gets another time, that of whoever keeps the files. It is
/// opened each time, since some file systems show what was written when a file is closed, and read
/// first: what another process put in its place stays.
fn renew(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = disk::reopen(path)?;
    let mut bytes = Vec::new();
    (&file).take(LARGEST).read_to_end(&mut bytes)?;
    if bytes != line {
        return Ok(());
    }
    file.seek(SeekFrom::Start(0))?;
    disk::write_all(&mut file, line)?;
    disk::sync(&file)
}

/// The file with which this process, and no other one, may replace the lease that was `found`; or
/// who has one.
fn succession(path: &Path, found: &Found) -> Result<std::result::Result<(PathBuf, File), Holder>> {
    for number in 0..ATTEMPTS {
        let heir = path.with_file_name(format!("{SUCCESSOR_PREFIX}{}-{number}", found.digest()));
        match disk::create(&heir) {
            Ok(file) => return Ok(Ok((heir, file))),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Err(None)),
            Err(e) => return Err(Error::io("create", &heir, &e)),
        }
        // Its process may have been killed, too; else it is about to have the lease.
        if let Some(other) = Found::at(&heir)?
            && other.is_valid(path)?
        {
            return Ok(Err(other.holder()));
        }
    }
    Ok(Err(None))
}

impl Found {
    /// The lease of a file; nothing where there is no such file.
    fn at(path: &Path) -> Result<Option<Found>> {
        let read = disk::read_part(path, |file| {
            let mut bytes = Vec::new();
            let modified = file.metadata()?.modified()?;
            file.take(LARGEST).read_to_end(&mut bytes)?;
            Ok(Found { bytes, modified })
        });
        match read {
            Ok(found) => Ok(Some(found)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("read", path, &e)),
        }
    }

    fn claimant(&self) -> Option<Claimant> {
        serde_json::from_slice(&self.bytes).ok()
    }

    fn holder(&self) -> Holder {
        self.claimant().map(|claimant| claimant.process)
    }

    /// Whether its process held the lock as well.
    fn is_locked(&self) -> bool {
        self.claimant().is_some_and(|claimant| claimant.locked)
    }

    /// Whether there is no lease in the file `path`, nor comes to be.
    fn stays_unwritten(&self, path: &Path) -> Result<bool> {
        const LOOKS: u32 = 10;
        for _ in 0..LOOKS {
            if self.claimant().is_some() || Found::at(path)?.as_ref() != Some(self) {
                return Ok(false);
            }
            std::thread::sleep(WRITING / LOOKS);
        }
        Ok(true)
    }

    /// Whether its process may still be there.
    fn is_valid(&self, path: &Path) -> Result<bool> {
        if self.holder().is_some_and(|process| process.has_ended()) {
            return Ok(false);
        }
        // Clocks of other machines differ: a file that is made now tells the time that counts.
        let folder = folder_of(path);
        let now = disk::temporary(tempfile::Builder::new().prefix(TEMPORARY_PREFIX), folder)
            .and_then(|file| file.as_file().metadata()?.modified())
            .map_err(|e| Error::io("create a file in", folder, &e))?;
        Ok(now.duration_since(self.modified).unwrap_or_default() < PATIENCE)
    }

    /// A part of a file's name that no other lease has.
    fn digest(&self) -> String {
        // A lease that was not written to its end has its time alone.
        let time = self.modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_le_bytes();
        let what = if self.holder().is_some() { &self.bytes } else { &time[..] };
        Sha256::digest(what).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Barrier;

    use super::*;

    /// Threads that want one lease at once: those that get it, held until all have tried.
    fn crowd(path: &Path) -> usize {
        const CROWD: usize = 20;
        let barrier = Barrier::new(CROWD);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CROWD)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        let taken = Lease::take(path, Beside::Nothing).unwrap();
                        barrier.wait();
                        usize::from(taken.is_ok())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        })
    }

    /// A lease whose process is elsewhere, with its last sign of life so long ago.
    fn foreign(path: &Path, ago: Duration) {
        lay(path, r#"{"host":"elsewhere","number":4711,"realm":"another","began":"1","id":"x"}"#, ago);
    }

    /// A lease that says `text`, with its last sign of life so long ago.
    fn lay(path: &Path, text: &str, ago: Duration) {
        fs::write(path, text).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - ago).unwrap();
    }

    #[test]
    fn of_a_crowd_one_gets_a_lease_and_it_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        for turn in 0..50 {
            assert_eq!(crowd(&path), 1, "turn {turn}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "turn {turn}");
        }
    }

    #[test]
    fn of_a_crowd_one_takes_over_a_lease_that_is_out_of_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        for turn in 0..50 {
            foreign(&path, PATIENCE + BEAT);
            assert_eq!(crowd(&path), 1, "turn {turn}");
            assert!(!path.exists(), "turn {turn}");
        }
    }

    /// Killed between making a file and writing into it: who has the lock need not wait long.
    #[test]
    fn a_file_without_a_lease_is_no_obstacle_for_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        for text in ["", "{\"host\":\"h"] {
            lay(&path, text, Duration::ZERO);
            assert!(Lease::take(&path, Beside::Nothing).unwrap().is_err(), "it may be written yet");
            assert!(Lease::take(&path, Beside::Lock).unwrap().is_ok());
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
        }
        // And the same of its successor.
        lay(&path, "", Duration::ZERO);
        let found = Found::at(&path).unwrap().unwrap();
        lay(&folder.path().join(format!("{SUCCESSOR_PREFIX}{}-0", found.digest())), "", Duration::ZERO);
        assert!(Lease::take(&path, Beside::Lock).unwrap().is_ok());
    }

    /// Killed before it wrote its own lease over the old one.
    #[test]
    fn a_successor_that_was_killed_has_successors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        foreign(&path, PATIENCE + BEAT);
        let found = Found::at(&path).unwrap().unwrap();
        let (heir, _) = succession(&path, &found).unwrap().unwrap();
        assert!(matches!(Lease::take(&path, Beside::Nothing), Ok(Err(None))), "it may be about to write");
        foreign(&heir, PATIENCE + BEAT);
        assert_eq!(crowd(&path), 1);
    }

    #[test]
    fn a_lease_that_is_renewed_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        foreign(&path, PATIENCE - BEAT);
        let other = Lease::take(&path, Beside::Nothing).unwrap().unwrap_err().unwrap();
        assert_eq!(other.to_string(), "process 4711 on elsewhere");
        // As somebody's whose clock is ahead.
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now() + PATIENCE * 9).unwrap();
        assert!(Lease::take(&path, Beside::Nothing).unwrap().is_err());
    }

    #[test]
    fn who_has_the_lock_too_heeds_only_leases_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        let locked = r#"{"host":"elsewhere","number":4711,"id":"x","locked":true}"#;
        lay(&path, locked, Duration::ZERO);
        assert!(Lease::take(&path, Beside::Nothing).unwrap().is_err(), "its process may live");
        let lease = Lease::take(&path, Beside::Lock).unwrap().unwrap();
        assert!(Found::at(&path).unwrap().unwrap().is_locked() && lease.is_held().unwrap());
        assert!(Lease::take(&path, Beside::Nothing).unwrap().is_err(), "it is heeded in its turn");
        fs::remove_file(&path).unwrap();
        assert!(lease.is_held().unwrap(), "the lock is held still");
        foreign(&path, Duration::ZERO);
        assert!(!lease.is_held().unwrap(), "somebody without locks took over");
        assert!(Lease::take(&path, Beside::Lock).unwrap().is_err());
    }

    /// As when somebody clears its file away.
    #[test]
    fn a_successor_whose_file_is_gone_looks_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        foreign(&path, PATIENCE + BEAT);
        let fault = disk::DiskFault::arm(disk::Operation::Rename, 1, ErrorKind::NotFound, false);
        let other = Lease::take(&path, Beside::Nothing).unwrap().unwrap_err();
        assert!(fault.happened() && other == Some(Process::this()), "here the file is there, and young");
    }

    #[test]
    fn a_lease_is_renewed_while_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        let lease = Lease::take(&path, Beside::Nothing).unwrap().unwrap();
        // A file system may show what was written only after the file was closed.
        let copy = fs::read(&path).unwrap();
        fs::rename(&path, folder.path().join("old")).unwrap();
        fs::write(&path, copy).unwrap();
        let old = SystemTime::now() - PATIENCE * 2;
        File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        let begun = std::time::Instant::now();
        while Found::at(&path).unwrap().unwrap().modified.elapsed().unwrap() > PATIENCE {
            assert!(begun.elapsed() < BEAT * 6, "nobody renews it");
            std::thread::sleep(BEAT / 50);
        }
        assert!(lease.is_held().unwrap(), "it says what it said");
    }

    #[test]
    fn a_lease_that_was_lost_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        let lease = Lease::take(&path, Beside::Nothing).unwrap().unwrap();
        foreign(&path, Duration::ZERO);
        assert!(!lease.is_held().unwrap());
        let theirs = fs::read(&path).unwrap();
        renew(&path, &lease.line).unwrap();
        assert_eq!(fs::read(&path).unwrap(), theirs, "nor written to");
        drop(lease);
        assert!(path.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_was_killed_here_is_taken_over_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = String::from_utf8(line(Beside::Nothing)).unwrap();
        let dead = dead.replace(&format!("\"number\":{}", std::process::id()), &format!("\"number\":{}", child.id()));
        child.wait().unwrap();
        fs::write(&path, dead).unwrap();
        assert_eq!(crowd(&path), 1);
    }
}
