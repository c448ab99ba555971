//! Archives of NumPy arrays: the input is an archive, and also an array in one, so that its
//! checksum need not be guessed.
#![no_main]

use std::io::Cursor;

use dcgan_gpu::data::npy::Wanted;
use dcgan_gpu::data::npz;
use dcgan_gpu::shape::Shape;

#[path = "../../tests/common/makers.rs"]
mod makers;

const WANTED: Wanted = Wanted { network: Shape { height: 2, width: 3, channels: 1 }, range: None };

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let _ = npz::parse(Cursor::new(file), file.len() as u64, None, WANTED);
    let archive = makers::zip(&[("x.npy", file), ("y.npy", file)], true);
    if let Ok(chosen) = npz::parse(Cursor::new(&archive), archive.len() as u64, Some("x"), WANTED) {
        assert_eq!(chosen.images.pixels.len(), chosen.images.count as usize * chosen.images.shape.bytes());
    }
});
