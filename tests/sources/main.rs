//! What no compiler holds the program's sources to: where files are touched, sockets opened and
//! unsafe code written, and that files import each other in no circle.

mod circles;

use std::fs;
use std::path::{Path, PathBuf};

/// Source files that may touch the file system beside `src/disk.rs`, since no run is lost by it,
/// with what they do there.
const ELSEWHERE: [(&str, &str); 11] = [
    ("src/data/", "reads data sets, and keeps downloads"),
    ("src/report/", "reads runs, looks at files"),
    ("src/memory/", "asks the system about memory"),
    ("src/device/chatter.rs", "opens the null device"),
    ("src/cli/", "asks the system about signals, makes folders for what is printed"),
    ("src/lock/process.rs", "asks the system about processes"),
    ("src/model/sources.rs", "reads a configuration"),
    ("src/model/checkpoint.rs", "looks at a file's size"),
    ("src/tuning/file.rs", "looks at a file's size"),
    ("src/output/save.rs", "makes a folder for pictures"),
    ("src/run/", "removes its own empty folders, looks at a file's age"),
];

/// Whether `call` stands in `line`, not as the end of a longer name.
fn has_word(line: &str, call: &str) -> bool {
    line.match_indices(call).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Every Rust file of the program: its path below the repository, with slashes, and its text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut sources, mut folders) = (Vec::new(), vec![root.join("src")]);
    while let Some(folder) = folders.pop() {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (below, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.partition(|path| path.is_dir());
        folders.extend(below);
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
            let name = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            sources.push((name, fs::read_to_string(file).unwrap()));
        }
    }
    sources.sort();
    assert!(sources.len() > 50, "only {} files", sources.len());
    sources
}

/// The files that contain one of these.
fn with_any(parts: &[&str]) -> Vec<String> {
    let has_one = |text: &str| parts.iter().any(|part| text.contains(part));
    sources().into_iter().filter(|(_, text)| has_one(text)).map(|(name, _)| name).collect()
}

#[test]
fn unsafe_code_is_in_two_files() {
    assert_eq!(with_any(&["unsafe_code", "unsafe {"]), ["src/device/gpu/unchecked.rs", "src/twin/unchecked.rs"]);
    let manifest = include_str!("../../Cargo.toml");
    assert!(manifest.contains("unsafe_code = \"deny\""), "the manifest denies unsafe code");
}

#[test]
fn sockets_are_opened_by_downloads_alone() {
    let clients = ["std::net", "TcpStream", "UdpSocket", "Agent", "ureq::get", "ureq::run", "Http::new"];
    assert_eq!(with_any(&clients), ["src/data/fetch/http.rs", "src/data/fetch/mod.rs"]);
}

/// Failing operations are counted by `src/disk.rs`, so whatever goes round it is not tested.
#[test]
fn runs_touch_files_only_where_failures_can_be_tested() {
    let calls = ["fs::", "File::open", "File::create", "File::options", "OpenOptions::new"];
    // Operations that change something, or that a run cannot do without.
    let grave =
        ["fs::write", "fs::rename", "fs::read(", "fs::read_dir", "fs::read_to_string", "fs::create_dir", "fs::copy"];
    let grave = [&grave[..], &calls[1..]].concat();
    let of_a_run = [
        "src/train/",
        "src/run/",
        "src/lock/lease.rs",
        "src/lock/mod.rs",
        "src/model/checkpoint.rs",
        "src/report/tensorboard.rs",
    ];
    let has = |line: &str, calls: &[&str]| calls.iter().any(|call| has_word(line, call));
    let mut seen = 0;
    for (name, text) in sources().iter().filter(|(name, _)| name != "src/disk.rs") {
        let program = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let lines = program.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with("use "));
        for line in lines.filter(|line| has(line, &calls)) {
            seen += 1;
            let allowed = ELSEWHERE.iter().any(|(place, _)| name.starts_with(place));
            assert!(allowed, "{name} touches files without src/disk.rs: {line}");
            let in_run = of_a_run.iter().any(|place| name.starts_with(place));
            assert!(!in_run || !has(line, &grave), "{name}: no test can make this fail: {line}");
        }
    }
    assert!(seen > 0, "no file operation was found at all");
}

/// Comments are wrapped, so that two files fit side by side.
#[test]
fn comments_are_at_most_100_columns_wide() {
    for (name, text) in sources() {
        for (number, line) in (1..).zip(text.lines()) {
            let is_comment = line.trim_start().starts_with("//");
            assert!(!is_comment || line.chars().count() <= 100, "{name}:{number} is wider");
        }
    }
}
