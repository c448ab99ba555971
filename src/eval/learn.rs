//! How a feature network learns: from batches of real images, by the kernels that train GANs.

use super::extract::{Extractor, Normalised};
use super::file::Filed;
use super::network::{Description, FEATURES_VERSION, FeatureNetwork, Task, Trained, place};
use super::real::Real;
use crate::data::shuffled;
use crate::device::{Device, Session};
use crate::engine::gan::{STEP_WORDS, step_input};
use crate::engine::initial;
use crate::error::{Error, Kind, Result};
use crate::kernels::adam::{Adam, AdamTensors, record_update};
use crate::kernels::augment::{self, Augmentation, Augmented};
use crate::kernels::data::pack;
use crate::kernels::loss::cross_entropy::{ClassesOf, CrossEntropy, record_cross_entropy};
use crate::kernels::loss::{RING_COLUMNS, RING_ROWS};
use crate::kernels::{SEED_WORD, STEP_WORD};
use crate::layers::Mode;
use crate::model::network::{Keep, Passes, Traversal, Wanted};
use crate::model::tensors::Tensors;
use crate::plan::{Element, Program, Recorder, Role, Stored, View};
use crate::random::{Draws, split, stream};
use crate::shape::Shape;

/// Images of a step.
const BATCH: u32 = 128;
/// Steps, whatever the data: five epochs of MNIST.
const STEPS: u32 = 2_400;
/// Adam, whose rate falls to zero over the second half.
const ADAM: Adam = Adam { lr: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
/// Images are shifted by up to this part of their size.
const TRANSLATION: f32 = 0.075;
/// The seed of everything random: networks of the same data are the same.
const SEED: u64 = 0;

/// Trains a network on `real` images: on their classes where they have such, else on rotations.
/// `progress` hears how many steps of how many are done.
///
/// # Errors
/// A data error when there are too few images; device errors.
pub fn learn(device: &Device, real: &Real<'_>, progress: &mut dyn FnMut(u32, u32)) -> Result<Filed> {
    learn_in(STEPS, device, real, progress)
}

fn learn_in(steps: u32, device: &Device, real: &Real<'_>, progress: &mut dyn FnMut(u32, u32)) -> Result<Filed> {
    let description = Description::planned(real.shape(), real.task());
    let mut lesson = Lesson::new(device, &description, real)?;
    for step in 0..steps {
        lesson.step(step, rate(step, steps))?;
        progress(step + 1, steps);
    }
    let tensors = lesson.tensors()?;
    let mut network = FeatureNetwork { description, trained: None, tensors };
    let (accuracy, tested) = accuracy(device, &network, real)?;
    let version = FEATURES_VERSION;
    network.trained = Some(Trained { version, data: real.digest().to_string(), steps, accuracy, tested });
    Filed::new(network)
}

/// The learning rate of a step.
fn rate(step: u32, steps: u32) -> f64 {
    let left = f64::from(steps - step) / f64::from(steps);
    ADAM.lr * (2.0 * left).min(1.0)
}

/// The share of images that were not learnt from which the network answers right, and their number.
fn accuracy(device: &Device, network: &FeatureNetwork, real: &Real<'_>) -> Result<(f64, u32)> {
    let (pixels, mut labels) = real.tested();
    let (description, shape) = (&network.description, real.shape());
    let mut pixels = description.seen(&pixels, shape).into_owned();
    if description.task == Task::Rotations {
        labels = (0..labels.len() as u32).map(|image| image % 4).collect();
        turn_all(&mut pixels, description.image, &labels);
    }
    let mut extractor = Extractor::new(device, network.clone())?;
    let answers = extractor.see(&pixels, description.image)?.answers(&description.task);
    let right = answers.iter().zip(&labels).filter(|(answer, label)| answer == label).count();
    Ok((right as f64 / labels.len() as f64, labels.len() as u32))
}

/// A network in training.
struct Lesson<'a> {
    session: Box<dyn Session>,
    real: &'a Real<'a>,
    description: &'a Description,
    stored: Vec<Stored>,
    step: View,
    images: View,
    labels: View,
    plan: usize,
    /// Where the next images come from.
    order: Order,
}

