//! Label files beside images, of which each is refused where labels are asked for.

use std::path::MAIN_SEPARATOR_STR;

use dcgan_gpu::data::DataSet;
use dcgan_gpu::error::Kind;
use dcgan_gpu::shape::Shape;

use crate::bench::Bench;
use crate::common::makers::{array, flat_png, grey_png, noise, npy};

/// What is wrong with the labels of the data set at `name`.
fn problem(bench: &Bench, name: &str, fragment: &str) -> Option<String> {
    let shape = Shape { height: 8, width: 8, channels: 1 };
    let set = DataSet::open(bench.path(name).to_str().unwrap(), None, shape, 0).unwrap();
    let Err(error) = set.require_labels() else { return Some(format!("{name} has labels")) };
    let message = error.to_string();
    if error.kind() != Kind::Data || message.contains('\n') || message.len() > 2000 {
        return Some(format!("{name}: not one short line on data: {message:?}"));
    }
    let fragment = fragment.replace('/', MAIN_SEPARATOR_STR);
    // Messages quote what a file says as it says it.
    let says = message.contains(&fragment) || message.replace('/', MAIN_SEPARATOR_STR).contains(&fragment);
    (!says).then(|| format!("{name}: {message:?} does not say {fragment:?}"))
}

#[track_caller]
fn refuse(bench: &Bench, rows: &[(&str, &str)]) {
    let problems: Vec<_> = rows.iter().filter_map(|(name, fragment)| problem(bench, name, fragment)).collect();
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), rows.len(), problems.join("\n"));
}

#[test]
fn labels_of_arrays() {
    let bench = Bench::new();
    let images = array("|u1", "(4, 8, 8)", &noise(256));
    let beside = |name: &str, labels: &str, content: &[u8]| {
        bench.write(&format!("{name}/a.npy"), &images);
        bench.write(&format!("{name}/{labels}"), content);
    };
    let whole = array("<i4", "(4,)", &[1; 16]);
    beside("few", "labels.npy", &array("<i4", "(3,)", &[0; 12]));
    beside("many", "a-labels.npy", &array("<i8", "(5,)", &[0; 40]));
    beside("short", "labels.npy", &whole[..whole.len() - 1]);
    beside("long", "labels.npy", &[&whole[..], &[0]].concat());
    beside("header", "labels.npy", &whole[..20]);
    beside("empty", "labels.npy", b"");
    beside("floats", "labels.npy", &array("<f4", "(4,)", &[0; 16]));
    beside("words", "labels.npy", &array("<U5", "(4,)", &[0; 80]));
    beside("objects", "labels.npy", &array("|O", "(4,)", &[0; 80]));
    beside("fields", "labels.npy", &npy("{'descr': [('r', '|u1')], 'fortran_order': False, 'shape': (4,)}", &[0; 4]));
    beside("one-hot", "labels.npy", &array("|u1", "(4, 10)", &[0; 40]));
    beside("scalar", "labels.npy", &array("|u1", "()", &[0]));
    beside("beyond", "labels.npy", &array("<u8", "(4,)", &[0xff; 32]));
    beside("vast", "labels.npy", &array("<i8", "(4611686018427387905,)", &[]));
    beside("hollow", "labels.npy", &array("|i1", "(4000000000,)", &[]));
    beside("html", "labels.npy", b"<html>404</html>");
    beside("both", "a.csv", b"1\n2\n3\n4\n");
    beside("both", "a_labels.npy", &whole);
    beside("csv-few", "labels.csv", b"1\n2\n3\n");
    beside("csv-header", "labels.csv", b"digit\n1\n2\n3\n4\n");
    beside("csv-columns", "labels.csv", b"1,2\n1,2\n1,2\n1,2\n");
    beside("csv-files", "labels.csv", b"file,label\na,1\nb,2\nc,3\nd,4\n");
    beside("csv-hole", "labels.csv", b"index,label\n0,1\n1\n2,3\n3,4\n");
    beside("csv-blank", "labels.csv", b"index,label\n0,1\n1,\n2,3\n3,4\n");
    beside("csv-empty", "labels.csv", b"");
    beside("csv-page", "labels.csv", b"\xef\xbb\xbf<!doctype html>");
    beside("csv-zip", "labels.csv", b"PK\x03\x04\x14");
    beside("csv-quote", "labels.csv", &[b"\"", &vec![b'x'; 1 << 20][..]].concat());
    beside("csv-lines", "labels.csv", &b"1\n".repeat(1 << 20));
    beside("csv-nul", "labels.csv", &[0; 4096]);
    bench.write("csv-vast/a.npy", &images);
    bench.write_zeros("csv-vast/labels.csv", 1 << 30);
    bench.write("folder/a.npy", &images);
    bench.write("folder/labels.csv/1.txt", "");
    refuse(
        &bench,
        &[
            ("few", "few/labels.npy: it holds 3 labels for 4 images; replace it with the labels of these images"),
            ("many", "a-labels.npy: it holds 5 labels for 4 images"),
            ("short", "it is truncated: 15 of 16 bytes"),
            ("long", "it goes on after the 16 bytes"),
            ("header", "it ends within its header"),
            ("empty", "it has no content"),
            ("floats", "it has elements of type \"<f4\", not whole numbers; save one whole number an image"),
            ("words", "it has elements of type \"<U5\", not whole numbers"),
            ("objects", "it has elements of type \"|O\", not whole numbers"),
            ("fields", "it has elements of several fields; save one whole number an image"),
            ("one-hot", "its shape [4, 10] has not one axis"),
            ("scalar", "its shape [] has not one axis"),
            ("beyond", "it holds the value 18446744073709551615, more than 9223372036854775807"),
            ("vast", "more than 4 GiB"),
            ("hollow", "it holds 4000000000 labels for 4 images"),
            ("html", "it is a web page, not data"),
            ("both", "a.csv both hold labels; keep one of them"),
            ("csv-few", "csv-few/labels.csv: it holds 3 labels for 4 images"),
            ("csv-header", "it holds 5 labels for 4 images"),
            ("csv-columns", "its first line names no column label or class; write one label a line"),
            ("csv-files", "its first line has a column of files, which an array has none of"),
            ("csv-hole", "line 3 has 1 of 2 columns; correct the file or remove it"),
            ("csv-blank", "line 3 has a label of 0 bytes"),
            ("csv-empty", "it has no content"),
            ("csv-page", "it is a web page, not data"),
            ("csv-zip", "it is a zip archive"),
            ("csv-quote", "line 1 has a label of 1048576 bytes, which has to have 1 to 255"),
            ("csv-lines", "it holds 1048576 labels for 4 images"),
            ("csv-nul", "line 1 has a label of 4096 bytes"),
            ("csv-vast", "its 1024 MiB are too many; at most 256 are read"),
            ("folder", "labels.csv is not a regular file"),
        ],
    );
}

