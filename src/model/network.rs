//! A network: its layers with the shapes between them, its flat tensors, and passes through it.

use super::parameters::{Flat, Init};
use crate::error::{Error, Result};
use crate::kernels::spectral::{self, Matrix};
use crate::layers::{Backward, Labels, LayerSpec, Mode, Pass, Place, Placed, Scaling, Tangent, VariableKind};
use crate::objective::OptimizerKind;
use crate::plan::{Profile, Program, Recorder, Role, Stored, View};
use crate::random::Source;
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
    /// Where state lies that is no parameter: running statistics and singular vectors.
    pub state: Flat,
    /// Where spectrally normalised weights lie, and their gradients.
    pub normalised: Flat,
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
        let normalised = Flat::normalised(&layers);
        Ok(Layout { name, layers, output: shape, parameters, state, normalised })
    }

    /// Values of the largest tensor between two layers, for one sample.
    pub fn widest(&self) -> u32 {
        self.layers.iter().map(|(_, input)| input.values()).max().unwrap_or(0).max(self.output.values())
    }

    /// The first layer, by its index, that is not piecewise linear.
    pub fn curved(&self) -> Option<(usize, &LayerSpec)> {
        let mut layers = self.layers.iter().map(|(layer, _)| layer).enumerate();
        layers.find(|(_, layer)| !layer.is_piecewise_linear())
    }

    /// Whether the gradient of one sample's output depends on that sample alone and can be passed
    /// back from ones: no layer mixes samples, and the last one is linear.
    pub fn samples_are_independent(&self) -> bool {
        let last_is_linear = self.layers.last().is_some_and(|(layer, _)| layer.is_linear());
        last_is_linear && !self.layers.iter().any(|(layer, _)| layer.mixes_samples())
    }

    /// The weights that are spectrally normalised as matrices, each with the index of its layer.
    pub fn matrices(&self) -> impl Iterator<Item = (usize, Matrix)> {
        self.normalised.slots.iter().map(|slot| {
            let vector = |kind| {
                let mut state = self.state.slots.iter().filter(|other| other.layer == slot.layer);
                state.find(|other| other.variable.kind == kind).map_or(1, |vector| vector.variable.count() as u32)
            };
            let channels = slot.variable.shape.last().copied().unwrap_or(1);
            let (rows, columns) = (vector(VariableKind::Left), vector(VariableKind::Right));
            (slot.layer, Matrix { blocks: rows / channels, columns, channels })
        })
    }

    /// Words of the partial sums of the largest such matrix, if there is one.
    fn partial_words(&self) -> Option<u64> {
        self.matrices().map(|(_, matrix)| matrix.partial_words()).max()
    }

    /// The views of a layer's parameters as it computes with them, in `flat`, where the normalised
    /// ones lie in `normalised`: weights, or gradients.
    fn effective(&self, layer: usize, flat: View, normalised: Option<View>) -> Vec<View> {
        let normalised = normalised.and_then(|flat| self.normalised.views(layer, flat).pop());
        let mut own = self.parameters.slots.iter().filter(|slot| slot.layer == layer);
        let first = own.position(|slot| matches!(slot.variable.kind, VariableKind::Weight { .. }));
        let mut views = self.parameters.views(layer, flat);
        if let (Some(first), Some(normalised)) = (first, normalised) {
            views[first] = normalised;
        }
        views
    }

    /// Whether anything in it keeps running statistics.
    pub fn has_running_statistics(&self) -> bool {
        self.state.slots.iter().any(|slot| slot.variable.kind == VariableKind::Running)
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
    /// What is kept and no parameter: running statistics and singular vectors.
    pub kept: View,
    /// What layers compute with in the place of the weights that they learn.
    pub normalised: Option<Normalised>,
    /// What training adds.
    pub optimizer: Option<Optimized>,
}

/// What belongs to a network's spectrally normalised weights; see
/// [`super::spectral::Spectral`].
#[derive(Clone, Copy, Debug)]
pub struct Normalised {
    /// W / σ of each layer.
    pub weights: View,
    /// Their gradients, for training: they accumulate over passes.
    pub gradients: Option<View>,
    /// `[layers, SIGMA_PITCH]`: each layer's σ.
    pub sigma: View,
    /// Partial sums.
    pub partial: View,
}

/// The flat tensors of a network's optimizer.
#[derive(Clone, Copy, Debug)]
pub struct Optimized {
    /// Parameters.
    pub w: View,
    /// Gradients.
    pub g: View,
    /// Means of gradients, of an optimizer that has them.
    pub m: Option<View>,
    /// Means of their squares.
    pub v: View,
}

/// A moving average of a network's parameters, with what it is sampled with.
#[derive(Clone, Copy, Debug)]
pub struct Averaged {
    /// The parameters, where those of [`State`] have theirs.
    pub parameters: View,
    /// Running statistics, estimated anew for them.
    pub kept: View,
}

