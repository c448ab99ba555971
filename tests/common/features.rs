//! Features that judge a run, in the cache of a desk.

use std::fs;
use std::path::Path;

use dcgan_gpu::eval::cache;
use dcgan_gpu::eval::file::Filed;
use dcgan_gpu::eval::network::{Description, FeatureNetwork};
use dcgan_gpu::eval::real::Real;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::{DataSet, Tensors};

/// Puts features of the data of a configuration into the cache folder: a network that has learnt
/// nothing, with random weights; another `version` has another digest.
pub fn make(cache: &Path, config: &Config, version: u64) {
    let data = DataSet::open(&config.data, config.data_dir.as_deref(), config.image, config.seed).unwrap();
    let real = Real::new(&data, None).unwrap();
    let description = Description::planned(config.image, real.task());
    let mut tensors = Tensors::default();
    for stored in description.stored().unwrap() {
        let mut values = vec![0.0; stored.view.len as usize];
        stored.begins.fill(version, &mut values);
        tensors.insert(&stored, &values);
    }
    let folder = cache.join("features");
    fs::create_dir_all(&folder).unwrap();
    let features = Filed::new(FeatureNetwork { description, trained: None, tensors }).unwrap();
    features.save(&folder.join(cache::file_name(&real))).unwrap();
}
