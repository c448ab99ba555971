//! A loaded GAN: steps, losses, samples and state, whatever the device.

mod check;
pub mod gan;
pub mod step;

use crate::device::{Device, Session};
use crate::error::{DeviceFailure, Error, Result};
use crate::kernels::data::pack;
use crate::kernels::loss::{Column, RING_COLUMNS, RING_ROWS, STAMP_COLUMN, stamp_of};
use crate::model::checkpoint::Tensors;
use crate::model::config::Config;
use crate::model::network::{Layout, State};
use crate::output::Images;
use crate::plan::{Element, Program, Role, View};
use crate::random::{Draws, split, stream};
use crate::tuning::Choices;
use check::Check;
pub use check::Checked;
use gan::{Gan, Inputs, STEP_WORDS, Sampler};

/// Losses and mean D(x) of one step.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Losses {
    /// D's loss: on real images plus on generated ones.
    pub d_loss: f32,
    /// G's loss.
    pub g_loss: f32,
    /// Mean D(x) on real images.
    pub d_real: f32,
    /// Mean D(x) on generated images, as D's loss saw them.
    pub d_fake: f32,
}

impl Losses {
    /// Whether all are numbers.
    pub fn are_finite(&self) -> bool {
        [self.d_loss, self.g_loss, self.d_real, self.d_fake].iter().all(|v| v.is_finite())
    }
}

/// A program for training, before a device has it.
#[derive(Debug)]
pub struct Recorded {
    /// Plans: the step is number [`STEP_PLAN`].
    pub program: Program,
    /// Its tensors.
    pub gan: Gan,
    /// Its sampler.
    pub sampler: Sampler,
    /// Its check for NaN and infinity.
    pub check: Check,
}

/// The step's plan in a recorded program.
pub const STEP_PLAN: usize = 0;

/// Records everything that training needs; `image_bytes` is the size of the images kept on the device.
///
/// # Errors
/// A usage error when a size is beyond a portable limit.
pub fn record(
    config: &Config,
    layouts: &[Layout; 2],
    profile: &crate::plan::Profile,
    image_bytes: u64,
) -> Result<Recorded> {
    let mut program = Program::default();
    let gan = Gan::place(&mut program, profile, config, layouts, image_bytes);
    program.plans.push(step::record(&gan, profile, config)?);
    let sampler = Sampler::place(&mut program, profile, &layouts[0], &gan.g_state, gan.inputs.step)?;
    let check = Check::place(&mut program, profile, &gan)?;
    Ok(Recorded { program, gan, sampler, check })
}

/// A GAN in training on a device.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    layouts: [Layout; 2],
    session: Box<dyn Session>,
    inputs: Inputs,
    states: [State; 2],
    sampler: Sampler,
    check: Check,
    latents: Vec<f32>,
}

