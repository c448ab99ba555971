//! Passes through a network, forward, backward and of second order, and room for them.

use super::{Layout, State};
use crate::layers::{Backward, Mode, Pass, Place, Placed, Scaling, Tangent};
use crate::plan::{Profile, Program, Recorder, Role, View};
use crate::random::Source;
use crate::shape::Shape;

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
    /// How many layers come before the first one that learns.
    before_learning: usize,
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

impl Tape {
    /// What the last layer took.
    pub fn last_input(&self) -> View {
        *self.inputs.last().expect("a network has layers")
    }
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
        let learns = |layer: &Layered| layout.parameters.slots.iter().any(|slot| slot.layer == layer.index);
        let before_learning = layers.iter().position(learns).unwrap_or(layers.len());
        Traversal { name: layout.name, layers, batch, step, scratch, transposed, gradients, before_learning }
    }

    /// Where activation gradients lie: each layer's, from the first on, where they are kept.
    pub fn gradients(&self) -> &[View] {
        match &self.gradients {
            Gradients::Alternating(both) => both,
            Gradients::Kept(own) => own,
        }
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
        // For the parameters, nothing before the first layer that learns needs a gradient.
        let last = if wanted == Wanted::Parameters { self.before_learning } else { 0 };
        let passed = self.layers.iter().zip(&tape.inputs).enumerate().skip(last);
        for (number, (Layered { index, layer, input }, &x)) in passed.rev() {
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
                input: number > last || wanted != Wanted::Parameters,
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
