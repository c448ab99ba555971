//! Folders of PNG and JPEG files, at any depth: `cats/1.png`, `cats/more/2.jpg`, `dogs/3.jpeg`.
//!
//! The order of the images is that of the bytes of their paths. A folder directly below the top is
//! a class, where no file of labels says otherwise. Hidden files and folders are passed over, and
//! so are files with other endings.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::labels::{Labels, beside};
use super::picture::{LARGEST_FILE, decode_into};
use super::resize::Cover;
use super::{Loaded, files};
use crate::error::{Error, Result};
use crate::shape::Shape;

/// The endings of pictures.
pub const PICTURES: [&str; 3] = ["png", "jpg", "jpeg"];

/// Folders within folders that are followed.
const DEEPEST: usize = 32;

/// Broken files that are named; all are counted.
const NAMED: usize = 5;

/// The files below a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// PNG and JPEG files by their endings, relative to the top, sorted by the bytes of their
    /// paths.
    pub pictures: Vec<PathBuf>,
    /// `.npy` files directly in the top folder, sorted.
    pub arrays: Vec<PathBuf>,
    /// How many other files there are.
    pub others: u64,
}

impl Listing {
    /// Looks through `top`. Links are followed, but no folder is entered twice.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) when a folder cannot be read, is reached twice or
    /// is too deep.
    pub fn new(top: &Path) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut entered = HashMap::new();
        let mut folders = vec![(PathBuf::new(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let path = top.join(&folder);
            let unreadable = |cause| files::unreadable(&path, &cause);
            if depth > DEEPEST {
                let path = path.display();
                return Err(Error::data(format!("{path} is more than {DEEPEST} folders deep; move its files up")));
            }
            if let Some(before) = entered.insert(fs::canonicalize(&path).map_err(unreadable)?, path.clone()) {
                return Err(Error::data(format!(
                    "{} and {} are the same folder; remove the link that leads there twice, or in a circle",
                    before.display(),
                    path.display()
                )));
            }
            for entry in fs::read_dir(&path).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let name = entry.file_name();
                if name.as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                let relative = folder.join(&name);
                if entry.path().is_dir() {
                    folders.push((relative, depth + 1));
                } else {
                    listing.add(relative, depth);
                }
            }
        }
        listing.arrays.sort();
        // Not by component, as paths are compared: `a-b/1` comes before `a/1`, as in other tools.
        listing.pictures.sort_by_cached_key(|path| bytes_of(path));
        Ok(listing)
    }

    fn add(&mut self, path: PathBuf, depth: usize) {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        if PICTURES.iter().any(|picture| ending == *picture) {
            self.pictures.push(path);
        } else if ending == "npy" && depth == 0 {
            self.arrays.push(path);
        } else {
            self.others += 1;
        }
    }

    /// Decodes all pictures, in parallel, at `shape`.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) when one or more are broken (with their number and
    /// the names of the first), or when all together take more memory than there is.
    pub fn read(&self, top: &Path, shape: Shape) -> Result<Loaded> {
        let all = self.pictures.len();
        let count = u32::try_from(all).map_err(|_| Error::data(format!("{} holds {all} pictures", top.display())))?;
        log::info!("reading {count} pictures from {}; files of other kinds: {}", top.display(), self.others);
        let mut pixels = files::room_for_images(count, shape).map_err(files::at(top))?;
        let images = pixels.par_chunks_exact_mut(shape.bytes()).zip(&self.pictures);
        let broken: Vec<_> = images
            .map_init(Cover::default, |cover, (out, path)| {
                let result = read_one(&top.join(path), cover, out, shape);
                result.err().map(|error| format!("{} ({error})", path.display()))
            })
            .flatten_iter()
            .collect();
        if !broken.is_empty() {
            return Err(not_usable(top, all, &broken));
        }
        let labels = self.labels(top);
        let classes = match &labels {
            Ok(Some(labels)) => format!(" in {} classes", labels.classes().len()),
            _ => String::new(),
        };
        let remark = format!("{count} pictures{classes} from {}, brought to {shape}", top.display());
        Ok(Loaded::new(pixels, count, Some(remark), labels, beside::none_of_pictures(top)))
    }

    /// The class of each picture, from a file of labels, or else by the folders directly below the
    /// top where each picture is in one.
    fn labels(&self, top: &Path) -> Result<Option<Labels>> {
        let files: Vec<_> = self.pictures.iter().map(|path| bytes_of(path)).collect();
        if let Some(labels) = beside::of_pictures(top, &files)? {
            return Ok(Some(labels));
        }
        let class = |file: &Vec<u8>| Some(file[..file.iter().position(|&byte| byte == b'/')?].to_vec());
        let folders: Option<Vec<_>> = files.iter().map(class).collect();
        folders.map(|folders| Labels::of_names(&folders)).transpose()
    }
}

/// The bytes of a relative path, with `/` between its parts on every system.
fn bytes_of(path: &Path) -> Vec<u8> {
    path.iter().map(OsStr::as_encoded_bytes).collect::<Vec<_>>().join(&b'/')
}

fn read_one(path: &Path, cover: &mut Cover, out: &mut [u8], shape: Shape) -> Result<()> {
    let unreadable = |cause: std::io::Error| Error::data(format!("it cannot be read: {cause}"));
    let file = fs::metadata(path).map_err(unreadable)?;
    if !file.is_file() {
        return Err(Error::data("it is not a regular file"));
    }
    if file.len() > LARGEST_FILE {
        let (size, most) = (file.len() >> 20, LARGEST_FILE >> 20);
        return Err(Error::data(format!("its {size} MiB are too many; at most {most} are read")));
    }
    decode_into(&fs::read(path).map_err(unreadable)?, cover, out, shape)
}

fn not_usable(top: &Path, all: usize, broken: &[String]) -> Error {
    let named = broken[..broken.len().min(NAMED)].join(", ");
    let more = match broken.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let of = format!("{} of {all} pictures in {}", broken.len(), top.display());
    Error::data(format!("{of} cannot be used: {named}{more}; replace or remove them"))
}

#[cfg(test)]
mod tests;