impl<'a> Lesson<'a> {
    fn new(device: &Device, description: &'a Description, real: &'a Real<'a>) -> Result<Self> {
        let (layout, profile) = (description.layout()?, device.profile());
        let mut program = Program::default();
        let step = step_input(&mut program, STEP_WORDS);
        let state = place(&mut program, &layout, true);
        let passes = Passes { batch: BATCH, label: "features", keep: Keep::Nothing };
        let traversal = Traversal::place(&mut program, &profile, &layout, &state, step, passes);
        let labels = program.tensor("labels", Role::StepInputs, Element::U32, BATCH.into());
        let logits = u64::from(BATCH) * u64::from(layout.output.values());
        let dlogits = program.floats("dlogits", Role::ActivationGradients, logits);
        let ring = program.floats("losses", Role::LossRing, u64::from(RING_ROWS * RING_COLUMNS));

        let mut recorder = Recorder::new(&profile);
        let normalised = Normalised { image: description.image, black: description.black, batch: BATCH };
        let (images, x) = normalised.record(&mut program, &mut recorder, step);
        let shifted = {
            let means = program.floats("means", Role::Scratch, BATCH.into());
            let y = program.floats("shifted", Role::Activations, x.len.into());
            let how = Augmentation { translation: TRANSLATION, ..Augmentation::default() };
            let of = augment::Images { shape: description.image, batch: BATCH, source: AUGMENTING.into() };
            recorder.scope("augmentation");
            let fill = real.background(description.black);
            augment::record_forward(&mut recorder, &how, of, fill, Augmented { x, step, means, y });
            y
        };
        let tape = traversal.forward(&mut recorder, Mode::Train, shifted, stream::DEVICE);
        let views = CrossEntropy { logits: tape.output, labels, step, dlogits, ring };
        recorder.scope("cross-entropy");
        record_cross_entropy(&mut recorder, ClassesOf::Classifier, 0, views);
        traversal.backward(&mut recorder, &tape, dlogits, Wanted::Parameters);
        recorder.scope("update");
        let optimizer = state.optimizer.expect("placed for training");
        let m = optimizer.m.expect("Adam has first moments");
        let tensors = AdamTensors { w: optimizer.w, g: optimizer.g, m, v: optimizer.v };
        record_update(&mut recorder, &ADAM, RATE, step, &tensors);
        let plan = program.push([recorder.cut("features")?])[0];

        let (beginning, stored) = (initial(&program, SEED), description.stored()?);
        let stored = program.stored.iter().filter(|own| stored.iter().any(|s| s.name == own.name)).cloned().collect();
        let mut session = device.load(program)?;
        beginning.iter().for_each(|(view, values)| session.write_floats(*view, values));
        let order = Order::new(real.learnt_from());
        Ok(Lesson { session, real, description, stored, step, images, labels, plan, order })
    }

    /// Learns from the next batch.
    fn step(&mut self, step: u32, lr: f64) -> Result<()> {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for (epoch, places) in self.order.take(BATCH) {
            self.real.read(epoch, &places, &mut pixels, &mut labels);
        }
        let mut pixels = self.description.seen(&pixels, self.real.shape()).into_owned();
        if self.description.task == Task::Rotations {
            let draws = Draws::new(SEED, TURNS, step);
            labels = (0..BATCH).map(|image| draws.below(image, 4)).collect();
            turn_all(&mut pixels, self.description.image, &labels);
        }
        let mut words = vec![0; STEP_WORDS as usize];
        words[SEED_WORD as usize..][..2].copy_from_slice(&split(SEED));
        words[STEP_WORD as usize] = step;
        let rates = Adam { lr, ..ADAM }.rates(step + 1);
        words[RATE as usize..][..2].copy_from_slice(&rates.map(f32::to_bits));
        self.session.write(self.step, &words);
        self.session.write(self.images, &pack(&pixels));
        self.session.write(self.labels, &labels);
        self.session.run(&[self.plan])
    }

    /// What it has learnt.
    fn tensors(&mut self) -> Result<Tensors> {
        let mut tensors = Tensors::default();
        for stored in &self.stored {
            tensors.insert(stored, &self.session.read_floats(stored.view)?);
        }
        match tensors.not_finite() {
            None => Ok(tensors),
            Some(name) => {
                Err(Error::new(Kind::Diverged, format!("training the feature network diverged: {name} is no number")))
            }
        }
    }
}