/// What the stored names of an average have between network and layer: its parameters, and its
/// running statistics.
pub const AVERAGE: [&str; 2] = ["average", "average_state"];

impl State {
    /// As [`State::with_optimizer`] with Adam for training.
    pub fn new(program: &mut Program, layout: &Layout, init: &Init, training: bool) -> Self {
        State::with_optimizer(program, layout, init, training.then_some(OptimizerKind::Adam))
    }

    /// The state of a network that only samples, from the average of its parameters.
    pub fn of_average(program: &mut Program, layout: &Layout, init: &Init) -> Self {
        let first = program.stored.len();
        let state = State::with_optimizer(program, layout, init, None);
        for stored in &mut program.stored[first..] {
            let running = stored.name.ends_with(".running");
            for (own, average) in ["parameter", "state"].into_iter().zip(AVERAGE) {
                if running || own == "parameter" {
                    let of = |what| format!("{}/{what}/", layout.name);
                    stored.name = stored.name.replacen(&of(own), &of(average), 1);
                }
            }
        }
        state
    }

    /// Adds an average of the parameters, which begins as they do, and lists it as stored.
    pub fn add_average(&self, program: &mut Program, layout: &Layout, init: &Init) -> Averaged {
        let mut flat =
            |what: &str, role, words: u64| program.floats(format!("{}/{what}", layout.name), role, words.max(1));
        let parameters = flat("average", Role::Parameters, layout.parameters.words);
        let kept = flat("running of average", Role::RunningStatistics, layout.state.words);
        let [of_parameters, of_state] = AVERAGE;
        let stored = layout.parameters.stored(layout.name, of_parameters, parameters, Some(init));
        program.stored.extend(stored);
        let running = layout.state.stored(layout.name, of_state, kept, Some(init)).into_iter();
        program.stored.extend(running.filter(|stored| stored.name.ends_with(".running")));
        Averaged { parameters, kept }
    }

