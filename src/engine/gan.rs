//! The tensors of a training program: two networks, their optimizers, and what the host writes and reads.

use crate::error::Result;
use crate::kernels::adam;
use crate::kernels::loss::{RING_COLUMNS, RING_ROWS};
use crate::layers::Mode;
use crate::model::config::{Config, Order};
use crate::model::network::{Layout, Network, State};
use crate::plan::Profile;
use crate::plan::{Element, Program, Recorder, Role, View};

/// Words of the step input: seed low, seed high, step, D's two rates, G's two rates, spare.
pub const STEP_WORDS: u32 = 8;

/// What the host writes before a step and reads after some.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    /// [`STEP_WORDS`]: see [`super::step`].
    pub step: View,
    /// `[batch, latent]`: where the images of this step start.
    pub latents: View,
    /// `[batch]`: which images of the data set are real in this step.
    pub indices: View,
    /// The data set's bytes, all of them or those of one batch.
    pub images: View,
    /// `[pixels, batch, channels]`: the normalised batch.
    pub real: View,
    /// `[batch]`
    pub dlogits: View,
    /// [`RING_ROWS`, `RING_COLUMNS`]: losses and D(x) of the last steps.
    pub ring: View,
}

/// What one backward pass through D needs to serve both losses.
#[derive(Clone, Copy, Debug)]
pub struct SharedPass {
    /// `[batch]`: ones, the gradient of each logit with respect to itself.
    pub ones: View,
    /// `[batch]`: the gradient of G's loss with respect to the logits.
    pub g_dlogits: View,
    /// Room for D's largest gradient.
    pub room: View,
}

/// A GAN placed for training.
#[derive(Debug)]
pub struct Gan {
    /// What crosses between host and device.
    pub inputs: Inputs,
    /// G, placed for the batch.
    pub generator: Network,
    /// D, placed for the batch.
    pub discriminator: Network,
    /// Placed where both losses come from one forward pass through a D whose samples do not depend on each other.
    pub shared_pass: Option<SharedPass>,
    /// G's flat tensors.
    pub g_state: State,
    /// D's flat tensors.
    pub d_state: State,
    /// G's optimizer.
    pub g_optimizer: adam::Tensors,
    /// D's optimizer.
    pub d_optimizer: adam::Tensors,
}

impl Gan {
    /// Places both networks; `image_bytes` is the size of the data on the device.
    pub fn place(
        program: &mut Program,
        profile: &Profile,
        config: &Config,
        [g_layout, d_layout]: &[Layout; 2],
        image_bytes: u64,
    ) -> Self {
        let batch = config.training.batch_size;
        let per_batch = |values: u32| u64::from(values) * u64::from(batch);
        let inputs = Inputs {
            step: program.tensor("step", Role::StepInputs, Element::U32, STEP_WORDS.into()),
            latents: program.floats("latents", Role::StepInputs, per_batch(config.latent.dim)),
            indices: program.tensor("indices", Role::StepInputs, Element::U32, batch.into()),
            images: program.tensor("images", Role::DataSet, Element::U32, image_bytes.div_ceil(4)),
            real: program.floats("real", Role::Activations, per_batch(config.image.values())),
            dlogits: program.floats("dlogits", Role::ActivationGradients, batch.into()),
            ring: program.floats("losses", Role::LossRing, u64::from(RING_ROWS * RING_COLUMNS)),
        };
        let g_state = State::new(program, g_layout, true);
        let d_state = State::new(program, d_layout, true);
        let mut place =
            |layout, state| Network::place(program, profile, layout, state, inputs.step, batch, layout.name);
        let (generator, discriminator) = (place(g_layout, &g_state), place(d_layout, &d_state));
        let shares = config.training.order == Order::Simultaneous && d_layout.samples_are_independent();
        let shared_pass = shares.then(|| {
            let mut floats = |label, words| program.floats(label, Role::ActivationGradients, words);
            let (ones, g_dlogits) = (floats("ones", batch.into()), floats("G's dlogits", batch.into()));
            let room = floats("scaled gradient", per_batch(d_layout.widest()));
            program.tensors[ones.tensor.0 as usize].contents = Some(vec![1.0_f32.to_bits(); batch as usize]);
            SharedPass { ones, g_dlogits, room }
        });
        let optimizer = |state: &State| state.optimizer.expect("placed for training");
        let (g_optimizer, d_optimizer) = (optimizer(&g_state), optimizer(&d_state));
        Gan { inputs, generator, discriminator, shared_pass, g_state, d_state, g_optimizer, d_optimizer }
    }
}

/// Samples that are drawn at once where they fit.
const LARGEST_BATCH: u64 = 64;

/// G placed for sampling, with running statistics.
#[derive(Clone, Copy, Debug)]
pub struct Sampler {
    /// `[batch, latent]`
    pub latents: View,
    /// `[pixels, batch, channels]`
    pub images: View,
    /// Samples of a batch.
    pub batch: u32,
    /// Index of its plan in the program.
    pub plan: usize,
}

impl Sampler {
    /// Places G for batches and records the sampling plan. The batch depends on the network and the device alone, so
    /// that an image has the same bits however many are drawn.
    ///
    /// # Errors
    /// A usage error when a size is beyond a portable limit.
    pub fn place(program: &mut Program, profile: &Profile, layout: &Layout, state: &State, step: View) -> Result<Self> {
        let fitting = profile.max_binding_bytes / (4 * u64::from(layout.widest()));
        let batch = fitting.clamp(1, LARGEST_BATCH) as u32;
        let words = u64::from(layout.input().values()) * u64::from(batch);
        let latents = program.floats("sampled latents", Role::StepInputs, words);
        let sampling = State { optimizer: None, ..*state };
        let network = Network::place(program, profile, layout, &sampling, step, batch, "sampler");
        let mut recorder = Recorder::new(profile);
        let tape = network.forward(&mut recorder, profile, Mode::Sample, latents, 0);
        program.plans.push(recorder.finish()?);
        Ok(Sampler { latents, images: tape.output, batch, plan: program.plans.len() - 1 })
    }
}
