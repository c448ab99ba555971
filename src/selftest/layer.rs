//! A few layers as a program of their own, with random contents: what the cases here and the tests
//! of gradients run.

use crate::error::{Error, Result};
pub use crate::kernels::case::{SEED, random, set, step_words};
use crate::layers::{Labels, LayerSpec, Mode};
use crate::model::config::Layers;
use crate::model::network::{Given, Keep, Layout, Passes, State, Traversal, Wanted};
use crate::model::parameters::{Distribution, Init};
use crate::model::spectral::Spectral;
use crate::plan::{Profile, Program, Recorder, Role, View};
use crate::random::{Draws, stream};
use crate::shape::Shape;

/// A short network placed for a batch, with plans for its passes and random contents in every
/// tensor that they read.
#[derive(Debug)]
pub struct LayerProgram {
    /// The plans [`FORWARD`] and [`BACKWARD`], and one that samples where anything is kept.
    pub program: Program,
    /// Shapes and parameters.
    pub layout: Layout,
    /// Flat tensors.
    pub state: State,
    /// `[..]`: seed, step and learning rates.
    pub step: View,
    /// `[P, batch, C_in]`
    pub x: View,
    /// `[Q, batch, C_out]`
    pub y: View,
    /// `[batch]`, or of each image of its packs: random classes, where layers read labels.
    pub labels: Option<View>,
    /// `[Q, batch, C_out]`: the upstream gradient.
    pub dy: View,
    /// `[P, batch, C_in]`
    pub dx: View,
}

/// The plan that trains forward.
pub const FORWARD: usize = 0;
/// The plan that computes all gradients.
pub const BACKWARD: usize = 1;

impl LayerProgram {
    /// Places `layers` on inputs of `[pixels, batch, channels]`.
    ///
    /// # Errors
    /// A usage error when the layers do not fit.
    pub fn new(profile: &Profile, input: Shape, batch: u32, layers: &[LayerSpec]) -> Result<Self> {
        let layout = Layout::new("case", input, layers)?;
        let mut program = Program::default();
        let words = |shape: Shape| u64::from(shape.values()) * u64::from(batch);
        let step = step_words(&mut program, 3);
        let x = program.floats("x", Role::Activations, words(input));
        let dy = program.floats("dy", Role::ActivationGradients, words(layout.output));
        let init = Init { weights: Distribution::Normal, std: 1.0 };
        let state = State::new(&mut program, &layout, &init, true);
        let labels = layout.labels().map(|Labels { classes, per_sample }| {
            let draws = Draws::new(SEED, stream::SAMPLES, 5);
            let labels = (0..batch * per_sample).map(|image| draws.below(image, classes));
            program.words("labels", Role::StepInputs, labels.collect())
        });
        let passes = Passes { batch, label: layout.name, keep: Keep::Nothing };
        let network = Traversal::place(&mut program, profile, &layout, &state, step, passes);

        let spectral = Spectral::new(&layout, &state);
        let mut recorder = Recorder::new(profile);
        spectral.record_normalise(&mut recorder, false);
        let tape = network.forward(&mut recorder, Mode::Train, x, Given { source: stream::DEVICE.into(), labels });
        program.plans.push(recorder.finish()?);
        let mut recorder = Recorder::new(profile);
        let dx = network.backward(&mut recorder, &tape, dy, Wanted::All);
        spectral.record_gradients(&mut recorder);
        program.plans.push(recorder.finish()?);
        if !layout.state.slots.is_empty() {
            let mut recorder = Recorder::new(profile);
            network.forward(&mut recorder, Mode::Sample, x, Given { source: 0.into(), labels });
            program.plans.push(recorder.finish()?);
        }

        let optimizer = state.optimizer.ok_or_else(|| Error::usage("a layer program trains"))?;
        for (number, view) in (0..).zip([x, dy, state.parameters, optimizer.g]) {
            random(&mut program, view, number, |z| z);
        }
        random(&mut program, state.kept, 4, |z| z.abs() + 0.5); // a variance is positive
        Ok(LayerProgram { program, layout, state, step, labels, x, y: tape.output, dy, dx })
    }

    /// The flat gradients of the parameters.
    pub fn gradients(&self) -> View {
        self.state.optimizer.map_or(self.state.parameters, |optimizer| optimizer.g)
    }
}

/// Layers written as in a configuration file: `type = "conv", channels = 4, …`, one string for
/// each.
///
/// # Errors
/// A usage error when the text is not understood.
pub fn parse_layers(lines: &[&str]) -> Result<Vec<LayerSpec>> {
    let tables: Vec<_> = lines.iter().map(|line| format!("{{ {line} }}")).collect();
    let text = format!("layers = [{}]", tables.join(", "));
    let layers: Layers = toml::from_str(&text).map_err(|e| Error::usage(format!("{text}: {e}")))?;
    Ok(layers.layers)
}
