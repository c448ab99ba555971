//! The folder of a set: one process at a time, and files that appear whole or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::verify::{Integrity, verify};
use crate::data::sets;
use crate::disk;
use crate::error::{Error, Result};
use crate::lock::{Lock, Taken};

/// A folder that no other process downloads into.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    folder: &'a Path,
    _lock: Lock,
}

/// Looks for a published file in `folder`: unpacked or as it is published, in the order in which
/// data sets are opened. Where it is, and what it turns out to be.
pub(super) fn look(folder: &Path, file: &sets::File) -> Result<Option<(PathBuf, Integrity)>> {
    let path = [file.unpacked(), file.name].map(|name| folder.join(name)).into_iter().find(|path| path.is_file());
    path.map(|path| verify(&path, file).map(|integrity| (path, integrity))).transpose()
}

impl<'a> Locked<'a> {
    /// Makes the folder and locks it; while another process has it, `waiting` is called once and
    /// this waits for up to `wait`.
    pub fn new(folder: &'a Path, wait: Duration, waiting: impl FnOnce()) -> Result<Self> {
        disk::create_folders(folder).map_err(|cause| Error::io("create", folder, &cause))?;
        let [path, lease] = [".download.lock", ".download.lease"].map(|name| folder.join(name));
        let (start, mut waiting) = (Instant::now(), Some(waiting));
        loop {
            match Lock::take(&path, &lease)? {
                Taken::Ours(lock) => return Ok(Locked { folder, _lock: lock }),
                Taken::Others(_) if start.elapsed() < wait => {
                    if let Some(tell) = waiting.take() {
                        tell();
                    }
                    std::thread::sleep(Duration::from_millis(100).min(wait));
                }
                Taken::Others(_) => {
                    let cause = io::Error::other("another process downloads into this folder and does not end");
                    return Err(Error::io("lock", &path, &cause));
                }
            }
        }
    }

    /// Where a file is kept while it is not whole; hidden, so that nothing takes it for data.
    pub fn part(&self, file: &sets::File) -> PathBuf {
        self.folder.join(format!(".{}.part", file.name))
    }

    /// Gives a file that is whole its name, and `broken`, which stood in its place, a hidden one;
    /// the path of the file, and where `broken` is now.
    pub fn publish(&self, file: &sets::File, broken: Option<&Path>) -> Result<(PathBuf, Option<PathBuf>)> {
        let rename = |from: &Path, to: &Path| disk::rename(from, to).map_err(|cause| Error::io("write", to, &cause));
        let aside = broken.map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let aside = self.folder.join(format!(".{name}.broken"));
            rename(path, &aside).map(|()| aside)
        });
        let aside = aside.transpose()?;
        let path = self.folder.join(file.name);
        rename(&self.part(file), &path)?;
        disk::sync_folder(self.folder).map_err(|cause| Error::io("write", self.folder, &cause))?;
        Ok((path, aside))
    }
}
