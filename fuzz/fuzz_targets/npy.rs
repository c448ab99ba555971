//! NumPy arrays of images and of latents.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use dcgan_gpu::data::npy::{self, Wanted};
use dcgan_gpu::shape::Shape;

const WANTED: Wanted = Wanted { network: Shape { height: 2, width: 3, channels: 1 }, range: None };

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(images) = npy::parse(file, file.len() as u64, WANTED) {
        assert_eq!(images.pixels.len(), images.count as usize * images.shape.bytes());
    }
    if let Ok(mut latents) = npy::Latents::parse(Cursor::new(file), file.len() as u64, Path::new("z.npy")) {
        let count = latents.count() as usize;
        assert_eq!(latents.take(count).unwrap().len(), count);
    }
});
