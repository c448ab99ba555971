use super::*;
use crate::output::{Images, Overwrite, write_npy};

const WANTED: Wanted = Wanted { network: Shape { height: 2, width: 3, channels: 1 }, range: None };

fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes(), data].concat()
}

fn parsed(file: &[u8]) -> Result<RawImages> {
    parse(file, file.len() as u64, WANTED)
}

#[track_caller]
fn read_as(file: &[u8], count: u32, shape: [u32; 3], pixels: &[u8]) {
    let images = parsed(file).unwrap();
    let [height, width, channels] = shape;
    assert_eq!((images.count, images.shape), (count, Shape { height, width, channels }));
    assert_eq!(images.pixels, pixels);
}

#[track_caller]
fn refused(file: &[u8], because: &str) {
    let message = parsed(file).unwrap_err().to_string();
    assert!(message.contains(because), "{message:?} does not say {because:?}");
}

#[test]
fn reads_every_order_of_axes() {
    let pixels: Vec<u8> = (0..24).collect();
    read_as(&npy("|u1", false, "(2, 3, 4)", &pixels), 2, [3, 4, 1], &pixels);
    read_as(&npy("|u1", false, "(2, 2, 2, 3)", &pixels), 2, [2, 2, 3], &pixels);
    // Channels before rows: each channel's plane comes whole.
    let planes = [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23];
    let mixed = [0, 10, 20, 1, 11, 21, 2, 12, 22, 3, 13, 23];
    read_as(&npy("|u1", false, "(1, 3, 2, 2)", &planes), 1, [2, 2, 3], &mixed);
    read_as(&npy("|u1", false, "(2, 1, 2, 2)", &pixels[..8]), 2, [2, 2, 1], &pixels[..8]);
    // Fortran's order: the index of the image varies fastest.
    read_as(&npy("|u1", true, "(2, 2, 2)", &pixels[..8]), 2, [2, 2, 1], &[0, 4, 2, 6, 1, 5, 3, 7]);
    let fortran: Vec<u8> = (0..12).collect();
    read_as(&npy("|u1", true, "(1, 2, 2, 3)", &fortran), 1, [2, 2, 3], &[0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11]);
    read_as(&npy("|u1", true, "(1, 3, 2, 2)", &fortran), 1, [2, 2, 3], &[0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11]);
}

#[test]
fn reads_floats_in_both_byte_orders() {
    let values = [0.0_f32, 1.0, 0.5, 0.2];
    let little: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    for (descr, data) in [("<f4", &little), (">f4", &big)] {
        read_as(&npy(descr, false, "(1, 2, 2)", data), 1, [2, 2, 1], &[0, 255, 128, 51]);
    }
    let wide: Vec<u8> = values.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect();
    read_as(&npy("<f8", false, "(1, 2, 2)", &wide), 1, [2, 2, 1], &[0, 255, 128, 51]);
    let refused_of = |value: f32, because: &str| {
        let data = [value, 0.0, 0.5, 0.0].map(f32::to_le_bytes).concat();
        refused(&npy("<f4", false, "(1, 2, 2)", &data), because);
    };
    refused_of(-0.5, "it holds values from -0.5 to 0.5, beyond 0 to 1; say which of them are black and white");
    refused_of(1.01, "--data-range 0,1.01");
    refused_of(255.0, "--data-range 0,255");
    refused_of(f32::NAN, "it holds the value NaN, which is no pixel; save numbers alone");
    refused_of(f32::INFINITY, "it holds the value inf, which is no pixel");
}

