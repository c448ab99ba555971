//! The configuration of a run: everything that shapes its mathematics, and its cadences.
//!
//! Sources are merged key by key, later ones winning: preset, file, environment, flag. The result
//! is checked as a whole and written to the run folder as `config.toml`.

mod caption;
mod combinations;
mod conditional;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Value;

use super::cadence::{Cadence, CheckpointCadence, Unit};
use super::condition::{self, Condition, Estimate};
use super::judged::{JudgedBy, makes_features};
use super::network::Layout;
use super::parameters::Init;
use super::settings;
use crate::data::range::Range;
use crate::data::reading::{Ground, Reading};
use crate::error::{Error, Result};
use crate::kernels::adam::Adam;
use crate::kernels::augment::Augmentation;
use crate::layers::LayerSpec;
use crate::objective::{Average, Classes, Objective, Optimizer, OptimizerChanges, Penalty};
use crate::output::grid_side;
use crate::shape::Shape;

/// A resolved configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the preset or file.
    pub name: String,
    /// One line for `presets`.
    #[serde(default)]
    pub about: String,
    /// Seed of everything random.
    pub seed: u64,
    /// `strokes`, `mnist`, `fashion-mnist`, `kmnist`, a folder, or a file.
    pub data: String,
    /// Where a set that is known by name is looked for first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// The values in files that are black and white, instead of those of their type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_range: Option<Range>,
    /// What lies behind transparent pictures; black unless it is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_background: Option<Ground>,
    /// Whether pictures that cannot be read are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_broken: bool,
    /// The checkpoint of another run whose weights this one begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// Size of the images.
    pub image: Shape,
    /// What the generator starts from.
    pub latent: Latent,
    /// How training goes.
    pub training: Training,
    /// What both networks learn from.
    #[serde(default, skip_serializing_if = "Objective::is_default")]
    pub objective: Objective,
    /// The optimizer of both networks.
    pub adam: Adam,
    /// A moving average of G, which is sampled from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<Average>,
    /// What happens to images before D sees them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augmentation>,
    /// What fills the pixels that augmentation vacates, as a byte for each channel: the background
    /// of the data, told when a run begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Vec<u8>>,
    /// How labels are used, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
    /// What judges the samples, where that is not their pixels or was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgedBy>,
    /// How parameters start.
    pub init: Init,
    /// What the run leaves, and when.
    pub output: Output,
    /// Latents to images.
    pub generator: Layers,
    /// Images to one logit.
    pub discriminator: Layers,
}

/// What the generator starts from: vectors of N(0, 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latent {
    /// Values of a latent vector.
    pub dim: u32,
}

/// How training goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Order of updates within a step.
    pub order: Order,
    /// Real images, and generated ones, of a step.
    pub batch_size: u32,
    /// Length in epochs; either this or `steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,
    /// Length in steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Label of real images in D's loss; below 1 it is smoothed (Salimans et al. 2016).
    pub label_real: f32,
    /// Label of generated images in D's loss.
    pub label_fake: f32,
    /// Standard deviation of the noise on real images (Sønderby et al. 2017).
    pub instance_noise: f32,
    /// What happens when a loss or a tensor is no number.
    #[serde(default)]
    pub on_nan: OnNan,
    /// The run ends at the first estimate of quality that passes this bound.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "condition::or_none")]
    pub stop_when: Option<Condition>,
    /// The run ends after so many estimates in a row without a better score; 0 for never.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub patience: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// What happens when a loss or a tensor is no number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnNan {
    /// The run ends; its last checkpoint is good.
    #[default]
    Stop,
    /// The run goes on from its last checkpoint with half the learning rate, up to three times.
    Rollback,
}

/// Order of updates within a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// D first; G's loss comes from the new D.
    Alternating,
    /// Both losses from one forward pass, both updates at the end.
    Simultaneous,
}

/// What the run leaves, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// When a sample grid, and a frame of the GIF, is made.
    pub sample_every: Cadence,
    /// When a checkpoint is saved.
    pub checkpoint_every: CheckpointCadence,
    /// Newest checkpoints that are kept, at least 2; the best is kept besides.
    pub keep: u32,
    /// Steps between lines of `metrics.jsonl`.
    pub log_every: u32,
    /// Rows of the sample grid.
    pub rows: u32,
    /// Columns of the sample grid.
    pub cols: u32,
    /// File name of the animation.
    pub gif: String,
    /// Whether an event file for TensorBoard is written too.
    #[serde(default)]
    pub tensorboard: bool,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layers {
    /// From input to output.
    pub layers: Vec<LayerSpec>,
    /// What its optimizer has of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<OptimizerChanges>,
}

