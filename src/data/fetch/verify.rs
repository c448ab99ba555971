//! Whether a file is the one that is published.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::data::sets::File;
use crate::error::{Error, Result};
use crate::model::checkpoint::hex;

/// What a file turns out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// The published file, or its content in another container.
    Good,
    /// Of the right size, in a container that no checksum is known for.
    Unchecked,
    /// Something else: why.
    Bad(String),
}

/// Compares the file at `path`, gzipped or not, with what is published.
///
/// # Errors
///
/// [`Kind::Io`](crate::error::Kind::Io) when it cannot be read.
pub fn verify(path: &Path, file: &File) -> Result<Integrity> {
    examine(path, file).map_err(|cause| Error::io("read", path, &cause))
}

fn examine(path: &Path, file: &File) -> io::Result<Integrity> {
    let open = || fs::File::open(path).map(BufReader::new);
    let bytes = fs::metadata(path)?.len();
    let is_right = bytes == file.bytes;
    if is_right && digest(open()?, bytes)? == (bytes, file.sha256.to_owned()) {
        return Ok(Integrity::Good);
    }
    let mut source = open()?;
    let is_packed = source.fill_buf()?.starts_with(b"\x1f\x8b");
    if is_right && !(is_packed && file.content_sha256.is_some()) {
        return Ok(Integrity::Bad("its checksum is not the published one".into()));
    }
    if is_packed {
        let content = check_content(MultiGzDecoder::new(source), file);
        return Ok(content.unwrap_or_else(|cause| Integrity::Bad(format!("it cannot be unpacked ({cause})"))));
    }
    if bytes != file.content_bytes {
        let is_unpacked = path.file_name().is_some_and(|name| name == file.unpacked());
        let expected = if is_unpacked { file.content_bytes } else { file.bytes };
        return Ok(Integrity::Bad(format!("it has {bytes} bytes, not {expected}")));
    }
    check_content(source, file)
}

/// Whether the content is the published one.
fn check_content(source: impl Read, file: &File) -> io::Result<Integrity> {
    let expected = file.content_bytes;
    let (bytes, sha256) = digest(source, expected)?;
    if bytes != expected {
        let found = if bytes > expected { "more".to_string() } else { bytes.to_string() };
        return Ok(Integrity::Bad(format!("its content has {found} bytes, not {expected}")));
    }
    Ok(match file.content_sha256 {
        None => Integrity::Unchecked,
        Some(known) if sha256 == known => Integrity::Good,
        Some(_) => Integrity::Bad("its content's checksum is not the published one".into()),
    })
}

/// How many bytes `source` has, and their SHA-256; reads no more than are `expected` and one byte.
fn digest(source: impl Read, expected: u64) -> io::Result<(u64, String)> {
    let (mut sha256, mut bytes) = (Sha256::new(), 0);
    let mut source = BufReader::with_capacity(1 << 16, source.take(expected + 1));
    loop {
        let piece = source.fill_buf()?;
        let length = piece.len();
        if length == 0 {
            return Ok((bytes, hex(&sha256.finalize())));
        }
        sha256.update(piece);
        bytes += length as u64;
        source.consume(length);
    }
}
