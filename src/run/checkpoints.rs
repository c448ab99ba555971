//! The checkpoints of a run folder: which there are, which one is used, and which are kept.

use std::path::{Path, PathBuf};

use super::files::CHECKPOINTS;
use super::schedule::Schedule;
use crate::disk;
use crate::error::{Error, Result};
use crate::model::checkpoint::{Checkpoint, Metadata, is_of_the_future};

/// What is added to the name of a checkpoint that cannot be used.
const ASIDE: &str = "broken";

/// The checkpoints of a run folder, newest first.
///
/// # Errors
/// As [`StepFiles::list`](super::files::StepFiles::list).
pub fn list(run: &Path) -> Result<Vec<PathBuf>> {
    Ok(CHECKPOINTS.list(run)?.into_iter().rev().map(|(_, path)| path).collect())
}

/// The newest checkpoint that can be used, and those, newer, that cannot, with the reason. Nothing
/// where a run has none.
///
/// # Errors
/// A checkpoint error, that of the newest, when none of them can be used, or when it is of a later
/// program; otherwise as [`list`].
pub fn newest(run: &Path) -> Result<Option<Found>> {
    let mut broken = Vec::new();
    for path in list(run)? {
        match Checkpoint::load(&path) {
            Ok(checkpoint) => return Ok(Some(Found { path, checkpoint, broken })),
            Err(error) if is_of_the_future(&path) => return Err(error),
            Err(error) => broken.push((path, error)),
        }
    }
    match broken.into_iter().next() {
        None => Ok(None),
        Some((_, error)) => Err(Error::checkpoint(format!("{error}; the run has no older one that can be used"))),
    }
}

/// What [`newest`] found.
#[derive(Debug)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub checkpoint: Checkpoint,
    /// Newer ones, with the reasons why they cannot be used.
    pub broken: Vec<(PathBuf, Error)>,
}

impl Found {
    /// Renames the broken ones, so that they are not in the way of those to come; a line for each
    /// says so.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn set_aside(&self) -> Result<Vec<String>> {
        let aside = |(path, error): &(PathBuf, Error)| {
            let mut name = path.clone().into_os_string();
            name.push(format!(".{ASIDE}"));
            disk::rename(path, Path::new(&name)).map_err(|e| Error::io("rename", path, &e))?;
            Ok(format!("{error}; it is set aside as {}, {} is used", Path::new(&name).display(), self.path.display()))
        };
        self.broken.iter().map(aside).collect()
    }
}

/// The checkpoint whose samples are nearest to real images, in what judges the run
/// ([`Metadata::score`]), with what it says of itself; the earliest one of several.
///
/// # Errors
/// As [`list`].
pub fn best(run: &Path) -> Result<Option<(PathBuf, Metadata)>> {
    Ok(nearest(list(run)?.into_iter().filter_map(|path| {
        let saved = Checkpoint::peek(&path).ok()?;
        Some((saved.score()?, (path, saved)))
    })))
}

/// The item of the smallest score, the last one of several.
fn nearest<T>(items: impl Iterator<Item = (f64, T)>) -> Option<T> {
    items.reduce(|a, b| if b.0 <= a.0 { b } else { a }).map(|(_, item)| item)
}

/// Removes all but the newest `keep`, the best, and those that cannot be read. The beginning of a
/// run that began with another one's weights counts as one of its cadence. One that was saved
/// because the run was stopped, or had come to an end that was moved since or to one before its
/// time, lies outside its cadence: it is kept until there is a newer one, and counts for nothing,
/// so that stopping and going on change nothing of what a run leaves.
///
/// # Errors
/// An I/O error naming the file or folder.
pub fn prune(run: &Path, keep: u32) -> Result<()> {
    let all: Vec<_> = list(run)?.into_iter().filter_map(|path| Some((Checkpoint::peek(&path).ok()?, path))).collect();
    let is_regular = |saved: &Metadata| saved.is_beginning() || Schedule::is_regular(saved);
    let regular = || all.iter().filter(|(saved, _)| is_regular(saved));
    let best = nearest(regular().filter_map(|(metadata, path)| Some((metadata.score()?, path))));
    let kept: Vec<_> = regular().map(|(_, path)| path).take(keep as usize).chain(best).collect();
    for (_, path) in all.iter().skip(1).filter(|(_, path)| !kept.contains(&path)) {
        disk::remove_file(path).map_err(|e| Error::io("remove", path, &e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_of_the_nearest_is_best() {
        let newest_first = [(0.5, "c"), (0.25, "b"), (0.25, "a"), (1.0, "first")];
        assert_eq!(nearest(newest_first.into_iter()), Some("a"));
        assert_eq!(nearest([].into_iter()), None::<&str>);
    }
}
