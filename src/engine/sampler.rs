//! Drawing images: G alone, with running statistics, on batches of latents.

use super::gan::{STEP_WORDS, step_input};
use super::storage::Storage;
use crate::device::{Device, Session};
use crate::error::{DeviceFailure, Error, Result};
use crate::layers::Mode;
use crate::model::config::Config;
use crate::model::network::{Averaged, Given, Keep, Layout, Passes, State, Traversal};
use crate::model::spectral::Spectral;
use crate::model::tensors::Tensors;
use crate::output::Images;
use crate::plan::{Element, Fill, OutputPort, Profile, Program, Recorder, Role, View};
use crate::random::{Draws, stream};
use crate::shape::Shape;

/// Samples that are drawn at once where they fit.
const LARGEST_BATCH: u64 = 64;
/// Batches on which the running statistics of an average are estimated.
const ESTIMATES: u32 = 8;

/// What images hold before they are drawn: a NaN whose bits no arithmetic makes.
const NOT_DRAWN: u32 = 0x7fc0_dead;

/// G placed for sampling.
#[derive(Clone, Debug)]
pub struct Sampler {
    /// `[batch, latent]`
    pub latents: View,
    /// `[batch]`: the class of each image, where labels are used.
    pub labels: Option<View>,
    /// `[pixels, batch, channels]`
    pub images: View,
    shape: Shape,
    /// The value of a black pixel.
    low: f32,
    /// Samples of a batch.
    batch: u32,
    /// Index of its plan in the program.
    plan: usize,
    /// Indices of the plans that estimate running statistics, in order.
    estimates: Vec<usize>,
}

/// What images are drawn with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights<'a> {
    /// G's network.
    pub(super) layout: &'a Layout,
    /// G, whose singular vectors hold for its average too.
    pub(super) state: &'a State,
    /// The average of its parameters, which is drawn with where it is there.
    pub(super) average: Option<Averaged>,
}

impl Sampler {
    /// Places G for batches and records the sampling plan, and those that estimate the running
    /// statistics of an average. The batch depends on the network and the device alone, so that an
    /// image has the same bits however many are drawn.
    ///
    /// # Errors
    /// A usage error when a size is beyond a portable limit.
    pub(super) fn place(
        program: &mut Program,
        profile: &Profile,
        config: &Config,
        Weights { layout, state, average }: Weights<'_>,
        step: View,
    ) -> Result<Self> {
        let fitting = profile.max_binding_bytes / (4 * u64::from(layout.widest()));
        let batch = fitting.clamp(1, LARGEST_BATCH) as u32;
        let words = u64::from(layout.input().values()) * u64::from(batch);
        let latents = program.floats("sampled latents", Role::StepInputs, words);
        program.port("sampled latents", latents, Fill::Given);
        let labels = config.classes.as_ref().map(|_| {
            let labels = program.tensor("sampled labels", Role::StepInputs, Element::U32, batch.into());
            program.port("sampled labels", labels, Fill::Given);
            labels
        });
        let drawn = State { optimizer: None, parameters: average.map_or(state.parameters, |a| a.parameters), ..*state };
        let spectral = Spectral::new(layout, &drawn);
        let drawn = State { kept: average.map_or(state.kept, |a| a.kept), ..drawn };
        let passes = Passes { batch, label: "sampler", keep: Keep::Nothing };
        let traversal = Traversal::place(program, profile, layout, &drawn, step, passes);
        let given = Given { source: 0.into(), labels };
        let mut recorder = Recorder::new(profile);
        spectral.record_normalise(&mut recorder, false);
        let images = traversal.forward(&mut recorder, Mode::Sample, latents, given).output;
        let plan = program.push([recorder.cut("sample")?])[0];
        let mut estimates = Vec::new();
        if average.is_some() && layout.has_running_statistics() {
            spectral.record_normalise(&mut recorder, false);
            for number in 1..=ESTIMATES {
                traversal.forward(&mut recorder, Mode::Estimate(number), latents, given);
                estimates.extend(program.push([recorder.cut(&format!("estimate {number}"))?]));
            }
        }
        let (name, range) = ("images".to_string(), [config.low(), 1.0]);
        program.outputs.push(OutputPort { name, view: images, shape: layout.output, range, plan });
        Ok(Sampler { latents, labels, images, shape: layout.output, low: config.low(), batch, plan, estimates })
    }

    /// Estimates the running statistics of an average anew, on the same latents each time.
    ///
    /// # Errors
    /// When the device fails.
    pub(super) fn estimate(&self, session: &mut dyn Session, config: &Config) -> Result<()> {
        let batch = self.batch as usize;
        let classes = config.classes_in_turn(self.estimates.len() * batch, 1);
        for (number, &plan) in (0..).zip(&self.estimates) {
            let mut latents = vec![0.0; self.latents.len as usize];
            Draws::new(config.seed, stream::ESTIMATES, number).fill_normal(&mut latents);
            session.write_floats(self.latents, &latents);
            if let Some(labels) = self.labels {
                session.write(labels, &classes[number as usize * batch..][..batch]);
            }
            session.run(&[plan])?;
        }
        Ok(())
    }

