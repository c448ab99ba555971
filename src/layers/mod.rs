//! Layers: how each records its forward and backward kernels into a plan.

pub mod activation;
pub mod batch_norm;
pub mod dropout;
pub mod linear;
pub mod spec;
pub mod taps;
pub mod window;

use std::fmt::Debug;

use crate::kernels::activation::Activation;
use crate::plan::Profile;
use crate::plan::{Program, Recorder, Role, View};
use crate::shape::Shape;
use spec::LayerSpec;

/// Whether a pass trains or samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, dropout.
    Train,
    /// Running statistics, no dropout: a sample depends on its own latents alone.
    Sample,
}

/// One traversal of a network: what every layer records with.
#[derive(Debug)]
pub struct Pass<'a> {
    /// Where dispatches go.
    pub recorder: &'a mut Recorder,
    /// The device's facts.
    pub profile: &'a Profile,
    /// Training or sampling.
    pub mode: Mode,
    /// `[8]`: seed, step, learning rates; see `engine::step`.
    pub step: View,
    /// First random stream of this traversal; a backward pass has that of its forward pass.
    pub stream: u32,
    /// Partial sums, shared by all layers of a network.
    pub scratch: View,
    /// Transposed weights, shared by all layers of a network.
    pub transposed: View,
}

/// Factors of the samples, where upstream gradients are those of each sample's logit and the parameters' gradients shall
/// be those of a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// `[batch]`: dL/dlogit.
    pub factors: View,
    /// Room for the network's largest gradient.
    pub room: View,
}

/// What flows back through a layer.
#[derive(Clone, Copy, Debug)]
pub struct Backward {
    /// The layer's input in the forward pass.
    pub x: View,
    /// The upstream gradient; a layer may overwrite it.
    pub dy: View,
    /// Room for the gradient with respect to the input.
    pub dx: View,
    /// Whether the parameters' gradients are wanted; they accumulate.
    pub parameters: bool,
    /// What the parameters' gradients are scaled by, if anything.
    pub scaling: Option<Scaling>,
    /// Whether the input's gradient is wanted; it is assigned.
    pub input: bool,
}

/// A layer that is placed: its tensors exist.
pub trait Layer: Debug {
    /// Records the forward kernels on `x` and returns the output.
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View;

    /// Records the backward kernels and returns the gradient with respect to the input, where it is wanted.
    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View;
}

/// What a layer is placed with.
#[derive(Debug)]
pub struct Place<'a> {
    /// Receives the layer's tensors.
    pub program: &'a mut Program,
    /// The device's facts.
    pub profile: &'a Profile,
    /// Prefix of tensor labels, such as `generator.3`.
    pub label: String,
    /// Index within the network, which sets its random streams apart.
    pub index: u32,
    /// Samples of a batch.
    pub batch: u32,
    /// The input's shape.
    pub input: Shape,
    /// The output's shape.
    pub output: Shape,
    /// Views of the layer's parameters, in the order of [`LayerSpec::parameters`].
    pub parameters: Vec<View>,
    /// Views of their gradients; empty when only sampling.
    pub gradients: Vec<View>,
    /// Running statistics; batch norm only.
    pub running: Option<View>,
    /// Slope of the leaky ReLU that the layer applies to its output; 1 where it applies none.
    pub slope: f32,
    /// Grows to the words that the largest layer needs of [`Pass::scratch`].
    pub scratch_words: &'a mut u64,
    /// Grows to the words that the largest layer needs of [`Pass::transposed`].
    pub transposed_words: &'a mut u64,
}

impl Place<'_> {
    fn output_tensor(&mut self) -> View {
        let words = u64::from(self.output.values()) * u64::from(self.batch);
        self.program.floats(format!("{}/y", self.label), Role::Activations, words)
    }
}

/// The slope of `next`, where a layer like `spec` applies it in the same kernel.
pub fn fused_slope(spec: &LayerSpec, next: &LayerSpec) -> Option<f32> {
    let fuses = match spec {
        LayerSpec::BatchNorm { .. } => true,
        LayerSpec::Dense { bias, .. } | LayerSpec::Conv { bias, .. } | LayerSpec::ConvTranspose { bias, .. } => *bias,
        _ => false,
    };
    match next {
        LayerSpec::Relu {} => Some(0.0),
        LayerSpec::LeakyRelu { slope } => Some(*slope),
        _ => None,
    }
    .filter(|_| fuses)
}

/// Records the gradient of a fused leaky ReLU, in place.
fn record_slope_grad(recorder: &mut Recorder, slope: f32, y: View, dy: View) {
    if slope != 1.0 {
        Activation::LeakyRelu { slope }.record_grad(recorder, y, dy);
    }
}

/// Places a layer.
pub fn place(spec: &LayerSpec, mut place: Place<'_>) -> Box<dyn Layer> {
    match *spec {
        LayerSpec::Dense { .. } | LayerSpec::Conv { .. } | LayerSpec::ConvTranspose { .. } => {
            Box::new(linear::Linear::place(spec, place))
        }
        LayerSpec::BatchNorm { epsilon, momentum, per } => {
            Box::new(batch_norm::BatchNorm::place(epsilon, momentum, per, place))
        }
        LayerSpec::Relu {} => activation::place(Activation::LeakyRelu { slope: 0.0 }, &mut place),
        LayerSpec::LeakyRelu { slope } => activation::place(Activation::LeakyRelu { slope }, &mut place),
        LayerSpec::Tanh {} => activation::place(Activation::Tanh, &mut place),
        LayerSpec::Sigmoid {} => activation::place(Activation::Sigmoid, &mut place),
        LayerSpec::Dropout { rate } => Box::new(dropout::Dropout::place(rate, place)),
    }
}