/// The real images of a step.
#[derive(Clone, Copy, Debug)]
pub enum Batch<'a> {
    /// Indices of images that are on the device.
    Resident(&'a [u32]),
    /// The images' bytes, `[batch, height, width, channels]`.
    Bytes(&'a [u8]),
}

impl Engine {
    /// Loads a GAN on a device, with its initial parameters. `resident` holds all images where they stay on the device;
    /// otherwise every step brings its own.
    ///
    /// # Errors
    /// As [`Device::load`].
    pub fn new(device: &Device, config: &Config, layouts: &[Layout; 2], resident: Option<&[u8]>) -> Result<Self> {
        Engine::tuned(device, config, layouts, resident, &Choices::default())
    }

    /// As [`Engine::new`], with chosen kernels in the step. Sampling keeps to the defaults.
    ///
    /// # Errors
    /// As [`Device::load`].
    pub fn tuned(
        device: &Device,
        config: &Config,
        layouts: &[Layout; 2],
        resident: Option<&[u8]>,
        choices: &Choices,
    ) -> Result<Self> {
        let batch_bytes = u64::from(config.image.values()) * u64::from(config.training.batch_size);
        let image_bytes = resident.map_or(batch_bytes, |bytes| bytes.len() as u64);
        let mut recorded = record(config, layouts, &device.profile(), image_bytes)?;
        choices.apply(&mut recorded.program.plans[STEP_PLAN], &device.profile());
        let (inputs, states) = (recorded.gan.inputs, [recorded.gan.g_state, recorded.gan.d_state]);
        let mut session = device.load(std::mem::take(&mut recorded.program))?;
        if let Some(bytes) = resident {
            session.write(inputs.images, &pack(bytes));
        }
        let latents = vec![0.0; inputs.latents.len as usize];
        let (config, layouts) = (config.clone(), layouts.clone());
        let Recorded { sampler, check, .. } = recorded;
        let mut engine = Engine { config, layouts, session, inputs, states, sampler, check, latents };
        engine.initialise();
        Ok(engine)
    }

    /// Goes back to the initial parameters, moments and running statistics, and forgets all losses.
    pub fn initialise(&mut self) {
        for (network, (layout, state)) in (0..).zip(self.layouts.iter().zip(&self.states)) {
            let initial = layout.parameters.initial(&self.config.init, self.config.seed, network);
            write_flat(&mut *self.session, state.parameters, &initial);
            write_flat(&mut *self.session, state.running, &layout.running.initial_running());
            let optimizer = state.optimizer.expect("an engine trains");
            for moments in [optimizer.m, optimizer.v] {
                write_flat(&mut *self.session, moments, &vec![0.0; moments.len as usize]);
            }
        }
        self.forget_losses();
    }

    /// Steps that are done again must not be mistaken for those that were.
    fn forget_losses(&mut self) {
        self.session.write_floats(self.inputs.ring, &vec![0.0; self.inputs.ring.len as usize]);
    }

    /// Takes another learning rate from the next step on.
    pub fn set_learning_rate(&mut self, rate: f64) {
        self.config.adam.lr = rate;
    }

    /// The loaded program, to measure it.
    pub fn session(&mut self) -> &mut dyn Session {
        &mut *self.session
    }

    /// Starts step number `step`, counted from 0, on these real images; does not wait for its end.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self, step: u32, batch: Batch<'_>) -> Result<()> {
        let [seed_low, seed_high] = split(self.config.seed);
        let [rate, correction] = self.config.adam.rates(step + 1).map(f32::to_bits);
        let words: [u32; STEP_WORDS as usize] = [seed_low, seed_high, step, rate, correction, rate, correction, 0];
        self.session.write(self.inputs.step, &words);
        Draws::new(self.config.seed, stream::LATENTS, step).fill_normal(&mut self.latents);
        self.session.write_floats(self.inputs.latents, &self.latents);
        match batch {
            Batch::Resident(indices) => self.session.write(self.inputs.indices, indices),
            Batch::Bytes(bytes) => {
                let all: Vec<u32> = (0..self.inputs.indices.len).collect();
                self.session.write(self.inputs.indices, &all);
                self.session.write(self.inputs.images, &pack(bytes));
            }
        }
        self.session.run(&[STEP_PLAN])
    }

    /// The losses of steps `from..to`, at most the last [`RING_ROWS`]; waits for the last of them.
    ///
    /// # Errors
    /// When the device fails, or did not do one of these steps: each stamps its row of the ring at its very end.
    pub fn losses(&mut self, from: u32, to: u32) -> Result<Vec<Losses>> {
        assert!(to - from <= RING_ROWS, "the ring holds {RING_ROWS} steps");
        let ring = self.session.read_floats(self.inputs.ring)?;
        let row = |step: u32| {
            let row = &ring[(step % RING_ROWS * RING_COLUMNS) as usize..];
            verify_stamp(step, row[STAMP_COLUMN as usize])?;
            let [real, fake, generator] = [Column::Real, Column::Fake, Column::Generator].map(|c| c as usize);
            let d_loss = row[real] + row[fake];
            Ok(Losses { d_loss, g_loss: row[generator], d_real: row[real + 1], d_fake: row[fake + 1] })
        };
        (from..to).map(row).collect()
    }

    /// Looks for NaN and infinity, by bits, in everything that a checkpoint would hold; waits for the last step.
    ///
    /// # Errors
    /// When the device fails.
    pub fn check(&mut self) -> Result<Checked> {
        self.check.run(&mut *self.session, &self.layouts, &self.states)
    }

    /// `count` images of the fixed latents: always the same ones of this seed.
    ///
    /// # Errors
    /// When the device fails.
    pub fn sample(&mut self, count: usize) -> Result<Images> {
        let latents = fixed_latents(&self.config, self.config.seed, count);
        generate(&mut *self.session, &self.sampler, &self.config, &latents)
    }

    /// Everything that a checkpoint holds of the networks.
    ///
    /// # Errors
    /// When the device fails.
    pub fn state(&mut self) -> Result<Tensors> {
        let mut tensors = Tensors::default();
        for (layout, state) in self.layouts.iter().zip(&self.states) {
            let optimizer = state.optimizer.expect("an engine trains");
            for (what, view) in [("parameter", state.parameters), ("adam_m", optimizer.m), ("adam_v", optimizer.v)] {
                tensors.insert_flat(layout.name, what, &layout.parameters, &self.session.read_floats(view)?);
            }
            tensors.insert_flat(layout.name, "state", &layout.running, &self.session.read_floats(state.running)?);
        }
        Ok(tensors)
    }

    /// Goes back to what [`Engine::state`] gave, and forgets all losses.
    ///
    /// # Errors
    /// A checkpoint error when a tensor is missing or has another shape.
    pub fn restore(&mut self, tensors: &Tensors) -> Result<()> {
        for (layout, state) in self.layouts.iter().zip(&self.states) {
            let optimizer = state.optimizer.expect("an engine trains");
            for (what, view) in [("parameter", state.parameters), ("adam_m", optimizer.m), ("adam_v", optimizer.v)] {
                write_flat(&mut *self.session, view, &tensors.flat(layout.name, what, &layout.parameters)?);
            }
            let running = tensors.flat(layout.name, "state", &layout.running)?;
            write_flat(&mut *self.session, state.running, &running);
        }
        self.forget_losses();
        Ok(())
    }
}

