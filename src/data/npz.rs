//! Archives of arrays that NumPy saved (`numpy.savez`, `numpy.savez_compressed`): `file.npz`, or
//! `file.npz:key` for one of the arrays.
//!
//! Which array holds the training images is told by its name, where there are several, and so are
//! the labels that belong to it. Nothing is allocated on the word of the archive.

use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::RawImages;
use super::files::{at, check_density, damaged, open};
use super::labels::{Labels, check_count};
use super::npy::{self, Wanted};
use crate::error::{Error, Result};

/// What the training images are called, as MedMNIST, Keras and others do; the first that is there
/// is meant.
const IMAGES: [&str; 8] = ["train_images", "x_train", "train_x", "images", "imgs", "x", "data", "arr_0"];

/// What the labels of such images are called.
const LABELS: [(&str, &[&str]); 8] = [
    ("images", &["labels", "label"]),
    ("imgs", &["labels", "label"]),
    ("x_", &["y_"]),
    ("_x", &["_y"]),
    ("x", &["y", "labels"]),
    ("data", &["labels", "target", "targets"]),
    ("arr_0", &["arr_1"]),
    ("img", &["label"]),
];

/// The most arrays of an archive: each file of ImageNet in one is no data set of this kind.
const MOST: usize = 1000;

/// What the name of an array ends in, within the archive.
const NPY: &str = ".npy";

/// Images out of an archive.
#[derive(Debug)]
pub struct Chosen {
    /// The array with the images.
    pub key: String,
    /// The other arrays.
    pub others: Vec<String>,
    /// Its images.
    pub images: RawImages,
    /// The array with the labels, and those.
    pub labels: Result<Option<Labels>>,
}

/// What the arrays of an archive are called.
#[derive(Debug)]
pub struct Keys {
    /// That of the images.
    pub key: String,
    /// The others.
    pub others: Vec<String>,
}

/// The path of a file and the key within it that `file.npz:key` names.
pub fn split(spec: &str) -> Option<(PathBuf, &str)> {
    let lower = spec.to_ascii_lowercase();
    let end = lower.rfind(".npz:")? + ".npz".len();
    Some((PathBuf::from(&spec[..end]), &spec[end + 1..]))
}

/// Reads the images called `key`, or else the training images, and their labels.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when the file cannot be read, is no such archive, or
/// when it does not tell which array is meant.
pub fn read(path: &Path, key: Option<&str>, wanted: Wanted) -> Result<Chosen> {
    let (source, length) = open(path)?;
    parse(source, length, key, wanted).map_err(at(path))
}

/// Reads from the content of a file of `length` bytes.
///
/// # Errors
///
/// As [`read`], without the file's name.
pub fn parse(source: impl Read + Seek, length: u64, key: Option<&str>, wanted: Wanted) -> Result<Chosen> {
    let mut archive = Archive::new(source, length)?;
    let (key, others) = archive.choose(key)?;
    let images = archive.array(&key, |source, length| npy::parse(source, length, wanted))?;
    let labels = archive.labels_of(&key, images.count);
    Ok(Chosen { key, others, images, labels })
}

/// What the images called `key`, or else the training images, are called, and the other arrays.
///
/// # Errors
///
/// As [`read`].
pub fn choose(path: &Path, key: Option<&str>) -> Result<Keys> {
    let (source, length) = open(path)?;
    let chosen = Archive::new(source, length).and_then(|mut archive| archive.choose(key)).map_err(at(path))?;
    Ok(Keys { key: chosen.0, others: chosen.1 })
}

/// Reads the labels of `count` images from an archive of nothing else.
///
/// # Errors
///
/// As [`read`].
pub fn read_labels(path: &Path, count: u32) -> Result<Labels> {
    let (source, length) = open(path)?;
    let labels = || {
        let mut archive = Archive::new(source, length)?;
        let (key, _) = archive.choose(None)?;
        archive.labels(&key, count)
    };
    labels().map_err(at(path))
}

struct Archive<R> {
    archive: ZipArchive<R>,
    /// Bytes of the file.
    length: u64,
    /// The names of the arrays, sorted.
    keys: Vec<String>,
}

