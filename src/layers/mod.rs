//! Layers, a file each: keys, output shape, parameters and state, and how each records its forward
//! and backward kernels.
//!
//! A layer is described by the struct of its file, whose fields are its keys in a configuration.
//! Placed in a traversal of a network ([`crate::model::network::Traversal`]) it becomes a
//! [`Placed`]: what a pass leaves is the traversal's, and only parameters and state are the layer's
//! own.

mod activation;
mod linear;
pub mod taps;
pub mod window;

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::kernels::batch_norm::Features;
use crate::plan::{Program, Recorder, Role, View};
use crate::random::Source;
use crate::shape::Shape;

/// The registry: each layer's file, whose name is its `type` in a configuration, and its struct.
macro_rules! layers {
    ($($module:ident::$Layer:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// One line of a network's `layers`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        #[expect(missing_docs, reason = "the structs say what they are")]
        pub enum LayerSpec {
            $($Layer($module::$Layer)),*
        }

        impl LayerSpec {
            /// The name that the configuration uses.
            pub fn name(&self) -> &'static str {
                match self {
                    $(LayerSpec::$Layer(_) => stringify!($module)),*
                }
            }

            fn layer(&self) -> &(dyn Layer + 'static) {
                match self {
                    $(LayerSpec::$Layer(layer) => layer),*
                }
            }
        }

        /// Every layer's name, with its keys, and networks in which tests check its gradients.
        pub const LAYERS: &[Registered] = &[
            $(Registered {
                name: stringify!($module),
                keys: crate::model::keys::fields::<$module::$Layer>,
                examples: $module::EXAMPLES,
            }),*
        ];
    };
}

layers! {
    dense::Dense,
    conv::Conv,
    conv_transpose::ConvTranspose,
    batch_norm::BatchNorm,
    relu::Relu,
    leaky_relu::LeakyRelu,
    tanh::Tanh,
    sigmoid::Sigmoid,
    silu::Silu,
    softplus::Softplus,
    dropout::Dropout,
    embedding::Embedding,
    label_planes::LabelPlanes,
    class_affine::ClassAffine,
    projection::Projection,
}

/// A row of [`LAYERS`].
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    /// Its `type` in a configuration.
    pub name: &'static str,
    /// Its other keys.
    pub keys: fn() -> &'static [&'static str],
    /// Networks with this layer whose gradients are checked against central differences.
    pub examples: &'static [Example],
}

/// A short network with the layer in it.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The shape of its input, `[height, width, channels]`.
    pub input: [u32; 3],
    /// Samples of a batch.
    pub batch: u32,
    /// Its layers, written as in a configuration.
    pub layers: &'static [&'static str],
}

const fn example(input: [u32; 3], batch: u32, layers: &'static [&'static str]) -> Example {
    Example { input, batch, layers }
}

/// A layer as the configuration describes it, before any device is involved.
pub trait Layer: Debug {
    /// The output's shape, that of the input unless a layer says otherwise, or what is wrong with
    /// the layer on this input.
    ///
    /// # Errors
    /// The problem in words, without the layer's name.
    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    /// Upper bounds of the matrix products of a sample and of the weights.
    fn cost(&self, _input: Shape, _output: Shape) -> Cost {
        Cost::default()
    }

    /// Its parameters and state, in the order in which they are stored and initialised.
    fn variables(&self, _input: Shape, _output: Shape) -> Vec<Variable> {
        Vec::new()
    }

    /// Its tensors in a traversal.
    fn place(&self, place: Place<'_>) -> Box<dyn Placed>;

    /// Its slope where it is a leaky ReLU, which the layer before it may apply in its own kernel.
    fn slope(&self) -> Option<f32> {
        None
    }

    /// Whether its kernel applies the slope of a leaky ReLU behind it.
    fn applies_slope(&self) -> bool {
        false
    }

    /// Whether it is a linear map of its input, with or without a bias.
    fn is_linear(&self) -> bool {
        false
    }

    /// Whether a sample's output depends on the other samples of its batch.
    fn mixes_samples(&self) -> bool {
        false
    }

    /// Whether it is linear in its input where signs and dropout masks stay as they are, with or
    /// without a bias: what gradient penalties need of D. Its [`Placed::tangent`] is that map.
    fn is_piecewise_linear(&self) -> bool {
        self.is_linear()
    }

    /// Which labels it reads, if any.
    fn labels(&self) -> Option<Labels> {
        None
    }

    /// The bounds of its outputs, where both are known: what images are scaled to where it is G's
    /// last layer.
    fn range(&self) -> Option<[f32; 2]> {
        None
    }
}

/// What bounds the size of a layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Entries of the tap list.
    pub products: u64,
    /// Weights.
    pub weights: u64,
}

