//! One training step, and one sampling pass, of each preset: real networks on a small batch.

use super::cases::Case;
use super::layer::{SEED, set};
use crate::engine::{self, Recording};
use crate::error::Result;
use crate::kernels::data::pack;
use crate::model::sources;
use crate::plan::{Profile, Program, View};
use crate::random::{Draws, split, stream};

/// The presets with a batch that is quick, and no multiple of a tile.
const BATCHES: [(&str, u32); 7] = [
    ("pytorch", 6),
    ("tf-tutorial", 5),
    ("stabilized", 7),
    ("keras", 8),
    ("quick", 5),
    ("colour-32", 5),
    ("colour-64", 3),
];

/// Images that the data set has.
const IMAGES: u32 = 9;

/// Records every preset, with initial parameters and random images and latents.
///
/// # Errors
/// When a preset is not valid.
pub fn all(profile: &Profile) -> Result<Vec<Case>> {
    BATCHES
        .iter()
        .map(|&(name, batch)| Ok(Case { name: format!("preset {name}"), program: preset(profile, name, batch)? }))
        .collect()
}

fn preset(profile: &Profile, name: &str, batch: u32) -> Result<Program> {
    let mut config = sources::preset(name)?;
    config.seed = SEED;
    config.training.batch_size = batch;
    (config.output.rows, config.output.cols) = (1, 3);
    let bytes = config.image.values() * IMAGES;
    let Recording { mut program, gan, sampler, .. } = engine::record(&config, profile, bytes.into())?;

    for (view, values) in engine::initial(&program, SEED) {
        set(&mut program, view, values);
    }
    for (view, stream) in [(gan.inputs.latents, stream::LATENTS), (sampler.latents, stream::SAMPLES)] {
        let mut latents = vec![0.0; view.len as usize];
        Draws::new(SEED, stream, 0).fill_normal(&mut latents);
        set(&mut program, view, latents);
    }
    let mut words = |view: View, contents: Vec<u32>| program.tensors[view.tensor.0 as usize].contents = Some(contents);
    let [low, high] = split(SEED);
    let [rate, correction] = config.adam.rates(1).map(f32::to_bits);
    words(gan.inputs.step, vec![low, high, 0, rate, correction, rate, correction, 0]);
    words(gan.inputs.indices, (0..batch).map(|b| (b * 4 + 1) % IMAGES).collect());
    let pixels = Draws::new(SEED, stream::STROKES, 0);
    words(gan.inputs.images, pack(&(0..bytes).map(|i| pixels.word(i) as u8).collect::<Vec<_>>()));
    Ok(program)
}
