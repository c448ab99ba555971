//! A layer as the configuration describes it: sizes, parameters and shapes, before any device is involved.

use serde::{Deserialize, Serialize};

use super::taps::TapList;
use super::window::{Padding, Pair, Window};
use crate::shape::Shape;

/// One line of a network's `layers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerSpec {
    /// All inputs to all outputs, to a vector of `units` or to a grid `shape` = `[height, width, channels]`.
    #[expect(missing_docs, reason = "the variant's text covers them")]
    Dense {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        units: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shape: Option<[u32; 3]>,
        #[serde(default = "yes")]
        bias: bool,
    },
    /// A convolution (cross-correlation, as everywhere in the field), after nearest-neighbour `upsample`.
    #[expect(missing_docs, reason = "the variant's text covers them")]
    Conv {
        channels: u32,
        kernel: Pair,
        #[serde(default = "one")]
        stride: Pair,
        #[serde(default)]
        padding: Padding,
        #[serde(default = "once")]
        upsample: u32,
        #[serde(default = "yes")]
        bias: bool,
    },
    /// A transposed convolution.
    #[expect(missing_docs, reason = "the variant's text covers them")]
    ConvTranspose {
        channels: u32,
        kernel: Pair,
        #[serde(default = "one")]
        stride: Pair,
        #[serde(default)]
        padding: Padding,
        #[serde(default = "none")]
        output_padding: Pair,
        #[serde(default = "yes")]
        bias: bool,
    },
    /// Batch normalisation; `momentum` is the weight of the new batch in the running statistics.
    #[expect(missing_docs, reason = "the variant's text covers them")]
    BatchNorm {
        #[serde(default = "default_epsilon")]
        epsilon: f32,
        #[serde(default = "default_momentum")]
        momentum: f32,
        #[serde(default)]
        per: Per,
    },
    /// max(x, 0).
    Relu {},
    /// x where positive, `slope`·x elsewhere.
    #[expect(missing_docs, reason = "the variant's text covers them")]
    LeakyRelu { slope: f32 },
    /// Hyperbolic tangent.
    Tanh {},
    /// Logistic function.
    Sigmoid {},
    /// Dropout of this `rate` while training.
    #[expect(missing_docs, reason = "the variant's text covers them")]
    Dropout { rate: f32 },
}

/// What shares batch-norm statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// All pixels of a channel.
    #[default]
    Channel,
    /// Each pixel and channel has its own: batch norm between a dense layer and its reshape.
    Feature,
}

fn yes() -> bool {
    true
}
fn one() -> Pair {
    Pair::Both(1)
}
fn none() -> Pair {
    Pair::Both(0)
}
fn once() -> u32 {
    1
}
fn default_epsilon() -> f32 {
    1e-5
}
fn default_momentum() -> f32 {
    0.1
}

/// What a parameter starts as, and how it is named in checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// A linear layer's weights, with the fans that Glorot's rule needs.
    #[expect(missing_docs, reason = "the field's standard names")]
    Weight { fan_in: u64, fan_out: u64 },
    /// A bias, zero.
    Bias,
    /// Batch norm's scale, around one.
    Scale,
    /// Batch norm's shift, zero.
    Shift,
}

/// One tensor of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name within the layer.
    pub name: &'static str,
    /// Shape: `[taps, c_in, c_out]` or `[features]`.
    pub shape: Vec<u32>,
    /// What it starts as.
    pub kind: ParameterKind,
}

