//! Bytes with a shape: a batch of equally sized images, and the single picture that is saved.

use std::borrow::Cow;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::disk;
use crate::error::{Error, Kind, Result};

/// The most bytes of a file that is read: more than the decoder's own limit lets it hold.
const LARGEST_FILE: u64 = 1 << 30;

/// A batch of images of one size, 8 bits a channel.
///
/// [`Images::new`] and [`Images::from_values`] check the shape; whoever changes a field afterwards
/// keeps it true.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Images {
    /// `[count][height][width][channels]`, channel fastest.
    pub pixels: Vec<u8>,
    pub count: usize,
    pub height: usize,
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
}

impl Images {
    /// Takes `pixels` of `shape` `[count, height, width, channels]`.
    ///
    /// # Errors
    /// [`Kind::Other`] if the number of channels is neither 1 nor 3, or the length is not the
    /// product of the shape.
    pub fn new(pixels: Vec<u8>, shape: [usize; 4]) -> Result<Self> {
        check_shape(&pixels, &shape)?;
        let [count, height, width, channels] = shape;
        Ok(Images { pixels, count, height, width, channels })
    }

    /// Scales `values` of `shape` `[count, height, width, channels]` from `[low, 1]` to `0..=255`,
    /// rounding to nearest and clamping: `low` is -1 after a tanh, 0 after a sigmoid. NaN becomes
    /// 0.
    ///
    /// The scaling never depends on the values, so the same value has the same grey in every image
    /// and at every step.
    ///
    /// # Errors
    /// As [`Images::new`].
    pub fn from_values(values: &[f32], low: f32, shape: [usize; 4]) -> Result<Self> {
        // A cast from float to integer saturates, and takes NaN to 0.
        let byte = |value: &f32| ((value - low) / (1.0 - low) * 255.0).round() as u8;
        Images::new(values.iter().map(byte).collect(), shape)
    }

    /// The first `count` images, or all where there are no more.
    pub fn first(&self, count: usize) -> Cow<'_, Images> {
        if count >= self.count {
            return Cow::Borrowed(self);
        }
        let pixels = self.pixels[..count * self.height * self.width * self.channels].to_vec();
        Cow::Owned(Images { pixels, count, ..*self })
    }

    /// Image `index` (below `count`) as a picture of its own.
    pub fn picture(&self, index: usize) -> Picture {
        let size = self.height * self.width * self.channels;
        let pixels = self.pixels[index * size..][..size].to_vec();
        Picture { width: self.width, height: self.height, channels: self.channels, pixels }
    }
}

/// One image, 8 bits a channel.
///
/// [`Picture::new`] checks the shape; whoever changes a field afterwards keeps it true.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// `[height][width][channels]`, channel fastest.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// Takes `pixels` of `shape` `[height, width, channels]`.
    ///
    /// # Errors
    /// As [`Images::new`].
    pub fn new(pixels: Vec<u8>, shape: [usize; 3]) -> Result<Self> {
        check_shape(&pixels, &shape)?;
        let [height, width, channels] = shape;
        Ok(Picture { width, height, channels, pixels })
    }

    /// Reads a PNG or JPEG file; what has colour becomes RGB, anything else grey.
    ///
    /// # Errors
    /// [`Kind::Io`] if the file cannot be read, or is no such picture.
    pub fn read(path: &Path) -> Result<Picture> {
        let failed = |cause: &dyn std::fmt::Display| {
            Error::new(Kind::Io, format!("cannot read {} as a picture: {cause}", path.display()))
        };
        let mut bytes = Vec::new();
        disk::read_part(path, |file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)).map_err(|e| failed(&e))?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(failed(&format!("it has more than {} MiB", LARGEST_FILE >> 20)));
        }
        // What is in it counts, not what it is called. The decoder panics on a file in a million of
        // those that are damaged.
        let image = catch_unwind(AssertUnwindSafe(|| image::load_from_memory(&bytes)))
            .map_err(|_| failed(&"it is damaged"))?
            .map_err(|e| failed(&e))?;
        let (width, height) = (image.width() as usize, image.height() as usize);
        let colour = image.color().has_color();
        let (channels, pixels) =
            if colour { (3, image.into_rgb8().into_raw()) } else { (1, image.into_luma8().into_raw()) };
        Picture::new(pixels, [height, width, channels])
    }

    /// Every pixel repeated `factor` times in both directions (nearest neighbour).
    pub fn enlarged(&self, factor: usize) -> Picture {
        let (width, height, channels) = (self.width * factor, self.height * factor, self.channels);
        let mut pixels = Vec::with_capacity(width * height * channels);
        for y in 0..self.height {
            let row = &self.pixels[y * self.width * channels..][..self.width * channels];
            let wide: Vec<u8> = row.chunks_exact(channels).flat_map(|pixel| pixel.repeat(factor)).collect();
            pixels.extend(wide.repeat(factor));
        }
        Picture { width, height, channels, pixels }
    }
}