#[test]
fn reads_numbers_of_every_type_in_a_range() {
    let ranged = |file: &[u8], range: &str| {
        let wanted = Wanted { range: Some(range.parse().unwrap()), ..WANTED };
        parse(file, file.len() as u64, wanted).map(|images| images.pixels)
    };
    let words = [0_u16, 4095, 2048, 819].map(u16::to_be_bytes).concat();
    let file = npy(">u2", false, "(1, 2, 2)", &words);
    assert_eq!(ranged(&file, "0,4095").unwrap(), [0, 255, 128, 51]);
    refused(&file, "it holds whole numbers of 16 bits from 0 to 4095; say which of them are black and white");
    refused(&file, "--data-range 0,4095");
    let beyond = ranged(&file, "0,4000").unwrap_err().to_string();
    assert!(beyond.contains("values from 0 to 4095, beyond 0 to 4000"), "{beyond}");
    let signed = [-1_i64, 1, 0, -1].map(i64::to_le_bytes).concat();
    assert_eq!(ranged(&npy("<i8", false, "(1, 2, 2)", &signed), "-1,1").unwrap(), [0, 255, 128, 0]);
    let floats = [-1.0_f32, 1.0, 0.0, -0.5].map(f32::to_le_bytes).concat();
    assert_eq!(ranged(&npy("<f4", false, "(1, 2, 2)", &floats), "-1,1").unwrap(), [0, 255, 128, 64]);
    assert_eq!(ranged(&npy("|u1", false, "(1, 2, 2)", &[0, 1, 1, 0]), "0,1").unwrap(), [0, 255, 255, 0]);
    // What is suggested is taken, though 1.7 is another number in 64 bits.
    let file = npy("<f4", false, "(1, 2, 2)", &[1.7_f32, 0.1, 0.0, 0.5].map(f32::to_le_bytes).concat());
    refused(&file, "--data-range 0,1.7");
    assert_eq!(ranged(&file, "0,1.7").unwrap()[0], 255);
    // Truths need none.
    read_as(&npy("|b1", false, "(1, 2, 2)", &[0, 1, 1, 0]), 1, [2, 2, 1], &[0, 255, 255, 0]);
    refused(&npy("|b1", false, "(1, 2, 2)", &[0, 2, 1, 0]), "beyond 0 to 1");
}

#[test]
fn reads_rows_of_values() {
    let values: Vec<u8> = (0..18).collect();
    // A square, and the network's shape, 2×3.
    read_as(&npy("|u1", false, "(2, 9)", &values), 2, [3, 3, 1], &values);
    read_as(&npy("|u1", false, "(3, 6)", &values), 3, [2, 3, 1], &values);
    let columns = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 16, 5, 11, 17];
    read_as(&npy("|u1", true, "(3, 6)", &columns), 3, [2, 3, 1], &values);
    refused(&npy("|u1", false, "(2, 5)", &values[..10]), "5 values are neither a square nor 2×3×1; save uint8");
    refused(&npy("|u1", false, "(0, 9)", &[]), "its shape [0, 9]");
    refused(&npy("|u1", false, "(4, 1)", &values[..4]), "1 values are neither a square");
}

#[test]
fn reads_every_version() {
    let file = npy("|u1", false, "(1, 2, 2)", &[1, 2, 3, 4]);
    for version in [2, 3] {
        let mut longer = file.clone();
        longer[6] = version;
        longer.splice(10..10, [0, 0]);
        read_as(&longer, 1, [2, 2, 1], &[1, 2, 3, 4]);
    }
    let mut unknown = file;
    unknown[6] = 4;
    refused(&unknown, "version 4 of the format");
}

#[test]
fn reads_what_sampling_writes() {
    let folder = tempfile::tempdir().unwrap();
    for channels in [1, 3] {
        let path = folder.path().join(format!("{channels}.npy"));
        let drawn = Images::new((0..12 * channels as u8).collect(), [3, 2, 2, channels]).unwrap();
        write_npy(&drawn, &path, Overwrite::Never).unwrap();
        let images = read(&path, WANTED).unwrap();
        assert_eq!((images.count, images.shape.channels, images.pixels), (3, channels as u32, drawn.pixels));
    }
}