/// Words of the largest tensor: 4 GiB.
const MAX_TENSOR_WORDS: u64 = 1 << 30;

impl Config {
    /// The unit that the run's length counts in.
    pub fn unit(&self) -> Unit {
        if self.training.steps.is_some() { Unit::Steps } else { Unit::Epochs }
    }

    /// The run's length in steps.
    pub fn total_steps(&self, steps_per_epoch: u32) -> u32 {
        match (self.training.steps, self.training.epochs) {
            (Some(steps), _) => steps,
            (None, Some(epochs)) => epochs.saturating_mul(steps_per_epoch),
            (None, None) => 0,
        }
    }

    /// How the data are read.
    pub fn reading(&self) -> Reading {
        let (range, ground) = (self.data_range, self.data_background.unwrap_or_default());
        Reading { range, ground, skip_broken: self.skip_broken, early: false }
    }

    /// The optimizers of G and D.
    pub fn optimizers(&self) -> [Optimizer; 2] {
        [&self.generator, &self.discriminator].map(|network| Optimizer::new(self.adam, network.optimizer))
    }

    /// The classes of `count` samples in turn, each `repeated` times: what a grid with a row a
    /// class shows. Nothing where labels are not used.
    pub fn classes_in_turn(&self, count: usize, repeated: usize) -> Vec<u32> {
        let Some(classes) = &self.classes else { return Vec::new() };
        (0..count).map(|sample| (sample / repeated) as u32 % classes.count()).collect()
    }

    /// The background as images have it: black unless it is told.
    pub fn background_values(&self) -> [f32; 3] {
        let low = self.low();
        let byte = |channel: usize| self.background.as_ref().and_then(|bytes| bytes.get(channel)).copied();
        [0, 1, 2].map(|channel| low + (1.0 - low) / 255.0 * f32::from(byte(channel).unwrap_or(0)))
    }

    /// The weight of a penalty: its own, or the default for these images.
    pub fn penalty_weight(&self, penalty: Penalty) -> f64 {
        let default = || penalty.default_weight(self.image, self.low(), self.training.batch_size);
        penalty.weight.unwrap_or_else(default)
    }

    /// Gives schedules without an end this one, in steps.
    pub fn settle_schedules(&mut self, end: u32) {
        for network in [&mut self.generator, &mut self.discriminator] {
            if let Some(OptimizerChanges { schedule: Some(schedule), .. }) = &mut network.optimizer {
                schedule.end.get_or_insert(end);
            }
        }
    }

    /// Takes back what a run was told by its data and its length when it began, for another run
    /// with other ones.
    pub fn unsettle(&mut self) {
        if let Some(classes) = &mut self.classes {
            classes.names.clear();
        }
        self.background = None;
        if JudgedBy::is_by_features(self.judge.as_ref()) {
            // Those of other data, or of none: whoever begins looks for features again.
            self.judge = None;
        }
        let default = self.objective.penalty.map(|penalty| self.penalty_weight(Penalty { weight: None, ..penalty }));
        if let Some(penalty) = self.objective.penalty.as_mut().filter(|penalty| penalty.weight == default) {
            penalty.weight = None;
        }
        for network in [&mut self.generator, &mut self.discriminator] {
            if let Some(OptimizerChanges { schedule: Some(schedule), .. }) = &mut network.optimizer {
                schedule.end = None;
            }
        }
    }

    /// Refuses a condition on an estimate that this run, whose judge is settled, never makes.
    ///
    /// # Errors
    /// A usage error with the remedy.
    pub fn check_condition(&self) -> Result<()> {
        match self.training.stop_when {
            Some(condition) if condition.of == Estimate::Fd && !JudgedBy::is_by_features(self.judge.as_ref()) => {
                Err(Error::usage(format!(
                    "training.stop_when = \"{condition}\" needs features, but pixels judge this run; write it of distance, \
                     or start a run after `{}`",
                    makes_features(&self.data, self.image, None)
                )))
            }
            _ => Ok(()),
        }
    }

