//! NumPy arrays.
#![no_main]

use dcgan_gpu::data::npy;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(images) = npy::parse(file, file.len() as u64) {
        assert_eq!(images.pixels.len(), images.count as usize * images.shape.bytes());
    }
});