/// `shape` ends with the channels, and its product is the length of `pixels`.
fn check_shape(pixels: &[u8], shape: &[usize]) -> Result<()> {
    let size = shape.iter().try_fold(1, |size: usize, &side| size.checked_mul(side));
    if !matches!(shape, [.., 1 | 3]) {
        return Err(Error::new(Kind::Other, format!("images have 1 or 3 channels, not as in the shape {shape:?}")));
    }
    if size != Some(pixels.len()) {
        return Err(Error::new(Kind::Other, format!("{} values do not fill the shape {shape:?}", pixels.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_scale_by_fixed_limits() {
        let bytes = |values: &[f32], low| Images::from_values(values, low, [1, 1, values.len(), 1]).unwrap().pixels;
        let step = 2.0 / 255.0;
        assert_eq!(bytes(&[-1.0, -1.0 + 0.49 * step, -1.0 + 0.51 * step, 0.0, 1.0], -1.0), [0, 0, 1, 128, 255]);
        assert_eq!(bytes(&[0.0, 0.25, 1.0], 0.0), [0, 64, 255]);
        assert_eq!(bytes(&[-7.0, 1.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY], -1.0), [0, 255, 0, 255, 0]);
        assert_eq!(bytes(&[0.1, 0.2], 0.0), [26, 51], "a dark image is not stretched");
        for byte in 0..=255 {
            let value = f32::from(byte) / 255.0;
            assert_eq!(bytes(&[value], 0.0), [byte]);
            assert_eq!(bytes(&[2.0 * value - 1.0], -1.0), [byte]);
        }
    }

    #[test]
    fn shapes_are_checked() {
        assert!(Images::new(vec![0; 12], [2, 2, 1, 3]).is_ok());
        assert!(Images::new(vec![], [0, 28, 28, 1]).is_ok(), "no images is a batch too");
        let message = |pixels, shape| Images::new(pixels, shape).unwrap_err().to_string();
        assert_eq!(message(vec![0; 11], [2, 2, 1, 3]), "11 values do not fill the shape [2, 2, 1, 3]");
        assert!(message(vec![0; 8], [2, 2, 1, 2]).contains("1 or 3 channels"));
        assert!(message(vec![], [usize::MAX, 2, 1, 1]).contains("do not fill"), "the product overflows");
        assert!(Images::from_values(&[0.0; 5], -1.0, [1, 2, 2, 1]).is_err());
        assert!(Picture::new(vec![0; 5], [2, 2, 1]).is_err());
    }

    #[test]
    fn pictures_are_cut_out_and_enlarged() {
        let images = Images::new((0..12).collect(), [2, 1, 2, 3]).unwrap();
        let second = images.picture(1);
        assert_eq!(second, Picture::new(vec![6, 7, 8, 9, 10, 11], [1, 2, 3]).unwrap());
        let row = [6, 7, 8, 6, 7, 8, 9, 10, 11, 9, 10, 11];
        assert_eq!(second.enlarged(2), Picture::new([row, row].concat(), [2, 4, 3]).unwrap());
        assert_eq!(second.enlarged(1), second);
        let grey = Picture::new(vec![1, 2, 3, 4], [2, 2, 1]).unwrap();
        assert_eq!(grey.enlarged(2).pixels, [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
        assert!(grey.enlarged(0).pixels.is_empty());
    }
}
