//! The tensors of a training program: two networks, their optimizers, and what the host writes and
//! reads.

use super::ring::ring;
use crate::kernels::augment::Augmentation;
use crate::kernels::loss::{RING_COLUMNS, RING_ROWS};
use crate::kernels::{SEED_WORD, STEP_WORD};
use crate::model::config::{Config, Order};
use crate::model::learned::Learned;
use crate::model::network::{Averaged, Directions, Keep, Layout, Optimized, Passes, State, Traversal};
use crate::model::spectral::Spectral;
use crate::objective::{Average, Optimizer};
use crate::plan::{ALIGNMENT, Element, Fill, Profile, Program, Role, View};
use crate::random::stream;

/// What the host writes before a step, and what a step makes of it first.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Seed low, seed high, step, two rates for each update of D, G's two rates, and one more.
    pub step: View,
    /// What each update of D begins with; G's takes the last.
    pub parts: Vec<Part>,
    /// The data set's bytes, all of them or those of one step.
    pub images: View,
    /// `[pixels, batch, channels]`: the normalised batch.
    pub real: View,
    /// `[RING_ROWS, RING_COLUMNS]`: what the last steps recorded.
    pub ring: View,
}

/// What one update of D begins with.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// `[batch, latent]`: where generated images start.
    pub latents: View,
    /// `[batch]`: which images of the data set are real.
    pub indices: View,
    /// `[batch]`: their classes, where labels are used.
    pub labels: Option<View>,
}

/// Index in the step's input of the first rates.
const RATES: u32 = STEP_WORD + 1;

/// Words of the input of a program that only samples.
pub(crate) const STEP_WORDS: u32 = 8;

/// A network in training.
#[derive(Debug)]
pub struct Trained {
    /// Its flat tensors.
    pub state: State,
    /// What its optimizer updates.
    pub optimizer: Optimized,
    /// How it does.
    pub settings: Optimizer,
    /// Its spectrally normalised weights.
    pub spectral: Spectral,
    /// Index in the step's input of the two rates of its first update; those of others follow.
    pub rate: u32,
}

/// Room for D to judge one batch of images.
#[derive(Debug)]
pub struct Critic {
    /// Room for its passes.
    pub passes: Traversal,
    /// `[samples, outputs]`: the gradient of a loss with respect to D's outputs.
    pub dlogits: View,
    /// Placed where images are augmented before they are judged.
    pub augmented: Option<AugmentedRoom>,
}

/// How images are augmented, with room for them and for gradients on their way back.
#[derive(Clone, Copy, Debug)]
pub struct AugmentedRoom {
    /// Which augmentations there are, and how strong.
    pub how: Augmentation,
    /// `[pixels, batch, channels]`
    pub images: View,
    /// `[pixels, batch, channels]`
    pub gradient: View,
    /// `[batch]`
    pub means: View,
}

/// What one backward pass through D needs to serve both losses.
#[derive(Clone, Copy, Debug)]
pub struct SharedPass {
    /// `[samples]`: the gradient of G's loss with respect to the logits.
    pub g_dlogits: View,
    /// Room for D's largest gradient.
    pub room: View,
}

/// What gradient penalties need.
#[derive(Clone, Copy, Debug)]
pub struct PenaltyRoom {
    /// Room for directions.
    pub directions: Directions,
    /// `[2, samples]`: sums of each image, and of its squares.
    pub sums: View,
    /// `[samples]`: what turns gradients into directions.
    pub factors: View,
    /// `[1]`: the deviation of a batch.
    pub deviation: View,
    /// `[pixels, batch, channels]`: points between or around images.
    pub points: View,
}