#[test]
fn refuses_what_is_not_an_array_of_images() {
    refused(b"", "no content");
    refused(b"<html>", "web page");
    refused(b"PK\x03\x04", "zip archive");
    refused(b"\x93NUMPY", "ends within its header");
    refused(b"something else", "not a NumPy array");
    refused(&npy("|u1", false, "(4,)", &[0; 4]), "neither (N, H, W) nor (N, H, W, C)");
    refused(&npy("|u1", false, "(1, 2, 2, 2)", &[0; 8]), "no axis of 1 or 3 channels");
    refused(&npy("|u1", false, "(2, 3, 2, 3)", &[0; 36]), "can be read as");
    refused(&npy("|u1", false, "(0, 2, 2)", &[]), "holds no images");
    refused(&npy("|u1", false, "(2, 0, 2)", &[]), "holds no images");
    refused(&npy("<f2", false, "(1, 1, 1)", &[0; 2]), "type \"<f2\", neither whole numbers nor floats");
    refused(&npy("<c8", false, "(1, 1, 1)", &[0; 8]), "type \"<c8\"");
}

#[test]
fn refuses_sizes_that_do_not_hold() {
    let file = npy("|u1", false, "(2, 3, 4)", &[5; 24]);
    refused(&file[..9], "ends within its header");
    refused(&file[..30], "ends within its header");
    refused(&file[..file.len() - 1], "23 of 24 bytes");
    refused(&[&file[..], &[0]].concat(), "goes on after the 24 bytes");
    refused(&npy("|u1", false, "(99999999999, 28, 28)", &[]), "more than 4 GiB");
    refused(&npy("<f4", false, "(18446744073709551615, 2, 2)", &[]), "more than 4 GiB");
    refused(&npy("|u1", false, "(1, 16384, 16384)", &[1]), "1 of 268435456 bytes");
    let mut header = file;
    header[6] = 2;
    header[8..12].copy_from_slice(&[0xff; 4]);
    refused(&header, "its header takes 4294967295 bytes");
}

fn labels(file: &[u8]) -> Result<Vec<i64>> {
    parse_labels(file, file.len() as u64, |_| Ok(()))
}

#[test]
fn reads_labels_of_any_integers() {
    let read_as = |descr: &str, data: &[u8], values: [i64; 2]| {
        assert_eq!(labels(&npy(descr, false, "(2,)", data)).unwrap(), values, "{descr}");
    };
    read_as("|u1", &[200, 3], [200, 3]);
    read_as("|i1", &[200, 3], [-56, 3]);
    read_as("|b1", &[1, 0], [1, 0]);
    read_as("<u2", &[1, 2, 255, 255], [513, 65_535]);
    read_as(">i2", &[1, 2, 255, 254], [258, -2]);
    read_as("<i4", &[-7_i32, 9].map(i32::to_le_bytes).concat(), [-7, 9]);
    read_as(">u4", &[u32::MAX, 9].map(u32::to_be_bytes).concat(), [u32::MAX.into(), 9]);
    read_as("<i8", &[i64::MIN, -1].map(i64::to_le_bytes).concat(), [i64::MIN, -1]);
    assert_eq!(labels(&npy("|u1", false, "(2, 1)", &[7, 8])).unwrap(), [7, 8], "a column");
    read_as(">u8", &[i64::MAX, 5].map(i64::to_be_bytes).concat(), [i64::MAX, 5]);
}

#[test]
fn refuses_labels_that_are_none() {
    for (file, because) in [
        (npy("<u8", false, "(1,)", &[0xff; 8]), "it holds the value 18446744073709551615, more than"),
        (npy("<f8", false, "(1,)", &[0; 8]), "type \"<f8\", not whole numbers"),
        (npy("<i4", false, "(1, 2)", &[0; 8]), "its shape [1, 2] has not one axis; save one whole number an image"),
        (npy("<i4", false, "()", &[0; 4]), "its shape [] has not one axis"),
        (npy("<i4", false, "(2,)", &[0; 7]), "7 of 8 bytes"),
        (npy("<i4", false, "(9999999999999999,)", &[]), "more than 4 GiB"),
        (b"<html>".to_vec(), "web page"),
    ] {
        let message = labels(&file).unwrap_err().to_string();
        assert!(message.contains(because), "{message:?} does not say {because:?}");
    }
    let file = npy("<i4", false, "(3,)", &[0; 12]);
    let refused = parse_labels(&file[..], 12, |count| Err(Error::data(format!("{count} are too many"))));
    assert_eq!(refused.unwrap_err().to_string(), "3 are too many");
}
