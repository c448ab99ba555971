use std::fs;

use super::*;
use crate::data::DataSet;
use crate::error::Kind;

use crate::data::makers::{flat_jpeg, flat_png, grey_png};

const SHAPE: Shape = Shape { height: 2, width: 2, channels: 1 };

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let top = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = top.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    top
}

/// The class of each picture.
fn labels(set: &DataSet) -> Option<Vec<u32>> {
    (0..set.len()).map(|index| set.label_of(0, index)).collect()
}

fn open(top: &Path) -> Result<DataSet> {
    DataSet::open(top.to_str().unwrap(), None, SHAPE, 0)
}

#[track_caller]
fn refused(top: &Path, because: &str) {
    let error = open(top).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let message = error.to_string();
    assert!(message.contains(because) && !message.contains('\n'), "{message:?} does not say {because:?}");
}

fn grey(value: u8) -> Vec<u8> {
    flat_png(3, 2, [value; 3])
}

#[test]
fn reads_classes_in_the_order_of_bytes() {
    let top = folder(&[
        ("b/1.png", &grey(10)),
        ("b/deep/er/0.PNG", &grey(20)),
        ("a-b/9.jpeg", &flat_jpeg(4, 4, [30; 3])),
        ("a/1.JPG", &flat_jpeg(4, 4, [40; 3])),
        ("C/2.png", &grey(50)),
        ("notes.txt", b"no picture"),
        (".hidden.png", b"hidden"),
        (".hidden/1.png", b"hidden"),
    ]);
    let set = open(top.path()).unwrap();
    let firsts: Vec<u8> = set.resident().unwrap().iter().step_by(4).copied().collect();
    assert_eq!(firsts, [50, 30, 40, 10, 20], "C/2.png, a-b/9.jpeg, a/1.JPG, b/1.png, b/deep/er/0.PNG");
    assert_eq!(set.classes(), ["C", "a", "a-b", "b"]);
    assert_eq!(labels(&set), Some(vec![0, 2, 1, 3, 3]));
    let remark = set.remark().unwrap();
    assert!(
        remark.starts_with("5 pictures in 4 classes from ") && remark.ends_with("brought to 2×2×1; passed over 1 .txt"),
        "{remark}"
    );
}

#[test]
fn without_a_class_for_each_there_is_none() {
    let top = folder(&[("1.png", &grey(1)), ("a/2.png", &grey(2))]);
    let set = open(top.path()).unwrap();
    assert_eq!((set.len(), labels(&set), set.classes()), (2, None, &[][..]));
    assert!(set.remark().unwrap().starts_with("2 pictures from "));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let sizes: Vec<(String, Vec<u8>)> = (1..40).map(|i| (format!("{i}.png"), grey_png(3 + i % 7, 2 + i % 5))).collect();
    let top = folder(&sizes.iter().map(|(name, file)| (name.as_str(), file.as_slice())).collect::<Vec<_>>());
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| open(top.path()).unwrap().resident().unwrap().to_vec())
    };
    assert_eq!(on(1), on(5));
}

#[test]
fn broken_files_are_counted_and_named() {
    let good = grey(1);
    let top = folder(&[
        ("good.png", &good),
        ("page.png", b"<html>"),
        ("cut.png", &good[..good.len() - 20]),
        ("x/empty.jpg", b""),
    ]);
    refused(top.path(), "3 of 4 pictures in ");
    let empty = Path::new("x").join("empty.jpg");
    let broken = format!(
        "cannot be used: cut.png (it is truncated), page.png (it is a web page, not data), {} (it has no content); \
         replace or remove them",
        empty.display()
    );
    refused(top.path(), &broken);
    let many: Vec<String> = (0..9).map(|i| format!("{i}.png")).collect();
    let top = folder(&many.iter().map(|name| (name.as_str(), &b"text"[..])).collect::<Vec<_>>());
    refused(top.path(), "9 of 9 pictures in ");
    // All of them are named.
    refused(
        top.path(),
        "8.png (it is something else, not a PNG, JPEG, WebP, BMP, TIFF or GIF); replace or remove them",
    );
}

#[test]
fn folders_too_deep_are_refused() {
    let deep = format!("{}1.png", "d/".repeat(DEEPEST + 1));
    refused(folder(&[(&deep, &grey(1))]).path(), "is more than 32 folders deep");
    let deep = format!("{}1.png", "d/".repeat(DEEPEST));
    assert_eq!(open(folder(&[(&deep, &grey(1))]).path()).unwrap().len(), 1);
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let elsewhere = folder(&[("1.png", &grey(1))]);
    let top = folder(&[("a/2.png", &grey(2))]);
    symlink(elsewhere.path(), top.path().join("b")).unwrap();
    symlink(elsewhere.path().join("1.png"), top.path().join("a/3.png")).unwrap();
    assert_eq!(labels(&open(top.path()).unwrap()), Some(vec![0, 0, 1]));

    symlink("..", top.path().join("a/up")).unwrap();
    refused(top.path(), "are the same folder; remove the link that leads there twice, or in a circle");
    fs::remove_file(top.path().join("a/up")).unwrap();
    symlink(elsewhere.path(), top.path().join("c")).unwrap();
    refused(top.path(), "are the same folder");
    fs::remove_file(top.path().join("c")).unwrap();
    symlink("self.png", top.path().join("a/self.png")).unwrap();
    symlink("nowhere", top.path().join("a/gone.jpg")).unwrap();
    refused(top.path(), "2 of 5 pictures in ");
}

#[cfg(unix)]
#[test]
fn names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let top = folder(&[("z/1.png", &grey(1))]);
    let odd = top.path().join(OsStr::from_bytes(b"\xff\xfe"));
    // Some file systems take text only.
    if fs::create_dir(&odd).is_ok() {
        fs::write(odd.join(OsStr::from_bytes(b"\xc3.png")), grey(2)).unwrap();
        let set = open(top.path()).unwrap();
        assert_eq!(labels(&set), Some(vec![0, 1]));
        assert_eq!(set.classes(), ["z", "\u{fffd}\u{fffd}"]);
    }
}
