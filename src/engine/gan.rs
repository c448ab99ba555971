//! The tensors of a training program: two networks, their optimizers, and what the host writes and
//! reads.

use crate::kernels::adam::{Adam, AdamTensors};
use crate::kernels::loss::{LossOf, RING_COLUMNS, RING_ROWS, STAMP_COLUMN};
use crate::kernels::{SEED_WORD, STEP_WORD};
use crate::model::columns;
use crate::model::config::{Config, Order};
use crate::model::network::{Keep, Layout, Passes, State, Traversal};
use crate::plan::{Element, Fill, Profile, Program, Recorded, Ring, Role, View};
use crate::random::stream;

/// What the host writes before a step, and what a step makes of it first.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    /// `[STEP_WORDS]`: seed low, seed high, step, D's two rates, G's two rates.
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
    /// `[RING_ROWS, RING_COLUMNS]`: what the last steps recorded.
    pub ring: View,
}

/// Words of the step's input.
const STEP_WORDS: u32 = 8;
/// Index in it of D's and G's two [`crate::kernels::adam::Adam::rates`].
const RATES: [u32; 2] = [3, 5];

/// A network in training.
#[derive(Debug)]
pub struct Trained {
    /// Its flat tensors.
    pub state: State,
    /// Room for passes of the batch.
    pub passes: Traversal,
    /// What its optimizer updates.
    pub optimizer: AdamTensors,
    /// Index in the step's input of its two rates.
    pub rate: u32,
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
    /// G.
    pub generator: Trained,
    /// D.
    pub discriminator: Trained,
    /// Placed where both losses come from one forward pass through a D whose samples do not depend
    /// on each other.
    pub shared_pass: Option<SharedPass>,
}

impl Gan {
    /// Places both networks with the ports of a step; `image_bytes` is the size of the data on the
    /// device.
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
            step: step_input(program),
            latents: program.floats("latents", Role::StepInputs, per_batch(config.latent.dim)),
            indices: program.tensor("indices", Role::StepInputs, Element::U32, batch.into()),
            images: program.tensor("images", Role::DataSet, Element::U32, image_bytes.div_ceil(4)),
            real: program.floats("real", Role::Activations, per_batch(config.image.values())),
            dlogits: program.floats("dlogits", Role::ActivationGradients, batch.into()),
            ring: program.floats("losses", Role::LossRing, u64::from(RING_ROWS * RING_COLUMNS)),
        };
        let Adam { lr, beta1, beta2, .. } = config.adam;
        for (network, rate) in ["discriminator", "generator"].into_iter().zip(RATES) {
            program.port(
                format!("rate.{network}"),
                part(inputs.step, rate, 2),
                Fill::Rate { network, lr, beta1, beta2 },
            );
        }
        program.port("latents", inputs.latents, Fill::Normal { stream: stream::LATENTS });
        program.port("indices", inputs.indices, Fill::Shuffled);
        program.port("images", inputs.images, Fill::Images);
        program.ring = Some(ring(inputs.ring));
        let states = [g_layout, d_layout].map(|layout| State::new(program, layout, &config.init, true));
        let mut place = |layout: &Layout, state: State, rate| Trained {
            passes: {
                let passes = Passes { batch, label: layout.name, keep: Keep::Nothing, labels: None };
                Traversal::place(program, profile, layout, &state, inputs.step, passes)
            },
            optimizer: state.optimizer.expect("placed for training"),
            state,
            rate,
        };
        let (generator, discriminator) = (place(g_layout, states[0], RATES[1]), place(d_layout, states[1], RATES[0]));
        let shares = config.training.order == Order::Simultaneous && d_layout.samples_are_independent();
        let shared_pass = shares.then(|| {
            let mut floats = |label, words| program.floats(label, Role::ActivationGradients, words);
            let (ones, g_dlogits) = (floats("ones", batch.into()), floats("G's dlogits", batch.into()));
            let room = floats("scaled gradient", per_batch(d_layout.widest()));
            program.set_contents(ones, vec![1.0_f32.to_bits(); batch as usize]);
            SharedPass { ones, g_dlogits, room }
        });
        Gan { inputs, generator, discriminator, shared_pass }
    }
}

/// Adds the input of seed and step number, with room for a step's rates.
pub(super) fn step_input(program: &mut Program) -> View {
    let step = program.tensor("step", Role::StepInputs, Element::U32, STEP_WORDS.into());
    program.port("seed", part(step, SEED_WORD, 2), Fill::Seed);
    program.port("step", part(step, STEP_WORD, 1), Fill::Step);
    step
}

/// Words of a view that no kernel binds by themselves.
fn part(view: View, offset: u32, len: u32) -> View {
    View { offset: view.offset + offset, len, ..view }
}

/// What each word of the ring's rows is for.
fn ring(view: View) -> Ring {
    let [real, fake, generator] = [LossOf::Real, LossOf::Fake, LossOf::Generator].map(|column| column as u32);
    let recorded = |(name, words): (_, &[u32])| Recorded { name, words: words.to_vec() };
    let columns: [(&'static str, &[u32]); 4] = [
        (columns::D_LOSS, &[real, fake]),
        (columns::G_LOSS, &[generator]),
        (columns::D_REAL, &[real + 1]),
        (columns::D_FAKE, &[fake + 1]),
    ];
    let columns = columns.into_iter().map(recorded).collect();
    Ring { view, rows: RING_ROWS, width: RING_COLUMNS, stamp: STAMP_COLUMN, columns }
}
