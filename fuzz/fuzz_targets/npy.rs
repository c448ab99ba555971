//! NumPy arrays.
#![no_main]

use dcgan_gpu::data::npy::{self, Wanted};
use dcgan_gpu::shape::Shape;

const WANTED: Wanted = Wanted { network: Shape { height: 2, width: 3, channels: 1 }, range: None };

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(images) = npy::parse(file, file.len() as u64, WANTED) {
        assert_eq!(images.pixels.len(), images.count as usize * images.shape.bytes());
    }
});
