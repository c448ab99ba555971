//! What one process at a time may hold: a lock of the system's together with a lease, or the lease
//! alone where the system gives no locks.

mod lease;
mod process;

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use same_file::Handle;

use crate::disk;
use crate::error::{Error, Result};
pub use lease::SUCCESSOR_PREFIX;
use lease::{Beside, Lease};
pub use process::Process;

/// A lock that this process holds until the value is dropped, or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    /// Goes first: behind the lock it could be that of the next process.
    lease: Lease,
    /// The system lets go of its lock with the file.
    _file: Option<File>,
}

/// What came of an attempt to take a lock.
#[derive(Debug)]
pub enum Taken {
    /// It is held.
    Ours(Lock),
    /// Another process has it: which one, where that is known.
    Others(Option<Process>),
}

impl Lock {
    /// Takes the lock of the file `path` unless another process has it. The lease is the file
    /// `lease` in the same folder: locks may work on one machine and not on another, or not at the
    /// moment.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn take(path: &Path, lease: &Path) -> Result<Taken> {
        let file = disk::hold(path).map_err(|e| Error::io("write", path, &e))?;
        let is_ours = match disk::try_lock(&file) {
            Ok(()) => has_its_name(&file, path),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(cause)) if gives_none(&cause) => {
                warn(path, lease, &cause);
                return Lock::with_lease(lease, None);
            }
            Err(TryLockError::Error(cause)) => Err(cause),
        };
        if !is_ours.map_err(|e| Error::io("lock", path, &e))? {
            return Ok(Taken::Others(None));
        }
        Lock::with_lease(lease, Some(file))
    }

    /// Takes the lease, too; `file` is locked where there is one.
    fn with_lease(lease: &Path, file: Option<File>) -> Result<Taken> {
        let beside = if file.is_some() { Beside::Lock } else { Beside::Nothing };
        Ok(match Lease::take(lease, beside)? {
            Ok(lease) => Taken::Ours(Lock { lease, _file: file }),
            Err(other) => Taken::Others(other),
        })
    }

    /// Whether it is held still: a process that stood still for too long may have lost its lease.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn is_held(&self) -> Result<bool> {
        self.lease.is_held()
    }
}

/// Whether an open file still has its name: a process that gives up a folder which it made removes
/// the lock in it, perhaps after another process opened that, and a third one may have made a new
/// lock since.
fn has_its_name(file: &File, path: &Path) -> io::Result<bool> {
    let here = Handle::from_file(file.try_clone()?)?;
    match Handle::from_path(path) {
        Ok(there) => Ok(here == there),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        // Windows denies a file that was removed until the last one who has it open closes it.
        Err(e) if cfg!(windows) && e.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        Err(e) => Err(e),
    }
}

/// Whether a file system says that it has no locks, or none at the moment: NFS and full tables give
/// ENOLCK for both.
fn gives_none(cause: &io::Error) -> bool {
    #[cfg(unix)]
    let is_none_left = cause.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error());
    #[cfg(not(unix))]
    let is_none_left = false;
    is_none_left || disk::is_unsupported(cause)
}

/// Says once what stands in for a lock.
fn warn(path: &Path, lease: &Path, cause: &io::Error) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        let (path, lease) = (path.display(), lease.display());
        log::warn!("cannot lock {path}: {cause}; {lease}, renewed every few seconds, stands in for the lock");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_lock_that_lost_its_name_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let early = disk::hold(&path).unwrap();
        assert!(has_its_name(&early, &path).unwrap());
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        assert!(!has_its_name(&early, &path).unwrap());
        let late = disk::hold(&path).unwrap();
        assert!(has_its_name(&late, &path).unwrap());
        assert!(!has_its_name(&early, &path).unwrap(), "another file has its name");
    }

    /// At any moment a lock and its lease are there together, so whoever has no locks is told.
    #[test]
    fn a_lease_goes_with_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let [path, lease] = ["lock", "lease"].map(|name| folder.path().join(name));
        let taken = Lock::take(&path, &lease).unwrap();
        assert!(matches!(&taken, Taken::Ours(lock) if lock.is_held().unwrap()) && lease.exists());
        let _fault = disk::DiskFault::arm(disk::Operation::Lock, 1, io::ErrorKind::Unsupported, true);
        let other = Lock::take(&path, &lease).unwrap();
        assert!(matches!(other, Taken::Others(Some(process)) if process == Process::this()));
        drop(taken);
        assert!(!lease.exists());
        assert!(matches!(Lock::take(&path, &lease).unwrap(), Taken::Ours(_)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_file_systems_without_locks_say() {
        // ENOLCK, ENOSYS, EOPNOTSUPP, ENOTSUPP; EIO, ENOSPC, EINTR, EBADF
        let gives_none = |code| super::gives_none(&io::Error::from_raw_os_error(code));
        assert!([37, 38, 95, 524].into_iter().all(gives_none));
        assert!(![5, 28, 4, 9].into_iter().any(gives_none));
        assert!(!disk::is_unsupported(&io::Error::from_raw_os_error(37)), "no more locks, but files");
    }
}
