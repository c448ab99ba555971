//! One training step, and one sampling pass, of each preset: real networks on a small batch.

use super::cases::Case;
use super::guard::is_float;
use super::layer::{SEED, set};
use crate::engine::gan::Gan;
use crate::engine::{self, Recording};
use crate::error::Result;
use crate::kernels::average;
use crate::model::config::Config;
use crate::model::sources;
use crate::objective::Classes;
use crate::plan::{Fill, Profile, Program, View};
use crate::random::{Draws, Source, split, stream};

/// The presets with a batch that is quick, and no multiple of a tile; `colour-64` would take long,
/// and is `colour-32` with a level more.
const BATCHES: [(&str, u32); 8] = [
    ("pytorch", 6),
    ("tf-tutorial", 5),
    ("stabilized", 7),
    ("keras", 8),
    ("quick", 5),
    ("wgan-gp", 3),
    ("conditional", 6),
    ("colour-32", 5),
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
    Ok(first_step(&config, profile)?.0)
}

/// A configuration's program before its first step, with initial parameters, latents, and random
/// images as its data.
///
/// # Errors
/// When the configuration is not valid.
pub fn first_step(config: &Config, profile: &Profile) -> Result<(Program, Gan)> {
    let images = IMAGES.max(config.images_per_step());
    let bytes = config.image.values() * images;
    let Recording { mut program, gan, .. } = engine::record(config, profile, bytes.into())?;
    for (view, values) in engine::initial(&program, config.seed) {
        set(&mut program, view, values);
    }
    let pixels = Draws::new(config.seed, stream::STROKES, 0);
    let [g, d] = config.optimizers();
    for port in program.ports.clone() {
        let View { len, .. } = port.view;
        let normals = |source: Source| {
            let mut values = vec![0.0; len as usize];
            Draws::new(config.seed, source, 0).fill_normal(&mut values);
            values.into_iter().map(f32::to_bits).collect()
        };
        let classes = |first: u32| {
            let classes = config.classes.as_ref().map_or(1, Classes::count);
            (0..len).map(|b| (first + 2 * b) % classes).collect()
        };
        let words = match port.fill {
            Fill::Seed => split(config.seed).to_vec(),
            Fill::Step => vec![0],
            Fill::Rate { network, part, .. } => {
                let optimizer = if network == "generator" { g } else { d };
                optimizer.rates(0, part + 1).map(f32::to_bits).to_vec()
            }
            Fill::Normal { stream, part } => normals(Source { stream, part }),
            Fill::Shuffled { part } => (0..len).map(|b| ((part * len + b) * 4 + 1) % images).collect(),
            Fill::Labels { part } => classes(part),
            Fill::Average { batch, half_life_images, ramp } => {
                vec![average::rest(batch, half_life_images, ramp, 0).to_bits()]
            }
            Fill::Images => (0..len).map(|word| pixels.word(word)).collect(),
            // Latents, and classes.
            Fill::Given if is_float(&program, port.view) => normals(stream::SAMPLES.into()),
            Fill::Given => classes(1),
        };
        put(&mut program, port.view, &words);
    }
    Ok((program, gan))
}

/// Sets a part of what a tensor begins with.
fn put(program: &mut Program, view: View, words: &[u32]) {
    let spec = &mut program.tensors[view.tensor.0 as usize];
    let contents = spec.contents.get_or_insert_with(|| vec![0; spec.words as usize]);
    contents[view.offset as usize..][..words.len()].copy_from_slice(words);
}
