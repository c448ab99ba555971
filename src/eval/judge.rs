//! What judges the samples of a run in training: their Fréchet distance to real images, in the
//! features of a network that was made before.
//!
//! Features are computed on the host, whatever device trains: they are few, and their numbers do
//! not depend on the adapter beyond the samples.

use std::path::Path;

use super::cache;
use super::extract::Extractor;
use super::file::Filed;
use super::metrics::{Features, Moments};
use super::real::Real;
use crate::data::DataSet;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::model::config::Config;
use crate::model::judged::{JudgedBy, makes_features};
use crate::model::network::Layout;
use crate::output::Images;
use crate::run::files::FEATURES;
use crate::shape::Shape;

/// The part of a run's products that its estimates may take.
const SHARE: f64 = 0.015;
/// The fewest and the most samples of an estimate.
const SAMPLES: [u32; 2] = [256, 2_000];

/// Judges samples.
#[derive(Debug)]
pub struct Judge {
    features: Filed,
    extractor: Extractor,
    /// Of as many real images as there are samples.
    real: Moments,
    samples: u32,
    shape: Shape,
}

impl Judge {
    /// The judge of a run on these data: features that are kept of them. None where there are none,
    /// or too few images: features are never trained here.
    ///
    /// # Errors
    /// When the host cannot run them.
    pub fn find(data: &DataSet, config: &Config) -> Result<Option<Judge>> {
        let Ok(real) = Real::new(data, None) else { return Ok(None) };
        let Some(features) = cache::find(&real) else { return Ok(None) };
        let samples = samples(config, &features, data.len())?;
        Judge::new(features, &real, samples).map(Some)
    }

    /// The judge that a run settled on: its features, which lie in its folder or are kept.
    ///
    /// # Errors
    /// A data error with the remedy where they are in neither place.
    pub fn of_run(judged: &JudgedBy, run: &Path, data: &DataSet, config: &Config) -> Result<Judge> {
        let real = Real::new(data, None)?;
        let own = run.join(FEATURES);
        let own = if own.is_file() { Some(Filed::load(&own)?) } else { None };
        let found = own
            .into_iter()
            .chain(cache::find(&real))
            .find(|features| Some(&features.digest) == judged.features.as_ref());
        let features = found.ok_or_else(|| {
            Error::data(format!(
                "the features that judge the run are neither in {} nor in the cache; make them with `{}`",
                run.display(),
                makes_features(&config.data, config.image, Some(run))
            ))
        })?;
        let samples = judged.samples.map_or_else(|| samples(config, &features, data.len()), Ok)?;
        Judge::new(features, &real, samples)
    }

    fn new(features: Filed, real: &Real<'_>, samples: u32) -> Result<Judge> {
        let mut extractor = Extractor::new(&Device::Host, features.network.clone())?;
        let shape = real.shape();
        let count = samples.min(real.len());
        let moments = Moments::of(&seen(&mut extractor, &real.reference(count), shape)?)?;
        Ok(Judge { features, extractor, real: moments, samples, shape })
    }

    /// Tells its features from all others: the SHA-256 of their file.
    pub fn digest(&self) -> &str {
        &self.features.digest
    }

    /// How many samples an estimate takes.
    pub fn samples(&self) -> u32 {
        self.samples
    }

    /// Writes the features into a run's folder, unless it has them.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn keep(&self, run: &Path) -> Result<()> {
        let path = run.join(FEATURES);
        match Filed::load(&path) {
            Ok(own) if own.digest == self.features.digest => Ok(()),
            _ => self.features.save(&path),
        }
    }

    /// The Fréchet distance between samples and real images.
    ///
    /// # Errors
    /// When the host fails.
    pub fn measure(&mut self, samples: &Images) -> Result<f64> {
        let seen = seen(&mut self.extractor, &samples.pixels, self.shape)?;
        Moments::of(&seen)?.frechet(&self.real)
    }
}

fn seen(extractor: &mut Extractor, pixels: &[u8], shape: Shape) -> Result<Features> {
    let seen = extractor.see(pixels, shape)?;
    Features::new(seen.features, extractor.width())
}

/// What would judge a run on these data: the digest of the features that are kept of them, and how
/// many samples the run can afford; none where [`Judge::find`] finds none.
///
/// # Errors
/// A usage error when the networks do not fit.
pub fn afforded(config: &Config, data: &DataSet) -> Result<Option<(String, u32)>> {
    let Ok(real) = Real::new(data, None) else { return Ok(None) };
    let Some(features) = cache::find(&real) else { return Ok(None) };
    let samples = samples(config, &features, data.len())?;
    Ok(Some((features.digest, samples)))
}

/// So many samples that drawing them and computing their features takes less than [`SHARE`] of the
/// products of the steps between two estimates; of few images not more than those.
fn samples(config: &Config, features: &Filed, images: u32) -> Result<u32> {
    let [g, d] = config.layouts()?.map(|layout| products(&layout));
    let sees = products(&features.network.description.layout()?);
    let steps_per_epoch = images / config.images_per_step();
    let between = config.output.sample_every.steps(config.unit(), steps_per_epoch.max(1));
    // A pass back takes twice a pass forward: for D's update of its own, images and G's pass; for
    // G's update once through D to the images and back through G.
    let (updates, batch) = (f64::from(config.objective.d_steps), f64::from(config.training.batch_size));
    let of_an_image = updates * (g + 6.0 * d) + 2.0 * d + 2.0 * g;
    let affordable = SHARE * f64::from(between) * batch * of_an_image / (g + sees);
    let [fewest, most] = SAMPLES;
    Ok((affordable as u32).clamp(fewest, most).min(images))
}

/// Multiplications of a pass forward of one image, at most.
fn products(layout: &Layout) -> f64 {
    let outputs = layout.layers.iter().skip(1).map(|(_, next)| *next).chain([layout.output]);
    let of = |((layer, input), output): (&(crate::layers::LayerSpec, Shape), Shape)| {
        let entries = layer.cost(*input, output).products as f64;
        entries * f64::from(input.channels) * f64::from(output.channels)
    };
    layout.layers.iter().zip(outputs).map(of).sum()
}
