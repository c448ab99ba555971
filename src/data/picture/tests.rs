use super::*;

use crate::data::makers::{
    Png, array, chunk, cmyk_jpeg, encoded, exif, flat_jpeg, flat_png, grey_png, gzip, idx, noise, progressive_jpeg,
    with_segment,
};

fn shape(height: u32, width: u32, channels: u32) -> Shape {
    Shape { height, width, channels }
}

fn decoded(file: &[u8], height: u32, width: u32, channels: u32) -> Vec<u8> {
    decode(file, shape(height, width, channels), &Reading::default()).unwrap()
}

#[track_caller]
fn refused(file: &[u8], because: &str) {
    let message = decode(file, shape(4, 4, 1), &Reading::default()).unwrap_err().to_string();
    assert!(message.contains(because) && !message.contains('\n'), "{message:?} does not say {because:?}");
}

#[track_caller]
fn near(pixels: &[u8], colour: &[u8]) {
    for pixel in pixels.chunks_exact(colour.len()) {
        assert!(pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(*b) <= 3), "{pixel:?} is not {colour:?}");
    }
}

#[test]
fn reads_every_kind_of_png() {
    let png = |depth, colour| Png::new(2, 1, depth, colour);
    assert_eq!(decoded(&png(8, 0).file(&[], &[9, 200]), 1, 2, 1), [9, 200]);
    assert_eq!(decoded(&png(1, 0).file(&[], &[0b0100_0000]), 1, 2, 1), [0, 255]);
    assert_eq!(decoded(&png(4, 0).file(&[], &[0x3f]), 1, 2, 1), [51, 255]);
    assert_eq!(decoded(&png(16, 0).file(&[], &[9, 9, 200, 200]), 1, 2, 1), [9, 200]);
    assert_eq!(decoded(&png(8, 2).file(&[], &[1, 2, 3, 4, 5, 6]), 1, 2, 3), [1, 2, 3, 4, 5, 6]);
    let deep = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6];
    assert_eq!(decoded(&png(16, 2).file(&[], &deep), 1, 2, 3), [1, 2, 3, 4, 5, 6]);
    let palette = chunk(b"PLTE", &[10, 20, 30, 40, 50, 60]);
    assert_eq!(decoded(&png(8, 3).file(&palette, &[1, 0]), 1, 2, 3), [40, 50, 60, 10, 20, 30]);
}

#[test]
fn what_is_transparent_is_black() {
    let png = |depth, colour| Png::new(2, 1, depth, colour);
    let half = [200, 100, 50, 255, 200, 100, 50, 128];
    assert_eq!(decoded(&png(8, 6).file(&[], &half), 1, 2, 3), [200, 100, 50, 100, 50, 25]);
    assert_eq!(decoded(&png(8, 4).file(&[], &[80, 255, 80, 0]), 1, 2, 1), [80, 0]);
    let palette = [chunk(b"PLTE", &[10, 20, 30, 40, 50, 60]), chunk(b"tRNS", &[0])].concat();
    assert_eq!(decoded(&png(8, 3).file(&palette, &[1, 0]), 1, 2, 3), [40, 50, 60, 0, 0, 0]);
}

#[test]
fn what_is_transparent_lies_on_the_ground() {
    let reading = Reading { ground: "#ff0000".parse().unwrap(), ..Reading::default() };
    let on_red = |file: &[u8], channels| decode(file, shape(1, 2, channels), &reading).unwrap();
    let half = [200, 100, 50, 255, 200, 100, 50, 128];
    assert_eq!(on_red(&Png::new(2, 1, 8, 6).file(&[], &half), 3), [200, 100, 50, 227, 50, 25]);
    assert_eq!(on_red(&Png::new(2, 1, 8, 4).file(&[], &[80, 255, 80, 0]), 3), [80, 80, 80, 255, 0, 0]);
    assert_eq!(on_red(&Png::new(2, 1, 8, 0).file(&[], &[80, 255]), 1), [80, 255], "nothing shines through");
}

#[test]
fn samples_have_a_range() {
    let reading = Reading { range: Some("0,4095".parse().unwrap()), ..Reading::default() };
    let ranged = |file: &[u8]| decode(file, shape(1, 2, 1), &reading);
    let twelve_bits = Png::new(2, 1, 16, 0).file(&[], &[0x0f, 0xff, 0x08, 0]);
    assert_eq!(ranged(&twelve_bits).unwrap(), [255, 128]);
    assert_eq!(decoded(&twelve_bits, 1, 2, 1), [16, 8], "of 65535");
    let message = ranged(&Png::new(2, 1, 16, 0).file(&[], &[0x10, 0, 0, 0])).unwrap_err().to_string();
    assert!(message.contains("it holds the value 4096, which is outside of 0 to 4095"), "{message}");
    let with_alpha = Png::new(1, 1, 16, 6).file(&[], &[0x0f, 0xff, 0x08, 0, 0, 0, 0xff, 0xff]);
    assert_eq!(decode(&with_alpha, shape(1, 1, 3), &reading).unwrap(), [255, 128, 0]);
    let mask = Reading { range: Some("0,1".parse().unwrap()), ..Reading::default() };
    assert_eq!(decode(&Png::new(2, 1, 8, 0).file(&[], &[1, 0]), shape(1, 2, 1), &mask).unwrap(), [255, 0]);
}

