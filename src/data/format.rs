//! What a file is, by what it begins with.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use image::ImageFormat;

use super::npy;

/// Bytes that tell.
const OPENING: u64 = 16;

/// The endings of pictures.
pub const PICTURES: [&str; 10] = ["png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "tif", "tiff", "gif"];

/// The formats of pictures that are read.
pub const READ: [ImageFormat; 6] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Gif];

/// What a file can be that holds images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A picture.
    Picture,
    /// An array of NumPy's.
    Array,
    /// A zip archive, of arrays if its name ends so.
    Zip,
    /// IDX, of images.
    Idx,
    /// Comma-separated values, by its name alone.
    Table,
}

impl Format {
    /// What the file at `path` is: by its content, or by its name where that does not tell. A file
    /// that is called a picture is to be one; and one that begins as photographs of cameras (RAW)
    /// do as well as TIFF, or with the two letters of BMP, is one only where its name agrees.
    pub fn of(path: &Path) -> Option<Format> {
        let mut opening = Vec::new();
        if path.is_file()
            && let Ok(file) = File::open(path)
        {
            // What cannot be read now is reported when it is to be read.
            let _ = file.take(OPENING).read_to_end(&mut opening);
        }
        let (by_content, by_name) = (Format::by_content(&opening), Format::by_name(path));
        let is_weak = [&b"II*\0"[..], b"MM\0*", b"BM"].iter().any(|start| opening.starts_with(start));
        match (by_content, by_name) {
            (_, Some(Format::Picture)) => Some(Format::Picture),
            (Some(Format::Picture), name) if is_weak && path.extension().is_some() => name,
            (content, name) => content.or(name),
        }
    }

    /// What begins with `opening`, where that tells.
    pub fn by_content(opening: &[u8]) -> Option<Format> {
        match opening {
            _ if opening.starts_with(npy::MAGIC) => Some(Format::Array),
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(Format::Zip),
            [0, 0, 8, 3 | 4, ..] => Some(Format::Idx),
            _ if image::guess_format(opening).is_ok_and(|format| READ.contains(&format)) => Some(Format::Picture),
            _ => None,
        }
    }

    /// What the name of a file says it is.
    pub fn by_name(path: &Path) -> Option<Format> {
        let ending = path.extension()?.to_ascii_lowercase();
        match ending.to_str()? {
            "npy" => Some(Format::Array),
            "npz" => Some(Format::Zip),
            "csv" | "tsv" => Some(Format::Table),
            ending => PICTURES.contains(&ending).then_some(Format::Picture),
        }
    }
}