    /// Draws the images of latents, a batch at a time, each of its class where labels are used.
    ///
    /// # Errors
    /// When the device fails, or did not do this work.
    pub fn draw(&self, session: &mut dyn Session, latents: &[Vec<f32>], labels: &[u32]) -> Result<Images> {
        let [height, width, channels] = [self.shape.height, self.shape.width, self.shape.channels].map(|n| n as usize);
        let (batch, pixels) = (self.batch as usize, height * width);
        // Bytes at once: of many large images the values would take four times as much memory.
        let mut bytes = Vec::with_capacity(latents.len() * pixels * channels);
        for (number, chunk) in latents.chunks(batch).enumerate() {
            let mut flat = chunk.concat();
            flat.resize(self.latents.len as usize, 0.0);
            session.write_floats(self.latents, &flat);
            if let Some(view) = self.labels {
                let mut words: Vec<_> = labels.iter().skip(number * batch).take(chunk.len()).copied().collect();
                words.resize(view.len as usize, 0);
                session.write(view, &words);
            }
            session.write(self.images, &vec![NOT_DRAWN; self.images.len as usize]);
            session.run(&[self.plan])?;
            let values = session.read_floats(self.images)?;
            if values.iter().any(|value| value.to_bits() == NOT_DRAWN) {
                let message = "the device returned no images where they were submitted: it did not do the work";
                return Err(Error::device_failed(DeviceFailure::Lost, message));
            }
            let ordered: Vec<_> = by_image(&values, chunk.len(), batch, channels).collect();
            let images = Images::from_values(&ordered, self.low, [chunk.len(), height, width, channels])?;
            bytes.extend(images.pixels);
        }
        Images::new(bytes, [latents.len(), height, width, channels])
    }
}

/// The first `count` of images in `[pixels][batch][channels]`, as `[count][pixels][channels]`.
pub(super) fn by_image(values: &[f32], count: usize, batch: usize, channels: usize) -> impl Iterator<Item = f32> {
    let pixels = values.len() / (batch * channels);
    let pixel = move |image, pixel| &values[(pixel * batch + image) * channels..][..channels];
    (0..count).flat_map(move |image| (0..pixels).flat_map(move |number| pixel(image, number))).copied()
}

/// A generator alone, loaded for sampling.
#[derive(Debug)]
pub struct Generator {
    session: Box<dyn Session>,
    sampler: Sampler,
}

/// Which weights of a checkpoint images are drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Their moving average where the run keeps one, else as they are.
    #[default]
    Best,
    /// As they are.
    Raw,
}

impl Generator {
    /// Loads the generator of a checkpoint.
    ///
    /// # Errors
    /// As [`Device::load`], and a checkpoint error when a tensor is missing.
    pub fn new(device: &Device, config: &Config, tensors: &Tensors, choice: Choice) -> Result<Self> {
        let layout = config.generator_layout()?;
        let mut program = Program::default();
        let step = step_input(&mut program, STEP_WORDS);
        let state = match (config.average, choice) {
            (Some(_), Choice::Best) => State::of_average(&mut program, &layout, &config.init),
            _ => State::new(&mut program, &layout, &config.init, false),
        };
        let weights = Weights { layout: &layout, state: &state, average: None };
        let sampler = Sampler::place(&mut program, &device.profile(), config, weights, step)?;
        let storage = Storage::of(&program);
        let mut session = device.load(program)?;
        storage.write(&mut *session, tensors)?;
        Ok(Generator { session, sampler })
    }

    /// How many images are drawn at once; other numbers leave a part of the work unused.
    pub fn batch(&self) -> usize {
        self.sampler.batch as usize
    }

    /// The images of these latents, however many, each of its class where labels are used; the same
    /// latent gives the same image whatever is beside it.
    ///
    /// # Errors
    /// When the device fails.
    pub fn generate(&mut self, latents: &[Vec<f32>], labels: &[u32]) -> Result<Images> {
        self.sampler.draw(&mut *self.session, latents, labels)
    }
}

/// `count` latents of a seed; the first ones are the same whatever the count.
pub fn fixed_latents(config: &Config, seed: u64, count: usize) -> Vec<Vec<f32>> {
    latents_from(config, seed, 0, count)
}

/// `count` latents of a seed, beginning with number `first` of [`latents_of_a_seed`].
pub fn latents_from(config: &Config, seed: u64, first: u64, count: usize) -> Vec<Vec<f32>> {
    let dim = config.latent.dim as usize;
    let mut flat = vec![0.0; count * dim];
    Draws::new(seed, stream::SAMPLES, 0).fill_normal_from(first * dim as u64, &mut flat);
    flat.chunks(dim).map(<[f32]>::to_vec).collect()
}

/// How many latents a seed has.
pub fn latents_of_a_seed(config: &Config) -> u64 {
    Draws::NORMALS / u64::from(config.latent.dim)
}
