//! Configurations, to the layouts of both networks.
#![no_main]

use std::path::Path;

use dcgan_gpu::model::sources::Merge;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let merged = Merge::from_text(text, Path::new("fuzzed.toml")).and_then(Merge::finish);
    let _ = merged.and_then(|config| config.layouts());
});
