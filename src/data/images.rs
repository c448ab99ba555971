//! Images in memory, as they come from a file.

use rayon::prelude::*;

use super::files;
use super::range::{Range, Span, shown};
use super::resize::Cover;
use crate::error::{Error, Result};
use crate::shape::Shape;

/// The images of one file.
pub struct RawImages {
    /// The shape of each.
    pub shape: Shape,
    /// How many there are; never 0.
    pub count: u32,
    /// `[count][height][width][channels]`.
    pub pixels: Vec<u8>,
    /// The values that the file has.
    pub span: Span,
    /// Whether they were rows of values, whose order of colours nobody says.
    pub is_of_rows: bool,
}

impl std::fmt::Debug for RawImages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} images of {}", self.count, self.shape)
    }
}

impl RawImages {
    /// Images of these bytes, which are pixels unless another range is chosen.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) when a byte is outside of the range.
    pub fn of_bytes(shape: Shape, count: u32, mut bytes: Vec<u8>, range: Option<Range>) -> Result<RawImages> {
        let mut span = Span::of_bytes(&bytes);
        if let Some(range) = range {
            for byte in &mut bytes {
                *byte = pixel((*byte).into(), range)?;
            }
            span = span.within(range);
        }
        Ok(RawImages { shape, count, pixels: bytes, span, is_of_rows: false })
    }

    /// Swaps rows and columns of every image.
    pub fn transposed(self) -> RawImages {
        let Shape { height, width, channels } = self.shape;
        let (rows, columns, depth) = (height as usize, width as usize, channels as usize);
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for image in self.pixels.chunks_exact(self.shape.bytes()) {
            for column in 0..columns {
                for row in 0..rows {
                    pixels.extend_from_slice(&image[(row * columns + column) * depth..][..depth]);
                }
            }
        }
        RawImages { shape: Shape { height: width, width: height, channels }, pixels, ..self }
    }

    /// The images at `shape`: scaled to cover it, the centre cropped, grey made of colour or colour
    /// of grey.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) when they take more memory than this machine has to
    /// spare.
    pub fn conformed(self, shape: Shape) -> Result<RawImages> {
        if self.shape == shape {
            return Ok(self);
        }
        let from = self.shape;
        let mut pixels = files::room_for_images(self.count, shape)?;
        let (old, new) = (self.pixels.par_chunks_exact(from.bytes()), pixels.par_chunks_exact_mut(shape.bytes()));
        old.zip(new).for_each_init(Cover::default, |cover, (old, new)| cover.fill(old, from, new, shape));
        Ok(RawImages { shape, pixels, ..self })
    }
}

/// The shape of images of `values` values in a row, if that can be told: the network's, or a grey
/// square.
pub fn flattened(values: u64, network: Shape) -> Option<Shape> {
    if values == u64::from(network.values()) {
        return Some(network);
    }
    let side = u32::try_from(values.isqrt()).ok().filter(|&side| side > 1)?;
    (u64::from(side).pow(2) == values).then_some(Shape { height: side, width: side, channels: 1 })
}

/// The pixel that a value is.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when it is outside of the range.
pub fn pixel(value: f64, range: Range) -> Result<u8> {
    range.pixel(value).ok_or_else(|| {
        Error::data(format!(
            "it holds the value {}, which is outside of {range}; say which values are black and white, such as with \
             --data-range 0,4095",
            shown(value)
        ))
    })
}