#[test]
fn reads_every_other_format() {
    let pixels = [200, 30, 40, 10, 200, 40, 1, 2, 3, 250, 251, 252];
    for format in [ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Gif] {
        let file = encoded(2, 2, &pixels, format);
        near(&decoded(&file, 2, 2, 3)[..3], &[200, 30, 40]);
        near(&decoded(&file, 2, 2, 3)[9..], &[250, 251, 252]);
    }
}

#[test]
fn an_animation_gives_its_default_image() {
    let file = Png::new(2, 2, 8, 0).animation(&[1, 2, 3, 4], &[9, 9, 9, 9]);
    assert_eq!(decoded(&file, 2, 2, 1), [1, 2, 3, 4]);
}

#[test]
fn reads_every_kind_of_jpeg() {
    near(&decoded(&flat_jpeg(5, 7, [200, 30, 40]), 7, 5, 3), &[200, 30, 40]);
    near(&decoded(&flat_jpeg(5, 7, [90, 90, 90]), 7, 5, 1), &[90]);
    near(&decoded(&cmyk_jpeg(), 8, 8, 3), &[255, 0, 0]);
    let halves = decoded(&progressive_jpeg(), 8, 16, 3);
    near(&halves[..12], &[200, 30, 40]);
    near(&halves[36..48], &[10, 200, 40]);
    // Cameras put more behind the end.
    near(&decoded(&[&cmyk_jpeg()[..], &[0; 99]].concat(), 8, 8, 3), &[255, 0, 0]);
}

#[test]
fn what_was_photographed_sideways_is_upright() {
    let photo = with_segment(&progressive_jpeg(), 0xe1, &exif(6));
    // A quarter to the right: what was left is on top.
    let upright = decoded(&photo, 16, 8, 3);
    near(&upright[..24], &[200, 30, 40]);
    near(&upright[15 * 24..], &[10, 200, 40]);
    let turned = decoded(&with_segment(&progressive_jpeg(), 0xe1, &exif(3)), 8, 16, 3);
    near(&turned[..12], &[10, 200, 40]);
}

#[test]
fn any_size_becomes_the_networks() {
    for (width, height) in [(1, 1), (3, 200), (64, 64), (130, 31)] {
        let file = flat_png(width, height, [200, 30, 40]);
        assert_eq!(decoded(&file, 28, 20, 3), [200, 30, 40].repeat(28 * 20));
        // 0.2126 · 200 + 0.7152 · 30 + 0.0722 · 40.
        assert_eq!(decoded(&file, 28, 20, 1), [67; 28 * 20]);
        assert_eq!(decoded(&grey_png(width, height), height, width, 1), noise((width * height) as usize));
    }
}

#[test]
fn names_what_is_no_picture() {
    refused(b"", "no content");
    refused(b"\0\0\0\x1cftypavif", "AVIF, HEIC");
    refused(b"<!DOCTYPE html>", "web page");
    refused(b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer");
    refused(b"PK\x03\x04", "zip archive");
    refused(&gzip(&grey_png(2, 2)), "a gzip file");
    refused(&array("|u1", "(1, 1, 1)", &[0]), "a NumPy array");
    refused(&idx(&[1, 1, 1], &[0]), "an IDX file");
    refused(b"text", "something else, not a PNG, JPEG, WebP, BMP, TIFF or GIF");
}

#[test]
fn every_truncation_is_refused() {
    // All but the last chunk of a PNG says nothing about the pixels.
    for (file, shortest) in [(grey_png(9, 9), 12), (flat_jpeg(9, 9, [1, 2, 3]), 0), (progressive_jpeg(), 0)] {
        for length in 0..file.len() - shortest {
            assert!(
                decode(&file[..length], shape(4, 4, 1), &Reading::default()).is_err(),
                "{length} of {} bytes",
                file.len()
            );
        }
    }
    // A thumbnail's end is not the picture's.
    let photo = with_segment(&flat_jpeg(9, 9, [1, 2, 3]), 0xe1, &flat_jpeg(8, 8, [4, 5, 6]));
    near(&decoded(&photo, 9, 9, 3), &[1, 2, 3]);
    refused(&photo[..photo.len() - 2], "its end is missing");
}

#[test]
fn sizes_are_held_against_the_file() {
    let vast = |width, height, depth, colour| Png::new(width, height, depth, colour).file(&[], &[0; 64]);
    refused(&vast(60_000, 60_000, 8, 2), "its 60000×60000 pixels take 10299 MiB; at most 256 are read");
    refused(&vast(u32::MAX / 2, u32::MAX / 2, 16, 6), "it is beyond the limits");
    refused(&vast(9000, 9000, 8, 2), "it declares 9000×9000 pixels, more than its bytes hold");
    refused(&vast(0, 4, 8, 0), "it is damaged");
    let mut jpeg = flat_jpeg(8, 8, [1, 2, 3]);
    let size = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap() + 5;
    jpeg[size..size + 4].copy_from_slice(&[0x20, 0, 0x20, 0]);
    refused(&jpeg, "it declares 8192×8192 pixels, more than its bytes hold");
    jpeg[size..size + 4].copy_from_slice(&[0xff; 4]);
    refused(&jpeg, "its 65535×65535 pixels take 12287 MiB");
}

#[test]
fn a_wrong_checksum_is_refused() {
    let mut file = grey_png(4, 4);
    let data = file.windows(4).position(|word| word == b"IDAT").unwrap();
    file[data + 8] ^= 1;
    refused(&file, "it is damaged");
}
