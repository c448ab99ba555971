//! What a path that is given as a data set holds: IDX files, an array, or pictures; and which of
//! the arrays in a folder are labels.

use std::fs;
use std::io::{BufRead, ErrorKind};
use std::path::{Path, PathBuf};

use super::folder::Listing;
use super::labels::beside::{self, ARRAY, ENDINGS};
use super::{Loaded, files, load_idx, locate, npy};
use crate::error::{Error, Result};
use crate::shape::Shape;

/// Reads the data set at `path`, a file or a folder, at `shape`.
///
/// A folder with IDX files is a set of those, whatever else is in it. Otherwise it holds either one
/// `.npy` file of images or PNG and JPEG files.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when there is none, or when it is broken or ambiguous.
pub fn load(path: &Path, shape: Shape) -> Result<Loaded> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => load_folder(path, shape),
        // A folder that is missing is reported with all that a data set can be.
        Err(cause) if cause.kind() == ErrorKind::NotFound => load_idx(&locate::find(path)?, shape, None),
        _ => load_file(path, shape),
    }
}

fn load_file(path: &Path, shape: Shape) -> Result<Loaded> {
    let (mut source, _) = files::open(path)?;
    let opening = source.fill_buf().unwrap_or_default();
    let is_array = opening.starts_with(npy::MAGIC) || path.extension().is_some_and(|ending| ending == "npy");
    if opening.starts_with(b"\x89PNG") || opening.starts_with(b"\xff\xd8\xff") {
        return Err(Error::data(format!("{} is a single picture; name the folder that holds it", path.display())));
    }
    drop(source);
    if is_array { load_array(path, shape) } else { load_idx(&locate::find(path)?, shape, None) }
}

fn load_folder(path: &Path, shape: Shape) -> Result<Loaded> {
    if let Some(location) = locate::find_in(path)? {
        return load_idx(&location, shape, None);
    }
    let listing = Listing::new(path)?;
    let at = path.display();
    let arrays = without_labels(&listing);
    match (&arrays[..], &listing.pictures[..]) {
        ([], []) => Err(Error::data(format!(
            "{at} holds no images; put PNG or JPEG files, one .npy array or IDX files such as \
             train-images-idx3-ubyte.gz there, or name another folder"
        ))),
        ([], _) => listing.read(path, shape),
        ([array], []) => load_array(&path.join(array), shape),
        ([array, ..], []) => Err(Error::data(format!(
            "{at} holds {} .npy arrays; name one of them, such as {}",
            arrays.len(),
            path.join(array).display()
        ))),
        ([array, ..], [picture, ..]) => Err(Error::data(format!(
            "{at} holds both arrays ({}) and pictures ({}); name the array, or move one of the two elsewhere",
            array.display(),
            picture.display()
        ))),
    }
}

fn load_array(path: &Path, shape: Shape) -> Result<Loaded> {
    let images = npy::read(path)?;
    let labels = beside::of_array(path, images.count);
    Loaded::of_images(images, path, shape, labels, beside::none_of_array(path))
}

/// The arrays of images in a folder: those that are not called as the labels of other images are,
/// where there are others.
fn without_labels(listing: &Listing) -> Vec<&PathBuf> {
    let names: Vec<_> = listing.arrays.iter().map(|path| path.to_string_lossy()).collect();
    let is_labels = |name: &str| {
        let of_one = |stem: &str| names.iter().any(|other| other.strip_suffix(".npy") == Some(stem));
        name == ARRAY || ENDINGS.iter().any(|ending| name.strip_suffix(ending).is_some_and(of_one))
    };
    let images = listing.arrays.iter().zip(&names).filter(|(_, name)| !is_labels(name));
    let images: Vec<_> = images.map(|(path, _)| path).collect();
    let is_alone = images.is_empty() && listing.pictures.is_empty();
    if is_alone { listing.arrays.iter().collect() } else { images }
}

#[cfg(test)]
mod tests;
