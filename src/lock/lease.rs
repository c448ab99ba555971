//! A lease: a file that says who holds something, where the file system has no locks, and whose age
//! says whether that process is still there.
//!
//! A file system that can do nothing else can make a file that was not there, so of those who find
//! no lease one wins. Who finds one that is out of date first makes a file of a name that follows
//! from this very lease: one process gets it, writes its own lease into it, and renames it over the
//! old one.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
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
use crate::output::TEMPORARY_PREFIX;

/// Time between signs of life.
const BEAT: Duration = Duration::from_secs(5);
/// Time without a sign of life after which a lease is out of date. File systems of a network may
/// show a file as it was a minute ago.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most that is read of a lease.
const LARGEST: u64 = 4096;
/// How often a lease that changes hands all the time is looked at.
const ATTEMPTS: u32 = 100;

/// A lease that this process holds, and renews until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    path: PathBuf,
    line: Vec<u8>,
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
    pub(super) fn take(path: &Path) -> Result<std::result::Result<Lease, Holder>> {
        let line = line();
        for _ in 0..ATTEMPTS {
            match disk::create(path) {
                Ok(file) => return Lease::begin(path, path, file, line).map(Ok),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                // Another process gave up the folder, which it had made.
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Err(None)),
                Err(e) => return Err(Error::io("create", path, &e)),
            }
            let Some(found) = Found::at(path)? else { continue };
            if found.is_valid(path)? {
                return Ok(Err(found.holder()));
            }
            match succession(path, &found)? {
                Ok((heir, file)) if Found::at(path)?.as_ref() == Some(&found) => {
                    return Lease::begin(&heir, path, file, line).map(Ok);
                }
                // It was renewed, or has another successor by now.
                Ok((heir, _)) => disk::remove_file(&heir).map_err(|e| Error::io("remove", &heir, &e))?,
                Err(holder) => return Ok(Err(holder)),
            }
        }
        Ok(Err(None))
    }

    /// Who has the lease of the file `path`, if anybody has.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub(super) fn holder(path: &Path) -> Result<Option<Holder>> {
        if !path.exists() {
            return Ok(None);
        }
        let found = Found::at(path)?;
        let is_valid = found.as_ref().map(|found| found.is_valid(path)).transpose()? == Some(true);
        Ok(found.filter(|_| is_valid).map(|found| found.holder()))
    }

    /// Writes the lease into `file`, which was made as `made`, gives it the name `path` if it has
    /// another one, and begins to renew it.
    fn begin(made: &Path, path: &Path, mut file: File, line: Vec<u8>) -> Result<Lease> {
        let failed = |e: std::io::Error| Error::io("write", path, &e);
        let written = disk::write_all(&mut file, &line).and_then(|()| disk::sync(&file));
        let named = written.and_then(|()| if made == path { Ok(()) } else { disk::rename(made, path) });
        named.map_err(failed).inspect_err(|_| drop(disk::remove_file(made)))?;
        let mut lease = Lease { path: path.to_path_buf(), line: line.clone(), alive: None, thread: None };
        let (alive, ended) = channel();
        let renew = move || {
            while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                // A lease that cannot be renewed runs out, and whoever writes for it looks at it.
                let _ = renew(&mut file, &line);
            }
        };
        // From here on the lease goes with the value.
        lease.thread = Some(std::thread::Builder::new().name("lease".to_string()).spawn(renew).map_err(failed)?);
        lease.alive = Some(alive);
        Ok(lease)
    }

    /// Whether nobody else has taken it.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub(super) fn is_held(&self) -> Result<bool> {
        Ok(Found::at(&self.path)?.is_some_and(|found| found.bytes == self.line))
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
fn line() -> Vec<u8> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let process = Process::this();
    let id = format!("{process} {now} {}", COUNT.fetch_add(1, Ordering::Relaxed));
    let line = serde_json::to_string(&Claimant { process, id }).unwrap_or_default();
    format!("{line}\n").into_bytes()
}

/// Writes the same bytes again: the file gets another time, that of whoever keeps the files.
fn renew(file: &mut File, line: &[u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    disk::write_all(file, line)?;
    disk::sync(file)
}

/// The file with which this process, and no other one, may replace the lease that was `found`; or
/// who has one.
fn succession(path: &Path, found: &Found) -> Result<std::result::Result<(PathBuf, File), Holder>> {
    for number in 0..ATTEMPTS {
        let heir = path.with_file_name(format!("{TEMPORARY_PREFIX}lease-{}-{number}", found.digest()));
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

    fn holder(&self) -> Holder {
        serde_json::from_slice::<Claimant>(&self.bytes).ok().map(|claimant| claimant.process)
    }

    /// Whether its process may still be there.
    fn is_valid(&self, path: &Path) -> Result<bool> {
        if self.holder().is_some_and(|process| process.has_ended()) {
            return Ok(false);
        }
        // Clocks of other machines differ: a file that is made now tells the time that counts.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
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
                        let taken = Lease::take(path).unwrap();
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
        let process = r#"{"host":"elsewhere","number":4711,"realm":"another","began":"1","id":"x"}"#;
        fs::write(path, process).unwrap();
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

    /// Killed before it wrote its own lease over the old one.
    #[test]
    fn a_successor_that_was_killed_has_successors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        foreign(&path, PATIENCE + BEAT);
        let found = Found::at(&path).unwrap().unwrap();
        let (heir, _) = succession(&path, &found).unwrap().unwrap();
        assert!(matches!(Lease::take(&path), Ok(Err(None))), "it may be about to write");
        foreign(&heir, PATIENCE + BEAT);
        assert_eq!(crowd(&path), 1);
    }

    #[test]
    fn a_lease_that_is_renewed_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        foreign(&path, PATIENCE - BEAT);
        let other = Lease::take(&path).unwrap().unwrap_err().unwrap();
        assert_eq!(other.to_string(), "process 4711 on elsewhere");
        assert_eq!(Lease::holder(&path).unwrap(), Some(Some(other)));
        // As somebody's whose clock is ahead.
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now() + PATIENCE * 9).unwrap();
        assert!(Lease::take(&path).unwrap().is_err());
    }

    #[test]
    fn a_lease_is_renewed_while_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        let lease = Lease::take(&path).unwrap().unwrap();
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
        let lease = Lease::take(&path).unwrap().unwrap();
        foreign(&path, Duration::ZERO);
        assert!(!lease.is_held().unwrap());
        drop(lease);
        assert!(path.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_was_killed_here_is_taken_over_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = String::from_utf8(line()).unwrap();
        let dead = dead.replace(&format!("\"number\":{}", std::process::id()), &format!("\"number\":{}", child.id()));
        child.wait().unwrap();
        fs::write(&path, dead).unwrap();
        assert_eq!(Lease::holder(&path).unwrap(), None);
        assert_eq!(crowd(&path), 1);
    }
}
