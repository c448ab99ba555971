//! A network: its layers with the shapes between them, its flat tensors, and passes through it.

use super::parameters::{Flat, Init};
use crate::error::{Error, Result};
use crate::kernels::adam;
use crate::layers::{Backward, Labels, LayerSpec, Mode, Pass, Place, Placed, Scaling};
use crate::plan::{Profile, Program, Recorder, Role, Stored, View};
use crate::shape::Shape;

/// The most layers of a network: with two tensors of parameters each, as many as have random
/// streams of their own.
pub(super) const MAX_LAYERS: usize = 128;

/// A network's layers with the shapes between them, checked.
#[derive(Clone, Debug)]
pub struct Layout {
    /// "generator" or "discriminator".
    pub name: &'static str,
    /// Each layer with its input's shape.
    pub layers: Vec<(LayerSpec, Shape)>,
    /// The shape of the last layer's output.
    pub output: Shape,
    /// Where the parameters lie.
    pub parameters: Flat,
    /// Where state lies that is no parameter: running statistics.
    pub state: Flat,
}

impl Layout {
    /// Infers all shapes from the input's.
    ///
    /// # Errors
    /// A usage error that names the layer, its input's shape and what does not fit.
    pub fn new(name: &'static str, input: Shape, specs: &[LayerSpec]) -> Result<Self> {
        if specs.len() > MAX_LAYERS {
            return Err(Error::usage(format!("{name} has {} layers; at most {MAX_LAYERS} are possible", specs.len())));
        }
        let mut shape = input;
        let mut layers = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            layers.push((spec.clone(), shape));
            shape = spec.output(shape).map_err(|problem| {
                Error::usage(format!("{name} layer {index} ({}), on its input of {shape}: {problem}", spec.name()))
            })?;
        }
        let [parameters, state] = [true, false].map(|learned| Flat::of(&layers, learned));
        if parameters.words > u64::from(u32::MAX / 4) {
            return Err(Error::usage(format!(
                "{name} has {} parameters; at most 2³⁰ are possible",
                parameters.count()
            )));
        }
        Ok(Layout { name, layers, output: shape, parameters, state })
    }

    /// Values of the largest tensor between two layers, for one sample.
    pub fn widest(&self) -> u32 {
        self.layers.iter().map(|(_, input)| input.values()).max().unwrap_or(0).max(self.output.values())
    }

    /// Whether the gradient of one sample's output depends on that sample alone and can be passed
    /// back from ones: no layer mixes samples, and the last one is linear.
    pub fn samples_are_independent(&self) -> bool {
        let last_is_linear = self.layers.last().is_some_and(|(layer, _)| layer.is_linear());
        last_is_linear && !self.layers.iter().any(|(layer, _)| layer.mixes_samples())
    }

    /// Which labels its layers read, if any does: below the classes of the layer that has the
    /// fewest, and the most of a sample.
    pub fn labels(&self) -> Option<Labels> {
        self.layers
            .iter()
            .filter_map(|(layer, _)| layer.labels())
            .reduce(|a, b| Labels { classes: a.classes.min(b.classes), per_sample: a.per_sample.max(b.per_sample) })
    }

    /// The input's shape.
    pub fn input(&self) -> Shape {
        self.layers.first().map_or(self.output, |(_, input)| *input)
    }
}

/// The flat tensors of a network, which all its traversals share.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// Parameters.
    pub parameters: View,
    /// What is kept and no parameter: running statistics.
    pub kept: View,
    /// What training adds.
    pub optimizer: Option<adam::AdamTensors>,
}

