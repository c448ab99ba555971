//! What test cases of kernels are written with: plain data, which `selftest` makes into programs
//! and runs.

use crate::plan::{Profile, Program, Recorder, Role, View};
use crate::random::{Draws, stream};
use crate::shape::Shape;

/// The seed of all random contents.
pub const SEED: u64 = 42;

/// What a kernel is tried on.
#[derive(Debug)]
pub enum Trial {
    /// Layers on a batch, forward and backward.
    Layers(LayerTrial),
    /// A program of this name: all its plans run, in order.
    Program(String, Program),
}

/// Layers on a batch of inputs.
#[derive(Debug)]
pub struct LayerTrial {
    /// What it is, such as `conv 3x5 stride 2x1 of 37`.
    pub name: String,
    /// Of the input.
    pub input: Shape,
    /// Samples.
    pub batch: u32,
    /// Each as in a configuration file: `type = "conv", channels = 4, …`.
    pub layers: &'static [&'static str],
    /// The input's values, as a function of N(0, 1).
    pub values: fn(f32) -> f32,
    /// How its linear dispatches are run.
    pub ways: Ways,
}

/// Which of the ways to run a linear dispatch a trial takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// The default of the device.
    Default,
    /// The default of each family that the device has.
    Families,
    /// All others of each family: what tuning chooses from.
    Variants,
}

impl Trial {
    /// Layers on random inputs, run the device's default way.
    pub(super) fn layers(name: &str, input: [u32; 3], batch: u32, layers: &'static [&'static str]) -> Trial {
        Trial::layers_on(format!("{name} of {batch}"), input, batch, layers, |z| z)
    }

    /// Layers on inputs of these values.
    pub(super) fn layers_on(
        name: String,
        input: [u32; 3],
        batch: u32,
        layers: &'static [&'static str],
        values: fn(f32) -> f32,
    ) -> Trial {
        let [height, width, channels] = input;
        let input = Shape { height, width, channels };
        Trial::Layers(LayerTrial { name, input, batch, layers, values, ways: Ways::Default })
    }

    /// The same, its linear dispatches run in these ways.
    pub(super) fn run(mut self, which: Ways) -> Trial {
        if let Trial::Layers(LayerTrial { ways, .. }) = &mut self {
            *ways = which;
        }
        self
    }

    /// A program with one plan, which `record` fills.
    ///
    /// # Panics
    /// If it is beyond a portable limit.
    pub(super) fn program(name: String, record: impl FnOnce(&mut Program, &mut Recorder)) -> Trial {
        let (mut program, mut recorder) = (Program::default(), Recorder::new(&Profile::HOST));
        recorder.scope(name.as_str());
        record(&mut program, &mut recorder);
        program.plans.push(recorder.finish().unwrap_or_else(|error| panic!("{name}: {error}")));
        Trial::Program(name, program)
    }
}

/// Adds a float tensor with random contents, as [`random`].
pub fn floats(program: &mut Program, label: &str, number: u32, words: u32, change: impl Fn(f32) -> f32) -> View {
    let view = program.floats(label, Role::Scratch, words.into());
    random(program, view, number, change);
    view
}

/// Adds the words that every step brings: seed, step number, and the learning rates of both
/// networks.
pub fn step_words(program: &mut Program, step: u32) -> View {
    let [rate, correction] = [2e-4_f32, 1.25].map(f32::to_bits);
    program.words("step", Role::StepInputs, vec![SEED as u32, 7, step, rate, correction, rate, correction, 0])
}

/// Gives a whole float tensor random contents: `change` of N(0, 1), from stream `number`.
pub fn random(program: &mut Program, view: View, number: u32, change: impl Fn(f32) -> f32) {
    let mut values = vec![0.0; view.len as usize];
    Draws::new(SEED, stream::SAMPLES, number).fill_normal(&mut values);
    set(program, view, values.into_iter().map(change).collect());
}

/// Gives a whole float tensor its contents.
pub fn set(program: &mut Program, view: View, values: Vec<f32>) {
    program.tensors[view.tensor.0 as usize].contents = Some(values.into_iter().map(f32::to_bits).collect());
}
