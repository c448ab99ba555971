//! Label files beside images: beside an array, and in or beside a folder of pictures.

use std::fs;
use std::path::{Path, PathBuf};

use super::table::{self, Images};
use super::{Labels, check_count};
use crate::data::files::{at, open, opening};
use crate::data::{npy, npz};
use crate::error::{Error, Result};

/// The labels of whatever images are in the same folder.
pub const ARRAY: &str = "labels.npy";
const TABLE: &str = "labels.csv";

/// What the name of an array of labels has after that of the images.
pub const ENDINGS: [&str; 2] = ["-labels.npy", "_labels.npy"];

/// The most bytes of a table.
const LARGEST: u64 = 256 << 20;

/// The labels of the array of `count` images in the file `path`, where a file has them.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when one should and does not, or when several do.
pub fn of_array(path: &Path, count: u32) -> Result<Option<Labels>> {
    let groups = beside_array(path);
    find(&groups)?.map(|labels| read(labels, Images::InOrder(count), count)).transpose()
}

/// The labels of the pictures `files` (the bytes of their relative paths) in the folder `top`,
/// where a file has them.
///
/// # Errors
///
/// As [`of_array`].
pub fn of_pictures(top: &Path, files: &[Vec<u8>]) -> Result<Option<Labels>> {
    let groups = beside_folder(top);
    find(&groups)?.map(|labels| read(labels, Images::Files(files), files.len() as u32)).transpose()
}

/// Whether a file in a folder of pictures has their labels.
pub fn is_of_labels(file: &Path) -> bool {
    file == Path::new(ARRAY) || file == Path::new(TABLE)
}

/// The labels in the archive that is called as that of the images `path`, but for the word labels,
/// where there is one: `k49-train-labels.npz` beside `k49-train-imgs.npz`.
///
/// # Errors
///
/// As [`of_array`].
pub fn of_archive(path: &Path, count: u32) -> Result<Option<Labels>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let other = ["images", "imgs"].into_iter().find(|word| name.contains(word));
    let other = other.map(|word| path.with_file_name(name.replacen(word, "labels", 1))).filter(|path| path.is_file());
    other.map(|path| npz::read_labels(&path, count)).transpose()
}

/// The error for an array without labels: where they were looked for, and what to do.
pub fn none_of_array(path: &Path) -> Error {
    let looked = list(&beside_array(path));
    Error::data(format!(
        "{} has no labels: there is none of {looked}; save one whole number an image as such an array, or a CSV file with \
         a column label",
        path.display()
    ))
}

/// The error for a folder without labels: where they were looked for, and what to do.
pub fn none_of_pictures(top: &Path) -> Error {
    let looked = list(&beside_folder(top));
    Error::data(format!(
        "{} has no labels: not every picture is in a folder of its class, and there is none of {looked}; move each \
         picture to a folder of its class, or write {TABLE} with lines file,label",
        top.display()
    ))
}

/// Files that belong to the images by their own name, then by lying there.
type Groups = [Vec<PathBuf>; 2];

fn beside_array(path: &Path) -> Groups {
    let folder = path.parent().unwrap_or(Path::new(""));
    // A file of images may bear any name.
    let others = |group: Vec<PathBuf>| group.into_iter().filter(|other| other != path).collect();
    [named(folder, path.file_stem()), vec![folder.join(ARRAY), folder.join(TABLE)]].map(others)
}

fn beside_folder(top: &Path) -> Groups {
    let inside = vec![top.join(ARRAY), top.join(TABLE)];
    // `.` has a name elsewhere.
    let whole = if top.file_name().is_none() { fs::canonicalize(top).ok() } else { None };
    let top = whole.as_deref().unwrap_or(top);
    let beside = top.parent().map(|folder| named(folder, top.file_name())).unwrap_or_default();
    [inside, beside]
}

/// The files in `folder` that have the labels of what is called `name`.
fn named(folder: &Path, name: Option<&std::ffi::OsStr>) -> Vec<PathBuf> {
    let Some(name) = name else { return Vec::new() };
    let with = |ending: &str| {
        let mut name = name.to_owned();
        name.push(ending);
        folder.join(name)
    };
    ENDINGS.into_iter().chain([".csv"]).map(with).collect()
}

