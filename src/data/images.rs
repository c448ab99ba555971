//! Images in memory, as they come from a file.

use rayon::prelude::*;

use super::files;
use super::resize::Cover;
use crate::error::Result;
use crate::shape::Shape;

/// The images of one file.
pub struct RawImages {
    /// The shape of each.
    pub shape: Shape,
    /// How many there are; never 0.
    pub count: u32,
    /// `[count][height][width][channels]`.
    pub pixels: Vec<u8>,
}

impl std::fmt::Debug for RawImages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} images of {}", self.count, self.shape)
    }
}

impl RawImages {
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
        RawImages { shape: Shape { height: width, width: height, channels }, count: self.count, pixels }
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
        Ok(RawImages { shape, count: self.count, pixels })
    }
}
