//! Folders of pictures, at any depth: `cats/1.png`, `cats/more/2.jpg`, `dogs/3.webp`.
//!
//! The order of the images is that of the bytes of their paths. A folder directly below the top is
//! a class, where no file of labels says otherwise. Hidden files and folders are passed over in
//! silence, and other files that are no pictures are counted.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::files;
use super::format::Format;
use super::labels::{Labels, beside};
use super::loaded::Loaded;
use super::picture::{LARGEST_FILE, Seen, decode_into};
use super::reading::Reading;
use super::resize::Cover;
use super::survey::Pictures;
use crate::error::{Error, Result};
use crate::shape::Shape;

/// Folders within folders that are followed.
const DEEPEST: usize = 32;

/// Kinds of files that are named; all are counted.
const NAMED: usize = 5;

/// The files below a folder, relative to it.
#[derive(Debug, Default)]
pub struct Listing {
    /// Pictures at any depth, sorted by the bytes of their paths.
    pub pictures: Vec<PathBuf>,
    /// `.npy` files directly in the folder, sorted.
    pub arrays: Vec<PathBuf>,
    /// Other files directly in the folder that may hold all of the images, sorted: archives of
    /// arrays, tables and IDX files.
    pub others: Vec<PathBuf>,
    /// How many further files there are, by their endings.
    rest: BTreeMap<String, u64>,
}

