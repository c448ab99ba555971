//! The IDX format of MNIST and its relatives: a magic number (two zeros, the element type, the
//! number of dimensions), the dimensions as big-endian `u32`, then the elements. Files may be
//! gzipped, whatever their name says.
//!
//! A file is not trusted: nothing is allocated for bytes that are not there, and nothing is read
//! beyond what the header declares and one byte more.

use std::io::{self, BufRead, Read};
use std::path::Path;

use super::RawImages;
use super::files::{at, check_density, damaged, impostor, open, opening, read_exactly, size_of};
use super::gzip::{GZIP, Members};
use super::range::Range;
use crate::error::{Error, Result};
use crate::shape::Shape;

/// The code of unsigned bytes, the only element type that images and labels come in.
const UNSIGNED_BYTE: u8 = 0x08;

/// Reads images: `[N, H, W]`, or `[N, H, W, C]` with one or three channels; `range` tells which
/// bytes are black and white, if not 0 and 255.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when the file cannot be read, is not such a file, or
/// does not hold exactly the bytes that it declares.
pub fn read_images(path: &Path, range: Option<Range>) -> Result<RawImages> {
    let (source, length) = open(path)?;
    parse_images(source, length, range).map_err(at(path))
}

/// Reads labels: `[N]`.
///
/// # Errors
///
/// As [`read_images`].
pub fn read_labels(path: &Path) -> Result<Vec<u8>> {
    let (source, length) = open(path)?;
    parse_labels(source, length).map_err(at(path))
}

/// Reads images from the content of a file of `length` bytes, gzipped or not.
///
/// # Errors
///
/// As [`read_images`], without the file's name.
pub fn parse_images(source: impl BufRead, length: u64, range: Option<Range>) -> Result<RawImages> {
    let (dimensions, elements) = parse(source, length, "images", &[3, 4])?;
    let (count, height, width) = (dimensions[0], dimensions[1], dimensions[2]);
    let channels = dimensions.get(3).copied().unwrap_or(1);
    if !matches!(channels, 1 | 3) {
        return Err(unusable(&format!("it has images of {channels} channels (the last dimension), not 1 or 3")));
    }
    if elements.is_empty() {
        return Err(unusable(&format!("it is empty: it declares {count} images of {height}×{width} pixels")));
    }
    RawImages::of_bytes(Shape { height, width, channels }, count, elements, range)
}

/// Reads labels from the content of a file of `length` bytes, gzipped or not.
///
/// # Errors
///
/// As [`read_images`], without the file's name.
pub fn parse_labels(source: impl BufRead, length: u64) -> Result<Vec<u8>> {
    Ok(parse(source, length, "labels", &[1])?.1)
}

/// The dimensions and the elements of an array of bytes.
fn parse(mut source: impl BufRead, length: u64, content: &str, ranks: &[u8]) -> Result<(Vec<u32>, Vec<u8>)> {
    let zipped = opening(&mut source)?.starts_with(GZIP);
    let mut bytes: Box<dyn Read + '_> = if zipped { Box::new(Members::new(source)) } else { Box::new(source) };

    let magic = word(&mut bytes)?;
    let [zero, zero_too, element, rank] = magic;
    if (zero, zero_too) != (0, 0) {
        let what = impostor(&magic).unwrap_or("it is not an IDX file (it does not begin with two zero bytes)");
        return Err(damaged(what));
    }
    if element != UNSIGNED_BYTE {
        return Err(unusable(&format!("it has elements of type {element:#04x}, not unsigned bytes (0x08)")));
    }
    if !ranks.contains(&rank) {
        return Err(unusable(&format!("it holds an array of rank {rank}, not {content}")));
    }
    let dimensions = (0..rank).map(|_| word(&mut bytes).map(u32::from_be_bytes)).collect::<Result<Vec<u32>>>()?;
    let size = size_of(&dimensions.iter().copied().map(u64::from).collect::<Vec<_>>(), 1)?;
    if zipped {
        check_density(size, length)?;
    }
    Ok((dimensions, read_exactly(bytes, size, length)?))
}

/// Four bytes of the header.
fn word(bytes: &mut impl Read) -> Result<[u8; 4]> {
    let mut word = [0; 4];
    bytes.read_exact(&mut word).map_err(|cause| match cause.kind() {
        io::ErrorKind::UnexpectedEof => damaged("it ends within its header"),
        _ => damaged(&cause.to_string()),
    })?;
    Ok(word)
}