    /// Multiplies every learning rate.
    pub fn scale_learning_rates(&mut self, factor: f64) {
        self.adam.lr *= factor;
        for network in [&mut self.generator, &mut self.discriminator] {
            if let Some(OptimizerChanges { lr: Some(lr), .. }) = &mut network.optimizer {
                *lr *= factor;
            }
        }
    }

    /// Real images of a step: D sees others in each of its updates.
    pub fn images_per_step(&self) -> u32 {
        self.training.batch_size.saturating_mul(self.objective.d_steps)
    }

    /// Bytes of the real images of a step.
    pub fn bytes_per_step(&self) -> u64 {
        u64::from(self.image.values()) * u64::from(self.images_per_step())
    }

    /// The value of a black pixel: −1 where the generator ends in tanh, 0 where it ends in sigmoid.
    pub fn low(&self) -> f32 {
        self.generator.layers.last().and_then(|layer| layer.range()).map_or(-1.0, |[low, _]| low)
    }

    /// The layouts of generator and discriminator, every value checked.
    ///
    /// # Errors
    /// A usage error naming the key or the layer, the value, and what is possible.
    pub fn layouts(&self) -> Result<[Layout; 2]> {
        if let Some((_, problem)) = self.out_of_range() {
            return Err(Error::usage(problem));
        }
        let image = self.image;
        let [g_layers, d_layers] = conditional::layers(self)?;
        let generator = Layout::new("generator", Shape::vector(self.latent.dim), &g_layers)?;
        if generator.output != image {
            return Err(Error::usage(format!(
                "the generator's last layer gives {}, but [image] is {image}; change its layers or the image size",
                generator.output
            )));
        }
        let is_bounded = |layers: &[LayerSpec]| layers.last().is_some_and(|layer| layer.range().is_some());
        if !is_bounded(&self.generator.layers) {
            return Err(Error::usage(
                "the generator's last layer must be tanh (images in [-1, 1]) or sigmoid ([0, 1])",
            ));
        }
        let packed = Shape { channels: image.channels * self.objective.pack, ..image };
        let discriminator = Layout::new("discriminator", packed, &d_layers)?;
        if discriminator.output != Shape::vector(1 + conditional::told_classes(self)) {
            return Err(Error::usage(format!(
                "the discriminator's last layer gives {}, but one logit (1×1×1) is needed; end with a dense layer of 1 unit",
                discriminator.output
            )));
        }
        if is_bounded(&self.discriminator.layers) {
            return Err(Error::usage(
                "the discriminator must end with the logit, not with tanh or sigmoid: the loss applies the sigmoid",
            ));
        }
        for layout in [&generator, &discriminator] {
            let outputs = layout.layers.iter().skip(1).map(|(_, input)| *input).chain([layout.output]);
            let batch = self.training.batch_size;
            for (index, shape) in outputs.enumerate() {
                if u64::from(shape.values()) * u64::from(batch) > MAX_TENSOR_WORDS {
                    return Err(Error::usage(format!(
                        "{} layer {index} gives {shape} for each of {batch} samples: more than 4 GiB in one tensor; \
                         use a smaller --batch-size",
                        layout.name
                    )));
                }
            }
        }
        let latents = u64::from(self.latent.dim) * u64::from(self.images_per_step());
        if latents.max(self.bytes_per_step() / 4) > MAX_TENSOR_WORDS {
            return Err(Error::usage(format!(
                "{} updates of D on {} images each, from latents of {} values, need more than 4 GiB in one tensor; use a \
                 smaller --batch-size, --d-steps or --latent-dim",
                self.objective.d_steps, self.training.batch_size, self.latent.dim
            )));
        }
        match combinations::with_networks(self, [&generator, &discriminator]) {
            Some(problem) => Err(Error::usage(problem)),
            None => Ok([generator, discriminator]),
        }
    }

    /// The layout of the generator alone, of a configuration that is known to be valid.
    ///
    /// # Errors
    /// As [`Config::layouts`], for what it needs.
    pub fn generator_layout(&self) -> Result<Layout> {
        let [layers, _] = conditional::layers(self)?;
        Layout::new("generator", Shape::vector(self.latent.dim), &layers)
    }

