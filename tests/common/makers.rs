//! Small files of every kind that is read as data, made byte by byte, so that they can also be made
//! wrong.
#![allow(dead_code, reason = "each user takes a part")]

use std::io::Write;

use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compression, Crc};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat, RgbImage};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An IDX file of bytes.
pub fn idx(dimensions: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dimensions.len() as u8];
    file.extend(dimensions.iter().flat_map(|n| n.to_be_bytes()));
    file.extend(elements);
    file
}

/// What `gzip` makes of it.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A NumPy array, version 1, of this dictionary.
pub fn npy(dictionary: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(dictionary.len() as u16).to_le_bytes()[..], dictionary.as_bytes(), data].concat()
}

/// A NumPy array of `descr` and `shape` in C order.
pub fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"), data)
}

/// Bytes 0 to 255 that look like nothing in particular.
pub fn noise(count: usize) -> Vec<u8> {
    (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// A chunk of a PNG, with its checksum.
pub fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// How a PNG stores colours.
#[derive(Clone, Copy)]
pub struct Png {
    pub width: u32,
    pub height: u32,
    /// Bits of a sample.
    pub depth: u8,
    /// 0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha.
    pub colour: u8,
}

impl Png {
    pub fn new(width: u32, height: u32, depth: u8, colour: u8) -> Png {
        Png { width, height, depth, colour }
    }

    fn header(self) -> Vec<u8> {
        let Png { width, height, depth, colour } = self;
        chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colour, 0, 0, 0]].concat())
    }

    /// Rows with the filter "none" before each.
    fn rows(self, pixels: &[u8]) -> Vec<u8> {
        pixels.chunks((pixels.len() / self.height as usize).max(1)).flat_map(|row| [&[0], row].concat()).collect()
    }

    /// The file; `extra` chunks come before the pixels.
    pub fn file(self, extra: &[u8], pixels: &[u8]) -> Vec<u8> {
        let data = chunk(b"IDAT", &zlib(&self.rows(pixels)));
        [b"\x89PNG\r\n\x1a\n", &self.header()[..], extra, &data, &chunk(b"IEND", &[])].concat()
    }

    /// An animation of two frames; the first is the default image.
    pub fn animation(self, first: &[u8], second: &[u8]) -> Vec<u8> {
        let control = |sequence: u32| {
            let size = [self.width.to_be_bytes(), self.height.to_be_bytes(), [0; 4], [0; 4]].concat();
            chunk(b"fcTL", &[&sequence.to_be_bytes()[..], &size, &[0, 1, 0, 10, 0, 0]].concat())
        };
        let two = chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
        let next = chunk(b"fdAT", &[&2_u32.to_be_bytes()[..], &zlib(&self.rows(second))].concat());
        let mut file = self.file(&[two, control(0)].concat(), first);
        let end = file.len() - 12;
        file.splice(end..end, [control(1), next].concat());
        file
    }
}

/// A grey PNG of noise.
pub fn grey_png(width: u32, height: u32) -> Vec<u8> {
    Png::new(width, height, 8, 0).file(&[], &noise((width * height) as usize))
}

/// A coloured PNG of one colour.
pub fn flat_png(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    Png::new(width, height, 8, 2).file(&[], &colour.repeat((width * height) as usize))
}

/// A JPEG of one colour.
pub fn flat_jpeg(width: u16, height: u16, colour: [u8; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    let pixels = colour.repeat(usize::from(width) * usize::from(height));
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 95);
    encoder.encode(&pixels, width.into(), height.into(), ExtendedColorType::Rgb8).unwrap();
    file
}

/// Pixels of three channels in one of the formats that `image` writes.
pub fn encoded(width: u32, height: u32, pixels: &[u8], format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_raw(width, height, pixels.to_vec()).unwrap();
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// A zip archive of files, compressed where `deflate` says so.
pub fn zip(files: &[(&str, &[u8])], deflate: bool) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let method = if deflate { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    for (name, content) in files {
        archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A JPEG with a segment put behind its first marker.
pub fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, content, &jpeg[2..]].concat()
}

/// An EXIF segment that says only how the picture is turned: 1 not at all, 3 upside down, 6 and 8
/// by a quarter.
pub fn exif(orientation: u8) -> Vec<u8> {
    let head = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
    [&head[..], &[orientation, 0, 0, 0, 0, 0, 0]].concat()
}

fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> = hexadecimal.bytes().map(|c| (c as char).to_digit(16).unwrap() as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A JPEG of 8×8 red pixels in CMYK, as Adobe's programs write it (Pillow 13: `Image.new("CMYK",
/// (8, 8), (0, 255, 255, 0))`).
pub fn cmyk_jpeg() -> Vec<u8> {
    bytes_of(concat!(
        "ffd8ffee000e41646f626500640000000000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b",
        "0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc000140800080008044311004d11005911004b1100ffc400",
        "14000100000000000000000000000000000009ffc40014100100000000000000000000000000000000ffda000e0443004d0059004b00003f",
        "0054c550aa2a6fffd9",
    ))
}

/// A progressive JPEG of 16×8 pixels, (200, 30, 40) on the left and (10, 200, 40) on the right
/// (Pillow 13).
pub fn progressive_jpeg() -> Vec<u8> {
    bytes_of(concat!(
        "ffd8ffe000104a46494600010100000100010000ffdb00430002010101010102010101020202020204030202020205040403040605060606",
        "05060606070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0affdb004301020202020202050303050a0706070a0a0a0a",
        "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0affc20011080008001003",
        "011100021101031101ffc40014000100000000000000000000000000000007ffc400160101010100000000000000000000000000060809ff",
        "da000c03010002100310000001231f542b0fcb3fffc40014100100000000000000000000000000000010ffda00080101000105023fffc400",
        "14110100000000000000000000000000000010ffda0008010301013f013fffc40014110100000000000000000000000000000010ffda0008",
        "010201013f013fffc40014100100000000000000000000000000000010ffda0008010100063f023fffc40014100100000000000000000000",
        "000000000010ffda0008010100013f213fffda000c0301000200030000001003ffc40014110100000000000000000000000000000010ffda",
        "0008010301013f103fffc40014110100000000000000000000000000000010ffda0008010201013f103fffc4001410010000000000000000",
        "0000000000000010ffda0008010100013f103fffd9",
    ))
}