/// The labels that a layer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labels {
    /// They are below this, which no shader checks.
    pub classes: u32,
    /// Of a sample: the images of a pack have one each.
    pub per_sample: u32,
}

/// A tensor that a layer learns or keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Name within the layer.
    pub name: &'static str,
    /// Shape: `[taps, c_in, c_out]`, `[features]`, `[2, features]`, `[classes, features]`, `[rows]`
    /// or `[columns]`.
    pub shape: Vec<u32>,
    /// What it is.
    pub kind: VariableKind,
}

impl Variable {
    /// Elements.
    pub fn count(&self) -> u64 {
        self.shape.iter().map(|&n| u64::from(n)).product()
    }
}

/// What a variable is, which decides how it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableKind {
    /// A linear layer's weights, with the fans that Glorot's rule needs.
    #[expect(missing_docs, reason = "the field's standard names")]
    Weight { fan_in: u64, fan_out: u64 },
    /// A parameter that starts at zero.
    Bias,
    /// A parameter that starts around one.
    Scale,
    /// A parameter that starts as N(0, 1), however weights do.
    Embedding,
    /// State, which no gradient changes: running mean 0 and variance 1, `[2, features]`.
    Running,
    /// State: what approaches the left singular vector of the layer's first weights, from N(0, 1).
    Left,
    /// State: what approaches the right one, from 0.
    Right,
}

impl VariableKind {
    /// Whether it is learned: it has a gradient.
    pub fn is_parameter(self) -> bool {
        !matches!(self, VariableKind::Running | VariableKind::Left | VariableKind::Right)
    }
}

/// What a layer is placed with.
#[derive(Debug)]
pub struct Place<'a> {
    /// Receives what a pass leaves.
    pub program: &'a mut Program,
    /// The device's facts.
    pub profile: &'a crate::plan::Profile,
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
    /// Views of the layer's variables, in the order of [`Layer::variables`]. Weights that are
    /// spectrally normalised are those divided by σ.
    pub variables: Vec<View>,
    /// Views of its parameters' gradients, those of normalised weights being of W / σ; empty where
    /// passes do not go back.
    pub gradients: Vec<View>,
    /// Whether passes go back.
    pub goes_back: bool,
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

    /// A constant list of words, which placements of the same layer share.
    fn list(&mut self, what: &str, contents: Vec<u32>) -> View {
        self.program.shared_words(format!("{}/{what}", self.label), Role::TapLists, contents)
    }

    fn reserve_scratch(&mut self, words: u64) {
        *self.scratch_words = (*self.scratch_words).max(words);
    }
}

/// A layer in a traversal: its tensors exist.
pub trait Placed: Debug {
    /// Records the forward kernels on `x` and returns the output.
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View;

    /// Records the backward kernels and returns the gradient with respect to the input, where it is
    /// wanted.
    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View;

    /// Records what becomes of a direction of the layer's input, and the second order of its
    /// parameters' gradients along it, after a backward pass from ones; returns the direction of
    /// its output.
    ///
    /// # Panics
    /// Where [`Layer::is_piecewise_linear`] is false.
    fn tangent(&self, _pass: &mut Pass<'_>, _flow: Tangent) -> View {
        panic!("{self:?} has no tangent: configurations that need one are refused")
    }
}

/// Whether a pass trains or samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, dropout.
    Train,
    /// Running statistics, no dropout: a sample depends on its own latents alone.
    Sample,
    /// Batch statistics, no dropout: the running statistics become the means of those of the
    /// batches so far, of which this is the n-th, from 1.
    Estimate(u32),
}

/// One pass through a network: what every layer records with.
#[derive(Debug)]
pub struct Pass<'a> {
    /// Where dispatches go.
    pub recorder: &'a mut Recorder,
    /// Training or sampling.
    pub mode: Mode,
    /// Seed and step number.
    pub step: View,
    /// Where this pass draws from, layer n from the n-th stream on; a backward pass has that of its
    /// forward pass.
    pub source: Source,
    /// The label of each image of the batch, where the network reads labels.
    pub labels: Option<View>,
    /// Partial sums, shared by all layers.
    pub scratch: View,
    /// Transposed weights, shared by all layers.
    pub transposed: View,
}

impl Pass<'_> {
    /// The labels of the batch's images, of which there are so many.
    fn labels(&self, images: u32) -> View {
        self.labels.expect("a network that reads labels is placed with them").slice(0, images)
    }
}

/// Factors of the samples, where upstream gradients are those of each sample's logit and the
/// parameters' gradients shall be those of a loss.
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