impl Listing {
    /// Looks through `top`. Links are followed, but no folder is entered twice.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) when a folder cannot be read, is reached twice or
    /// is too deep.
    pub fn new(top: &Path, reading: &Reading) -> Result<Listing> {
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
                    let format = if reading.early { early(&relative) } else { Format::of(&entry.path()) };
                    listing.add(relative, format, depth == 0);
                }
            }
        }
        listing.arrays.sort();
        listing.others.sort();
        // Not by component, as paths are compared: `a-b/1` comes before `a/1`, as in other tools.
        listing.pictures.sort_by_cached_key(|path| bytes_of(path));
        Ok(listing)
    }

    fn add(&mut self, path: PathBuf, format: Option<Format>, is_at_top: bool) {
        match format {
            Some(Format::Picture) => self.pictures.push(path),
            Some(Format::Array) if is_at_top => self.arrays.push(path),
            Some(Format::Zip | Format::Table | Format::Idx) if is_at_top => self.others.push(path),
            _ => *self.rest.entry(ending(&path)).or_default() += 1,
        }
    }

    /// Decodes all pictures, in parallel, at `shape`.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) when one or more are broken (with their number and
    /// names) and not to be passed over, or all are, or when all together take more memory than
    /// there is.
    pub fn read(mut self, top: &Path, shape: Shape, reading: &Reading) -> Result<Loaded> {
        let all = self.pictures.len();
        let count = u32::try_from(all).map_err(|_| Error::data(format!("{} holds {all} pictures", top.display())))?;
        log::debug!("reading {count} pictures from {}", top.display());
        let mut pixels = files::room_for_images(count, shape).map_err(files::at(top))?;
        let images = pixels.par_chunks_exact_mut(shape.bytes()).zip(&self.pictures);
        let results: Vec<Result<Seen>> = images
            .map_init(Cover::default, |cover, (out, path)| read_one(&top.join(path), cover, out, shape, reading))
            .collect();
        let broken: Vec<_> = self
            .pictures
            .iter()
            .zip(&results)
            .filter_map(|(path, result)| Some(format!("{} ({})", path.display(), result.as_ref().err()?)))
            .map(|line| line.replace(char::is_control, "\u{fffd}"))
            .collect();
        if !broken.is_empty() {
            if !reading.skip_broken || broken.len() == all {
                return Err(not_usable(top, all, &broken));
            }
            let mut whole = results.iter().map(Result::is_ok);
            self.pictures.retain(|_| whole.next().unwrap_or(false));
            keep(&mut pixels, shape.bytes(), results.iter().map(Result::is_ok));
        }
        let count = count - broken.len() as u32;
        let seen = Pictures::of(results.into_iter().flatten());
        let labels = self.labels(top);
        let classes = match &labels {
            Ok(Some(labels)) => format!(" in {} classes", labels.classes().len()),
            _ => String::new(),
        };
        let mut remark = format!("{count} pictures{classes} from {}, brought to {shape}", top.display());
        remark.extend(seen.ground(reading.ground).map(|ground| format!("; {ground}")));
        remark.extend(self.passed_over().map(|others| format!("; passed over {others}")));
        if !broken.is_empty() {
            remark.push_str(&format!("; left out {} broken ones", broken.len()));
        }
        let mut loaded = Loaded::new(pixels, count, Some(remark), labels, beside::none_of_pictures(top));
        loaded.survey(shape, seen.span(), seen.invisible());
        loaded.broken = broken;
        loaded.is_of_files = true;
        Ok(loaded)
    }

    /// How many files of which kinds are no pictures, where there are such.
    fn passed_over(&self) -> Option<String> {
        let mut counts = self.rest.clone();
        let others = self.others.iter().filter(|path| !beside::is_of_labels(path));
        others.for_each(|path| *counts.entry(ending(path)).or_default() += 1);
        let mut counts: Vec<_> = counts.into_iter().collect();
        // What there is most of first.
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rest: u64 = counts.iter().skip(NAMED).map(|(_, count)| count).sum();
        let named = counts.iter().take(NAMED).map(|(ending, count)| format!("{count} {ending}"));
        let all: Vec<_> = named.chain((rest > 0).then(|| format!("{rest} others"))).collect();
        (!all.is_empty()).then(|| all.join(", "))
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

/// What the first versions read in folders, by endings alone.
fn early(path: &Path) -> Option<Format> {
    match path.extension()?.to_ascii_lowercase().to_str()? {
        "png" | "jpg" | "jpeg" => Some(Format::Picture),
        "npy" => Some(Format::Array),
        _ => None,
    }
}

/// What a file's name ends in, for people.
fn ending(path: &Path) -> String {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.map_or_else(
        || "without an ending".to_string(),
        |ending| format!(".{}", ending.replace(char::is_control, "\u{fffd}")),
    )
}

/// Keeps some of the images in `pixels`, each of `size` bytes.
fn keep(pixels: &mut Vec<u8>, size: usize, kept: impl Iterator<Item = bool>) {
    let mut end = 0;
    for (image, _) in kept.enumerate().filter(|(_, is_kept)| *is_kept) {
        pixels.copy_within(image * size..(image + 1) * size, end);
        end += size;
    }
    pixels.truncate(end);
}

/// The bytes of a relative path, with `/` between its parts on every system.
fn bytes_of(path: &Path) -> Vec<u8> {
    path.iter().map(OsStr::as_encoded_bytes).collect::<Vec<_>>().join(&b'/')
}

fn read_one(path: &Path, cover: &mut Cover, out: &mut [u8], shape: Shape, reading: &Reading) -> Result<Seen> {
    let unreadable = |cause: std::io::Error| Error::data(format!("it cannot be read: {cause}"));
    let file = fs::metadata(path).map_err(unreadable)?;
    if !file.is_file() {
        return Err(Error::data("it is not a regular file"));
    }
    if file.len() > LARGEST_FILE {
        let (size, most) = (file.len() >> 20, LARGEST_FILE >> 20);
        return Err(Error::data(format!("its {size} MiB are too many; at most {most} are read")));
    }
    decode_into(&fs::read(path).map_err(unreadable)?, cover, out, shape, reading)
}

fn not_usable(top: &Path, all: usize, broken: &[String]) -> Error {
    let (count, top, named) = (broken.len(), top.display(), broken.join(", "));
    let others = if count < all { ", or go on without them with --skip-broken" } else { "" };
    Error::data(format!("{count} of {all} pictures in {top} cannot be used: {named}; replace or remove them{others}"))
}

#[cfg(test)]
mod tests;
