//! Checkpoints.
#![no_main]

use dcgan_gpu::model::checkpoint::Checkpoint;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let _ = Checkpoint::parse(file);
});