/// A direction on its way forward through a layer. With t the direction of the layer's input and δ
/// the gradient of each sample's logit with respect to its output, the second order of a gradient
/// penalty adds δ ⊗ t to the weights' gradients; see `docs/objectives.md`.
#[derive(Clone, Copy, Debug)]
pub struct Tangent {
    /// The layer's input in the forward pass.
    pub x: View,
    /// The direction of the input; a layer may overwrite it.
    pub t: View,
    /// Room for the direction of the output.
    pub ty: View,
    /// δ, as the backward pass left it.
    pub dy: View,
    /// Where the loss's own gradients are added in the same products: dL/dlogit of the samples, and
    /// room for the larger of the layer's input and output.
    pub scaling: Option<Scaling>,
    /// Whether the direction of the output is wanted.
    pub output: bool,
}

/// What shares the statistics of a batch norm, or a bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// All pixels of a channel.
    #[default]
    Channel,
    /// Each pixel and channel has its own: batch norm between a dense layer and its reshape.
    Feature,
}

impl Per {
    /// How many there are.
    fn count(self, shape: Shape) -> u32 {
        match self {
            Per::Channel => shape.channels,
            Per::Feature => shape.values(),
        }
    }

    /// How a batch of this shape divides.
    pub(crate) fn features(self, shape: Shape, batch: u32) -> Features {
        match self {
            Per::Channel => Features::per_channel(shape.pixels(), batch, shape.channels),
            Per::Feature => Features::per_feature(shape.pixels(), batch, shape.channels),
        }
    }
}

/// Values that a sample may have between two layers: 4096×4096 pixels.
const MAX_VALUES: u32 = 1 << 24;
/// Classes that a layer may tell apart.
const MAX_CLASSES: u32 = 1 << 16;
/// Weights that a layer may have: 1 GiB of them.
const MAX_WEIGHTS: u64 = 1 << 28;
/// Entries that a tap list may have.
const MAX_PRODUCTS: u64 = 1 << 26;

impl LayerSpec {
    /// The output's shape, or what is wrong with the layer on this input.
    ///
    /// # Errors
    /// The problem in words, without the layer's name.
    pub fn output(&self, input: Shape) -> Result<Shape, String> {
        let shape = self.layer().output(input)?;
        let values = [shape.height, shape.width, shape.channels].into_iter().try_fold(1_u32, u32::checked_mul);
        if !values.is_some_and(|n| (1..=MAX_VALUES).contains(&n)) {
            return Err(format!("gives {shape} values; a sample has 1 to {MAX_VALUES}"));
        }
        let Cost { products, weights } = self.layer().cost(input, shape);
        if products > MAX_PRODUCTS || weights > MAX_WEIGHTS {
            return Err(format!(
                "needs {weights} weights and {products} matrix products a sample; at most are {MAX_WEIGHTS} and {MAX_PRODUCTS}"
            ));
        }
        Ok(shape)
    }

    /// Its parameters and state on this input, which it fits ([`LayerSpec::output`]).
    pub fn variables(&self, input: Shape) -> Vec<Variable> {
        self.output(input).map_or_else(|_| Vec::new(), |output| self.layer().variables(input, output))
    }

    /// Whether its weights are divided by their largest singular value.
    pub fn has_spectral_norm(&self) -> bool {
        match self {
            LayerSpec::Dense(layer) => layer.spectral_norm,
            LayerSpec::Conv(layer) => layer.spectral_norm,
            LayerSpec::ConvTranspose(layer) => layer.spectral_norm,
            LayerSpec::Projection(layer) => layer.layer.has_spectral_norm(),
            _ => false,
        }
    }

    /// The slope of `next`, where this layer applies it in its own kernel.
    pub fn slope_of(&self, next: &LayerSpec) -> Option<f32> {
        next.layer().slope().filter(|_| self.layer().applies_slope())
    }
}

/// As of the layer that is described.
impl std::ops::Deref for LayerSpec {
    type Target = dyn Layer;

    fn deref(&self) -> &Self::Target {
        self.layer()
    }
}

fn yes() -> bool {
    true
}

fn is_no(value: &bool) -> bool {
    !value
}

fn is_yes(value: &bool) -> bool {
    *value
}

fn check_classes(classes: u32) -> Result<(), String> {
    let problem = || format!("classes {classes} is outside 1 to {MAX_CLASSES}");
    if (1..=MAX_CLASSES).contains(&classes) { Ok(()) } else { Err(problem()) }
}

fn within(key: &str, value: f32, low: f32, high: f32) -> Result<(), String> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(format!("{key} {value} is outside {low} to {high}")) }
}