/// The streams of random numbers.
const AUGMENTING: u32 = stream::DEVICE + 0x800;
const TURNS: u32 = stream::DEVICE + 0x801;
/// Index of Adam's rates in the step's input.
const RATE: u32 = STEP_WORD + 1;

/// Images in the order of epochs without end, each shuffled anew.
struct Order {
    /// Images of an epoch.
    count: u32,
    epoch: u32,
    next: usize,
    places: Vec<u32>,
}

impl Order {
    fn new(count: u32) -> Self {
        Order { count, epoch: 0, next: 0, places: shuffled(SEED, 0, count) }
    }

    /// The next places, with their epoch: of several where a batch goes beyond the end of one.
    fn take(&mut self, count: u32) -> Vec<(u32, Vec<u32>)> {
        let (mut taken, mut left) = (Vec::new(), count as usize);
        while left > 0 {
            let now = left.min(self.places.len() - self.next);
            taken.push((self.epoch, self.places[self.next..self.next + now].to_vec()));
            (left, self.next) = (left - now, self.next + now);
            if self.next == self.places.len() {
                (self.epoch, self.next) = (self.epoch + 1, 0);
                self.places = shuffled(SEED, self.epoch, self.count);
            }
        }
        taken
    }
}

/// Turns each of the square images by so many quarters, anticlockwise.
fn turn_all(pixels: &mut [u8], shape: Shape, turns: &[u32]) {
    let (side, channels) = (shape.width as usize, shape.channels as usize);
    for (image, &turns) in pixels.chunks_exact_mut(shape.bytes()).zip(turns) {
        for _ in 0..turns {
            let before = image.to_vec();
            for (to, pixel) in image.chunks_exact_mut(channels).enumerate() {
                let (row, column) = (to / side, to % side);
                pixel.copy_from_slice(&before[(column * side + side - 1 - row) * channels..][..channels]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataSet;

    const SHAPE: Shape = Shape { height: 12, width: 12, channels: 1 };

    fn strokes() -> DataSet {
        DataSet::open("strokes", None, SHAPE, 5).unwrap()
    }

    #[test]
    fn a_network_learns_and_is_the_same_again() {
        let data = strokes();
        let real = Real::new(&data, None).unwrap();
        let mut heard = Vec::new();
        let filed = learn_in(60, &Device::Host, &real, &mut |done, all| heard.push((done, all))).unwrap();
        assert_eq!((heard.len(), heard[59]), (60, (60, 60)));
        let trained = filed.network.trained.clone().unwrap();
        assert!(trained.accuracy > 0.5, "{trained:?}");
        assert_eq!(learn_in(60, &Device::Host, &real, &mut |_, _| {}).unwrap().digest, filed.digest);
    }

    #[test]
    fn rotations_are_learnt_without_labels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.npy");
        let mut pixels = vec![0; 600 * SHAPE.bytes()];
        strokes().fill(0, &Vec::from_iter(0..600), &mut pixels);
        std::fs::write(&path, crate::data::makers::array("|u1", "(600, 12, 12)", &pixels)).unwrap();
        let data = DataSet::open(path.to_str().unwrap(), None, SHAPE, 0).unwrap();
        let real = Real::new(&data, None).unwrap();
        assert_eq!(real.task(), Task::Rotations);
        let trained = learn_in(150, &Device::Host, &real, &mut |_, _| {}).unwrap().network.trained.unwrap();
        assert!(trained.accuracy > 0.5 && trained.tested == 60, "{trained:?}");
    }

    #[test]
    fn a_quarter_is_anticlockwise() {
        let shape = Shape { height: 2, width: 2, channels: 1 };
        let mut pixels = [1, 2, 3, 4, 1, 2, 3, 4];
        turn_all(&mut pixels, shape, &[1, 2]);
        assert_eq!(pixels, [2, 4, 1, 3, 4, 3, 2, 1]);
    }

    #[test]
    fn epochs_follow_each_other_within_a_batch() {
        let mut order = Order::new(5);
        let [all, next, after] = [0, 1, 2].map(|epoch| shuffled(SEED, epoch, 5));
        assert_eq!(order.take(3), [(0, all[..3].to_vec())]);
        assert_eq!(order.take(9), [(0, all[3..].to_vec()), (1, next), (2, after[..2].to_vec())]);
    }
}