    /// The first value that is impossible whatever the networks are: its key, and what is wrong in
    /// words.
    pub fn out_of_range(&self) -> Option<(&'static str, String)> {
        let training = &self.training;
        if training.epochs.is_some() == training.steps.is_some() {
            let problem = "the run's length must be given either as training.epochs or as training.steps";
            return Some(("training", problem.to_string()));
        }
        let values = match Value::try_from(self) {
            Ok(values) => values,
            Err(cause) => return Some(("", format!("the configuration cannot be written as TOML: {cause}"))),
        };
        if let Some(found) = settings::out_of_range(&values) {
            return Some(found);
        }
        if let Some(problem) = combinations::of_objective(self).or_else(|| combinations::of_classes(self)) {
            return Some(("objective", problem));
        }
        if self.image.channels == 2 {
            return Some(("image.channels", format!("image.channels = {} is neither 1 nor 3", self.image.channels)));
        }
        for (key, cells, size) in
            [("output.rows", self.output.rows, self.image.height), ("output.cols", self.output.cols, self.image.width)]
        {
            let pixels = grid_side(cells as usize, size as usize);
            if pixels > usize::from(u16::MAX) {
                let problem =
                    format!("{key} = {cells} makes a grid of {pixels} pixels; a GIF has at most 65535 a side");
                return Some((key, problem));
            }
        }
        // File systems take 255 bytes, of which a date, a number and endings need some.
        let plain = |name: &str| !name.contains(['/', '\\']) && !name.contains(char::is_control) && name.len() <= 100;
        if self.name.is_empty() || !plain(&self.name) {
            return Some(("name", format!("name = \"{}\" cannot be part of a folder's name", self.name)));
        }
        let name = &self.output.gif;
        if !name.ends_with(".gif") || !plain(name) {
            return Some(("output.gif", format!("output.gif = \"{name}\" is not a file name that ends in .gif")));
        }
        if cfg!(windows) { self.not_portable() } else { None }
    }

    /// Takes over from `newer` what may change when a run is resumed.
    ///
    /// # Errors
    /// A checkpoint error when either cannot be written as TOML.
    pub fn update(&mut self, newer: &Config) -> Result<()> {
        let values = |config: &Config| Value::try_from(config).map_err(|e| Error::checkpoint(e.to_string()));
        let mut stored = values(self)?;
        settings::update(&mut stored, &values(newer)?);
        *self = Config::deserialize(stored).map_err(|e| Error::checkpoint(e.to_string()))?;
        Ok(())
    }

    /// A batch norm that has a single value of each feature, which it makes 0 whatever it is;
    /// worded as by [`Config::out_of_range`]. No run begins with one.
    pub fn norm_of_one_value(&self, layouts: &[Layout; 2]) -> Option<String> {
        let batch = self.training.batch_size;
        let samples = [batch, batch / self.objective.pack];
        layouts.iter().zip(samples).find_map(|(layout, samples)| {
            let is_one = |(layer, input): &(LayerSpec, Shape)| match layer {
                LayerSpec::BatchNorm(norm) => norm.per.features(*input, samples).rows == 1,
                _ => false,
            };
            let index = layout.layers.iter().position(is_one)?;
            Some(format!(
                "{} layer {index} (batch_norm) has a single value of each feature: training.batch_size = {batch} on its \
                 input of {}; use a larger --batch-size, or leave the layer out",
                layout.name, layout.layers[index].1
            ))
        })
    }

    /// A name that not every system takes, worded as by [`Config::out_of_range`]: no run begins
    /// with one, and one that has it goes on where it can.
    pub fn not_portable(&self) -> Option<(&'static str, String)> {
        let name = &self.output.gif;
        let problem = || ("output.gif", format!("output.gif = \"{name}\" cannot be a file's name on Windows"));
        (!is_portable(name)).then(problem)
    }
}

/// Characters of a file's name that mean something else on Windows: `C:x.gif` is a file outside of
/// the run's folder.
pub(crate) const NOT_PORTABLE: [char; 7] = ['<', '>', ':', '"', '|', '?', '*'];

/// Whether Windows takes a file's name as it is; a run may be moved to another system.
fn is_portable(name: &str) -> bool {
    // These are devices, whatever follows their first dot.
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is_numbered = |device| stem.strip_prefix(device).is_some_and(|n: &str| matches!(n.as_bytes(), [b'1'..=b'9']));
    let is_device =
        ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str()) || ["COM", "LPT"].into_iter().any(is_numbered);
    !is_device && !name.contains(NOT_PORTABLE)
}
