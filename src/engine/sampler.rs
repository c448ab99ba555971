//! Drawing images: G alone, with running statistics, on batches of latents.

use super::gan::step_input;
use super::storage::Storage;
use crate::device::{Device, Session};
use crate::error::{DeviceFailure, Error, Result};
use crate::layers::Mode;
use crate::model::config::Config;
use crate::model::network::{Keep, Layout, Passes, State, Traversal};
use crate::model::tensors::Tensors;
use crate::output::Images;
use crate::plan::{Fill, OutputPort, Profile, Program, Recorder, Role, View};
use crate::random::{Draws, stream};
use crate::shape::Shape;

/// Samples that are drawn at once where they fit.
const LARGEST_BATCH: u64 = 64;

/// What images hold before they are drawn: a NaN whose bits no arithmetic makes.
const NOT_DRAWN: u32 = 0x7fc0_dead;

/// G placed for sampling.
#[derive(Clone, Copy, Debug)]
pub struct Sampler {
    /// `[batch, latent]`
    pub latents: View,
    /// `[pixels, batch, channels]`
    pub images: View,
    shape: Shape,
    /// The value of a black pixel.
    low: f32,
    /// Samples of a batch.
    batch: u32,
    /// Index of its plan in the program.
    plan: usize,
}

impl Sampler {
    /// Places G for batches and records the sampling plan. The batch depends on the network and the
    /// device alone, so that an image has the same bits however many are drawn.
    ///
    /// # Errors
    /// A usage error when a size is beyond a portable limit.
    pub fn place(
        program: &mut Program,
        profile: &Profile,
        config: &Config,
        layout: &Layout,
        state: &State,
        step: View,
    ) -> Result<Self> {
        let fitting = profile.max_binding_bytes / (4 * u64::from(layout.widest()));
        let batch = fitting.clamp(1, LARGEST_BATCH) as u32;
        let words = u64::from(layout.input().values()) * u64::from(batch);
        let latents = program.floats("sampled latents", Role::StepInputs, words);
        program.port("sampled latents", latents, Fill::Given);
        let sampling = State { optimizer: None, ..*state };
        let passes = Passes { batch, label: "sampler", keep: Keep::Nothing, labels: None };
        let traversal = Traversal::place(program, profile, layout, &sampling, step, passes);
        let mut recorder = Recorder::new(profile);
        let images = traversal.forward(&mut recorder, Mode::Sample, latents, 0).output;
        let plan = program.push([recorder.cut("sample")?])[0];
        let (name, range) = ("images".to_string(), [config.low(), 1.0]);
        program.outputs.push(OutputPort { name, view: images, shape: layout.output, range, plan });
        Ok(Sampler { latents, images, shape: layout.output, low: config.low(), batch, plan })
    }

    /// Draws the images of latents, a batch at a time.
    ///
    /// # Errors
    /// When the device fails, or did not do this work.
    pub fn draw(&self, session: &mut dyn Session, latents: &[Vec<f32>]) -> Result<Images> {
        let [height, width, channels] = [self.shape.height, self.shape.width, self.shape.channels].map(|n| n as usize);
        let (batch, pixels) = (self.batch as usize, height * width);
        let mut ordered = Vec::with_capacity(latents.len() * pixels * channels);
        for chunk in latents.chunks(batch) {
            let mut flat = chunk.concat();
            flat.resize(self.latents.len as usize, 0.0);
            session.write_floats(self.latents, &flat);
            session.write(self.images, &vec![NOT_DRAWN; self.images.len as usize]);
            session.run(&[self.plan])?;
            let values = session.read_floats(self.images)?;
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
        Images::from_values(&ordered, self.low, [latents.len(), height, width, channels])
    }
}

/// A generator alone, loaded for sampling.
#[derive(Debug)]
pub struct Generator {
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
        let step = step_input(&mut program);
        let state = State::new(&mut program, &layout, &config.init, false);
        let sampler = Sampler::place(&mut program, &device.profile(), config, &layout, &state, step)?;
        let storage = Storage::of(&program);
        let mut session = device.load(program)?;
        storage.write(&mut *session, tensors)?;
        Ok(Generator { session, sampler })
    }

    /// The images of these latents, however many; the same latent gives the same image whatever is
    /// beside it.
    ///
    /// # Errors
    /// When the device fails.
    pub fn generate(&mut self, latents: &[Vec<f32>]) -> Result<Images> {
        self.sampler.draw(&mut *self.session, latents)
    }
}

/// `count` latents of a seed; the first ones are the same whatever the count.
pub fn fixed_latents(config: &Config, seed: u64, count: usize) -> Vec<Vec<f32>> {
    let dim = config.latent.dim as usize;
    let mut flat = vec![0.0; count * dim];
    Draws::new(seed, stream::SAMPLES, 0).fill_normal(&mut flat);
    flat.chunks(dim).map(<[f32]>::to_vec).collect()
}