impl Parameter {
    /// Elements.
    pub fn len(&self) -> u64 {
        self.shape.iter().map(|&n| u64::from(n)).product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The linear part of a dense, convolution or transposed convolution layer.
#[derive(Clone, Debug)]
pub struct Linear {
    /// The products of a sample.
    pub taps: TapList,
    /// Whether a bias is added.
    pub bias: bool,
    /// Features of the bias: one for each channel, or for each value of a dense layer.
    pub bias_per: Per,
}

impl LayerSpec {
    /// The name that the configuration uses.
    pub fn name(&self) -> &'static str {
        match self {
            LayerSpec::Dense { .. } => "dense",
            LayerSpec::Conv { .. } => "conv",
            LayerSpec::ConvTranspose { .. } => "conv_transpose",
            LayerSpec::BatchNorm { .. } => "batch_norm",
            LayerSpec::Relu {} => "relu",
            LayerSpec::LeakyRelu { .. } => "leaky_relu",
            LayerSpec::Tanh {} => "tanh",
            LayerSpec::Sigmoid {} => "sigmoid",
            LayerSpec::Dropout { .. } => "dropout",
        }
    }

    /// The output's shape, or what is wrong with the layer on this input.
    pub fn output(&self, input: Shape) -> Result<Shape, String> {
        let grid = [input.height, input.width];
        let shape = match self {
            LayerSpec::Dense { units, shape, .. } => match (units, shape) {
                (Some(units), None) => Shape::vector(*units),
                (None, Some([height, width, channels])) => {
                    Shape { height: *height, width: *width, channels: *channels }
                }
                _ => return Err("needs either `units` or `shape = [height, width, channels]`".to_string()),
            },
            LayerSpec::Conv { channels, upsample, .. } => {
                if !(1..=8).contains(upsample) {
                    return Err(format!("upsample {upsample} is outside 1 to 8"));
                }
                let [height, width] = self.window(grid.map(|n| n * upsample))?.1;
                Shape { height, width, channels: *channels }
            }
            LayerSpec::ConvTranspose { channels, .. } => {
                let [height, width] = self.window(grid)?.1;
                Shape { height, width, channels: *channels }
            }
            LayerSpec::BatchNorm { epsilon, momentum, .. } => {
                within("epsilon", *epsilon, f32::MIN_POSITIVE, 1.0)?;
                within("momentum", *momentum, 0.0, 1.0)?;
                input
            }
            LayerSpec::LeakyRelu { slope } => {
                within("slope", *slope, 0.0, 1.0)?;
                input
            }
            LayerSpec::Dropout { rate } => {
                within("rate", *rate, 0.0, 0.99)?;
                input
            }
            LayerSpec::Relu {} | LayerSpec::Tanh {} | LayerSpec::Sigmoid {} => input,
        };
        let values = [shape.height, shape.width, shape.channels].into_iter().try_fold(1_u32, u32::checked_mul);
        if !values.is_some_and(|n| (1..=MAX_VALUES).contains(&n)) {
            return Err(format!("gives {shape} values; a sample has 1 to {MAX_VALUES}"));
        }
        let (products, weights) = self.cost(input, shape);
        if products > MAX_PRODUCTS || weights > MAX_WEIGHTS {
            return Err(format!(
                "needs {weights} weights and {products} matrix products a sample; at most are {MAX_WEIGHTS} and {MAX_PRODUCTS}"
            ));
        }
        Ok(shape)
    }

    /// Upper bounds of the entries of the tap list and of the weights.
    fn cost(&self, input: Shape, output: Shape) -> (u64, u64) {
        let channels = u64::from(input.channels) * u64::from(output.channels);
        match self {
            LayerSpec::Dense { .. } => {
                let products = u64::from(input.pixels()) * u64::from(output.pixels());
                (products, products.saturating_mul(channels))
            }
            LayerSpec::Conv { kernel, .. } | LayerSpec::ConvTranspose { kernel, .. } => {
                let taps = kernel.each().into_iter().map(u64::from).product::<u64>();
                (taps * u64::from(input.pixels().max(output.pixels())), taps.saturating_mul(channels))
            }
            _ => (0, 0),
        }
    }

    /// The linear part, where there is one. The layer must fit the input ([`LayerSpec::output`]).
    pub fn linear(&self, input: Shape) -> Option<Linear> {
        let output = self.output(input).ok()?;
        let grid = [input.height, input.width];
        let (taps, bias, bias_per) = match self {
            LayerSpec::Dense { bias, .. } => (TapList::dense(input, output), *bias, Per::Feature),
            LayerSpec::Conv { upsample, bias, .. } => {
                let (window, _) = self.window(grid.map(|n| n * upsample)).ok()?;
                (TapList::convolution(input, output, &window, *upsample), *bias, Per::Channel)
            }
            LayerSpec::ConvTranspose { bias, .. } => {
                let (window, _) = self.window(grid).ok()?;
                (TapList::transposed_convolution(input, output, &window), *bias, Per::Channel)
            }
            _ => return None,
        };
        Some(Linear { taps, bias, bias_per })
    }

    /// The parameters, in the order in which they are stored and initialised.
    pub fn parameters(&self, input: Shape) -> Vec<Parameter> {
        let Ok(output) = self.output(input) else { return Vec::new() };
        let features = |per: Per| match per {
            Per::Channel => output.channels,
            Per::Feature => output.values(),
        };
        match self {
            LayerSpec::BatchNorm { per, .. } => {
                let shape = vec![features(*per)];
                vec![
                    Parameter { name: "scale", shape: shape.clone(), kind: ParameterKind::Scale },
                    Parameter { name: "shift", shape, kind: ParameterKind::Shift },
                ]
            }
            LayerSpec::Dense { bias, .. } => {
                let taps = input.pixels() * output.pixels();
                let kind = ParameterKind::Weight { fan_in: input.values().into(), fan_out: output.values().into() };
                self.weight_and_bias([taps, input.channels, output.channels], kind, *bias, output.values())
            }
            LayerSpec::Conv { kernel, bias, .. } | LayerSpec::ConvTranspose { kernel, bias, .. } => {
                let taps = kernel.each().into_iter().product::<u32>();
                let fan = |channels: u32| u64::from(taps) * u64::from(channels);
                let kind = ParameterKind::Weight { fan_in: fan(input.channels), fan_out: fan(output.channels) };
                self.weight_and_bias([taps, input.channels, output.channels], kind, *bias, output.channels)
            }
            _ => Vec::new(),
        }
    }

    fn weight_and_bias(&self, shape: [u32; 3], kind: ParameterKind, bias: bool, features: u32) -> Vec<Parameter> {
        let weight = Parameter { name: "weight", shape: shape.to_vec(), kind };
        let bias = bias.then(|| Parameter { name: "bias", shape: vec![features], kind: ParameterKind::Bias });
        std::iter::once(weight).chain(bias).collect()
    }

    fn window(&self, input: [u32; 2]) -> Result<(Window, [u32; 2]), String> {
        match self {
            LayerSpec::Conv { kernel, stride, padding, .. } => {
                Window::convolution(kernel.each(), stride.each(), padding, input)
            }
            LayerSpec::ConvTranspose { kernel, stride, padding, output_padding, .. } => {
                Window::transposed(kernel.each(), stride.each(), padding, output_padding.each(), input)
            }
            _ => Err("has no window".to_string()),
        }
    }
}

/// Values that a sample may have between two layers: 4096×4096 pixels.
const MAX_VALUES: u32 = 1 << 24;

/// Weights that a layer may have: 1 GiB of them.
const MAX_WEIGHTS: u64 = 1 << 28;
/// Entries that a tap list may have.
const MAX_PRODUCTS: u64 = 1 << 26;

fn within(key: &str, value: f32, low: f32, high: f32) -> Result<(), String> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(format!("{key} {value} is outside {low} to {high}")) }
}