/// The file with the labels: one of the first group that has any.
fn find(groups: &Groups) -> Result<Option<&Path>> {
    for group in groups {
        let found: Vec<&Path> = group.iter().map(PathBuf::as_path).filter(|path| path.exists()).collect();
        if let [first, second, ..] = found[..] {
            let (first, second) = (first.display(), second.display());
            return Err(Error::data(format!("{first} and {second} both hold labels; keep one of them")));
        }
        if let [only] = found[..] {
            return Ok(Some(only));
        }
    }
    Ok(None)
}

fn list(groups: &Groups) -> String {
    let paths = groups.iter().flatten().map(|path| path.display().to_string());
    paths.collect::<Vec<_>>().join(", ")
}

fn read(path: &Path, images: Images<'_>, count: u32) -> Result<Labels> {
    let (mut source, length) = open(path)?;
    let labels = || {
        if path.extension().is_some_and(|ending| ending == "npy") {
            let values = npy::parse_labels(source, length, |labels| check_count(labels, count))?;
            return Labels::of_numbers(&values);
        }
        if length > LARGEST {
            let (size, most) = (length >> 20, LARGEST >> 20);
            return Err(Error::data(format!("its {size} MiB are too many; at most {most} are read")));
        }
        opening(&mut source)?;
        table::parse(source, images)
    };
    let labels = labels().map_err(at(path))?;
    log::debug!("labels of {} classes from {}", labels.classes().len(), path.display());
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataSet;
    use crate::data::makers::{array, flat_png};
    use crate::error::Kind;
    use crate::shape::Shape;

    const SHAPE: Shape = Shape { height: 2, width: 2, channels: 1 };

    /// A folder with these files, and the data set at `spec` in it.
    fn opened(spec: &str, files: &[(&str, &[u8])]) -> (tempfile::TempDir, DataSet) {
        let top = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = top.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let set = DataSet::open(top.path().join(spec).to_str().unwrap(), None, SHAPE, 0).unwrap();
        (top, set)
    }

    /// The class of each image, with the names of the classes.
    #[track_caller]
    fn labelled(spec: &str, files: &[(&str, &[u8])], expected: &[u32], classes: &[&str]) {
        let (_top, set) = opened(spec, files);
        let all: Vec<u32> = (0..set.len()).collect();
        let mut labels = vec![9; all.len()];
        assert_eq!(set.require_labels().unwrap(), classes);
        set.fill_labels(3, &all, &mut labels);
        assert_eq!(labels, expected);
        let one_by_one: Vec<_> = all.iter().map(|&index| set.label_of(0, index).unwrap()).collect();
        assert_eq!(one_by_one, labels);
        assert_eq!((set.class_count() as usize, set.class_name(0)), (classes.len(), Some(classes[0])));
        assert!(set.class_name(set.class_count()).is_none() && set.labels_digest().is_some());
    }

    /// What is wrong with the labels; the images can be used without.
    #[track_caller]
    fn unlabelled(spec: &str, files: &[(&str, &[u8])], because: &str, is_remarked: bool) {
        let (_top, set) = opened(spec, files);
        let error = set.require_labels().unwrap_err();
        let message = error.to_string();
        assert_eq!(error.kind(), Kind::Data);
        assert!(message.contains(because) && !message.contains('\n'), "{message:?} does not say {because:?}");
        assert_eq!((set.class_count(), set.label_of(0, 0), set.labels_digest()), (0, None, None));
        let remarked =
            set.remark().is_some_and(|remark| remark.ends_with(&format!("labels cannot be used: {message}")));
        assert_eq!(remarked, is_remarked, "{:?}", set.remark());
    }

    fn images() -> Vec<u8> {
        array("|u1", "(3, 2, 2)", &[7; 12])
    }

    fn numbers(values: [u8; 3]) -> Vec<u8> {
        array("|u1", "(3,)", &values)
    }

    #[test]
    fn arrays_have_labels_beside_them() {
        let (images, labels) = (images(), numbers([5, 1, 5]));
        for (spec, name, file) in [
            ("a.npy", "labels.npy", &labels[..]),
            ("a.npy", "a-labels.npy", &labels),
            ("a.npy", "a_labels.npy", &labels),
            ("a.npy", "a.csv", b"5\n1\n5\n"),
            ("a.npy", "labels.csv", b"id,label\n0,5\n1,1\n2,5\n"),
            // The folder: names say which of the arrays holds the images.
            (".", "labels.npy", &labels),
            (".", "a-labels.npy", &labels),
            ("", "a_labels.npy", &labels),
        ] {
            labelled(spec, &[("a.npy", &images), (name, file)], &[1, 0, 1], &["1", "5"]);
        }
        let own_first = [("a.npy", &images[..]), ("labels.csv", b"x"), ("a.csv", b"u\nv\nu\n")];
        labelled("a.npy", &own_first, &[0, 1, 0], &["u", "v"]);
        // Images may be called so, too.
        let (_top, set) = opened("", &[("labels.npy", &images)]);
        assert_eq!((set.len(), set.class_count()), (3, 0));
    }

    #[test]
    fn pictures_have_labels_in_their_folder_or_beside_it() {
        let png = flat_png(2, 2, [9; 3]);
        let pictures = [("set/a/2.png", &png[..]), ("set/b.png", &png), ("set/a/1.png", &png)];
        for (name, file) in [
            ("set/labels.csv", &b"file,label\nb.png,dog\na/1.png,cat\na/2.png,dog\n"[..]),
            ("set.csv", b"b.png,dog\na/1.png,cat\na/2.png,dog\n"),
        ] {
            labelled("set", &[&pictures[..], &[(name, file)]].concat(), &[0, 1, 1], &["cat", "dog"]);
            labelled("set/", &[&pictures[..], &[(name, file)]].concat(), &[0, 1, 1], &["cat", "dog"]);
            labelled("set/a/..", &[&pictures[..], &[(name, file)]].concat(), &[0, 1, 1], &["cat", "dog"]);
        }
        for name in ["set/labels.npy", "set-labels.npy", "set_labels.npy"] {
            labelled("set", &[&pictures[..], &[(name, &numbers([3, 0, 8]))]].concat(), &[1, 0, 2], &["0", "3", "8"]);
        }
        // A file says more than folders.
        let folders = [("set/a/1.png", &png[..]), ("set/b/1.png", &png)];
        labelled("set", &folders, &[0, 1], &["a", "b"]);
        let file = ("set/labels.csv", &b"b/1.png,7\na/1.png,8\n"[..]);
        labelled("set", &[&folders[..], &[file]].concat(), &[1, 0], &["7", "8"]);
    }

    #[test]
    fn where_there_are_none_is_said() {
        unlabelled("a.npy", &[("a.npy", &images())], "a.npy has no labels: there is none of ", false);
        for place in ["a-labels.npy", "a_labels.npy", "a.csv", "labels.npy", "labels.csv; save one whole number"] {
            unlabelled("a.npy", &[("a.npy", &images())], place, false);
        }
        let png = flat_png(2, 2, [9; 3]);
        let pictures = [("set/a/1.png", &png[..]), ("set/b.png", &png)];
        for place in ["set/labels.npy", "set/labels.csv", "set-labels.npy", "set_labels.npy", "set.csv; move each"] {
            let place = place.replace('/', std::path::MAIN_SEPARATOR_STR);
            unlabelled("set", &pictures, &place, false);
        }
    }

    #[test]
    fn labels_that_cannot_be_used_are_remarked() {
        let (images, labels) = (images(), numbers([1, 2, 3]));
        let beside = |name: &str, file: &[u8], because: &str| {
            unlabelled("a.npy", &[("a.npy", &images), (name, file)], because, true);
        };
        beside("labels.npy", &array("|u1", "(2,)", &[0; 2]), "labels.npy: it holds 2 labels for 3 images; replace");
        beside("labels.npy", &array("<f4", "(3,)", &[0; 12]), "type \"<f4\", not whole numbers; save one");
        beside("labels.npy", &images, "its shape [3, 2, 2] has not one axis");
        beside("labels.csv", b"1\n2\n", "labels.csv: it holds 2 labels for 3 images; replace");
        beside("labels.csv", b"<html>", "labels.csv: it is a web page, not data");
        beside("labels.csv", b"", "labels.csv: it has no content");
        let two = [("a.npy", &images[..]), ("a.csv", b"1\n2\n3\n"), ("a-labels.npy", &labels)];
        unlabelled("a.npy", &two, "a.csv both hold labels; keep one of them", true);
    }
}
