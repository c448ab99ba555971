use std::path::PathBuf;

use super::*;
use crate::error::Kind;

use crate::data::makers::{array, flat_png, idx};

const SHAPE: Shape = Shape { height: 2, width: 2, channels: 1 };

fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let top = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(top.path().join(name), content).unwrap();
    }
    top
}

fn two() -> Vec<u8> {
    idx(&[2, 2, 2], &[7; 8])
}

fn three() -> Vec<u8> {
    array("|u1", "(3, 2, 2)", &[8; 12])
}

fn picture() -> Vec<u8> {
    flat_png(2, 2, [9; 3])
}

#[track_caller]
fn refused(path: &Path, because: &str) {
    let error = load(path, SHAPE, &Reading::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains(because), "{error} does not say {because:?}");
}

#[test]
fn a_folder_is_what_is_in_it() {
    let count = |files: &[(&str, Vec<u8>)]| load(folder(files).path(), SHAPE, &Reading::default()).unwrap().count;
    assert_eq!(count(&[("train-images-idx3-ubyte", two()), ("a.npy", three()), ("preview.png", picture())]), 2);
    assert_eq!(count(&[("a.npy", three()), ("readme.txt", vec![])]), 3);
    assert_eq!(count(&[("a.png", picture()), ("readme.txt", vec![])]), 1);
    // Pictures that came out of an IDX file.
    assert_eq!(count(&[("images-idx3-1.png", picture()), ("images-idx3-2.PNG", picture())]), 2);
}

#[test]
fn what_could_be_meant_in_two_ways_is_refused() {
    refused(folder(&[]).path(), "holds no images; put pictures (PNG, JPEG, WebP, BMP, TIFF or GIF), one .npy or .npz");
    refused(folder(&[("a.mp4", vec![]), ("b.txt", vec![])]).path(), "holds no images");
    let arrays = [("a.npy", three()), ("b.npy", three())];
    refused(folder(&arrays).path(), "holds 2 .npy arrays; name one of them");
    let both = [("a.npy", three()), ("b.png", picture())];
    refused(folder(&both).path(), "holds both arrays (a.npy) and pictures (b.png)");
}

#[test]
fn labels_beside_archives_and_tables_are_none_of_the_images() {
    let archive = crate::data::makers::zip(&[("x.npy", &three())], false);
    let numbers = || array("|u1", "(3,)", &[1, 0, 1]);
    let table = || b"1,2,3,4\n5,6,7,8\n".to_vec();
    for files in [
        vec![("data.npz", archive.clone()), ("labels.npy", numbers())],
        vec![("data.npz", archive.clone()), ("data-labels.npy", numbers())],
        vec![("data.npz", archive.clone()), ("data.csv", b"1\n0\n1\n".to_vec())],
        vec![("train.npz", archive.clone()), ("test.npz", archive.clone()), ("labels.csv", b"1\n0\n1\n".to_vec())],
    ] {
        let loaded = load(folder(&files).path(), SHAPE, &Reading::default()).unwrap();
        assert_eq!((loaded.count, loaded.labels.unwrap().of()), (3, &[1, 0, 1][..]));
    }
    let two = load(folder(&[("data.csv", table()), ("notes.txt", vec![])]).path(), SHAPE, &Reading::default()).unwrap();
    assert_eq!(two.count, 2);
}

/// As the authors of KMNIST-49 publish it.
#[test]
fn archives_of_images_and_labels_belong_together() {
    let archive = |array: Vec<u8>| crate::data::makers::zip(&[("arr_0.npy", &array)], true);
    let files = folder(&[
        ("k49-train-imgs.npz", archive(three())),
        ("k49-train-labels.npz", archive(array("|u1", "(3,)", &[48, 0, 7]))),
        ("k49-test-imgs.npz", archive(array("|u1", "(2, 2, 2)", &[9; 8]))),
        ("k49-test-labels.npz", archive(array("|u1", "(2,)", &[1, 2]))),
    ]);
    let loaded = load(files.path(), SHAPE, &Reading::default()).unwrap();
    assert_eq!((loaded.count, loaded.labels.unwrap().of()), (3, &[2, 0, 1][..]));
    let loaded = load(&files.path().join("k49-test-imgs.npz"), SHAPE, &Reading::default()).unwrap();
    assert_eq!((loaded.count, loaded.labels.unwrap().of()), (2, &[0, 1][..]));
}

/// What begins like a picture and is called something else.
#[test]
fn weak_signs_of_pictures_need_a_name_that_agrees() {
    let files = [("a.png", picture()), ("BMI.txt", b"BMI is a number".to_vec()), ("b.nef", b"II*\0 raw".to_vec())];
    let loaded = load(folder(&files).path(), SHAPE, &Reading::default()).unwrap();
    assert_eq!(loaded.count, 1);
    assert!(loaded.remark.unwrap().ends_with("passed over 1 .nef, 1 .txt"));
    refused(folder(&[("a.png", picture()), ("b.png", three())]).path(), "b.png (it is a NumPy array, not a PNG");
}

#[test]
fn a_file_is_told_by_its_content() {
    let files = folder(&[("a.npy", three()), ("b", three()), ("c", two()), ("d.npy", two()), ("e.dat", picture())]);
    let at = |name: &str| -> PathBuf { files.path().join(name) };
    assert_eq!(load(&at("a.npy"), SHAPE, &Reading::default()).unwrap().count, 3);
    assert_eq!(load(&at("b"), SHAPE, &Reading::default()).unwrap().count, 3);
    assert_eq!(load(&at("c"), SHAPE, &Reading::default()).unwrap().count, 2);
    // Its name says otherwise.
    assert_eq!(load(&at("d.npy"), SHAPE, &Reading::default()).unwrap().count, 2);
    refused(&at("e.dat"), "is a single picture; name the folder that holds it");
    refused(&at("f"), "there is no data set, folder or file");
    // Windows does not tell that the way there leads through a file.
    let through_a_file = if cfg!(windows) { "there is no data set, folder or file" } else { "Not a directory" };
    refused(&at("a.npy").join("b"), through_a_file);
}
