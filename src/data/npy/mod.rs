//! Arrays that NumPy saved (`numpy.save`): images of bytes, truths, floats in [0, 1], or of other
//! numbers whose range is chosen; labels of any whole numbers; latents of any finite floats.
//!
//! As with IDX files nothing is allocated for bytes that are not there.

mod header;
mod labels;
mod latents;
mod values;

use std::io::{BufRead, Read};
use std::path::Path;

use self::header::Header;
pub use self::labels::parse_labels;
pub use self::latents::Latents;
use super::RawImages;
use super::files::{at, damaged, open, opening, read_exactly, size_of};
use super::images::flattened;
use super::range::Range;
use crate::error::{Error, Result};
use crate::shape::Shape;

/// The first bytes of every such file.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// What an array is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Images,
    Labels,
    Latents,
}

impl Content {
    /// The error for an array that is sound but of no use here.
    fn unusable(self, why: &str) -> Error {
        let what = match self {
            Content::Images => "save uint8 of the shape (N, H, W) or (N, H, W, 3)",
            Content::Labels => "save one whole number an image, of the shape (N,)",
            Content::Latents => "save float32 of the shape (N, latent), as --save-latents does",
        };
        Error::data(format!("{why}; {what}"))
    }
}

/// The longest header that is read; NumPy's own limit is 10,000.
const LONGEST_HEADER: u32 = 65_536;

/// What images are wanted of an array.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The shape that rows of values have, if they are as many.
    pub network: Shape,
    /// The values that are black and white, instead of those of the type.
    pub range: Option<Range>,
}

/// Reads images of the shape `(N, H, W)`, `(N, H, W, C)` or `(N, C, H, W)`, C being 1 or 3; or
/// `(N, values)`, where the images are squares or of the network's shape.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when the file cannot be read, is not such a file, does
/// not hold exactly the bytes that it declares, or holds something else than such images.
pub fn read(path: &Path, wanted: Wanted) -> Result<RawImages> {
    let (source, length) = open(path)?;
    parse(source, length, wanted).map_err(at(path))
}

/// Reads images from the content of a file of `length` bytes.
///
/// # Errors
///
/// As [`read`], without the file's name.
pub fn parse(mut source: impl BufRead, length: u64, wanted: Wanted) -> Result<RawImages> {
    opening(&mut source)?;
    let header = read_header(&mut source, Content::Images)?;
    let size = size_of(&header.shape, header.element.bytes as u64)?;
    let (count, shape, strides) = layout(&header, wanted.network)?;
    let (pixels, span) = values::pixels(read_exactly(source, size, length)?, header.element, wanted.range)?;
    let is_of_rows = header.shape.len() == 2;
    Ok(RawImages { shape, count, pixels: in_order(pixels, count, shape, strides), span, is_of_rows })
}

/// The axes of the array at the beginning of `source`, for a list of arrays.
///
/// # Errors
///
/// A data error when it is no array, or of a type that neither images nor labels have.
pub(super) fn axes(mut source: impl Read) -> Result<Vec<u64>> {
    read_header(&mut source, Content::Images).map(|header| header.shape)
}

fn read_header(source: &mut impl Read, content: Content) -> Result<Header> {
    let mut start = [0; 8];
    take(source, &mut start)?;
    if !start.starts_with(MAGIC) {
        return Err(damaged("it is not a NumPy array (it does not begin with \\x93NUMPY)"));
    }
    let width = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => return Err(content.unusable(&format!("it has version {version} of the format, not 1 to 3"))),
    };
    let mut word = [0; 4];
    take(source, &mut word[..width])?;
    let length = u32::from_le_bytes(word);
    if length > LONGEST_HEADER {
        return Err(damaged(&format!("its header takes {length} bytes, more than {LONGEST_HEADER}")));
    }
    let mut text = vec![0; length as usize];
    take(source, &mut text)?;
    let text = str::from_utf8(&text).map_err(|_| damaged("its header is not text"))?;
    Header::parse(text, content)
}

fn take(source: &mut impl Read, into: &mut [u8]) -> Result<()> {
    source.read_exact(into).map_err(|_| damaged("it ends within its header"))
}

/// The number and the shape of the images, and the distance between neighbours in count, row,
/// column and channel.
fn layout(header: &Header, network: Shape) -> Result<(u32, Shape, [usize; 4])> {
    let dimensions = &header.shape;
    let refused = |why: &str| Content::Images.unusable(&format!("its shape {dimensions:?} {why}"));
    let channels = |n: u64| n == 1 || n == 3;
    // The axes of count, row, column and channel; an axis beyond the last has length 1.
    let axes = match dimensions[..] {
        [count, values] => {
            return rows(count, values, header.fortran, network).ok_or_else(|| {
                refused(&format!(
                    "is neither (N, H, W) nor (N, H, W, C), and {values} values are neither a square nor {network}"
                ))
            });
        }
        [_, _, _] => Ok([0, 1, 2, 3]),
        [_, second, _, last] => match (channels(second), channels(last)) {
            (false, true) => Ok([0, 1, 2, 3]),
            (true, false) => Ok([0, 2, 3, 1]),
            (true, true) => Err("can be read as (N, H, W, C) and as (N, C, H, W); save it as (N, H, W)"),
            (false, false) => Err("has no axis of 1 or 3 channels"),
        },
        _ => Err("is neither (N, H, W) nor (N, H, W, C)"),
    };
    let axes = axes.map_err(refused)?;
    let length = |axis: usize| dimensions.get(axis).copied().unwrap_or(1);
    let stride = |axis: usize| -> usize {
        // Products of what `size_of` has found to be at most 4 GiB.
        let faster = if header.fortran { 0..axis.min(dimensions.len()) } else { axis + 1..dimensions.len() };
        dimensions.get(faster).unwrap_or_default().iter().map(|&n| n as usize).product()
    };
    let sides = axes.map(|axis| u32::try_from(length(axis)).ok().filter(|&n| n > 0));
    let [Some(count), Some(height), Some(width), Some(channels)] = sides else {
        return Err(refused("holds no images"));
    };
    Ok((count, Shape { height, width, channels }, axes.map(stride)))
}

/// The layout of images of `values` values in a row, as [`layout`].
fn rows(count: u64, values: u64, fortran: bool, network: Shape) -> Option<(u32, Shape, [usize; 4])> {
    let shape = flattened(values, network)?;
    let images = u32::try_from(count).ok().filter(|&images| images > 0)?;
    let [image, value] = if fortran { [1, count as usize] } else { [values as usize, 1] };
    let row = (shape.width * shape.channels) as usize * value;
    Some((images, shape, [image, row, shape.channels as usize * value, value]))
}

/// Puts the values into the order that images have here.
fn in_order(values: Vec<u8>, count: u32, shape: Shape, strides: [usize; 4]) -> Vec<u8> {
    let [height, width, channels] = [shape.height, shape.width, shape.channels].map(|n| n as usize);
    if strides == [height * width * channels, width * channels, channels, 1] {
        return values;
    }
    let mut pixels = Vec::with_capacity(values.len());
    for image in 0..count as usize {
        for row in 0..height {
            for column in 0..width {
                let first = image * strides[0] + row * strides[1] + column * strides[2];
                pixels.extend((0..channels).map(|channel| values[first + channel * strides[3]]));
            }
        }
    }
    pixels
}

#[cfg(test)]
mod tests;
