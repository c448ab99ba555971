//! Latents to draw from: floats, a row for each image, read a few rows at a time.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::header::Dtype;
use super::values::float;
use super::{Content, read_header};
use crate::data::files::{at, damaged, open, opening};
use crate::error::{Error, Result};

/// Values that are looked at in one go.
const PIECE: usize = 16 * 1024;

/// An array of latents, float32 or float64 of the shape `(N, latent)` or `(latent,)`, whose values
/// are all finite as float32.
#[derive(Debug)]
pub struct Latents<R = BufReader<File>> {
    /// At the first latent that was not read yet.
    source: R,
    /// For messages.
    path: PathBuf,
    element: Dtype,
    count: u64,
    dim: usize,
}

impl Latents {
    /// Opens the file `path` and looks at all of its values.
    ///
    /// # Errors
    /// [`Kind::Data`](crate::error::Kind::Data) when the file cannot be read, does not hold exactly
    /// the bytes that it declares, or holds something else than latents.
    pub fn open(path: &Path) -> Result<Latents> {
        let (source, length) = open(path)?;
        Latents::parse(source, length, path)
    }
}

impl<R: BufRead + Seek> Latents<R> {
    /// As [`Latents::open`], of the content of a file of `length` bytes, called `path` in messages.
    ///
    /// # Errors
    /// As [`Latents::open`].
    pub fn parse(source: R, length: u64, path: &Path) -> Result<Latents<R>> {
        checked(source, length, path).map_err(at(path))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many latents there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Values of each.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The next `count` latents, fewer at the end.
    ///
    /// # Errors
    /// [`Kind::Data`](crate::error::Kind::Data) when the file has changed, or cannot be read any
    /// more.
    pub fn take(&mut self, count: usize) -> Result<Vec<Vec<f32>>> {
        let latent = |latents: &mut Self| {
            let mut values = Vec::with_capacity(latents.dim.min(PIECE));
            while values.len() < latents.dim {
                let more = (latents.dim - values.len()).min(PIECE);
                values.extend(floats(&mut latents.source, latents.element, more)?);
            }
            Ok(values)
        };
        (0..count).map(|_| latent(self)).collect::<Result<_>>().map_err(at(&self.path))
    }
}

fn checked<R: BufRead + Seek>(mut source: R, length: u64, path: &Path) -> Result<Latents<R>> {
    let unreadable = |cause: std::io::Error| damaged(&cause.to_string());
    opening(&mut source)?;
    let header = read_header(&mut source, Content::Latents)?;
    let refused = |why: &str| Content::Latents.unusable(&format!("its shape {:?} {why}", header.shape));
    let (count, dim) = match header.shape[..] {
        [count, dim] => (count, dim),
        [dim] => (1, dim),
        _ => return Err(refused("has not one or two axes")),
    };
    if count == 0 || dim == 0 {
        return Err(refused("holds no latents"));
    }
    if header.fortran && count > 1 && dim > 1 {
        return Err(Content::Latents.unusable("it is in Fortran's order, not in C's (numpy.ascontiguousarray)"));
    }
    let start = source.stream_position().map_err(unreadable)?;
    let there = length.saturating_sub(start);
    let values = count.checked_mul(dim);
    let (Some(values), Some(size)) = (values, values.and_then(|n| n.checked_mul(header.element.bytes as u64))) else {
        return Err(refused("is beyond any file"));
    };
    if there != size {
        return Err(damaged(&format!("it has {there} bytes after the header, which declares {size}")));
    }
    let mut left = values;
    while left > 0 {
        let piece = left.min(PIECE as u64);
        floats(&mut source, header.element, piece as usize)?;
        left -= piece;
    }
    source.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    // No file of that length is there where it does not fit.
    let dim = usize::try_from(dim).map_err(|_| refused("is beyond any file"))?;
    Ok(Latents { source, path: path.to_path_buf(), element: header.element, count, dim })
}

/// The next `count` values as float32.
fn floats(source: &mut impl BufRead, element: Dtype, count: usize) -> Result<Vec<f32>> {
    let mut bytes = vec![0; count * element.bytes];
    source.read_exact(&mut bytes).map_err(|cause| damaged(&cause.to_string()))?;
    bytes.chunks_exact(element.bytes).map(|bytes| value(bytes, element)).collect()
}

/// The number that an element is.
fn value(bytes: &[u8], element: Dtype) -> Result<f32> {
    let wide = float(bytes, element);
    let narrow = wide as f32;
    if narrow.is_finite() { Ok(narrow) } else { Err(not_finite(wide)) }
}

fn not_finite(value: f64) -> Error {
    Content::Latents.unusable(&format!("it holds the value {value}, which is no finite float32"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::data::makers::{array, npy};

    fn parsed(file: &[u8]) -> Result<Latents<Cursor<&[u8]>>> {
        Latents::parse(Cursor::new(file), file.len() as u64, Path::new("z.npy"))
    }

    fn bytes<const N: usize>(values: &[f64], of: impl Fn(f64) -> [u8; N]) -> Vec<u8> {
        values.iter().flat_map(|&value| of(value)).collect()
    }

    #[test]
    fn floats_of_both_widths_and_orders_are_read_a_few_at_a_time() {
        let values = [0.5, -1.25, 3.0, 1e-3, 7.0, -0.0];
        let expected: Vec<Vec<f32>> = values.chunks(2).map(|row| row.iter().map(|&v| v as f32).collect()).collect();
        for (descr, data) in [
            ("<f4", bytes(&values, |v| (v as f32).to_le_bytes())),
            (">f4", bytes(&values, |v| (v as f32).to_be_bytes())),
            ("<f8", bytes(&values, f64::to_le_bytes)),
            (">f8", bytes(&values, f64::to_be_bytes)),
        ] {
            let file = array(descr, "(3, 2)", &data);
            let mut latents = parsed(&file).unwrap();
            assert_eq!((latents.count(), latents.dim()), (3, 2));
            assert_eq!(latents.take(2).unwrap(), expected[..2], "{descr}");
            assert_eq!(latents.take(1).unwrap(), expected[2..], "{descr}");
            assert!(latents.take(1).is_err(), "there is nothing more");

            let file = array(descr, "(6,)", &data);
            let mut latents = parsed(&file).unwrap();
            assert_eq!((latents.count(), latents.dim()), (1, 6), "one latent");
            assert_eq!(latents.take(1).unwrap(), [expected.concat()], "{descr}");
        }
    }

    #[test]
    fn a_latent_may_be_longer_than_a_piece() {
        let values: Vec<f64> = (0..2 * PIECE + 5).map(|i| i as f64).collect();
        let file = array("<f4", &format!("(1, {})", values.len()), &bytes(&values, |v| (v as f32).to_le_bytes()));
        let latents = parsed(&file).unwrap().take(1).unwrap();
        assert!(latents[0].iter().zip(&values).all(|(&got, &expected)| f64::from(got) == expected));
        assert_eq!(latents[0].len(), values.len());
    }

    #[test]
    fn anything_else_is_refused() {
        let remedy = "; save float32 of the shape (N, latent), as --save-latents does";
        for (file, because) in [
            (array("|u1", "(1, 4)", &[0; 4]), "z.npy: it has elements of type \"|u1\", neither float32 (<f4) nor"),
            (array("<f2", "(1, 2)", &[0; 4]), "type \"<f2\""),
            (array("<f4", "(1, 1, 1)", &[0; 4]), "its shape [1, 1, 1] has not one or two axes"),
            (array("<f4", "()", &[0; 4]), "its shape [] has not one or two axes"),
            (array("<f4", "(0, 4)", &[]), "its shape [0, 4] holds no latents"),
            (array("<f4", "(4, 0)", &[]), "its shape [4, 0] holds no latents"),
            (
                npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }\n", &[0; 16]),
                "it is in Fortran's order, not in C's (numpy.ascontiguousarray)",
            ),
            (array("<f4", "(1, 1)", &f32::NAN.to_le_bytes()), "it holds the value NaN"),
            (array(">f4", "(1, 1)", &f32::NEG_INFINITY.to_be_bytes()), "it holds the value -inf"),
            (array("<f8", "(1, 1)", &1e40_f64.to_le_bytes()), "0, which is no finite float32"),
            (array("<f8", "(4294967296, 4294967296)", &[]), "is beyond any file"),
            (array("<f4", "(4294967296, 2147483648)", &[]), "is beyond any file"),
        ] {
            let message = parsed(&file).unwrap_err().to_string();
            assert!(message.contains(because) && message.ends_with(remedy), "{message:?} does not say {because:?}");
        }
        for (file, because) in [
            (array("<f4", "(2, 2)", &[0; 15]), "it has 15 bytes after the header, which declares 16"),
            (array("<f4", "(2, 2)", &[0; 17]), "it has 17 bytes after the header, which declares 16"),
            (array("<f4", "(99999999999, 100)", &[]), "which declares 39999999999600"),
            (b"<html>".to_vec(), "web page"),
            (b"".to_vec(), "no content"),
            (b"\x93NUMPY".to_vec(), "ends within its header"),
        ] {
            let message = parsed(&file).unwrap_err().to_string();
            assert!(message.contains(because), "{message:?} does not say {because:?}");
        }
    }
}
