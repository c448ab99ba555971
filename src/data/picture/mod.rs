//! One picture (PNG, JPEG, WebP, BMP, TIFF or GIF), brought to the network's shape.
//!
//! A file is not trusted: what it declares is held against its length and against limits before
//! anything is decoded.

mod samples;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::tiff::TiffDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits};

use self::samples::Samples;
use super::files::impostor;
use super::format::{Format, READ};
use super::gzip::GZIP;
use super::range::Span;
use super::reading::Reading;
use super::resize::Cover;
use crate::error::{Error, Result};
use crate::shape::Shape;

/// The most bytes of a file.
pub const LARGEST_FILE: u64 = 64 << 20;

/// The most bytes of a decoded picture: 89 megapixels in 8-bit colour.
const LARGEST_PICTURE: u64 = 256 << 20;

/// Pictures that take more, decoded, are in memory one at a time, so that a machine with many
/// threads does not need the largest picture's memory for each.
const LARGE_PICTURE: u64 = 32 << 20;
static ONE_LARGE: Mutex<()> = Mutex::new(());

/// Decoded bytes that a byte of a PNG can hold: deflate's limit.
const DENSEST_PNG: u64 = 1032;

/// Pixels that a byte of a JPEG can hold, and twice that: each block of 8×8 takes at least a bit.
const DENSEST_JPEG: u64 = 1024;

/// Decoded bytes that a byte of the other formats can hold: GIF's limit is 2,730, and what goes
/// beyond that in WebP is of one colour.
const DENSEST_OTHER: u64 = 4096;

/// The most bytes of a decoded picture of those formats, whose decoders have another copy of it.
const LARGEST_OTHER: u64 = 96 << 20;

/// What a picture has, beside its pixels.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Its samples, before they are resized and laid on a ground.
    pub span: Span,
    /// Whether something shines through.
    pub is_transparent: bool,
    /// Whether nothing of it is to be seen.
    pub is_invisible: bool,
}

/// Decodes a picture and brings it to `shape`: scaled to cover it, the centre cropped;
/// `[height][width][channels]`.
///
/// What a picture shows is upright (its EXIF orientation is followed), on the ground that `reading`
/// names where it is transparent, of 8 bits; one channel is the luma of its colours (Rec. 709). Of
/// an animation it is the first or the default image.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data), saying what is wrong but not with which file, when
/// `bytes` are no picture, a broken one, one beyond the limits, or one with samples out of range.
pub fn decode(bytes: &[u8], shape: Shape, reading: &Reading) -> Result<Vec<u8>> {
    let mut out = vec![0; shape.bytes()];
    decode_into(bytes, &mut Cover::default(), &mut out, shape, reading)?;
    Ok(out)
}

/// As [`decode`], into `out`.
pub(super) fn decode_into(
    bytes: &[u8],
    cover: &mut Cover,
    out: &mut [u8],
    shape: Shape,
    reading: &Reading,
) -> Result<Seen> {
    // Of two million mutations one makes `png` 0.18.1 panic: the file is broken all the same. The
    // lock of a large picture comes first, so that it goes after the picture.
    let (_alone, picture) = catch_unwind(AssertUnwindSafe(|| picture_of(bytes)))
        .unwrap_or_else(|_| Err(Error::data("it is damaged (its decoder cannot make anything of it)")))?;
    let (height, width) = (picture.height(), picture.width());
    let (Samples { channels, values }, seen) = Samples::of(picture, reading)?;
    cover.fill(&values, Shape { height, width, channels }, out, shape);
    Ok(seen)
}