/// A generator alone, loaded for sampling.
#[derive(Debug)]
pub struct Generator {
    config: Config,
    session: Box<dyn Session>,
    sampler: Sampler,
}

impl Generator {
    /// Loads the generator of a checkpoint.
    ///
    /// # Errors
    /// As [`Device::load`], and a checkpoint error when a tensor is missing.
    pub fn new(device: &Device, config: &Config, tensors: &Tensors) -> Result<Self> {
        let [layout, _] = config.layouts()?;
        let mut program = Program::default();
        let step = program.tensor("step", Role::StepInputs, Element::U32, STEP_WORDS.into());
        let state = State::new(&mut program, &layout, false);
        let sampler = Sampler::place(&mut program, &device.profile(), &layout, &state, step)?;
        let mut session = device.load(program)?;
        let parameters = tensors.flat(layout.name, "parameter", &layout.parameters)?;
        write_flat(&mut *session, state.parameters, &parameters);
        write_flat(&mut *session, state.running, &tensors.flat(layout.name, "state", &layout.running)?);
        Ok(Generator { config: config.clone(), session, sampler })
    }

    /// The images of these latents, however many; the same latent gives the same image whatever is beside it.
    ///
    /// # Errors
    /// When the device fails.
    pub fn generate(&mut self, latents: &[Vec<f32>]) -> Result<Images> {
        generate(&mut *self.session, &self.sampler, &self.config, latents)
    }
}

/// `count` latents of a seed; the first ones are the same whatever the count.
pub fn fixed_latents(config: &Config, seed: u64, count: usize) -> Vec<Vec<f32>> {
    let dim = config.latent.dim as usize;
    let mut flat = vec![0.0; count * dim];
    Draws::new(seed, stream::SAMPLES, 0).fill_normal(&mut flat);
    flat.chunks(dim).map(<[f32]>::to_vec).collect()
}

/// # Errors
/// A lost device, when `stamp` is not that of step number `step`.
fn verify_stamp(step: u32, stamp: f32) -> Result<()> {
    if stamp == stamp_of(step) {
        return Ok(());
    }
    let found = if stamp >= 1.0 { format!("step {}", stamp as u32 - 1) } else { "no step".to_string() };
    let message =
        format!("the device returned losses of {found} where step {step} was submitted: it did not do the work");
    Err(Error::device_failed(DeviceFailure::Lost, message))
}

fn write_flat(session: &mut dyn Session, view: View, values: &[f32]) {
    if !values.is_empty() {
        session.write_floats(view, values);
    }
}

/// What images hold before they are drawn: a NaN whose bits no arithmetic makes.
const NOT_DRAWN: u32 = 0x7fc0_dead;

/// Runs the sampler on latents, a batch at a time, and turns its `[pixels, batch, channels]` into images.
fn generate(session: &mut dyn Session, sampler: &Sampler, config: &Config, latents: &[Vec<f32>]) -> Result<Images> {
    let shape = config.image;
    let [height, width, channels] = [shape.height, shape.width, shape.channels].map(|n| n as usize);
    let (batch, pixels) = (sampler.batch as usize, height * width);
    let mut ordered = Vec::with_capacity(latents.len() * pixels * channels);
    for chunk in latents.chunks(batch) {
        let mut flat = chunk.concat();
        flat.resize(sampler.latents.len as usize, 0.0);
        session.write_floats(sampler.latents, &flat);
        session.write(sampler.images, &vec![NOT_DRAWN; sampler.images.len as usize]);
        session.run(&[sampler.plan])?;
        let values = session.read_floats(sampler.images)?;
        if values.iter().any(|value| value.to_bits() == NOT_DRAWN) {
            let message = "the device returned no images where they were submitted: it did not do the work";
            return Err(Error::device_failed(DeviceFailure::Lost, message));
        }
        for b in 0..chunk.len() {
            for p in 0..pixels {
                ordered.extend_from_slice(&values[(p * batch + b) * channels..][..channels]);
            }
        }
    }
    Images::from_values(&ordered, config.low(), [latents.len(), height, width, channels])
}
