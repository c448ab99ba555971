//! Images in, features out.

use std::fmt;

use super::network::{FeatureNetwork, Task, place};
use crate::device::{Device, Session};
use crate::engine::gan::{STEP_WORDS, step_input};
use crate::error::Result;
use crate::kernels::data::{self, Gather, Normalisation, pack};
use crate::layers::Mode;
use crate::model::network::{Keep, Passes, Traversal};
use crate::plan::{Profile, Program, Recorder, Role, View};
use crate::random::stream;
use crate::shape::Shape;

/// Images that are looked at together, where they fit.
const LARGEST_BATCH: u64 = 128;

/// A network on a device.
pub struct Extractor {
    session: Box<dyn Session>,
    network: FeatureNetwork,
    /// Images of a batch.
    batch: usize,
    images: View,
    /// `[batch, features]`
    features: View,
    /// `[batch, answers]`
    logits: View,
    plan: usize,
}

impl fmt::Debug for Extractor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extractor").field("network", &self.network.description).finish_non_exhaustive()
    }
}

/// What a network says of images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// `[count, features]`
    pub features: Vec<f32>,
    /// `[count, answers]`: how likely each answer is (softmax of the logits).
    pub likely: Vec<f64>,
}

impl Extractor {
    /// Loads a network.
    ///
    /// # Errors
    /// As [`Description::layout`](super::network::Description::layout) and [`Device::load`].
    pub fn new(device: &Device, network: FeatureNetwork) -> Result<Self> {
        let layout = network.description.layout()?;
        let profile: Profile = device.profile();
        let fitting = profile.max_binding_bytes / (4 * u64::from(layout.widest()));
        let batch = fitting.clamp(1, LARGEST_BATCH) as u32;
        let mut program = Program::default();
        let step = step_input(&mut program, STEP_WORDS);
        let state = place(&mut program, &layout, false);
        let passes = Passes { batch, label: "features", keep: Keep::Nothing };
        let traversal = Traversal::place(&mut program, &profile, &layout, &state, step, passes);
        let mut recorder = Recorder::new(&profile);
        let gather = Normalised { image: network.description.image, black: network.description.black, batch };
        let (images, x) = gather.record(&mut program, &mut recorder, step);
        let tape = traversal.forward(&mut recorder, Mode::Sample, x, stream::DEVICE);
        let plan = program.push([recorder.cut("features")?])[0];
        let wholes = program.stored.clone();
        let mut session = device.load(program)?;
        for stored in &wholes {
            session.write_floats(stored.view, network.tensors.get(stored)?);
        }
        let (features, logits) = (tape.last_input(), tape.output);
        Ok(Extractor { session, network, batch: batch as usize, images, features, logits, plan })
    }

    /// The network.
    pub fn network(&self) -> &FeatureNetwork {
        &self.network
    }

    /// Values of a feature vector.
    pub fn width(&self) -> usize {
        self.features.len as usize / self.batch
    }

    /// Looks at images of size `from`, `[count][height][width][channels]`.
    ///
    /// # Errors
    /// A data error when the network does not see images of this size; when the device fails.
    pub fn see(&mut self, pixels: &[u8], from: Shape) -> Result<Seen> {
        let description = &self.network.description;
        description.check(from)?;
        let pixels = description.seen(pixels, from);
        let size = description.image.bytes();
        let (width, answers) = (self.width(), self.logits.len as usize / self.batch);
        let mut seen = Seen::default();
        for chunk in pixels.chunks(self.batch * size) {
            let count = chunk.len() / size;
            // What a batch before left behind the images of a smaller one is not looked at.
            self.session.write(self.images.slice(0, chunk.len().div_ceil(4) as u32), &pack(chunk));
            self.session.run(&[self.plan])?;
            seen.features.extend_from_slice(&self.session.read_floats(self.features)?[..count * width]);
            let logits = self.session.read_floats(self.logits)?;
            logits[..count * answers].chunks_exact(answers).for_each(|logits| seen.likely.extend(softmax(logits)));
        }
        Ok(seen)
    }
}

impl Seen {
    /// The likeliest answer of each image.
    pub fn answers(&self, task: &Task) -> Vec<u32> {
        let likeliest = |likely: &[f64]| {
            let best = (0..likely.len()).reduce(|best, k| if likely[k] > likely[best] { k } else { best });
            best.unwrap_or(0) as u32
        };
        self.likely.chunks_exact(task.answers() as usize).map(likeliest).collect()
    }
}

fn softmax(logits: &[f32]) -> impl Iterator<Item = f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponential = move |&logit: &f32| libm::exp(f64::from(logit) - f64::from(largest));
    let sum: f64 = logits.iter().map(exponential).sum();
    logits.iter().map(exponential).map(move |value| value / sum)
}

/// Batches of bytes as a network takes them.
pub(super) struct Normalised {
    pub(super) image: Shape,
    pub(super) black: f32,
    pub(super) batch: u32,
}

impl Normalised {
    /// Records how `batch` images become values; returns where their bytes go, and the values.
    pub(super) fn record(&self, program: &mut Program, recorder: &mut Recorder, step: View) -> (View, View) {
        let Normalised { image, black, batch } = *self;
        let values = u64::from(image.values()) * u64::from(batch);
        let images = program.tensor("images", Role::DataSet, crate::plan::Element::U32, values.div_ceil(4));
        let gather = Gather {
            images,
            indices: program.words("indices", Role::StepInputs, (0..batch).collect()),
            step,
            x: program.floats("x", Role::Activations, values),
        };
        recorder.scope("images");
        let normalisation = Normalisation { low: black, noise: 0.0, source: stream::DEVICE.into() };
        data::record_gather(recorder, normalisation, image.channels, gather);
        (images, gather.x)
    }
}
