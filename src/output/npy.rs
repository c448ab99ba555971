//! Images as a NumPy array: `numpy.load("out.npy")`.

use std::path::Path;

use super::save::save_bytes;
use super::{Images, Overwrite};
use crate::error::Result;

/// Saves `images` as uint8 in C order, shape `(N, H, W)` when grey and `(N, H, W, 3)` when in
/// colour.
///
/// # Errors
/// As [`save_png`](super::save_png).
pub fn write_npy(images: &Images, path: &Path, overwrite: Overwrite) -> Result<()> {
    save_bytes(&[&header(images), images.pixels.as_slice()].concat(), path, overwrite).map(drop)
}

/// Version 1.0 of the format: magic, version, the dictionary's length as a little-endian u16, and
/// the dictionary, padded with spaces so that the array starts at a multiple of 64
/// (numpy.lib.format, NEP 1).
fn header(images: &Images) -> Vec<u8> {
    let Images { count, height, width, channels, .. } = images;
    let shape = match channels {
        1 => format!("({count}, {height}, {width})"),
        _ => format!("({count}, {height}, {width}, {channels})"),
    };
    let dictionary = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
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
    fn arrays_start_at_a_multiple_of_64() {
        for count in (0..20).map(|digits| 10usize.pow(digits)) {
            let header = header(&Images { pixels: vec![], count, height: 28, width: 28, channels: 1 });
            assert_eq!(header.len() % 64, 0);
            assert_eq!(header.len() - 10, usize::from(u16::from_le_bytes([header[8], header[9]])));
            assert_eq!(header.last(), Some(&b'\n'));
        }
    }
}