impl State {
    /// Adds a network's flat tensors to a program, the optimizer's only for training, and lists
    /// what is stored in them.
    pub fn new(program: &mut Program, layout: &Layout, init: &Init, training: bool) -> Self {
        let Layout { name, parameters: learned, state: other, .. } = layout;
        let mut flat = |what: &str, role, words: u64| program.floats(format!("{name}/{what}"), role, words.max(1));
        let parameters = flat("parameters", Role::Parameters, learned.words);
        let kept = flat("running", Role::RunningStatistics, other.words);
        let optimizer = training.then(|| adam::AdamTensors {
            w: parameters,
            g: flat("gradients", Role::Gradients, learned.words),
            m: flat("first moments", Role::AdamMoments, learned.words),
            v: flat("second moments", Role::AdamMoments, learned.words),
        });
        let mut store = |what, flat: &Flat, view, init| program.stored.extend(flat.stored(name, what, view, init));
        store("parameter", learned, parameters, Some(init));
        if let Some(adam::AdamTensors { m, v, .. }) = optimizer {
            store(FIRST_MOMENT, learned, m, None);
            store("adam_v", learned, v, None);
        }
        store("state", other, kept, Some(init));
        State { parameters, kept, optimizer }
    }
}

/// What the names of G's and D's first moments have between network and layer.
const FIRST_MOMENT: &str = "adam_m";

/// Whether a stored tensor is a first moment of `owner`: its gradient, smoothed over steps.
pub fn is_first_moment(stored: &Stored, owner: &str) -> bool {
    stored.owner == owner && stored.name.split('/').nth(1) == Some(FIRST_MOMENT)
}

/// Room for passes through a network with one batch size: what they leave, and nothing that the
/// network learns. Several traversals of one network may be alive at once; a pass overwrites what
/// the one before it left in the same traversal.
#[derive(Debug)]
pub struct Traversal {
    name: &'static str,
    layers: Vec<Layered>,
    batch: u32,
    step: View,
    labels: Option<View>,
    scratch: View,
    transposed: View,
    gradients: Gradients,
}

#[derive(Debug)]
struct Layered {
    /// Index in the description.
    index: usize,
    layer: Box<dyn Placed>,
    input: Shape,
}

/// Where a traversal has its activation gradients.
#[derive(Debug)]
enum Gradients {
    /// Two buffers between which they alternate.
    Alternating([View; 2]),
    /// Each layer's input has its own, so that all are there after a backward pass.
    Kept(Vec<View>),
}

/// Which activation gradients a traversal keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// None: backward passes reuse two buffers, and networks that are only sampled have none at
    /// all.
    Nothing,
    /// That of every layer's output, as the layer left it, and of the network's input. Where an
    /// activation takes its gradient in place, one tensor is both.
    Gradients,
}

/// The views that a forward pass leaves for the backward pass.
#[derive(Clone, Debug)]
pub struct Tape {
    /// Each layer's input.
    inputs: Vec<View>,
    /// The last layer's output.
    pub output: View,
    stream: u32,
}

/// What a backward pass computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Gradients of the parameters.
    Parameters,
    /// The gradient of the network's input, and no parameter's.
    Input,
    /// Both.
    All,
    /// Both, from upstream gradients of each sample's logit: the input's as they are, the
    /// parameters' scaled to a loss.
    Scaled(Scaling),
}

/// What a traversal is placed for.
#[derive(Clone, Copy, Debug)]
pub struct Passes<'a> {
    /// Samples of a batch.
    pub batch: u32,
    /// Prefix of its tensors' labels, which sets them apart from those of other traversals.
    pub label: &'a str,
    /// Which activation gradients stay.
    pub keep: Keep,
    /// `[batch]`, or of each image of its packs: where layers read labels.
    pub labels: Option<View>,
}

