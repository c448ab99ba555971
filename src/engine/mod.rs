//! A loaded GAN: steps, losses, samples and state, whatever the device.

mod check;
pub mod gan;
mod inputs;
mod ring;
mod sampler;
mod seen;
pub mod step;
mod storage;

use crate::device::{Device, Session};
use crate::error::{DeviceFailure, Error, Result};
use crate::kernels::data::pack;
use crate::kernels::linear::choices::Choices;
use crate::kernels::loss::stamp_of;
use crate::model::columns::Values;
use crate::model::config::Config;
use crate::model::tensors::Tensors;
use crate::output::Images;
use crate::plan::{Profile, Program, Ring, View};
use check::Check;
pub use check::Checked;
use gan::Gan;
use inputs::{Filling, Ports};
use sampler::Weights;
pub use sampler::{Choice, Generator, Sampler, fixed_latents, latents_from, latents_of_a_seed};
pub use seen::as_seen;
use storage::Storage;

/// A program for training, before a device has it.
#[derive(Debug)]
pub struct Recording {
    /// Its plans: the phases of a step, sampling, and the check.
    pub program: Program,
    /// Its tensors.
    pub gan: Gan,
    /// Its sampler.
    pub sampler: Sampler,
    /// Its check for NaN and infinity.
    pub check: Check,
}

/// Records everything that training needs; `image_bytes` is the size of the images kept on the
/// device.
///
/// # Errors
/// A usage error when a size is beyond a portable limit.
pub fn record(config: &Config, profile: &Profile, image_bytes: u64) -> Result<Recording> {
    let layouts = &config.layouts()?;
    let mut program = Program::default();
    let gan = Gan::place(&mut program, profile, config, layouts, image_bytes);
    program.step = program.push(step::record(&gan, profile, config)?);
    let weights = Weights { layout: &layouts[0], state: &gan.generator.state, average: gan.average };
    let sampler = Sampler::place(&mut program, profile, config, weights, gan.inputs.step)?;
    let check = Check::place(&mut program, profile)?;
    Ok(Recording { program, gan, sampler, check })
}

/// What the tensors of a program that hold stored ones begin with, for a run of this seed.
pub fn initial(program: &Program, seed: u64) -> Vec<(View, Vec<f32>)> {
    Storage::of(program).initial(seed).collect()
}

