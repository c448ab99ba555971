//! Labels as comma-separated values, and as NumPy arrays.
#![no_main]

use dcgan_gpu::data::labels::table::{Images, parse};
use dcgan_gpu::data::npy;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let files = ["a.png", "b/1.png", "b/2.png"].map(|file| file.as_bytes().to_vec());
    for images in [Images::InOrder(3), Images::Files(&files)] {
        if let Ok(labels) = parse(file, images) {
            assert_eq!(labels.of().len(), 3);
            assert!(labels.of().iter().all(|&label| (label as usize) < labels.classes().len()));
        }
    }
    if let Ok(values) = npy::parse_labels(file, file.len() as u64, |_| Ok(())) {
        assert!(values.len() <= file.len());
    }
});
