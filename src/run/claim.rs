//! Who may write into a run folder: the one process that holds its lock.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use same_file::Handle;

use super::files::{CHECKPOINTS, CONFIG, LOCK, METRICS};
use crate::disk;
use crate::error::{Error, Kind, Result};
use crate::model::config::NOT_PORTABLE;
use crate::output::TEMPORARY_PREFIX;
use crate::shell::quoted;

/// What only a run's folder holds, besides the lock.
const MARKS: [&str; 2] = [LOCK, METRICS];
/// What the folder of a run that can go on holds.
const RUN: [&str; 2] = [CONFIG, CHECKPOINTS.folder];

/// A folder that this process alone writes into, until the value is dropped or the process ends,
/// however it ends.
///
/// A claim that was not [kept](Claim::keep) leaves no folder behind that it made.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// Folders made for it, the innermost first, while nothing is in them.
    made: Vec<PathBuf>,
    /// Nothing only while it is given up.
    lock: Option<File>,
}

impl Claim {
    /// The folder for a new run: one that is not there, or empty; with `force` also one that holds
    /// a run, which is untouched so far.
    ///
    /// # Errors
    /// Busy when another process holds it; a usage error when it holds something; I/O errors naming
    /// the path.
    pub fn new_run(path: &Path, force: bool) -> Result<Claim> {
        let shown = path.display();
        if path.is_file() {
            return Err(Error::usage(format!("{shown} is a file; give --out a folder")));
        }
        if is_occupied(path)? && !MARKS.iter().any(|name| path.join(name).exists()) {
            return Err(Error::usage(format!("{shown} is not empty and holds no run; choose another --out")));
        }
        let made: Vec<_> = path.ancestors().take_while(|a| *a != Path::new("") && !a.exists()).collect();
        let made = made.into_iter().map(Path::to_path_buf).collect();
        disk::create_folders(path).map_err(|e| Error::io("create the folder", path, &e))?;
        let claim = Claim { lock: Some(lock(path)?), path: path.to_path_buf(), made };
        if is_occupied(path)? && !force {
            let resume = format!("go on with it: `dcgan-gpu train --resume {}`", quoted(path));
            let remedy = format!("choose another --out, add --force to replace it, or {resume}");
            return Err(Error::usage(format!("{shown} already holds a run; {remedy}")));
        }
        Ok(claim)
    }

    /// A new folder under `runs/`: date, preset (a hyphen for each character that Windows does not
    /// take), and the first number that nobody has.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn fresh(preset: &str) -> Result<Claim> {
        let runs = Path::new("runs");
        let made_runs = (!runs.exists()).then(|| runs.to_path_buf());
        disk::create_folders(runs).map_err(|e| Error::io("create the folder", runs, &e))?;
        let preset = preset.replace(NOT_PORTABLE, "-");
        let date = jiff::Zoned::now().strftime("%Y-%m-%d").to_string();
        for number in 1_u32.. {
            let path = runs.join(format!("{date}-{preset}-{number}"));
            match disk::create_folder(&path) {
                Ok(()) => {
                    let made = [path.clone()].into_iter().chain(made_runs).collect();
                    return Ok(Claim { lock: Some(lock(&path)?), path, made });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io("create the folder", &path, &e)),
            }
        }
        Err(Error::new(Kind::Io, "every number under runs/ is taken; remove old runs"))
    }

    /// The folder of a run that is there.
    ///
    /// # Errors
    /// A checkpoint error when there is no such folder; busy when another process holds it; I/O
    /// errors naming the path.
    pub fn existing(path: &Path) -> Result<Claim> {
        if !path.is_dir() {
            return Err(Error::checkpoint(format!("{} is no run folder; check --resume", path.display())));
        }
        if !RUN.iter().any(|name| path.join(name).exists()) {
            let remedy = format!("start it with `dcgan-gpu train --out {}` and its other flags", quoted(path));
            return Err(Error::checkpoint(format!("{} holds no run; {remedy}", path.display())));
        }
        Ok(Claim { lock: Some(lock(path)?), path: path.to_path_buf(), made: Vec::new() })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on the folder stays whatever happens.
    pub fn keep(&mut self) {
        self.made.clear();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.made.is_empty() {
            // The name goes before the lock: who gets the lock afterwards sees that it is none. On
            // Windows a name may stay until its file is closed, and a folder's names keep it.
            // Folders in which there is something are not removed.
            let _ = fs::remove_file(self.path.join(LOCK));
            drop(self.lock.take());
            self.made.iter().for_each(|folder| drop(fs::remove_dir(folder)));
        }
    }
}

/// Whether a folder holds more than what a start that was killed can leave.
fn is_occupied(path: &Path) -> Result<bool> {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_temporary = |path: &PathBuf| name(path).starts_with(TEMPORARY_PREFIX);
    let left_over = |path: &PathBuf| {
        // A first checkpoint may have been on its way.
        let is_bare_folder = || disk::list(path).is_ok_and(|entries| entries.iter().all(is_temporary));
        name(path) == LOCK || is_temporary(path) || is_bare_folder()
    };
    match disk::list(path) {
        Ok(entries) => Ok(!entries.iter().all(left_over)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(e) => Err(Error::io("read", path, &e)),
    }
}

fn lock(run: &Path) -> Result<File> {
    let path = run.join(LOCK);
    let file = disk::hold(&path).map_err(|e| Error::io("write", &path, &e))?;
    let is_ours = match file.try_lock() {
        Ok(()) => has_its_name(&file, &path),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(e)) => Err(e),
    };
    if is_ours.map_err(|e| Error::io("lock", &path, &e))? {
        return Ok(file);
    }
    let what = format!("another process trains in {}; wait for it, or choose another --out", run.display());
    Err(Error::new(Kind::Busy, what))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_lost_its_name_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        let early = disk::hold(&path).unwrap();
        assert!(has_its_name(&early, &path).unwrap());
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        assert!(!has_its_name(&early, &path).unwrap());
        let late = disk::hold(&path).unwrap();
        assert!(has_its_name(&late, &path).unwrap());
        assert!(!has_its_name(&early, &path).unwrap(), "another file has its name");
    }

    #[test]
    fn what_a_killed_start_leaves_is_no_run() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = folder.path().join(CHECKPOINTS.folder);
        fs::create_dir(&checkpoints).unwrap();
        for name in [folder.path().join(LOCK), checkpoints.join(format!("{TEMPORARY_PREFIX}1"))] {
            fs::write(name, "").unwrap();
        }
        drop(Claim::new_run(folder.path(), false).unwrap());
        fs::write(checkpoints.join("step-00000000.safetensors"), "").unwrap();
        assert_eq!(Claim::new_run(folder.path(), false).unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn a_claim_that_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("a/b");
        let claim = Claim::new_run(&run, false).unwrap();
        assert_eq!(Claim::new_run(&run, true).unwrap_err().kind(), Kind::Busy);
        drop(claim);
        assert!(!folder.path().join("a").exists());
        let mut kept = Claim::new_run(&run, false).unwrap();
        kept.keep();
        drop(kept);
        assert!(run.is_dir());
    }
}