impl Traversal {
    /// Makes room for passes; `step` holds seed and step number.
    pub fn place(
        program: &mut Program,
        profile: &Profile,
        layout: &Layout,
        state: &State,
        step: View,
        Passes { batch, label, keep, labels }: Passes<'_>,
    ) -> Self {
        let (mut scratch_words, mut transposed_words) = (1, 1);
        let mut layers = Vec::with_capacity(layout.layers.len());
        let mut specs = layout.layers.iter().enumerate().peekable();
        while let Some((index, (spec, input))) = specs.next() {
            let applied = specs.next_if_map(|next| spec.slope_of(&next.1.0).ok_or(next));
            let output = layout.layers.get(index + 1).map_or(layout.output, |(_, next)| *next);
            let place = Place {
                program,
                profile,
                label: format!("{label}.{index}"),
                index: index as u32,
                batch,
                input: *input,
                output,
                variables: [layout.parameters.views(index, state.parameters), layout.state.views(index, state.kept)]
                    .concat(),
                gradients: state.optimizer.map_or_else(Vec::new, |o| layout.parameters.views(index, o.g)),
                goes_back: state.optimizer.is_some(),
                slope: applied.unwrap_or(1.0),
                scratch_words: &mut scratch_words,
                transposed_words: &mut transposed_words,
            };
            layers.push(Layered { index, layer: spec.place(place), input: *input });
        }
        let mut floats = |what: &str, role, words: u64| program.floats(format!("{label}/{what}"), role, words);
        let scratch = floats("partial sums", Role::Scratch, scratch_words);
        let transposed = floats("transposed weights", Role::Scratch, transposed_words);
        let mut gradient = |what: &str, values: u32| {
            let words = if state.optimizer.is_some() { u64::from(values) * u64::from(batch) } else { 1 };
            floats(what, Role::ActivationGradients, words)
        };
        let gradients = match keep {
            Keep::Nothing => Gradients::Alternating(["gradient a", "gradient b"].map(|n| gradient(n, layout.widest()))),
            Keep::Gradients => Gradients::Kept(
                layers
                    .iter()
                    .map(|layer| gradient(&format!("gradient {}", layer.index), layer.input.values()))
                    .collect(),
            ),
        };
        Traversal { name: layout.name, layers, batch, step, labels, scratch, transposed, gradients }
    }

    /// Where activation gradients lie: each layer's, from the first on, where they are kept.
    pub fn gradients(&self) -> &[View] {
        match &self.gradients {
            Gradients::Alternating(both) => both,
            Gradients::Kept(own) => own,
        }
    }

    /// The network's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Records a forward pass from `input`; random layers draw from streams counted from `stream`.
    pub fn forward(&self, recorder: &mut Recorder, mode: Mode, input: View, stream: u32) -> Tape {
        let mut x = input;
        let mut inputs = Vec::with_capacity(self.layers.len());
        for Layered { index, layer, .. } in &self.layers {
            recorder.scope(format!("{}.{index} forward", self.name));
            inputs.push(x);
            x = layer.forward(&mut self.pass(recorder, mode, stream), x);
        }
        Tape { inputs, output: x, stream }
    }

    /// Records the backward pass of the last forward pass, from the gradient of its output; returns
    /// the gradient of the network's input where it is wanted.
    pub fn backward(&self, recorder: &mut Recorder, tape: &Tape, upstream: View, wanted: Wanted) -> View {
        let mut dy = upstream;
        for (number, (Layered { index, layer, input }, &x)) in self.layers.iter().zip(&tape.inputs).enumerate().rev() {
            recorder.scope(format!("{}.{index} backward", self.name));
            let room = match &self.gradients {
                Gradients::Alternating(both) => both.iter().find(|g| g.tensor != dy.tensor).unwrap_or(&both[0]),
                Gradients::Kept(own) => &own[number],
            };
            let flow = Backward {
                x,
                dy,
                dx: room.slice(0, input.values() * self.batch),
                parameters: wanted != Wanted::Input,
                scaling: if let Wanted::Scaled(scaling) = wanted { Some(scaling) } else { None },
                input: *index > 0 || wanted != Wanted::Parameters,
            };
            dy = layer.backward(&mut self.pass(recorder, Mode::Train, tape.stream), flow);
        }
        dy
    }

    fn pass<'a>(&self, recorder: &'a mut Recorder, mode: Mode, stream: u32) -> Pass<'a> {
        let Traversal { step, labels, scratch, transposed, .. } = *self;
        Pass { recorder, mode, step, labels, stream, scratch, transposed }
    }
}
