//! IDX files of images and of labels.
#![no_main]

use dcgan_gpu::data::idx;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let length = file.len() as u64;
    if let Ok(images) = idx::parse_images(file, length, None) {
        assert_eq!(images.pixels.len(), images.count as usize * images.shape.bytes());
    }
    let _ = idx::parse_labels(file, length);
});
