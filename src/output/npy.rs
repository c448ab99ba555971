//! NumPy arrays that are written row by row: `numpy.load("out.npy")`.

use std::path::Path;

use super::save::Unnamed;
use super::{Images, Overwrite};
use crate::error::{Error, Kind, Result};

/// Saves `images` as uint8 in C order, shape `(N, H, W)` when grey and `(N, H, W, 3)` when in
/// colour.
///
/// # Errors
/// As [`save_png`](super::save_png).
pub fn write_npy(images: &Images, path: &Path, overwrite: Overwrite) -> Result<()> {
    let Images { count, height, width, channels, .. } = *images;
    let mut array = NpyWriter::of_images(path, [count, height, width, channels], overwrite)?;
    array.push_images(images)?;
    array.finish()
}

/// An array of which the number of rows is known before the rows are. The file appears when it is
/// whole.
#[derive(Debug)]
pub struct NpyWriter {
    file: Unnamed,
    /// Bytes that are still to come.
    left: usize,
}

impl NpyWriter {
    /// Begins an array of images, uint8, of `shape` `[count, height, width, channels]`, as
    /// [`write_npy`] makes it.
    ///
    /// # Errors
    /// As [`save_png`](super::save_png).
    pub fn of_images(path: &Path, shape: [usize; 4], overwrite: Overwrite) -> Result<Self> {
        let shape = if shape[3] == 1 { &shape[..3] } else { &shape };
        NpyWriter::begin(path, "|u1", 1, shape, overwrite)
    }

    /// Begins an array of latents, float32 of the shape `(count, dim)`.
    ///
    /// # Errors
    /// As [`save_png`](super::save_png).
    pub fn of_latents(path: &Path, [count, dim]: [usize; 2], overwrite: Overwrite) -> Result<Self> {
        NpyWriter::begin(path, "<f4", 4, &[count, dim], overwrite)
    }

    fn begin(path: &Path, descr: &str, element: usize, shape: &[usize], overwrite: Overwrite) -> Result<Self> {
        let mut file = Unnamed::create(path, overwrite)?;
        file.write(&header(descr, shape))?;
        Ok(NpyWriter { file, left: shape.iter().fold(element, |bytes, &side| bytes.saturating_mul(side)) })
    }

    /// Appends images.
    ///
    /// # Errors
    /// [`Kind::Io`] if they cannot be written; [`Kind::Other`] if the array has no room for them.
    pub fn push_images(&mut self, images: &Images) -> Result<()> {
        self.push(&images.pixels)
    }

    /// Appends latents.
    ///
    /// # Errors
    /// As [`NpyWriter::push_images`].
    pub fn push_latents(&mut self, latents: &[Vec<f32>]) -> Result<()> {
        let bytes: Vec<u8> = latents.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        self.push(&bytes)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| self.misfit("more"))?;
        self.file.write(bytes)
    }

    /// What the file will be called.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// As [`NpyWriter::push_images`]; [`Kind::Other`] if rows are missing.
    pub fn finish(self) -> Result<()> {
        if self.left > 0 {
            return Err(self.misfit("less"));
        }
        self.file.name(false).map(drop)
    }

    fn misfit(&self, how: &str) -> Error {
        Error::new(Kind::Other, format!("{}: there is {how} to write than its header says", self.file.path().display()))
    }
}

/// Version 1.0 of the format: magic, version, the dictionary's length as a little-endian u16, and
/// the dictionary, padded with spaces so that the array starts at a multiple of 64
/// (numpy.lib.format, NEP 1). `shape` has at least two axes.
fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let shape = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    let preamble = b"\x93NUMPY\x01\x00".len() + size_of::<u16>();
    let length = (preamble + dictionary.len() + 1).next_multiple_of(64) - preamble;

    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((length as u16).to_le_bytes());
    header.extend(format!("{dictionary:<width$}\n", width = length - 1).bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn bytes_are_those_of_numpy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        let grey = Images::new((0..12).collect(), [2, 2, 3, 1]).unwrap();
        write_npy(&grey, &path, Overwrite::Never).unwrap();
        let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        expected.extend(b"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3), }");
        expected.extend([b' '; 55]);
        expected.push(b'\n');
        assert_eq!(expected.len(), 128);
        expected.extend(0..12);
        assert_eq!(fs::read(&path).unwrap(), expected);

        assert!(write_npy(&grey, &path, Overwrite::Never).is_err());
        let colour = Images::new((0..12).collect(), [1, 2, 2, 3]).unwrap();
        write_npy(&colour, &path, Overwrite::Always).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!(bytes[10..].starts_with(b"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 2, 3), }  "));
        assert_eq!(bytes[128..], colour.pixels);
    }

    #[test]
    fn rows_may_come_one_by_one_but_all_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let [whole, parts] = ["whole.npy", "parts.npy"].map(|name| dir.path().join(name));
        let images = |pixels: std::ops::Range<u8>| {
            let count = pixels.len() / 4;
            Images::new(pixels.collect(), [count, 2, 2, 1]).unwrap()
        };
        write_npy(&images(0..12), &whole, Overwrite::Never).unwrap();
        let mut array = NpyWriter::of_images(&parts, [3, 2, 2, 1], Overwrite::Never).unwrap();
        array.push_images(&images(0..8)).unwrap();
        array.push_images(&images(8..12)).unwrap();
        assert!(!parts.exists());
        array.finish().unwrap();
        assert_eq!(fs::read(&parts).unwrap(), fs::read(&whole).unwrap());

        let begin = || NpyWriter::of_images(&parts, [2, 2, 2, 1], Overwrite::Always).unwrap();
        assert!(begin().finish().unwrap_err().to_string().contains("less to write"));
        assert!(begin().push_images(&images(0..12)).unwrap_err().to_string().contains("more to write"));
        assert_eq!(fs::read(&parts).unwrap(), fs::read(&whole).unwrap(), "an array that fails replaces nothing");
    }

    #[test]
    fn latents_are_floats_of_32_bits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("z.npy");
        let mut array = NpyWriter::of_latents(&path, [2, 2], Overwrite::Never).unwrap();
        array.push_latents(&[vec![1.0, -0.5]]).unwrap();
        array.push_latents(&[vec![0.25, 3.0]]).unwrap();
        array.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!(bytes[10..].starts_with(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }  "));
        assert_eq!(bytes[128..], [1.0_f32, -0.5, 0.25, 3.0].map(f32::to_le_bytes).concat());
    }

    #[test]
    fn arrays_start_at_a_multiple_of_64() {
        for count in (0..20).map(|digits| 10usize.pow(digits)) {
            let header = header("|u1", &[count, 28, 28]);
            assert_eq!(header.len() % 64, 0);
            assert_eq!(header.len() - 10, usize::from(u16::from_le_bytes([header[8], header[9]])));
            assert_eq!(header.last(), Some(&b'\n'));
        }
    }
}