/// A GAN placed for training.
#[derive(Debug)]
pub struct Gan {
    /// What crosses between host and device.
    pub inputs: Inputs,
    /// G.
    pub generator: Trained,
    /// Room for G's passes.
    pub generating: Traversal,
    /// D.
    pub discriminator: Trained,
    /// Room for D: one after the other judges real and generated images, or, where a loss pairs
    /// them, each its own.
    pub critics: Vec<Critic>,
    /// `[samples, outputs]`: the gradient of each logit with respect to D's outputs.
    pub ones: View,
    /// Placed where both losses come from one forward pass through a D whose samples do not depend
    /// on each other.
    pub shared_pass: Option<SharedPass>,
    /// Placed where there is a penalty.
    pub penalty: Option<PenaltyRoom>,
    /// `[MEANS]`: the running means of the LeCam regulariser, where there is one.
    pub lecam: Option<View>,
    /// The moving average of G, where there is one.
    pub average: Option<Averaged>,
    /// D's outputs for a sample: the logit, and one for each class where it tells them.
    pub outputs: u32,
}

impl Gan {
    /// Places both networks with the ports of a step; `image_bytes` is the size of the data on the
    /// device.
    pub fn place(
        program: &mut Program,
        profile: &Profile,
        config: &Config,
        layouts: &[Layout; 2],
        image_bytes: u64,
    ) -> Self {
        let [g_layout, d_layout] = layouts;
        let objective = &config.objective;
        let batch = config.training.batch_size;
        let samples = batch / objective.pack;
        let outputs = d_layout.output.values();
        let inputs = Inputs::place(program, config, image_bytes);
        let settings = config.optimizers();
        let Learned { networks: states, average, lecam } = Learned::place(program, config, layouts);
        let generating = {
            let passes = Passes { batch, label: g_layout.name, keep: Keep::Nothing };
            Traversal::place(program, profile, g_layout, &states[0], inputs.step, passes)
        };
        let keep = if objective.penalty.is_some() { Keep::Gradients } else { Keep::Nothing };
        let labels: &[&str] =
            if objective.loss.pairs() { &["discriminator", "discriminator of pairs"] } else { &["discriminator"] };
        let mut critic = |label: &&str| Critic {
            passes: {
                let passes = Passes { batch: samples, label, keep };
                Traversal::place(program, profile, d_layout, &states[1], inputs.step, passes)
            },
            dlogits: program.floats(
                format!("{label}/dlogits"),
                Role::ActivationGradients,
                u64::from(samples) * u64::from(outputs),
            ),
            augmented: config.augment.filter(|how| !how.is_off()).map(|how| {
                let words = u64::from(config.image.values()) * u64::from(batch);
                let mut floats = |what, role, words| program.floats(format!("{label}/{what}"), role, words);
                AugmentedRoom {
                    how,
                    images: floats("augmented", Role::Activations, words),
                    gradient: floats("gradient of images", Role::ActivationGradients, words),
                    means: floats("means of images", Role::Scratch, batch.into()),
                }
            }),
        };
        let critics: Vec<_> = labels.iter().map(&mut critic).collect();
        let trained = |network: usize, layout: &Layout, rate| Trained {
            optimizer: states[network].optimizer.expect("placed for training"),
            settings: settings[network],
            spectral: Spectral::new(layout, &states[network]),
            state: states[network],
            rate,
        };
        let generator = trained(0, g_layout, RATES + 2 * objective.d_steps);
        let discriminator = trained(1, d_layout, RATES);

        let passes_ones = outputs == 1 && d_layout.samples_are_independent();
        let shares = config.training.order == Order::Simultaneous && passes_ones;
        let floats = |program: &mut Program, label, words| program.floats(label, Role::ActivationGradients, words);
        let shared_pass = shares.then(|| SharedPass {
            g_dlogits: floats(program, "G's dlogits", samples.into()),
            room: floats(program, "scaled gradient", u64::from(d_layout.widest()) * u64::from(samples)),
        });
        let penalty = objective.penalty.map(|_| {
            let points = if objective.penalised().iter().any(|place| place.is_apart()) {
                u64::from(config.image.values()) * u64::from(batch)
            } else {
                1
            };
            PenaltyRoom {
                sums: floats(program, "sums of samples", 2 * u64::from(samples)),
                factors: floats(program, "penalty factors", samples.into()),
                deviation: floats(program, "deviation", 1),
                points: floats(program, "penalised points", points),
                directions: Directions::place(program, d_layout, samples),
            }
        });
        let ones = floats(program, "ones", u64::from(samples) * u64::from(outputs));
        let first_of_each = (0..ones.len).map(|word| if word % outputs == 0 { 1.0_f32 } else { 0.0 });
        program.set_contents(ones, first_of_each.map(f32::to_bits).collect());
        Gan {
            inputs,
            generator,
            generating,
            discriminator,
            critics,
            ones,
            shared_pass,
            penalty,
            lecam,
            average,
            outputs,
        }
    }

