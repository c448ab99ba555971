//! What the readers of data files share: opening them, room for what they declare, and what they
//! often are instead.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::memory;
use crate::shape::Shape;

/// The most bytes that an array in a file may have.
const LARGEST: u64 = 4 << 30;

/// The most memory reserved on the word of a header alone; a larger file grows its buffer as it is
/// read.
const TRUSTED: u64 = 64 << 20;

/// The most that is kept in memory where the system does not say how much is free.
const LARGEST_SET: u64 = 16 << 30;

/// What a byte of deflate can hold at most (zlib's technical details: 1032).
const DENSEST: u64 = 1032;

/// From here on, and from [`BOMB_BYTES`] on, what unpacks to so many times its size is no data set.
const BOMB_RATIO: u64 = 200;
const BOMB_BYTES: u64 = 64 << 20;

/// Opens a regular file; gives its length too. A pipe, which might never say anything, or a device,
/// which might never end, is not opened.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when it is none or cannot be opened.
pub fn open(path: &Path) -> Result<(BufReader<File>, u64)> {
    let closed = |cause: io::Error| {
        Error::data(format!("cannot open {}: {cause}; make it readable or name another", path.display()))
    };
    if !fs::metadata(path).map_err(closed)?.is_file() {
        return Err(Error::data(format!("{} is not a regular file; name one, or a folder", path.display())));
    }
    let file = File::open(path).map_err(closed)?;
    let length = file.metadata().map_err(closed)?.len();
    Ok((BufReader::new(file), length))
}

/// The refusal of a folder that cannot be read.
pub fn unreadable(folder: &Path, cause: &io::Error) -> Error {
    let folder = folder.display();
    Error::data(format!("cannot read the data folder {folder}: {cause}; make it readable or name another"))
}

/// Puts the name of the file in front of what is wrong with it.
pub fn at(path: &Path) -> impl Fn(Error) -> Error {
    move |error| Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The bytes of an array of `dimensions`, each element of `element` bytes.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when there are more than 4 GiB, or more than
/// [memory has room for](memory::spare).
pub fn size_of(dimensions: &[u64], element: u64) -> Result<u64> {
    let size = dimensions.iter().try_fold(element, |size, &n| size.checked_mul(n));
    let Some(size) = size.filter(|&size| size <= LARGEST) else {
        return Err(Error::data(format!(
            "it declares an array of {dimensions:?}, more than 4 GiB; give a smaller data set"
        )));
    };
    check_memory(size)?;
    Ok(size)
}

/// What a file begins with.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when it cannot be read, or is an [`impostor`].
pub fn opening(source: &mut impl BufRead) -> Result<&[u8]> {
    let opening = source.fill_buf().map_err(|cause| damaged(&cause.to_string()))?;
    match impostor(opening) {
        Some(impostor) => Err(damaged(impostor)),
        None => Ok(opening),
    }
}

/// Reads exactly `size` bytes to the end of `source`, which comes from a file of `length` bytes.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when there are fewer or more, or when reading fails.
pub fn read_exactly(source: impl Read, size: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size.min(TRUSTED).min(length.saturating_mul(16)) as usize);
    source.take(size + 1).read_to_end(&mut bytes).map_err(|cause| damaged(&cause.to_string()))?;
    match bytes.len() as u64 {
        found if found < size => Err(damaged(&format!("it is truncated: {found} of {size} bytes after the header"))),
        found if found > size => Err(damaged(&format!("it goes on after the {size} bytes that its header declares"))),
        _ => Ok(bytes),
    }
}

/// Refuses `size` bytes that `length` bytes of deflate cannot hold, or only as a bomb, before they
/// are unpacked.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) for those.
pub fn check_density(size: u64, length: u64) -> Result<()> {
    if size > length.saturating_mul(DENSEST) {
        return Err(damaged(&format!("its header declares {size} bytes, more than {length} bytes of gzip can hold")));
    }
    if size > BOMB_BYTES && size > length.saturating_mul(BOMB_RATIO) {
        return Err(Error::data(format!(
            "it would unpack to {} MiB, {} times its size, as a gzip bomb does; unpack it yourself if that is meant",
            size >> 20,
            size / length.max(1)
        )));
    }
    Ok(())
}

/// Room for `count` images in the network's shape.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when they take more than
/// [memory has room for](memory::spare).
pub fn room_for_images(count: u32, shape: Shape) -> Result<Vec<u8>> {
    let bytes = (shape.bytes() as u64).saturating_mul(count.into());
    check_memory(bytes)?;
    let bytes = usize::try_from(bytes).map_err(|_| Error::data("the data set takes more memory than there can be"))?;
    Ok(vec![0; bytes])
}

fn check_memory(bytes: u64) -> Result<()> {
    let refused = |bound: &dyn Display| {
        Error::data(format!("the data set takes {} MiB, but {bound}; give fewer images", bytes >> 20))
    };
    match memory::spare() {
        Some(spare) if bytes > spare.bytes => Err(refused(&spare)),
        None if bytes > LARGEST_SET => Err(refused(&format!("at most {} MiB are read here", LARGEST_SET >> 20))),
        _ => Ok(()),
    }
}

/// A file that is not what it was.
pub fn damaged(cause: &str) -> Error {
    Error::data(format!("{cause}; download or save the file again"))
}

/// What a download often leaves under the name of a data file instead of the data.
pub fn impostor(opening: &[u8]) -> Option<&'static str> {
    let starts = |magic: &[u8]| opening.starts_with(magic);
    if opening.is_empty() {
        Some("it has no content")
    } else if starts(b"version https://git-lfs") {
        Some("it is a Git LFS pointer, not the file itself (`git lfs pull` fetches that)")
    } else if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        Some("it is a zip archive, which must be unpacked first")
    } else if opening.trim_ascii_start().starts_with(b"<") || starts(b"\xef\xbb\xbf<") {
        Some("it is a web page, not data")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_checked_before_anything_is_reserved() {
        assert_eq!(size_of(&[3, 4], 4).unwrap(), 48);
        for dimensions in [&[1 << 20, 1 << 13][..], &[u64::MAX, 2], &[u64::MAX, u64::MAX, u64::MAX]] {
            let message = size_of(dimensions, 1).unwrap_err().to_string();
            assert!(message.contains("more than 4 GiB"), "{message}");
        }
        let shape = Shape { height: 4096, width: 4096, channels: 3 };
        let message = room_for_images(u32::MAX, shape).unwrap_err().to_string();
        assert!(message.starts_with("the data set takes 206158430"), "{message}");
    }

    #[test]
    fn names_what_is_not_data() {
        for (opening, name) in [
            (&b""[..], "no content"),
            (b"\n  <html>", "web page"),
            (b"\xef\xbb\xbf<?xml", "web page"),
            (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
            (b"PK\x03\x04\x14", "zip"),
        ] {
            assert!(impostor(opening).unwrap().contains(name));
        }
        assert_eq!(impostor(&[0, 0, 8, 3]), None);
    }
}
