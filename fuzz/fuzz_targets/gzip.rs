//! Gzipped IDX files: the input is a gzip file, and also the content of one, so that its checksum
//! need not be guessed.
#![no_main]

use std::io::Write;

use dcgan_gpu::data::idx;
use flate2::Compression;
use flate2::write::GzEncoder;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let _ = idx::parse_images(file, file.len() as u64, None);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    if encoder.write_all(file).is_ok()
        && let Ok(zipped) = encoder.finish()
    {
        let _ = idx::parse_images(&zipped[..], zipped.len() as u64, None);
    }
});