/// The error for a file that is sound but of no use here.
fn unusable(why: &str) -> Error {
    Error::data(format!("{why}; give a data set of byte images in IDX format, as MNIST is"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tempfile::TempDir;

    use super::*;
    use crate::error::Kind;

    fn idx(dimensions: &[u32], elements: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, UNSIGNED_BYTE, dimensions.len() as u8];
        file.extend(dimensions.iter().flat_map(|n| n.to_be_bytes()));
        file.extend(elements);
        file
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn saved(content: &[u8]) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images-idx3-ubyte");
        std::fs::write(&path, content).unwrap();
        (folder, path)
    }

    #[track_caller]
    fn refused(content: &[u8], because: &str) {
        let (_folder, path) = saved(content);
        let error = read_images(&path, None).expect_err("the file is refused");
        let message = error.to_string();
        assert_eq!(error.kind(), Kind::Data);
        assert!(message.contains(because), "{message:?} does not say {because:?}");
        assert!(message.contains("images-idx3-ubyte") && !message.contains('\n'), "{message:?}");
    }

    #[test]
    fn reads_raw_and_gzipped_alike() {
        let pixels: Vec<u8> = (0..24).collect();
        for content in [idx(&[2, 3, 4], &pixels), gzip(&idx(&[2, 3, 4], &pixels))] {
            let (_folder, path) = saved(&content);
            let images = read_images(&path, None).unwrap();
            assert_eq!((images.count, images.shape), (2, Shape { height: 3, width: 4, channels: 1 }));
            assert_eq!(images.pixels, pixels);
        }
    }

    #[test]
    fn reads_colour_and_labels() {
        let (_folder, path) = saved(&idx(&[1, 2, 2, 3], &[9; 12]));
        assert_eq!(read_images(&path, None).unwrap().shape, Shape { height: 2, width: 2, channels: 3 });
        let (_folder, path) = saved(&gzip(&idx(&[3], &[7, 0, 9])));
        assert_eq!(read_labels(&path).unwrap(), [7, 0, 9]);
    }

    #[test]
    fn transposes_every_image() {
        let (_folder, path) = saved(&idx(&[2, 2, 3], &[0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]));
        let images = read_images(&path, None).unwrap().transposed();
        assert_eq!(images.shape, Shape { height: 3, width: 2, channels: 1 });
        assert_eq!(images.pixels, [0, 3, 1, 4, 2, 5, 10, 13, 11, 14, 12, 15]);
    }

    #[test]
    fn refuses_what_is_not_an_array_of_images() {
        refused(b"PK\x03\x04 an archive", "zip archive");
        refused(b"\x00\x01 something", "not an IDX file");
        refused(&idx(&[3], &[1, 2, 3]), "rank 1, not images");
        refused(&[0, 0, 0x0D, 3], "type 0x0d");
        refused(&idx(&[1, 2, 2, 2], &[0; 8]), "2 channels");
        refused(b"\n<!DOCTYPE html><title>404</title>", "web page");
        refused(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull");
    }

    #[test]
    fn refuses_sizes_that_do_not_hold() {
        let whole = idx(&[2, 3, 4], &[5; 24]);
        refused(b"", "no content");
        refused(&whole[..3], "within its header");
        refused(&whole[..10], "within its header");
        refused(&whole[..39], "23 of 24 bytes");
        refused(&[&whole[..], &[0]].concat(), "goes on after the 24 bytes");
        refused(&idx(&[0, 28, 28], &[]), "0 images of 28×28");
        refused(&idx(&[5, 0, 28], &[]), "5 images of 0×28");
        refused(&idx(&[1 << 20, 1 << 10, 1 << 10], &[]), "more than 4 GiB");
        refused(&idx(&[u32::MAX; 4], &[]), "more than 4 GiB");
        refused(&idx(&[1, 1 << 14, 1 << 14], &[1]), "1 of 268435456 bytes");
    }

    #[test]
    fn refuses_damaged_gzip() {
        let whole = gzip(&idx(&[2, 3, 4], &[5; 24]));
        refused(&whole[..4], "header");
        refused(&whole[..whole.len() - 9], "images-idx3-ubyte: ");
        refused(&gzip(&idx(&[2, 3, 4], &[5; 25])), "goes on after the 24 bytes");
        refused(&gzip(&idx(&[2, 3, 4], &[5; 23])), "23 of 24 bytes");
        let mut wrong_checksum = whole.clone();
        let checksum = whole.len() - 8;
        wrong_checksum[checksum] ^= 1;
        refused(&wrong_checksum, "checksum");
    }

    #[test]
    fn refuses_a_file_that_is_not_there() {
        let error = read_labels(Path::new("no-such-file")).unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        assert!(error.to_string().starts_with("cannot open no-such-file"), "{error}");
    }
}