/// A GAN in training on a device.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    session: Box<dyn Session>,
    /// Images on the device.
    resident: u32,
    /// The plans of a step.
    step: Vec<usize>,
    ports: Ports,
    ring: Ring,
    storage: Storage,
    sampler: Sampler,
    check: Check,
    /// Whether the running statistics of the average are those of its weights as they are.
    is_estimated: bool,
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
    /// Loads a GAN on a device, with its initial parameters. `resident` holds all images where they
    /// stay on the device; otherwise every step brings its own.
    ///
    /// # Errors
    /// As [`Config::layouts`] and [`Device::load`].
    pub fn new(device: &Device, config: &Config, resident: Option<&[u8]>) -> Result<Self> {
        Engine::tuned(device, config, resident, &Choices::default())
    }

    /// As [`Engine::new`], with chosen kernels in the step. Sampling keeps to the defaults.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn tuned(device: &Device, config: &Config, resident: Option<&[u8]>, choices: &Choices) -> Result<Self> {
        let image_bytes = resident.map_or(config.bytes_per_step(), |bytes| bytes.len() as u64);
        let Recording { mut program, sampler, check, .. } = record(config, &device.profile(), image_bytes)?;
        for &phase in &program.step {
            choices.apply(&mut program.plans[phase], &device.profile());
        }
        let (step, ports, storage) = (program.step.clone(), Ports::of(&program), Storage::of(&program));
        let ring = program.ring.clone().expect("a step records");
        let mut session = device.load(program)?;
        if let (Some(bytes), Some(images)) = (resident, ports.images()) {
            session.write(images, &pack(bytes));
        }
        let resident = resident.map_or(0, |bytes| bytes.len() / config.image.bytes()) as u32;
        let config = config.clone();
        let mut engine =
            Engine { config, session, resident, step, ports, ring, storage, sampler, check, is_estimated: false };
        engine.initialise();
        Ok(engine)
    }

    /// Goes back to the initial parameters, moments and running statistics, and forgets all losses.
    pub fn initialise(&mut self) {
        for (view, values) in self.storage.initial(self.config.seed) {
            self.session.write_floats(view, &values);
        }
        self.forget_steps();
    }

    /// Steps that are done again must not be mistaken for those that were.
    fn forget_steps(&mut self) {
        self.is_estimated = false;
        self.session.write(self.ring.view, &vec![0; self.ring.view.len as usize]);
    }

    /// Multiplies the learning rates from the next step on.
    pub fn scale_learning_rates(&mut self, factor: f64) {
        self.config.scale_learning_rates(factor);
    }

    /// The loaded program, to measure it.
    pub fn session(&mut self) -> &mut dyn Session {
        &mut *self.session
    }

    /// Starts step number `step`, counted from 0, on these real images; does not wait for its end.
    ///
    /// # Errors
    /// A usage error when the batch has another size, or images that are not on the device; when
    /// the device fails.
    pub fn step(&mut self, step: u32, batch: Batch<'_>) -> Result<()> {
        self.labelled_step(step, batch, &[])
    }

    /// As [`Engine::step`], with the class of each image, of a configuration that uses labels.
    ///
    /// # Errors
    /// As [`Engine::step`], and when a label is missing, or is no class.
    pub fn labelled_step(&mut self, step: u32, batch: Batch<'_>, labels: &[u32]) -> Result<()> {
        let Config { seed, image, .. } = &self.config;
        let (count, size) = (self.config.images_per_step() as usize, image.bytes());
        let fits = match batch {
            // Shaders do not check them.
            Batch::Resident(indices) => indices.len() == count && indices.iter().all(|index| *index < self.resident),
            Batch::Bytes(bytes) => bytes.len() == count * size,
        };
        if !fits {
            let held = self.resident;
            let message =
                format!("a step takes {count} images of {size} bytes, or as many of the {held} on the device");
            return Err(Error::usage(message));
        }
        if let Some(classes) = &self.config.classes
            && (labels.len() != count || labels.iter().any(|&label| label >= classes.count()))
        {
            let message = format!("a step takes {count} labels below {}, the number of classes", classes.count());
            return Err(Error::usage(message));
        }
        let optimizers = &self.config.optimizers();
        self.ports.fill(&mut *self.session, Filling { seed: *seed, step, optimizers, batch, labels });
        self.is_estimated = false;
        self.session.run(&self.step)
    }

    /// Estimates the running statistics of the average, unless that is done.
    fn estimate(&mut self) -> Result<()> {
        if !self.is_estimated {
            self.sampler.estimate(&mut *self.session, &self.config)?;
            self.is_estimated = true;
        }
        Ok(())
    }

    /// What steps `from..to` recorded, at most the last [`Ring::rows`]; waits for the last of them.
    ///
    /// # Errors
    /// When the device fails, or did not do one of these steps: each stamps its row of the ring at
    /// its very end.
    ///
    /// # Panics
    /// When they are more than that.
    pub fn losses(&mut self, from: u32, to: u32) -> Result<Vec<Values>> {
        let Ring { view, rows, width, stamp, columns } = &self.ring;
        assert!(from <= to && to - from <= *rows, "the ring holds {rows} steps");
        let ring = self.session.read_floats(*view)?;
        let row = |step: u32| {
            let row = &ring[(step % rows * width) as usize..];
            verify_stamp(step, row[*stamp as usize])?;
            let sum = |words: &[u32]| words.iter().map(|&word| row[word as usize]).reduce(|a, b| a + b).unwrap_or(0.0);
            Ok(columns.iter().map(|column| (column.name, sum(&column.words))).collect())
        };
        (from..to).map(row).collect()
    }

    /// Looks for NaN and infinity, by bits, in everything that a checkpoint would hold; waits for
    /// the last step.
    ///
    /// # Errors
    /// When the device fails.
    pub fn check(&mut self) -> Result<Checked> {
        self.check.run(&mut *self.session, &self.storage)
    }

    /// `count` images of the fixed latents: always the same ones of this seed, of the classes in
    /// turn by rows of the grid.
    ///
    /// # Errors
    /// When the device fails.
    pub fn sample(&mut self, count: usize) -> Result<Images> {
        let latents = fixed_latents(&self.config, self.config.seed, count);
        let labels = self.config.classes_in_turn(count, self.config.output.cols as usize);
        self.estimate()?;
        self.sampler.draw(&mut *self.session, &latents, &labels)
    }

    /// Everything that a checkpoint holds of the networks.
    ///
    /// # Errors
    /// When the device fails.
    pub fn state(&mut self) -> Result<Tensors> {
        self.estimate()?;
        self.storage.read(&mut *self.session)
    }

    /// Goes back to what [`Engine::state`] gave, and forgets all losses.
    ///
    /// # Errors
    /// A checkpoint error when a tensor is missing or has another shape.
    pub fn restore(&mut self, tensors: &Tensors) -> Result<()> {
        self.storage.write(&mut *self.session, tensors)?;
        self.forget_steps();
        Ok(())
    }
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