    /// Adds a network's flat tensors to a program, the optimizer's only for training, and lists
    /// what is stored in them.
    pub fn with_optimizer(
        program: &mut Program,
        layout: &Layout,
        init: &Init,
        optimizer: Option<OptimizerKind>,
    ) -> Self {
        let training = optimizer.is_some();
        let Layout { name, parameters: learned, state: other, normalised, .. } = layout;
        let mut flat = |what: &str, role, words: u64| program.floats(format!("{name}/{what}"), role, words.max(1));
        let parameters = flat("parameters", Role::Parameters, learned.words);
        let kept = flat("running", Role::RunningStatistics, other.words);
        let optimizer = optimizer.map(|kind| Optimized {
            w: parameters,
            g: flat("gradients", Role::Gradients, learned.words),
            m: (kind == OptimizerKind::Adam).then(|| flat("first moments", Role::AdamMoments, learned.words)),
            v: flat("second moments", Role::AdamMoments, learned.words),
        });
        let normalised = layout.partial_words().map(|partial_words| Normalised {
            weights: flat("normalised weights", Role::Scratch, normalised.words),
            gradients: training.then(|| flat("gradients of normalised weights", Role::Gradients, normalised.words)),
            sigma: flat("sigma", Role::Scratch, u64::from(spectral::SIGMA_PITCH) * normalised.slots.len() as u64),
            partial: flat("partial sums of sigma", Role::Scratch, partial_words),
        });
        let mut store = |what, flat: &Flat, view, init| program.stored.extend(flat.stored(name, what, view, init));
        store("parameter", learned, parameters, Some(init));
        if let Some(Optimized { m, v, .. }) = optimizer {
            match m {
                Some(m) => {
                    store(FIRST_MOMENT, learned, m, None);
                    store("adam_v", learned, v, None);
                }
                None => store("rmsprop_v", learned, v, None),
            }
        }
        store("state", other, kept, Some(init));
        State { parameters, kept, normalised, optimizer }
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

/// What a pass draws, and which classes its samples have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Layer n draws from the n-th stream from here on.
    pub source: Source,
    /// `[batch]`, or of each image of its packs: where layers read labels.
    pub labels: Option<View>,
}

/// Without labels.
impl From<u32> for Given {
    fn from(stream: u32) -> Self {
        Given { source: stream.into(), labels: None }
    }
}

/// The views that a forward pass leaves for the backward pass.
#[derive(Clone, Debug)]
pub struct Tape {
    /// Each layer's input.
    inputs: Vec<View>,
    /// The last layer's output.
    pub output: View,
    given: Given,
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

/// What a backward pass leaves where activation gradients are kept.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// Of the network's input.
    pub input: View,
    /// Of each layer's output, as the layer left it.
    outputs: Vec<View>,
}

/// Room for a direction on its way through a network.
#[derive(Clone, Copy, Debug)]
pub struct Directions {
    /// It alternates between two; where it starts is the first.
    pub alternating: [View; 2],
    /// What the loss's own part is added in.
    pub blended: View,
}

impl Directions {
    /// Makes room for batches of this size.
    pub fn place(program: &mut Program, layout: &Layout, batch: u32) -> Self {
        let words = u64::from(layout.widest()) * u64::from(batch);
        let mut floats =
            |what: &str| program.floats(format!("{}/{what}", layout.name), Role::ActivationGradients, words);
        Directions { alternating: ["direction a", "direction b"].map(&mut floats), blended: floats("blended input") }
    }
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
}

impl Traversal {
    /// Makes room for passes; `step` holds seed and step number.
    pub fn place(
        program: &mut Program,
        profile: &Profile,
        layout: &Layout,
        state: &State,
        step: View,
        Passes { batch, label, keep }: Passes<'_>,
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
                variables: [
                    layout.effective(index, state.parameters, state.normalised.map(|n| n.weights)),
                    layout.state.views(index, state.kept),
                ]
                .concat(),
                gradients: state.optimizer.map_or_else(Vec::new, |o| {
                    layout.effective(index, o.g, state.normalised.and_then(|n| n.gradients))
                }),
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
        Traversal { name: layout.name, layers, batch, step, scratch, transposed, gradients }
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

    /// Records a forward pass from `input`.
    pub fn forward(&self, recorder: &mut Recorder, mode: Mode, input: View, given: impl Into<Given>) -> Tape {
        let given = given.into();
        let mut x = input;
        let mut inputs = Vec::with_capacity(self.layers.len());
        for Layered { index, layer, .. } in &self.layers {
            recorder.scope(format!("{}.{index} forward", self.name));
            inputs.push(x);
            x = layer.forward(&mut self.pass(recorder, mode, given), x);
        }
        Tape { inputs, output: x, given }
    }

    /// Records the backward pass of the last forward pass, from the gradient of its output; returns
    /// the gradient of the network's input where it is wanted.
    pub fn backward(&self, recorder: &mut Recorder, tape: &Tape, upstream: View, wanted: Wanted) -> View {
        self.go_back(recorder, tape, upstream, wanted).input
    }

    /// As [`Traversal::backward`] for the gradient of the input alone, from ones: the gradient of
    /// each sample's logit. All of them stay, which [`Traversal::second_order`] needs.
    ///
    /// # Panics
    /// If the traversal does not keep them.
    pub fn backward_from_ones(&self, recorder: &mut Recorder, tape: &Tape, ones: View) -> Gradient {
        assert!(matches!(self.gradients, Gradients::Kept(_)), "{} keeps no activation gradients", self.name);
        self.go_back(recorder, tape, ones, Wanted::Input)
    }

    /// Records the second order of a penalty on `gradient`: the parameters' gradients of its
    /// product with a `direction` of the input that is held fixed. With `factors`, dL/dlogit of the
    /// samples, the gradients of a loss on the logits are added in the same products.
    pub fn second_order(
        &self,
        recorder: &mut Recorder,
        tape: &Tape,
        gradient: &Gradient,
        direction: View,
        factors: Option<View>,
        room: &Directions,
    ) {
        let mut t = direction;
        let passed = self.layers.iter().zip(tape.inputs.iter().zip(&gradient.outputs));
        for (number, (Layered { index, layer, .. }, (&x, &dy))) in passed.enumerate() {
            recorder.scope(format!("{}.{index} second order", self.name));
            let ty = room.alternating.iter().find(|room| room.tensor != t.tensor).unwrap_or(&t);
            let flow = Tangent {
                x,
                t,
                ty: ty.slice(0, dy.len),
                dy,
                scaling: factors.map(|factors| Scaling { factors, room: room.blended }),
                output: number + 1 < self.layers.len(),
            };
            t = layer.tangent(&mut self.pass(recorder, Mode::Train, tape.given), flow);
        }
    }

    fn go_back(&self, recorder: &mut Recorder, tape: &Tape, upstream: View, wanted: Wanted) -> Gradient {
        let mut dy = upstream;
        let mut outputs = Vec::with_capacity(self.layers.len());
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
            outputs.push(dy);
            dy = layer.backward(&mut self.pass(recorder, Mode::Train, tape.given), flow);
        }
        outputs.reverse();
        Gradient { input: dy, outputs }
    }

    fn pass<'a>(&self, recorder: &'a mut Recorder, mode: Mode, given: Given) -> Pass<'a> {
        let Traversal { step, scratch, transposed, .. } = *self;
        let Given { source, labels } = given;
        Pass { recorder, mode, step, source, labels, scratch, transposed }
    }
}
