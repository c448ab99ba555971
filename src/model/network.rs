//! A network on a device: its layers placed, with parameters, gradients and room for a batch.

use super::parameters::Table;
use crate::error::{Error, Result};
use crate::kernels::adam;
use crate::layers::spec::LayerSpec;
use crate::layers::{self, Backward, Layer, Mode, Pass, Place, Scaling};
use crate::plan::Profile;
use crate::plan::{Program, Recorder, Role, View};
use crate::shape::Shape;

/// The most layers of a network: with two tensors of parameters each, as many as have random streams of their own.
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
    pub parameters: Table,
    /// Where the running statistics lie.
    pub running: Table,
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
        let (parameters, running) = (Table::parameters(&layers), Table::running(&layers));
        if parameters.words > u64::from(u32::MAX / 4) {
            return Err(Error::usage(format!(
                "{name} has {} parameters; at most 2³⁰ are possible",
                parameters.count()
            )));
        }
        Ok(Layout { name, layers, output: shape, parameters, running })
    }

    /// Values of the largest tensor between two layers, for one sample.
    pub fn widest(&self) -> u32 {
        self.layers.iter().map(|(_, input)| input.values()).max().unwrap_or(0).max(self.output.values())
    }

    /// Whether the gradient of one sample's output depends on that sample alone and can be passed back from ones: there is
    /// no batch norm, and the last layer is linear.
    pub fn samples_are_independent(&self) -> bool {
        let mut specs = self.layers.iter().map(|(spec, _)| spec);
        let last_is_linear = self.layers.last().is_some_and(|(spec, input)| spec.linear(*input).is_some());
        last_is_linear && !specs.any(|spec| matches!(spec, LayerSpec::BatchNorm { .. }))
    }

    /// The input's shape.
    pub fn input(&self) -> Shape {
        self.layers.first().map_or(self.output, |(_, input)| *input)
    }
}

/// The flat tensors of a network: shared by all batch sizes that it is placed for.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// Parameters.
    pub parameters: View,
    /// Running statistics of batch norm.
    pub running: View,
    /// What training adds.
    pub optimizer: Option<adam::Tensors>,
}

impl State {
    /// Adds a network's flat tensors to a program, the optimizer's only for training.
    pub fn new(program: &mut Program, layout: &Layout, training: bool) -> Self {
        let name = layout.name;
        let words = layout.parameters.words;
        let mut flat = |what: &str, role, words: u64| program.floats(format!("{name}/{what}"), role, words.max(1));
        let parameters = flat("parameters", Role::Parameters, words);
        let running = flat("running", Role::RunningStatistics, layout.running.words);
        let optimizer = training.then(|| adam::Tensors {
            w: parameters,
            g: flat("gradients", Role::Gradients, words),
            m: flat("first moments", Role::AdamMoments, words),
            v: flat("second moments", Role::AdamMoments, words),
        });
        State { parameters, running, optimizer }
    }
}

/// A network placed for one batch size.
#[derive(Debug)]
pub struct Network {
    name: &'static str,
    layers: Vec<Placed>,
    batch: u32,
    step: View,
    scratch: View,
    transposed: View,
    /// Two buffers between which activation gradients alternate.
    gradients: [View; 2],
}

#[derive(Debug)]
struct Placed {
    /// Index in the description.
    index: usize,
    layer: Box<dyn Layer>,
    input: Shape,
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
    /// Both, from upstream gradients of each sample's logit: the input's as they are, the parameters' scaled to a loss.
    Scaled(Scaling),
}

impl Network {
    /// Places the layers for a batch; `label` sets the tensors apart from those of other placements.
    pub fn place(
        program: &mut Program,
        profile: &Profile,
        layout: &Layout,
        state: &State,
        step: View,
        batch: u32,
        label: &str,
    ) -> Self {
        let (mut scratch_words, mut transposed_words) = (1, 1);
        let mut layers = Vec::with_capacity(layout.layers.len());
        let mut specs = layout.layers.iter().enumerate().peekable();
        while let Some((index, (spec, input))) = specs.next() {
            let fused = specs.next_if_map(|next| layers::fused_slope(spec, &next.1.0).ok_or(next));
            let views = |table: &Table, flat: View| -> Vec<View> {
                let own = table.slots.iter().filter(|slot| slot.layer == index);
                own.map(|slot| flat.slice(slot.offset, slot.parameter.len() as u32)).collect()
            };
            let output = layout.layers.get(index + 1).map_or(layout.output, |(_, next)| *next);
            let place = Place {
                program,
                profile,
                label: format!("{label}.{index}"),
                index: index as u32,
                batch,
                input: *input,
                output,
                parameters: views(&layout.parameters, state.parameters),
                gradients: state.optimizer.map_or_else(Vec::new, |o| views(&layout.parameters, o.g)),
                running: views(&layout.running, state.running).first().copied(),
                slope: fused.unwrap_or(1.0),
                scratch_words: &mut scratch_words,
                transposed_words: &mut transposed_words,
            };
            layers.push(Placed { index, layer: layers::place(spec, place), input: *input });
        }
        let mut floats = |what: &str, role, words: u64| program.floats(format!("{label}/{what}"), role, words);
        let scratch = floats("partial sums", Role::Scratch, scratch_words);
        let transposed = floats("transposed weights", Role::Scratch, transposed_words);
        let gradient_words = if state.optimizer.is_some() { u64::from(layout.widest()) * u64::from(batch) } else { 1 };
        let gradients = ["gradient a", "gradient b"].map(|n| floats(n, Role::ActivationGradients, gradient_words));
        Network { name: layout.name, layers, batch, step, scratch, transposed, gradients }
    }

    /// Records a forward pass from `input`; random layers draw from streams counted from `stream`.
    pub fn forward(&self, recorder: &mut Recorder, profile: &Profile, mode: Mode, input: View, stream: u32) -> Tape {
        let mut x = input;
        let mut inputs = Vec::with_capacity(self.layers.len());
        for Placed { index, layer, .. } in &self.layers {
            recorder.scope(format!("{}.{index} forward", self.name));
            inputs.push(x);
            x = layer.forward(&mut self.pass(recorder, profile, mode, stream), x);
        }
        Tape { inputs, output: x, stream }
    }

    /// Records the backward pass of a forward pass, from the gradient of its output; returns the gradient of the
    /// network's input where it is wanted.
    pub fn backward(
        &self,
        recorder: &mut Recorder,
        profile: &Profile,
        tape: &Tape,
        upstream: View,
        wanted: Wanted,
    ) -> View {
        let mut dy = upstream;
        for (Placed { index, layer, input }, &x) in self.layers.iter().zip(&tape.inputs).rev() {
            recorder.scope(format!("{}.{index} backward", self.name));
            let room = self.gradients.into_iter().find(|g| g.tensor != dy.tensor).unwrap_or(self.gradients[0]);
            let flow = Backward {
                x,
                dy,
                dx: room.slice(0, input.values() * self.batch),
                parameters: wanted != Wanted::Input,
                scaling: if let Wanted::Scaled(scaling) = wanted { Some(scaling) } else { None },
                input: *index > 0 || wanted != Wanted::Parameters,
            };
            dy = layer.backward(&mut self.pass(recorder, profile, Mode::Train, tape.stream), flow);
        }
        dy
    }

    fn pass<'a>(&self, recorder: &'a mut Recorder, profile: &'a Profile, mode: Mode, stream: u32) -> Pass<'a> {
        let (step, scratch, transposed) = (self.step, self.scratch, self.transposed);
        Pass { recorder, profile, mode, step, stream, scratch, transposed }
    }
}
