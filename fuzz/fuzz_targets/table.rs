//! Images as comma-separated values.
#![no_main]

use dcgan_gpu::data::npy::Wanted;
use dcgan_gpu::data::table;
use dcgan_gpu::shape::Shape;

const WANTED: Wanted = Wanted { network: Shape { height: 2, width: 3, channels: 1 }, range: None };

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(table::Parsed { images, labels, .. }) = table::parse(file, file.len() as u64, WANTED) {
        assert_eq!(images.pixels.len(), images.count as usize * images.shape.bytes());
        if let Ok(Some(labels)) = labels {
            assert_eq!(labels.of().len(), images.count as usize);
        }
    }
});
