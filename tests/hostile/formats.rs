//! As pictures in a folder: WebP, BMP, TIFF and GIF. PNG and JPEG are in `data.rs`.

use image::ImageFormat;

use crate::bench::Bench;
use crate::common::makers::{encoded, noise};

const LINE: &str = "train --config tiny.toml --device cpu --out run --quiet --data {}";

/// Refuses eight broken files of a format, and one that is none of it.
#[track_caller]
fn refuse(format: ImageFormat, ending: &str, size: impl Fn(&mut [u8])) {
    let bench = Bench::new();
    let file = |name: &str, content: &[u8]| bench.write(&format!("{name}/picture.{ending}"), content);
    let whole = encoded(9, 7, &noise(189), format);
    let head = whole.len().min(12);
    file("empty", b"");
    file("html", b"<html>");
    file("lfs", b"version https://git-lfs.github.com/spec/v1\n");
    file("magic-only", &whole[..head]);
    file("quarter", &whole[..whole.len() / 4]);
    file("half", &whole[..whole.len() / 2]);
    file("zeros", &[&whole[..head], &vec![0; whole.len()][..]].concat());
    file("ones", &[&whole[..head], &vec![0xff; whole.len()][..]].concat());
    let mut vast = whole.clone();
    size(&mut vast);
    file("vast", &vast);
    let rows: Vec<_> = ["magic-only", "quarter", "half", "zeros", "ones", "vast"]
        .map(|name| (name, "1 of 1 pictures in "))
        .into_iter()
        .chain([("empty", "(it has no content)"), ("html", "(it is a web page, not data)"), ("lfs", "Git LFS pointer")])
        .collect();
    bench.refuse(LINE, 4, &rows);
    // The whole one is read.
    file("whole", &whole);
    bench.write("whole/another.png", encoded(9, 7, &[7; 189], ImageFormat::Png));
    bench.run(&LINE.replace("{}", "whole")).done();
}

#[test]
fn webp() {
    // 16384×16384, in 14 bits each.
    refuse(ImageFormat::WebP, "webp", |file| file[21..25].copy_from_slice(&[0xff, 0xff, 0xff, 0x0f]));
}

/// A chunk of metadata that declares 4 GiB.
#[test]
fn webp_with_a_vast_chunk() {
    let bench = Bench::new();
    let picture = encoded(9, 7, &noise(189), ImageFormat::WebP);
    // The extended header says that there is EXIF metadata.
    let extended = [&b"VP8X\x0a\0\0\0\x08\0\0\0\x08\0\0\x06\0\0"[..], &picture[12..], b"EXIF\xfe\xff\xff\xff"].concat();
    let file = [b"RIFF", &(extended.len() as u32 + 4).to_le_bytes()[..], b"WEBP", &extended].concat();
    bench.write("vast/1.webp", file);
    bench.refuse(LINE, 4, &[("vast", "it is truncated: a chunk declares more than there is")]);
}

#[test]
fn bmp() {
    refuse(ImageFormat::Bmp, "bmp", |file| {
        file[18..26].copy_from_slice(&[0, 0, 1, 0, 0, 0, 1, 0]);
    });
}

#[test]
fn tiff() {
    refuse(ImageFormat::Tiff, "tif", |file| {
        // The directory's entries of width and height: tags 256 and 257.
        for tag in [[0, 1], [1, 1]] {
            let at = file.windows(4).position(|bytes| bytes[..2] == tag && matches!(bytes[2], 3 | 4)).unwrap();
            file[at + 8..at + 12].copy_from_slice(&[0xff, 0xff, 0, 0]);
        }
    });
}

#[test]
fn gif() {
    refuse(ImageFormat::Gif, "gif", |file| file[6..10].copy_from_slice(&[0xff; 4]));
}
