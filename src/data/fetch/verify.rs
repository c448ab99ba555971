//! Whether a file is the one that is published.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use md5::Md5;
use sha2::{Digest, Sha256};

use crate::data::sets::File;
use crate::error::{Error, Result};
use crate::model::checkpoint::hex;

/// The first bytes of a gzipped file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

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
    let unreadable = |cause: io::Error| Error::io("read", path, &cause);
    let open = || fs::File::open(path);
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes == file.bytes && is_published(open().map_err(unreadable)?, file).map_err(unreadable)? {
        return Ok(Integrity::Good);
    }
    let mut start = Vec::new();
    open().and_then(|f| f.take(2).read_to_end(&mut start)).map_err(unreadable)?;
    let is_packed = start == GZIP;
    if bytes == file.bytes && !(is_packed && file.content_sha256.is_some()) {
        return Ok(Integrity::Bad("its checksum is not the published one".into()));
    }
    if !is_packed && bytes != file.content_bytes {
        let is_unpacked = path.file_name().is_some_and(|name| name == file.unpacked());
        let expected = if is_unpacked { file.content_bytes } else { file.bytes };
        return Ok(Integrity::Bad(format!("it has {bytes} bytes, not {expected}")));
    }
    let source = open().map_err(unreadable)?;
    let content = if is_packed { digest(MultiGzDecoder::new(source), file) } else { digest(source, file) };
    match content {
        Ok(integrity) => Ok(integrity),
        Err(cause) if is_packed => Ok(Integrity::Bad(format!("it cannot be unpacked ({cause})"))),
        Err(cause) => Err(unreadable(cause)),
    }
}

/// Whether all checksums of the published `.gz` are right.
fn is_published(source: impl Read, file: &File) -> io::Result<bool> {
    let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
    in_pieces(source, |piece| {
        md5.update(piece);
        sha256.update(piece);
    })?;
    Ok(hex(&md5.finalize()) == file.md5 && hex(&sha256.finalize()) == file.sha256)
}

/// Judges the content; reads no more than it may have and one byte.
fn digest(source: impl Read, file: &File) -> io::Result<Integrity> {
    let (mut sha256, mut bytes) = (Sha256::new(), 0);
    in_pieces(source.take(file.content_bytes + 1), |piece| {
        sha256.update(piece);
        bytes += piece.len() as u64;
    })?;
    if bytes != file.content_bytes {
        let found = if bytes > file.content_bytes { "more".to_string() } else { bytes.to_string() };
        return Ok(Integrity::Bad(format!("its content has {found} bytes, not {}", file.content_bytes)));
    }
    Ok(match file.content_sha256 {
        None => Integrity::Unchecked,
        Some(known) if hex(&sha256.finalize()) == known => Integrity::Good,
        Some(_) => Integrity::Bad("its content's checksum is not the published one".into()),
    })
}

/// Hands `source` on, piece by piece.
fn in_pieces(mut source: impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(()),
            n => take(&buffer[..n]),
        }
    }
}
