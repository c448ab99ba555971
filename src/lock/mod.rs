//! What one process at a time may hold: a lock of the system's, or a lease where the file system
//! has no locks.

mod lease;
mod process;

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use same_file::Handle;

use crate::disk;
use crate::error::{Error, Result};
use lease::Lease;
pub use process::Process;

/// A lock that this process holds until the value is dropped, or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock(Means);

/// How it is held.
#[derive(Debug)]
enum Means {
    /// The system lets go of it with the file.
    System {
        _file: File,
    },
    Lease(Lease),
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
    /// Takes the lock of the file `path` unless another process has it. A lease is the file `lease`
    /// in the same folder.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn take(path: &Path, lease: &Path) -> Result<Taken> {
        let file = disk::hold(path).map_err(|e| Error::io("write", path, &e))?;
        let is_ours = match disk::try_lock(&file) {
            Ok(()) => has_its_name(&file, path),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(cause)) if is_unsupported(&cause) => {
                warn(path, lease, &cause);
                return Ok(match Lease::take(lease)? {
                    Ok(lease) => Taken::Ours(Lock(Means::Lease(lease))),
                    Err(other) => Taken::Others(other),
                });
            }
            Err(TryLockError::Error(cause)) => Err(cause),
        };
        if !is_ours.map_err(|e| Error::io("lock", path, &e))? {
            return Ok(Taken::Others(None));
        }
        // A process on another machine may have found no locks here.
        Ok(match Lease::holder(lease)? {
            None => Taken::Ours(Lock(Means::System { _file: file })),
            Some(other) => Taken::Others(other),
        })
    }

    /// Whether it is held still: a process that stood still for too long may have lost its lease.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn is_held(&self) -> Result<bool> {
        match &self.0 {
            Means::System { .. } => Ok(true),
            Means::Lease(lease) => lease.is_held(),
        }
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

/// Whether a file system says that it has no locks, or none at the moment.
fn is_unsupported(cause: &io::Error) -> bool {
    // What has no kind of its own: ENOLCK, and ENOTSUPP, which the kernel does not mean to show.
    #[cfg(unix)]
    let codes = [rustix::io::Errno::NOLCK.raw_os_error(), disk::ENOTSUPP];
    // ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED
    #[cfg(not(unix))]
    let codes = [1, 50];
    cause.kind() == io::ErrorKind::Unsupported || cause.raw_os_error().is_some_and(|code| codes.contains(&code))
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

    #[cfg(target_os = "linux")]
    #[test]
    fn what_file_systems_without_locks_say() {
        // ENOLCK, ENOSYS, EOPNOTSUPP, ENOTSUPP; EIO, ENOSPC, EINTR, EBADF
        let is_unsupported = |code| super::is_unsupported(&io::Error::from_raw_os_error(code));
        assert!([37, 38, 95, 524].into_iter().all(is_unsupported));
        assert!(![5, 28, 4, 9].into_iter().any(is_unsupported));
    }
}
