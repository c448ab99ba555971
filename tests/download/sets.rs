//! Sets made for the tests: entries as in the program's table, of files that are made here.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use dcgan_gpu::data::fetch::{self, FetchObserver, FetchOptions, FetchReport, Limits};
use dcgan_gpu::data::sets::{File, Set};
use dcgan_gpu::error::Error;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// The name of the file that most sets here consist of.
pub const NAME: &str = "train-images-idx3-ubyte.gz";

/// An address where nobody listens.
pub const CLOSED: &str = "http://127.0.0.1:1/";

/// A published file with its bytes.
pub struct Published {
    pub file: File,
    pub gz: Vec<u8>,
    pub content: Vec<u8>,
}

/// 300 images of 28×28 with 64 greys, published as `name`; `known` tells whether the table has the
/// content's checksum.
pub fn published(name: &'static str, known: bool) -> Published {
    let mut content = vec![0, 0, 8, 3, 0, 0, 1, 44, 0, 0, 0, 28, 0, 0, 0, 28];
    let mut state = name.len() as u32;
    content.extend((0..300 * 28 * 28).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 26) as u8
    }));
    let gz = gzip(&content, Compression::default());
    let file = File {
        name,
        bytes: gz.len() as u64,
        sha256: hex(&Sha256::digest(&gz)),
        content_bytes: content.len() as u64,
        content_sha256: known.then(|| hex(&Sha256::digest(&content))),
    };
    Published { file, gz, content }
}

/// A set of these files. Its public address is one that must not be asked.
pub fn set_of(files: &[&Published]) -> Set {
    let files: Vec<File> = files.iter().map(|published| published.file).collect();
    Set {
        name: "test",
        title: "Test",
        about: "made here",
        licence: "MIT",
        sources: &["http://public.invalid/"],
        classes: &[],
        files: Vec::leak(files),
        torchvision: "Test",
        others: &[],
    }
}

pub fn gzip(content: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn hex(bytes: &[u8]) -> &'static str {
    String::leak(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Options that ask `mirrors`; pauses are short, and only a server that is meant to try one's
/// patience can.
pub fn options(mirrors: &[String]) -> FetchOptions {
    let limits = Limits { pause: Duration::from_millis(1), tries_in_all: 6, ..Limits::default() };
    FetchOptions { mirrors: mirrors.to_vec(), offline: false, direct: true, limits }
}

/// [`options`] that lose patience after half a second.
pub fn impatient(mirrors: &[String]) -> FetchOptions {
    let mut options = options(mirrors);
    (options.limits.patience, options.limits.trickle) = (Duration::from_millis(500), 64);
    options
}

/// Collects what an observer is told.
#[derive(Debug, Default)]
pub struct Notes(pub Vec<String>);

impl FetchObserver for Notes {
    fn note(&mut self, line: &str) {
        self.0.push(line.to_owned());
    }

    fn progress(&mut self, _: &str, arrived: u64, total: u64) {
        // A server may send too much, but nobody is told of more than is kept.
        assert!(arrived <= total + total / 2 + 1024, "{arrived} of {total}");
    }
}

impl Notes {
    /// Whether a line has all of these parts.
    #[track_caller]
    pub fn say(&self, parts: &[&str]) {
        let has = |line: &String| parts.iter().all(|part| line.contains(part));
        assert!(self.0.iter().any(has), "no line with {parts:?}: {:#?}", self.0);
    }
}

/// Downloads, and gives what was reported and told.
pub fn get(set: &Set, folder: &Path, options: &FetchOptions) -> (Result<FetchReport, Error>, Notes) {
    let mut notes = Notes::default();
    let result = fetch::get(set, folder, options, &mut notes);
    (result, notes)
}

/// The files of a folder that are not the lock.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.filter(|name| name != ".download.lock").collect();
    names.sort();
    names
}