    /// Whether a penalty on D's gradients takes the same products as the loss: there is one logit,
    /// and its gradient with respect to everything is a multiple of that of the loss.
    pub fn has_one_logit(&self) -> bool {
        self.outputs == 1
    }
}

impl Inputs {
    fn place(program: &mut Program, config: &Config, image_bytes: u64) -> Self {
        let (batch, updates) = (config.training.batch_size, config.objective.d_steps);
        let words = RATES + 2 * updates + 3;
        let step = step_input(program, words);
        let [g, d] = config.optimizers();
        for part in 0..updates {
            let name = if part == 0 { "rate.discriminator".to_string() } else { format!("rate.discriminator.{part}") };
            program.port(name, part_of(step, RATES + 2 * part, 2), d.fill("discriminator", part, updates));
        }
        program.port("rate.generator", part_of(step, RATES + 2 * updates, 2), g.fill("generator", 0, 1));

        if let Some(Average { half_life_images, ramp }) = config.average {
            let view = part_of(step, RATES + 2 * updates + 2, 1);
            program.port("average", view, Fill::Average { batch: config.images_per_step(), half_life_images, ramp });
        }

        let slices = |program: &mut Program, label: &str, element, len: u32| -> Vec<View> {
            let pitch = len.next_multiple_of(ALIGNMENT);
            let words = u64::from(pitch) * u64::from(updates - 1) + u64::from(len);
            let whole = program.tensor(label, Role::StepInputs, element, words);
            (0..updates).map(|part| whole.slice(part * pitch, len)).collect()
        };
        let latents = slices(program, "latents", Element::F32, batch * config.latent.dim);
        let indices = slices(program, "indices", Element::U32, batch);
        let labels = match config.classes {
            Some(_) => slices(program, "labels", Element::U32, batch).into_iter().map(Some).collect(),
            None => vec![None; updates as usize],
        };
        let images = program.tensor("images", Role::DataSet, Element::U32, image_bytes.div_ceil(4));
        for (part, (latents, indices)) in (0..).zip(latents.iter().zip(&indices)) {
            let name = |what: &str| if part == 0 { what.to_string() } else { format!("{what}.{part}") };
            program.port(name("latents"), *latents, Fill::Normal { stream: stream::LATENTS, part });
            program.port(name("indices"), *indices, Fill::Shuffled { part });
            if let Some(labels) = labels[part as usize] {
                program.port(name("labels"), labels, Fill::Labels { part });
            }
        }
        program.port("images", images, Fill::Images);
        let parts = latents.into_iter().zip(indices).zip(labels);
        let parts = parts.map(|((latents, indices), labels)| Part { latents, indices, labels }).collect();
        let values = u64::from(config.image.values()) * u64::from(batch);
        let real = program.floats("real", Role::Activations, values);
        let view = program.floats("losses", Role::LossRing, u64::from(RING_ROWS * RING_COLUMNS));
        program.ring = Some(ring(view, config));
        Inputs { step, parts, images, real, ring: view }
    }
}

/// Adds the input of seed and step number, of so many words: with room for a step's rates.
pub(crate) fn step_input(program: &mut Program, words: u32) -> View {
    let step = program.tensor("step", Role::StepInputs, Element::U32, words.into());
    program.port("seed", part_of(step, SEED_WORD, 2), Fill::Seed);
    program.port("step", part_of(step, STEP_WORD, 1), Fill::Step);
    step
}

/// Words of a view that no kernel binds by themselves.
fn part_of(view: View, offset: u32, len: u32) -> View {
    View { offset: view.offset + offset, len, ..view }
}