/// A decoded picture, after the lock of a large one.
type Picture = (Option<MutexGuard<'static, ()>>, DynamicImage);

fn picture_of(bytes: &[u8]) -> Result<Picture> {
    let length = bytes.len() as u64;
    let content = Cursor::new(bytes);
    let of_other = |decoder: Box<dyn ImageDecoder + '_>| decoded(decoder, length * DENSEST_OTHER, LARGEST_OTHER);
    match format_of(bytes)? {
        ImageFormat::Png => {
            let decoder = PngDecoder::with_limits(content, limits()).map_err(|e| broken(&e))?;
            decoded(decoder, length * DENSEST_PNG, LARGEST_PICTURE)
        }
        ImageFormat::WebP => {
            check_chunks(bytes)?;
            of_other(Box::new(WebPDecoder::new(content).map_err(|e| broken(&e))?))
        }
        ImageFormat::Bmp => of_other(Box::new(BmpDecoder::new(content).map_err(|e| broken(&e))?)),
        ImageFormat::Tiff => of_other(Box::new(TiffDecoder::new(content).map_err(|e| broken(&e))?)),
        ImageFormat::Gif => of_other(Box::new(GifDecoder::new(content).map_err(|e| broken(&e))?)),
        _ => {
            check_end(bytes)?;
            let decoder = JpegDecoder::new(content).map_err(|e| broken(&e))?;
            let pixel = u64::from(decoder.color_type().bytes_per_pixel());
            decoded(decoder, length * DENSEST_JPEG * pixel, LARGEST_PICTURE)
        }
    }
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(LARGEST_PICTURE);
    limits
}

/// The format, by what the file begins with.
fn format_of(bytes: &[u8]) -> Result<ImageFormat> {
    if let Ok(format) = image::guess_format(bytes)
        && READ.contains(&format)
    {
        return Ok(format);
    }
    if let Some(impostor) = impostor(bytes) {
        return Err(Error::data(impostor));
    }
    let other = match Format::by_content(bytes) {
        Some(Format::Array) => "a NumPy array",
        Some(Format::Idx) => "an IDX file",
        _ if bytes.get(4..8) == Some(b"ftyp") => "an AVIF, HEIC or MP4 file",
        _ if bytes.starts_with(GZIP) => "a gzip file",
        _ => "something else",
    };
    Err(Error::data(format!("it is {other}, not a PNG, JPEG, WebP, BMP, TIFF or GIF")))
}

/// Decodes what is within the limits, upright; at most `densest` bytes can be in the file. A large
/// picture comes after the lock that keeps others out of memory.
fn decoded(mut decoder: impl ImageDecoder, densest: u64, largest: u64) -> Result<Picture> {
    let ((width, height), size) = (decoder.dimensions(), decoder.total_bytes());
    if size == 0 {
        return Err(Error::data(format!("it declares {width}×{height} pixels")));
    }
    if size > largest {
        let (size, most) = (size >> 20, largest >> 20);
        return Err(Error::data(format!("its {width}×{height} pixels take {size} MiB; at most {most} are read")));
    }
    if size > densest {
        let declared = format!("it declares {width}×{height} pixels");
        return Err(Error::data(format!("it is truncated: {declared}, more than its bytes hold")));
    }
    decoder.set_limits(limits()).map_err(|e| broken(&e))?;
    let alone = (size > LARGE_PICTURE).then(|| ONE_LARGE.lock().unwrap_or_else(PoisonError::into_inner));
    // An orientation that cannot be read is none.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| broken(&e))?;
    picture.apply_orientation(orientation);
    Ok((alone, picture))
}

/// Refuses a JPEG without its end: the decoder would make up the rest.
fn check_end(bytes: &[u8]) -> Result<()> {
    let truncated = || Error::data("it is truncated: its end is missing");
    // Segments with their lengths, up to the first scan: a thumbnail inside one has an end of its
    // own.
    let mut at = 2;
    loop {
        match *bytes.get(at..at + 4).ok_or_else(truncated)? {
            [0xff, 0xff, ..] => at += 1,
            [0xff, 0xda, ..] => break,
            [0xff, 0x01 | 0xd0..=0xd8, ..] => at += 2,
            [0xff, _, high, low] => at += 2 + usize::from(u16::from_be_bytes([high, low])),
            // The decoder says what is wrong.
            _ => return Ok(()),
        }
    }
    // In a scan, 0xff is followed by 0 where it is not a marker.
    if bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]) { Ok(()) } else { Err(truncated()) }
}

/// Refuses a WebP file with a chunk that is not all there: its decoder makes room for what chunks
/// declare.
fn check_chunks(bytes: &[u8]) -> Result<()> {
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some((head, body)) = rest.split_at_checked(8) {
        let size = head[4..].iter().rev().fold(0, |size, &byte| size << 8 | usize::from(byte));
        if size > body.len() {
            return Err(Error::data("it is truncated: a chunk declares more than there is"));
        }
        // Padded to an even size, but perhaps not at the end.
        rest = body.get(size + size % 2..).unwrap_or_default();
    }
    Ok(())
}

/// What a decoder found wrong, in one line.
fn broken(cause: &ImageError) -> Error {
    let text = cause.to_string().replace(char::is_control, " ");
    Error::data(match cause {
        ImageError::IoError(_) => "it is truncated".to_string(),
        ImageError::Limits(_) => format!("it is beyond the limits ({text})"),
        ImageError::Unsupported(_) => format!("it is of a kind that is not supported ({text})"),
        _ => format!("it is damaged ({text})"),
    })
}

#[cfg(test)]
mod tests;
