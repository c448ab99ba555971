//! The folder of a set: one process at a time, and files that appear whole or not at all.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::verify::{Integrity, verify};
use crate::data::sets;
use crate::error::{Error, Result};

/// A folder that no other process downloads into.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    folder: &'a Path,
    // The lock goes with the file.
    _lock: File,
}

/// What a folder has of one published file.
#[derive(Debug)]
pub(super) struct FoundFile {
    pub path: PathBuf,
    pub integrity: Integrity,
}

/// Looks for a published file in `folder`: unpacked or as it is published, in the order in which data sets are opened.
pub(super) fn look(folder: &Path, file: &sets::File) -> Result<Option<FoundFile>> {
    for name in [file.unpacked(), file.name] {
        let path = folder.join(name);
        if path.is_file() {
            return Ok(Some(FoundFile { integrity: verify(&path, file)?, path }));
        }
    }
    Ok(None)
}

impl<'a> Locked<'a> {
    /// Makes the folder and locks it; while another process has it, `waiting` is called once and this waits for up to `wait`.
    pub fn new(folder: &'a Path, wait: Duration, waiting: impl FnOnce()) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|cause| Error::io("create", folder, &cause))?;
        let path = folder.join(".download.lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|cause| Error::io("create", &path, &cause))?;
        let (start, mut waiting) = (Instant::now(), Some(waiting));
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Locked { folder, _lock: lock }),
                Err(TryLockError::WouldBlock) if start.elapsed() < wait => {
                    if let Some(tell) = waiting.take() {
                        tell();
                    }
                    std::thread::sleep(Duration::from_millis(100).min(wait));
                }
                Err(TryLockError::WouldBlock) => {
                    let cause = io::Error::other("another process downloads into this folder and does not end");
                    return Err(Error::io("lock", &path, &cause));
                }
                Err(TryLockError::Error(cause)) => return Err(Error::io("lock", &path, &cause)),
            }
        }
    }

    /// Where a file is kept while it is not whole; hidden, so that nothing takes it for data.
    pub fn part(&self, file: &sets::File) -> PathBuf {
        self.folder.join(format!(".{}.part", file.name))
    }

    /// Gives a file that is whole its name, and `broken`, which stood in its place, a hidden one; the path of the file, and
    /// where `broken` is now.
    pub fn publish(&self, file: &sets::File, broken: Option<&Path>) -> Result<(PathBuf, Option<PathBuf>)> {
        let rename = |from: &Path, to: &Path| fs::rename(from, to).map_err(|cause| Error::io("write", to, &cause));
        let aside = broken.map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let aside = self.folder.join(format!(".{name}.broken"));
            rename(path, &aside).map(|()| aside)
        });
        let aside = aside.transpose()?;
        let path = self.folder.join(file.name);
        rename(&self.part(file), &path)?;
        // A folder can be synchronized on Unix only; elsewhere renaming is all there is.
        #[cfg(unix)]
        File::open(self.folder).and_then(|f| f.sync_all()).map_err(|cause| Error::io("write", self.folder, &cause))?;
        Ok((path, aside))
    }
}
