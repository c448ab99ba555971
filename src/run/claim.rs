//! Who may write into a run folder: the one process that holds its lock.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{CHECKPOINTS, CONFIG, LEASE, LOCK, METRICS};
use crate::disk;
use crate::error::{Error, Kind, Result};
use crate::lock::{Lock, Taken};
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
    lock: Option<Lock>,
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
        let claim = Claim::make(path)?;
        if is_occupied(path)? && !force {
            let resume = format!("go on with it: `dcgan-gpu train --resume {}`", quoted(path));
            let remedy = format!("choose another --out, add --force to replace it, or {resume}");
            return Err(Error::usage(format!("{shown} already holds a run; {remedy}")));
        }
        Ok(claim)
    }

    /// The folder of a run that is there and can go on, or for a new one where there is none;
    /// whether there is one.
    ///
    /// # Errors
    /// Busy when another process holds it; a usage error when it holds something else; I/O errors
    /// naming the path.
    pub fn existing_or_new(path: &Path) -> Result<(Claim, bool)> {
        let shown = path.display();
        if path.is_file() {
            return Err(Error::usage(format!("{shown} is a file; give --resume-or-start a folder")));
        }
        let is_of_a_run = || MARKS.iter().chain(&RUN).any(|name| path.join(name).exists());
        if is_occupied(path)? && !is_of_a_run() {
            return Err(Error::usage(format!("{shown} is not empty and holds no run; choose another folder")));
        }
        let claim = Claim::make(path)?;
        if !is_occupied(path)? {
            return Ok((claim, false));
        }
        if !path.join(CONFIG).exists() && CHECKPOINTS.list(path)?.is_empty() {
            let remedy = format!("start it anew with --out {shown} --force");
            return Err(Error::usage(format!("{shown} holds a run that cannot go on; {remedy}")));
        }
        Ok((claim, true))
    }

    /// Any folder, made where there is none: for what keeps several runs.
    ///
    /// # Errors
    /// Busy when another process holds it; I/O errors naming the path.
    pub fn make(path: &Path) -> Result<Claim> {
        let made: Vec<_> = path.ancestors().take_while(|a| *a != Path::new("") && !a.exists()).collect();
        let made = made.into_iter().map(Path::to_path_buf).collect();
        disk::create_folders(path).map_err(|e| Error::io("create the folder", path, &e))?;
        Ok(Claim { lock: Some(lock(path)?), path: path.to_path_buf(), made })
    }

    /// A new folder under `runs/`: date, preset (a hyphen for each character that Windows does not
    /// take), and the first number that nobody has.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn fresh(preset: &str) -> Result<Claim> {
        Claim::fresh_in(Path::new("runs"), preset)
    }

    /// As [`Claim::fresh`], under another folder.
    ///
    /// # Errors
    /// As [`Claim::fresh`].
    pub fn fresh_in(runs: &Path, preset: &str) -> Result<Claim> {
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
        Err(Error::new(Kind::Io, format!("every number under {} is taken; remove old runs", runs.display())))
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

    /// Refuses to go on where this process, which stood still for minutes, lost the folder to
    /// another one.
    ///
    /// # Errors
    /// Busy; an I/O error naming the lock.
    pub fn check(&self) -> Result<()> {
        if self.lock.as_ref().map_or(Ok(true), Lock::is_held)? {
            return Ok(());
        }
        let run = self.path.display();
        let what = format!("another process has taken {run}, in which this one gave no sign of life; it goes on there");
        Err(Error::new(Kind::Busy, what))
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
        [LOCK, LEASE].contains(&name(path).as_str()) || is_temporary(path) || is_bare_folder()
    };
    match disk::list(path) {
        Ok(entries) => Ok(!entries.iter().all(left_over)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(e) => Err(Error::io("read", path, &e)),
    }
}

fn lock(run: &Path) -> Result<Lock> {
    let others = |known: String| {
        let run = run.display();
        let what = format!("another process trains in {run}{known}; wait for it, or choose another --out");
        Err(Error::new(Kind::Busy, what))
    };
    match Lock::take(&run.join(LOCK), &run.join(LEASE))? {
        Taken::Ours(lock) => Ok(lock),
        Taken::Others(None) => others(String::new()),
        Taken::Others(Some(process)) => others(format!(" ({process}; killed, it counts as ended after two minutes)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