impl<R: Read + Seek> Archive<R> {
    fn new(source: R, length: u64) -> Result<Self> {
        if length == 0 {
            return Err(damaged("it has no content"));
        }
        let archive = ZipArchive::new(source).map_err(|cause| broken(&cause))?;
        let names = archive.file_names().filter_map(|name| name.ok());
        let mut keys: Vec<_> = names.filter_map(|name| Some(name.strip_suffix(NPY)?.to_owned())).collect();
        keys.sort();
        if keys.is_empty() {
            return Err(Error::data(
                "it is a zip archive without arrays of NumPy; unpack it and name the folder or file that came out",
            ));
        }
        if keys.len() > MOST {
            let many = keys.len();
            return Err(Error::data(format!(
                "it holds {many} arrays; at most {MOST} are read; save the images as one"
            )));
        }
        Ok(Archive { archive, length, keys })
    }

    /// The array that is meant, and all others.
    fn choose(&mut self, asked: Option<&str>) -> Result<(String, Vec<String>)> {
        let listed = self.keys.iter().map(|key| one_line(key)).collect::<Vec<_>>().join(", ");
        let key = match asked {
            Some(asked) if self.keys.iter().any(|key| key == asked) => asked.to_owned(),
            Some(asked) => {
                let asked = one_line(asked);
                return Err(Error::data(format!("it holds no array `{asked}`; it has {listed}")));
            }
            None => self.training_images().ok_or_else(|| {
                Error::data(format!(
                    "it does not tell which of its arrays are the images ({listed}); name one behind the file and a colon, \
                     such as file.npz:{}",
                    self.keys.first().map_or_else(String::new, |key| one_line(key))
                ))
            })?,
        };
        let others = self.keys.iter().filter(|other| **other != key).cloned().collect();
        Ok((key, others))
    }

    /// The one array that can be images, or one that is called so.
    fn training_images(&mut self) -> Option<String> {
        if let [only] = &self.keys[..] {
            return Some(only.clone());
        }
        let is_called = |key: &&String, name: &str| key.eq_ignore_ascii_case(name);
        let called = IMAGES.iter().find_map(|name| self.keys.iter().find(|key| is_called(key, name)).cloned());
        called.or_else(|| {
            let keys = self.keys.clone();
            let mut several = keys.into_iter().filter(|key| self.axes(key).is_some_and(|axes| axes.len() > 2));
            several.next().filter(|_| several.next().is_none())
        })
    }

    fn axes(&mut self, key: &str) -> Option<Vec<u64>> {
        let file = self.archive.by_name(&format!("{key}{NPY}")).ok()?;
        npy::axes(BufReader::new(file)).ok()
    }

    /// What `parse` makes of an array, of which it is told the length.
    fn array<T>(&mut self, key: &str, parse: impl FnOnce(&mut dyn std::io::BufRead, u64) -> Result<T>) -> Result<T> {
        let named = |error: Error| error.clone().reworded(format!("{}: {error}", one_line(key)));
        let file = self.archive.by_name(&format!("{key}{NPY}")).map_err(|cause| named(broken(&cause)))?;
        let (size, packed) = (file.size(), file.compressed_size().min(self.length));
        check_density(size, packed.max(1)).map_err(named)?;
        // To its end, where size and checksum are compared with what the archive declares.
        parse(&mut BufReader::new(file), size).map_err(named)
    }

    /// The labels of the images `key`.
    fn labels_of(&mut self, key: &str, count: u32) -> Result<Option<Labels>> {
        let lower = key.to_ascii_lowercase();
        let names = LABELS.iter().filter(|(images, _)| lower.contains(images));
        let names = names.flat_map(|&(images, labels)| {
            labels.iter().map(|labels| lower.replacen(images, labels, 1)).collect::<Vec<_>>()
        });
        let found = names.into_iter().find_map(|name| {
            self.keys.iter().find(|other| other.eq_ignore_ascii_case(&name) && *other != key).cloned()
        });
        found.map(|found| self.labels(&found, count)).transpose()
    }

    /// The array `key` as labels of `count` images.
    fn labels(&mut self, key: &str, count: u32) -> Result<Labels> {
        self.array(key, |source, length| {
            let values = npy::parse_labels(source, length, |labels| check_count(labels, count))?;
            Labels::of_numbers(&values)
        })
    }
}

/// A name in a message.
fn one_line(name: &str) -> String {
    let short: String = name.chars().take(60).collect();
    short.replace(char::is_control, "\u{fffd}")
}

/// What is wrong with an archive, in one line.
fn broken(cause: &ZipError) -> Error {
    let text = cause.to_string().replace(char::is_control, " ");
    match cause {
        ZipError::UnsupportedArchive(_) => {
            Error::data(format!("it is a zip archive of a kind that is not read ({text}); save it with numpy.savez"))
        }
        _ => damaged(&format!("it is a damaged zip archive ({text})")),
    }
}
