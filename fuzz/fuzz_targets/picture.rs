//! Pictures; those with chunks of PNG get checksums that fit.
#![no_main]

use dcgan_gpu::data::picture;
use dcgan_gpu::data::reading::Reading;
use dcgan_gpu::shape::Shape;

#[path = "../../tests/common/mutate.rs"]
mod mutate;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let shape = Shape { height: 6, width: 5, channels: 3 };
    let _ = picture::decode(file, shape, &Reading::default());
    let _ = picture::decode(&mutate::with_checksums(file), Shape { channels: 1, ..shape }, &Reading::default());
});
