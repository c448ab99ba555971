//! A run that goes on follows its data: to another folder, to other names of the files, to another
//! form of the same pixels.
//!
//! The order of pictures is that of their names, and what a run computes depends on it. So a run
//! keeps a digest of each picture in the order in which it began, and is given that order again.

use std::collections::HashMap;
use std::path::Path;

use super::feed::{Feed, read_data};
use crate::data::DataSet;
use crate::data::reading::Reading;
use crate::disk;
use crate::error::{Error, Result};
use crate::model::checkpoint::Metadata;
use crate::model::config::Config;
use crate::output::save_durably;
use crate::run::files::{ORDER, REAL, SAMPLES, SKIPPED};

/// The data set of the run in the folder `run` that goes on from `saved`: in the order in which the
/// run began, however the files are called now.
///
/// # Errors
/// As [`open_data`](super::feed::open_data), but for images of which nothing can be learnt; and a
/// data error when some of the images are others.
pub fn reopen_data(config: &Config, run: &Path, saved: &Metadata) -> Result<DataSet> {
    let began =
        Began { digest: saved.data.as_deref(), images: read_order(run)?, with_labels: config.classes.is_some() };
    // A run that has no digest is as old as the first versions.
    let is_older = began.digest.is_none() && Path::new(&config.data).is_dir();
    let others = match read_data(config, &config.reading()) {
        Ok(data) if !is_older => match began.recognise(data)? {
            Ok(data) => return Ok(data),
            Err(others) => Ok(others),
        },
        Ok(_) => Ok([0; 2]),
        Err(error) => Err(error),
    };
    // What the first versions read in a folder may be fewer files, and all of them sound.
    if Path::new(&config.data).is_dir()
        && let Ok(early) = read_data(config, &Reading { early: true, ..config.reading() })
        && let Ok(early) = began.recognise(early)?
    {
        return Ok(early);
    }
    match others? {
        // What else is wrong is told where the run goes on.
        [0, 0] => read_data(config, &config.reading()),
        [gone, new] => Err(Error::data(format!(
            "{} has other images than the run was trained with: {gone} of those are gone, and {new} are new; a resumed run \
             needs the data that it began with, under whatever names, and read in the same range and on the same background",
            config.data
        ))),
    }
}

/// What a run began with.
struct Began<'a> {
    /// The [`DataSet::digest`], where the run recorded it.
    digest: Option<&'a str>,
    /// The [`DataSet::image_digests`], where the run has kept them.
    images: Option<Vec<String>>,
    with_labels: bool,
}

impl Began<'_> {
    /// The data in the order in which the run began, if they are the same; else how many images are
    /// gone and new, as far as that is known.
    ///
    /// # Errors
    /// A data error when there is no memory for another order.
    fn recognise(&self, data: DataSet) -> Result<std::result::Result<DataSet, [usize; 2]>> {
        let is_same = |data: &DataSet| self.digest.is_none_or(|digest| digest == data.digest());
        if is_same(&data) {
            return Ok(Ok(data));
        }
        let Some(images) = &self.images else { return Ok(Err([0; 2])) };
        match order(images, &data.image_digests(self.with_labels)) {
            Ok(order) => {
                let data = data.in_order(&order)?;
                Ok(if is_same(&data) { Ok(data) } else { Err([0; 2]) })
            }
            Err(others) => Ok(Err(others)),
        }
    }
}

/// Removes what the folder of a run that begins says of its data.
///
/// # Errors
/// An I/O error naming the file.
pub(super) fn forget(run: &Path) -> Result<()> {
    for path in [run.join(ORDER), run.join(SAMPLES.folder).join(REAL)] {
        disk::remove_file(&path).map_err(|e| Error::io("remove", &path, &e))?;
    }
    Ok(())
}

/// Keeps the order of pictures in the folder of a run, unless it is there.
///
/// # Errors
/// An I/O error naming the file.
pub(super) fn keep_order(run: &Path, feed: &Feed, config: &Config) -> Result<()> {
    let path = run.join(ORDER);
    if !feed.data().is_of_files() || path.exists() {
        return Ok(());
    }
    let mut text = feed.data().image_digests(config.classes.is_some()).join("\n");
    text.push('\n');
    save_durably(text.as_bytes(), &path)
}

/// Lists the files that were left out in the folder of a run.
///
/// # Errors
/// An I/O error naming the file.
pub(super) fn tell_left_out(run: &Path, feed: &Feed) -> Result<()> {
    let path = run.join(SKIPPED);
    match feed.data().left_out() {
        [] => disk::remove_file(&path).map_err(|e| Error::io("remove", &path, &e)),
        files => save_durably(format!("{}\n", files.join("\n")).as_bytes(), &path),
    }
}

/// The digests of the images in the order in which the run began, where it has kept them.
fn read_order(run: &Path) -> Result<Option<Vec<String>>> {
    let path = run.join(ORDER);
    match disk::read(&path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::io("read", &path, &cause)),
    }
}

/// Where each of the images with which the run began is now; or how many of them are gone, and how
/// many are new.
fn order(begun: &[String], now: &[String]) -> std::result::Result<Vec<u32>, [usize; 2]> {
    let mut places: HashMap<&str, Vec<u32>> = HashMap::new();
    // The last of equal images is taken first.
    (0..now.len() as u32).zip(now).rev().for_each(|(place, digest)| places.entry(digest).or_default().push(place));
    let order: Vec<_> = begun.iter().filter_map(|digest| places.get_mut(digest.as_str())?.pop()).collect();
    let (gone, new) = (begun.len() - order.len(), now.len() - order.len());
    if gone + new > 0 { Err([gone, new]) } else { Ok(order) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_again() {
        let digests = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let found = |begun, now| order(&digests(begun), &digests(now));
        assert_eq!(found("abc", "cab"), Ok(vec![1, 2, 0]));
        assert_eq!(found("abab", "bbaa"), Ok(vec![2, 0, 3, 1]), "equal images in the order of their names");
        assert_eq!(found("abc", "abd"), Err([1, 1]));
        assert_eq!(found("abc", "abca"), Err([0, 1]));
        assert_eq!(found("aab", "ab"), Err([1, 0]));
    }
}
