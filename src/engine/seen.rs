//! Real images as D sees them: resized and cropped as they were read, with instance noise and
//! augmentation.

use super::gan::{STEP_WORDS, step_input};
use super::sampler::by_image;
use crate::device::Device;
use crate::error::Result;
use crate::kernels::augment::{self, Augmented};
use crate::kernels::data::{self, Gather, Normalisation, pack};
use crate::model::config::Config;
use crate::output::Images;
use crate::plan::{Program, Recorder, Role};
use crate::random::{Source, split, stream};
use crate::shape::Shape;

/// The most values that are made at once: a few tensors of them take little.
const PIECE: usize = 1 << 20;

/// The images `bytes`, each of the configuration's size, as D sees them when it begins. They are
/// made on the host, whatever device trains, some at a time.
///
/// # Errors
/// When the host has no room for one of them.
pub fn as_seen(config: &Config, bytes: &[u8]) -> Result<Images> {
    let Shape { height, width, channels } = config.image;
    let size = config.image.bytes();
    let [height, width, channels] = [height, width, channels].map(|n| n as usize);
    let shape = [bytes.len() / size, height, width, channels];
    if config.training.instance_noise == 0.0 && config.augment.is_none_or(|how| how.is_off()) {
        return Images::new(bytes.to_vec(), shape);
    }
    let mut values = Vec::with_capacity(bytes.len());
    for piece in bytes.chunks((PIECE / size).max(1) * size) {
        values.extend(piece_as_seen(config, piece)?);
    }
    Images::from_values(&values, config.low(), shape)
}

/// The values of images, `[image][pixel][channel]`.
fn piece_as_seen(config: &Config, bytes: &[u8]) -> Result<Vec<f32>> {
    let shape = config.image;
    let batch = (bytes.len() / shape.bytes()) as u32;
    let values = u64::from(shape.values()) * u64::from(batch);
    let device = Device::Host;
    let mut program = Program::default();
    let step = step_input(&mut program, STEP_WORDS);
    let gather = Gather {
        images: program.words("images", Role::DataSet, pack(bytes)),
        indices: program.words("indices", Role::StepInputs, (0..batch).collect()),
        step,
        x: program.floats("real images", Role::Activations, values),
    };
    let source = Source::from(stream::DEVICE);
    let mut recorder = Recorder::new(&device.profile());
    let normalisation = Normalisation { low: config.low(), noise: config.training.instance_noise, source };
    data::record_gather(&mut recorder, normalisation, shape.channels, gather);
    let mut seen = gather.x;
    if let Some(how) = config.augment.filter(|how| !how.is_off()) {
        let means = program.floats("means", Role::Activations, batch.into());
        let y = program.floats("augmented images", Role::Activations, values);
        let images = augment::Images { shape, batch, source: source.offset(1) };
        let views = Augmented { x: seen, step, means, y };
        augment::record_forward(&mut recorder, &how, images, config.background_values(), views);
        seen = y;
    }
    let plan = program.push([recorder.cut("real images")?])[0];
    let mut session = device.load(program)?;
    let mut words = split(config.seed).to_vec();
    words.resize(step.len as usize, 0);
    session.write(step, &words);
    session.run(&[plan])?;
    let values = session.read_floats(seen)?;
    let batch = batch as usize;
    Ok(by_image(&values, batch, batch, shape.channels as usize).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::augment::Augmentation;
    use crate::model::sources::preset;

    fn config() -> Config {
        let mut config = preset("quick").expect("it is built in");
        config.training.instance_noise = 0.0;
        config
    }

    #[test]
    fn without_noise_and_augmentation_images_are_as_they_are() {
        let config = config();
        let bytes: Vec<u8> = (0..3 * config.image.bytes()).map(|i| (i % 251) as u8).collect();
        let seen = as_seen(&config, &bytes).unwrap();
        assert_eq!((seen.count, &seen.pixels), (3, &bytes));
    }

    #[test]
    fn augmentation_is_seen() {
        let mut config = config();
        config.augment = Some(Augmentation { translation: 0.25, ..Augmentation::default() });
        config.background = Some(vec![9]);
        let bytes = vec![200; 8 * config.image.bytes()];
        let seen = as_seen(&config, &bytes).unwrap();
        assert!(seen.pixels.contains(&9) && seen.pixels.contains(&200), "shifted, and filled");
        config.training.instance_noise = 0.2;
        assert_ne!(as_seen(&config, &bytes).unwrap(), seen);
    }
}
