//! Arrays that NumPy saved (`numpy.save`): images of uint8, or of float32 in [0, 1].
//!
//! As with IDX files nothing is allocated for bytes that are not there.

mod header;

use std::io::{BufRead, Read};
use std::path::Path;

use self::header::{Dtype, Header};
use super::RawImages;
use super::files::{at, damaged, impostor, open, read_exactly, size_of};
use crate::error::{Error, Result};
use crate::shape::Shape;

/// The first bytes of every such file.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is read; NumPy's own limit is 10,000.
const LONGEST_HEADER: u32 = 65_536;

/// Reads images of the shape `(N, H, W)`, `(N, H, W, C)` or `(N, C, H, W)`, C being 1 or 3.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when the file cannot be read, is not such a file, does not hold exactly the bytes
/// that it declares, or holds something else than such images.
pub fn read(path: &Path) -> Result<RawImages> {
    let (source, length) = open(path)?;
    parse(source, length).map_err(at(path))
}

/// Reads images from the content of a file of `length` bytes.
///
/// # Errors
///
/// As [`read`], without the file's name.
pub fn parse(mut source: impl BufRead, length: u64) -> Result<RawImages> {
    let opening = source.fill_buf().map_err(|cause| damaged(&cause.to_string()))?;
    if let Some(impostor) = impostor(opening) {
        return Err(damaged(impostor));
    }
    let header = read_header(&mut source)?;
    let size = size_of(&header.shape, header.element.bytes())?;
    let order = Order::of(&header)?;
    let values = read_exactly(source, size, length)?;
    let values = match header.element {
        Dtype::U8 => values,
        Dtype::F32 { little } => bytes_of_floats(&values, little)?,
    };
    Ok(order.images(values))
}

fn read_header(source: &mut impl Read) -> Result<Header> {
    let mut start = [0; 8];
    take(source, &mut start)?;
    if !start.starts_with(MAGIC) {
        return Err(damaged("it is not a NumPy array (it does not begin with \\x93NUMPY)"));
    }
    let length = match start[6] {
        1 => {
            let mut word = [0; 2];
            take(source, &mut word)?;
            u16::from_le_bytes(word).into()
        }
        2 | 3 => {
            let mut word = [0; 4];
            take(source, &mut word)?;
            u32::from_le_bytes(word)
        }
        version => return Err(unusable(&format!("it has version {version} of the format, not 1 to 3"))),
    };
    if length > LONGEST_HEADER {
        return Err(damaged(&format!("its header takes {length} bytes, more than {LONGEST_HEADER}")));
    }
    let mut text = vec![0; length as usize];
    take(source, &mut text)?;
    let text = str::from_utf8(&text).map_err(|_| damaged("its header is not text"))?;
    Header::parse(text)
}

fn take(source: &mut impl Read, into: &mut [u8]) -> Result<()> {
    source.read_exact(into).map_err(|_| damaged("it ends within its header"))
}

/// Rounds values in [0, 1] to 0 to 255.
fn bytes_of_floats(bytes: &[u8], little: bool) -> Result<Vec<u8>> {
    let (words, _) = bytes.as_chunks::<4>();
    let values = words.iter().map(|word| if little { f32::from_le_bytes(*word) } else { f32::from_be_bytes(*word) });
    let rounded = values.map(|value| match value {
        0.0..=1.0 => Ok((value * 255.0).round() as u8),
        _ => Err(unusable(&format!(
            "it holds the value {value}; floats must lie in [0, 1]: (x + 1) / 2 brings them from [-1, 1]"
        ))),
    });
    rounded.collect()
}

/// Where the values of an image are.
struct Order {
    count: u32,
    shape: Shape,
    /// Distance between neighbours in count, row, column and channel.
    strides: [usize; 4],
}

impl Order {
    fn of(header: &Header) -> Result<Order> {
        let dimensions = &header.shape;
        let channels = |n: u64| n == 1 || n == 3;
        // The axes of count, row, column and channel; an axis beyond the last has length 1.
        let axes = match dimensions[..] {
            [_, _, _] => [0, 1, 2, 3],
            [_, second, _, last] => match (channels(second), channels(last)) {
                (false, true) => [0, 1, 2, 3],
                (true, false) => [0, 2, 3, 1],
                (true, true) => {
                    return Err(unusable(&format!(
                        "its shape {dimensions:?} can be read as (N, H, W, C) and as (N, C, H, W); save it as (N, H, W)"
                    )));
                }
                (false, false) => {
                    return Err(unusable(&format!("its shape {dimensions:?} has no axis of 1 or 3 channels")));
                }
            },
            _ => return Err(unusable(&format!("its shape {dimensions:?} is neither (N, H, W) nor (N, H, W, C)"))),
        };
        let length = |axis: usize| dimensions.get(axis).copied().unwrap_or(1);
        let stride = |axis: usize| -> usize {
            // Products of what `size_of` has found to be at most 4 GiB.
            let faster = if header.fortran { 0..axis.min(dimensions.len()) } else { axis + 1..dimensions.len() };
            dimensions.get(faster).unwrap_or_default().iter().map(|&n| n as usize).product()
        };
        let sides = axes.map(|axis| u32::try_from(length(axis)).ok().filter(|&n| n > 0));
        let [Some(count), Some(height), Some(width), Some(channels)] = sides else {
            return Err(unusable(&format!("its shape {dimensions:?} holds no images")));
        };
        Ok(Order { count, shape: Shape { height, width, channels }, strides: axes.map(stride) })
    }

    /// Puts the values into the order that images have here.
    fn images(&self, values: Vec<u8>) -> RawImages {
        let Order { count, shape, strides } = *self;
        let [height, width, channels] = [shape.height, shape.width, shape.channels].map(|n| n as usize);
        let sorted = [height * width * channels, width * channels, channels, 1];
        if strides == sorted {
            return RawImages { shape, count, pixels: values };
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
        RawImages { shape, count, pixels }
    }
}

/// The error for an array that is sound but of no use here.
fn unusable(why: &str) -> Error {
    Error::data(format!("{why}; save uint8 of the shape (N, H, W) or (N, H, W, 3)"))
}

#[cfg(test)]
mod tests;
