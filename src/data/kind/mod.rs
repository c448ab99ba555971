//! What a path that is given as a data set holds: IDX files, an array, a table, or pictures; and
//! which of the files in a folder are labels.

use std::fs;
use std::io::{BufRead, ErrorKind};
use std::path::{Path, PathBuf};

use super::folder::Listing;
use super::format::Format;
use super::gzip::GZIP;
use super::labels::beside::{self, ARRAY, ENDINGS};
use super::loaded::Loaded;
use super::npy::Wanted;
use super::reading::Reading;
use super::{files, load_idx, locate, npy, npz, table};
use crate::error::{Error, Result};
use crate::shape::Shape;

/// What an archive, a table or an IDX file of labels has in its name.
const LABELS: &str = "label";

/// Reads the data set at `path`, a file or a folder, at `shape`; or one array in an archive.
///
/// A folder with IDX files is a set of those, whatever else is in it. Otherwise it holds either one
/// `.npy` file of images, or pictures, or one archive or table.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when there is none, or when it is broken or ambiguous.
pub fn load(path: &Path, shape: Shape, reading: &Reading) -> Result<Loaded> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => load_folder(path, shape, reading),
        // A folder that is missing is reported with all that a data set can be.
        Err(cause) if cause.kind() == ErrorKind::NotFound => match path.to_str().and_then(npz::split) {
            Some((archive, key)) => load_archive(&archive, Some(key), shape, reading),
            None => load_idx(&locate::find(path)?, shape, None, reading),
        },
        _ => load_file(path, shape, reading),
    }
}

fn load_file(path: &Path, shape: Shape, reading: &Reading) -> Result<Loaded> {
    let (mut source, _) = files::open(path)?;
    let opening = source.fill_buf().unwrap_or_default();
    let format = match Format::by_content(opening) {
        // Of IDX, if of anything.
        None if opening.starts_with(GZIP) => Some(Format::Idx),
        None if is_text(opening) => Some(Format::Table),
        None => Format::by_name(path),
        format => format,
    };
    drop(source);
    match format {
        Some(Format::Picture) => {
            Err(Error::data(format!("{} is a single picture; name the folder that holds it", path.display())))
        }
        Some(Format::Array) => load_array(path, shape, reading),
        Some(Format::Zip) => load_archive(path, None, shape, reading),
        Some(Format::Table) => load_table(path, shape, reading),
        Some(Format::Idx) | None => load_idx(&locate::find(path)?, shape, None, reading),
    }
}

/// Whether lines of numbers or names begin so.
fn is_text(opening: &[u8]) -> bool {
    let line = opening.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let separates = |byte: &u8| matches!(byte, b',' | b';' | b'\t');
    line.iter().any(separates) && !line.iter().any(|byte| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r'))
}

fn load_folder(path: &Path, shape: Shape, reading: &Reading) -> Result<Loaded> {
    if let Some(location) = locate::find_in(path)? {
        return load_idx(&location, shape, None, reading);
    }
    let listing = Listing::new(path, reading)?;
    let at = path.display();
    let arrays = without_labels(&listing);
    match (&arrays[..], &listing.pictures[..]) {
        ([], []) => match &main_ones(&listing.others)[..] {
            [] => Err(Error::data(format!(
                "{at} holds no images; put pictures (PNG, JPEG, WebP, BMP, TIFF or GIF), one .npy or .npz array, a CSV \
                 file or IDX files such as train-images-idx3-ubyte.gz there, or name another folder"
            ))),
            [only] => load_file(&path.join(only), shape, reading),
            several => {
                let names = several.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
                Err(Error::data(format!("{at} holds several files of images ({names}); name one of them")))
            }
        },
        ([], _) => listing.read(path, shape, reading),
        ([array], []) => load_array(&path.join(array), shape, reading),
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

fn load_array(path: &Path, shape: Shape, reading: &Reading) -> Result<Loaded> {
    let images = npy::read(path, Wanted { network: shape, range: reading.range })?;
    let labels = beside::of_array(path, images.count);
    Loaded::of_images(images, path, shape, None, labels, beside::none_of_array(path))
}

fn load_archive(path: &Path, key: Option<&str>, shape: Shape, reading: &Reading) -> Result<Loaded> {
    let npz::Chosen { key, others, images, labels } =
        npz::read(path, key, Wanted { network: shape, range: reading.range })?;
    let labels = match labels {
        Ok(None) => match beside::of_archive(path, images.count) {
            Ok(None) => beside::of_array(path, images.count),
            labels => labels,
        },
        labels => labels,
    };
    let how = (!others.is_empty()).then(|| format!("the array {key}, and not {}", others.join(", ")));
    Loaded::of_images(images, path, shape, how, labels, beside::none_of_array(path))
}

fn load_table(path: &Path, shape: Shape, reading: &Reading) -> Result<Loaded> {
    let table::Parsed { images, labels, how } = table::read(path, Wanted { network: shape, range: reading.range })?;
    let labels = match labels {
        Ok(None) => beside::of_array(path, images.count),
        labels => labels,
    };
    Loaded::of_images(images, path, shape, how, labels, beside::none_of_array(path))
}

/// The files that hold the images to learn from: not those of labels, where there are others, and
/// of the rest those of a training set.
fn main_ones(files: &[PathBuf]) -> Vec<&PathBuf> {
    let with = |word: &str, file: &&PathBuf| file.to_string_lossy().to_lowercase().contains(word);
    // A table called as an archive is called has its labels.
    let archive = |file: &PathBuf| file.with_extension("npz");
    let is_of_labels =
        |file: &&PathBuf| with(LABELS, file) || **file != archive(file) && files.contains(&archive(file));
    let images: Vec<_> = files.iter().filter(|file| !is_of_labels(file)).collect();
    let train: Vec<_> = images.iter().copied().filter(|file| with("train", file)).collect();
    if train.is_empty() { images } else { train }
}

/// The arrays of images in a folder: those that are not called as the labels of other images are,
/// where there are others.
fn without_labels(listing: &Listing) -> Vec<&PathBuf> {
    let all = || listing.arrays.iter().chain(&listing.others);
    let names: Vec<_> = listing.arrays.iter().map(|path| path.to_string_lossy()).collect();
    let is_labels = |name: &str| {
        let of_one = |stem: &str| all().any(|other| other.with_extension("") == Path::new(stem));
        name == ARRAY || ENDINGS.iter().any(|ending| name.strip_suffix(ending).is_some_and(of_one))
    };
    let images = listing.arrays.iter().zip(&names).filter(|(_, name)| !is_labels(name));
    let images: Vec<_> = images.map(|(path, _)| path).collect();
    let is_alone = images.is_empty() && listing.pictures.is_empty() && main_ones(&listing.others).is_empty();
    if is_alone { listing.arrays.iter().collect() } else { images }
}

#[cfg(test)]
mod tests;