#[test]
fn labels_of_pictures() {
    let bench = Bench::new();
    let beside = |name: &str, labels: &str, content: &[u8]| {
        ["a.png", "b/1.png", "b/2.png"].iter().for_each(|file| bench.write(&format!("{name}/{file}"), grey_png(8, 8)));
        bench.write(&format!("{name}{labels}"), content);
    };
    beside("none", "/notes.txt", b"no labels");
    beside("count", "/labels.npy", &array("|u1", "(4,)", &[0; 4]));
    beside("unknown", "/labels.csv", b"a.png,1\nb/1.png,2\nb/3.png,1\n");
    beside("outside", ".csv", b"../unknown/a.png,1\n");
    beside("double", "/labels.csv", b"file,label\na.png,1\nb/1.png,2\na.png,1\n");
    beside("missing", ".csv", b"file,class\nb/1.png,2\n");
    beside("semicolons", "/labels.csv", b"a.png;1\nb/1.png;2\n");
    beside("names", "/labels.csv", b"picture,animal\na.png,1\n");
    beside("three", "/labels.csv", b"a.png,1,2\n");
    beside("no-file", "/labels.csv", b"id,label\n1,2\n");
    beside("cut", "/labels.csv", b"a.png,1\nb/1.png\n");
    beside("control", "/labels.csv", b"\x1b[31m\n\r,1\n");
    beside("long", "/labels.csv", &[&vec![0xff; 1 << 16][..], b",1\n"].concat());
    beside("lfs", "/labels.csv", b"version https://git-lfs.github.com/spec/v1\n");
    beside("both", "/labels.csv", b"a.png,1\n");
    bench.write("both/labels.npy", array("|u1", "(3,)", &[0; 3]));
    // Each picture with a class of its own.
    refuse(
        &bench,
        &[
            ("none", "none has no labels: not every picture is in a folder of its class, and there is none of "),
            ("none", "none/labels.csv, "),
            ("none", "none-labels.npy, "),
            ("none", "none.csv; move each picture to a folder of its class, or write labels.csv with lines file,label"),
            ("count", "count/labels.npy: it holds 4 labels for 3 images"),
            (
                "unknown",
                "unknown/labels.csv: line 3 names b/3.png, which is no picture in the folder; correct the file",
            ),
            ("outside", "outside.csv: line 1 names ../unknown/a.png, which is no picture in the folder"),
            ("double", "line 4 names a.png, which line 2 has labelled already; correct the file or remove it"),
            ("missing", "missing.csv: it has no line for 2 of 3 pictures, the first is a.png"),
            ("semicolons", "its first line has one column; write lines file,label, with commas"),
            ("names", "line 1 names picture, which is no picture in the folder (columns are called file and label)"),
            ("three", "its first line names no columns file and label"),
            ("no-file", "its first line names no column file;"),
            ("cut", "line 2 has 1 of 2 columns"),
            ("control", "its first line has one column"),
            ("long", "line 1 names \u{fffd}\u{fffd}\u{fffd}"),
            ("lfs", "it is a Git LFS pointer"),
            ("both", "both/labels.csv both hold labels; keep one of them"),
        ],
    );
}

/// A file that is broken or meant for something else does not stop a run that asks for no labels.
#[test]
fn without_classes_labels_are_only_remarked() {
    let bench = Bench::new();
    bench.write("set/a.png", flat_png(8, 8, [9; 3]));
    bench.write("set/b.png", flat_png(8, 8, [7; 3]));
    bench.write("set/labels.csv", "name,age\nx,1\n");
    let ended = bench.run("train --config tiny.toml --device cpu --out run --data set");
    let remark = "brought to 8×8×1; the labels cannot be used: set/labels.csv: line 1 names name, which is no picture";
    assert!(ended.stderr.contains(remark), "{ended:#?}");
    ended.done();
}
