//! A network as burn's own modules, made from the bundle's description.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, Dropout, DropoutConfig, LeakyRelu, LeakyReluConfig, Linear, LinearConfig,
    PaddingConfig2d, Relu, Sigmoid, Tanh,
};
use burn::tensor::{Device, Tensor};
use serde_json::Value;

use crate::bundle::{Bundle, Result, number, sizes};

/// A chain of layers over `[batch, channel, row, column]`.
#[derive(Module, Debug)]
pub struct Network {
    layers: Vec<Layer>,
}

#[derive(Module, Debug)]
enum Layer {
    Dense(Dense),
    Conv(Conv2d),
    Transposed(Transposed),
    Norm(Norm),
    LeakyRelu(LeakyRelu),
    Relu(Relu),
    Tanh(Tanh),
    Sigmoid(Sigmoid),
    Dropout(Dropout),
}

/// A dense layer from all features to a grid.
#[derive(Module, Debug)]
struct Dense {
    linear: Linear,
    /// Height, width, channels.
    output: [usize; 3],
}

/// A transposed convolution, cropped where its padding is not symmetric.
#[derive(Module, Debug)]
struct Transposed {
    conv: ConvTranspose2d,
    /// Height, width, channels.
    output: [usize; 3],
}

/// Batch norm with statistics of channels, or of single features.
#[derive(Module, Debug)]
struct Norm {
    norm: BatchNorm,
    per_feature: bool,
}

impl Network {
    /// The network `kind` (`generator` or `discriminator`) with its initial parameters.
    pub fn new(bundle: &Bundle, kind: &str, dropout: bool, device: &Device) -> Result<Self> {
        let descriptions = bundle.gan[kind].as_array().ok_or_else(|| format!("the bundle has no {kind}"))?;
        let mut layers = Vec::new();
        for (number, description) in descriptions.iter().enumerate() {
            if dropout || description["type"] != "dropout" {
                layers.push(Layer::new(bundle, &format!("{kind}.{number}"), description, device)?);
            }
        }
        Ok(Self { layers })
    }

    /// The output for `x`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.layers.iter().fold(x, |x, layer| layer.forward(x))
    }
}

impl Layer {
    fn new(bundle: &Bundle, name: &str, layer: &Value, device: &Device) -> Result<Self> {
        Ok(match layer["type"].as_str().unwrap_or_default() {
            "dense" => Self::Dense(Dense::new(bundle, name, layer, device)?),
            "conv" => Self::Conv(conv(bundle, name, layer, device)?),
            "conv_transpose" => Self::Transposed(Transposed::new(bundle, name, layer, device)?),
            "batch_norm" => Self::Norm(Norm::new(bundle, name, layer, device)?),
            "leaky_relu" => Self::LeakyRelu(LeakyReluConfig::new().with_negative_slope(number(layer, "slope")?).init()),
            "relu" => Self::Relu(Relu::new()),
            "tanh" => Self::Tanh(Tanh::new()),
            "sigmoid" => Self::Sigmoid(Sigmoid::new()),
            "dropout" => Self::Dropout(DropoutConfig::new(number(layer, "rate")?).init()),
            other => return Err(format!("{name}: no layer of type `{other}`")),
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Dense(layer) => layer.forward(x),
            Self::Conv(layer) => layer.forward(x),
            Self::Transposed(layer) => layer.forward(x),
            Self::Norm(layer) => layer.forward(x),
            Self::LeakyRelu(layer) => layer.forward(x),
            Self::Relu(layer) => layer.forward(x),
            Self::Tanh(layer) => layer.forward(x),
            Self::Sigmoid(layer) => layer.forward(x),
            Self::Dropout(layer) => layer.forward(x),
        }
    }
}

impl Dense {
    fn new(bundle: &Bundle, name: &str, layer: &Value, device: &Device) -> Result<Self> {
        let [inputs, outputs] = shape(bundle, name)?;
        let has_bias = has_bias(bundle, name);
        let mut linear = LinearConfig::new(inputs, outputs).with_bias(has_bias).init(device);
        linear.weight = bundle.parameter(&weight(name), device)?;
        if has_bias {
            linear.bias = Some(bundle.parameter(&bias(name), device)?);
        }
        Ok(Self { linear, output: sizes(layer, "output")? })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let batch = x.dims()[0];
        let [height, width, channels] = self.output;
        self.linear.forward(x.flatten::<2>(1, 3)).reshape([batch, channels, height, width])
    }
}

fn conv(bundle: &Bundle, name: &str, layer: &Value, device: &Device) -> Result<Conv2d> {
    let [c_out, c_in, height, width] = shape(bundle, name)?;
    let [top, bottom, left, right] = sizes(layer, "padding")?;
    let has_bias = has_bias(bundle, name);
    let mut conv = Conv2dConfig::new([c_in, c_out], [height, width])
        .with_stride(sizes(layer, "stride")?)
        .with_padding(PaddingConfig2d::Explicit(top, left, bottom, right))
        .with_bias(has_bias)
        .init(device);
    conv.weight = bundle.parameter(&weight(name), device)?;
    if has_bias {
        conv.bias = Some(bundle.parameter(&bias(name), device)?);
    }
    Ok(conv)
}

impl Transposed {
    fn new(bundle: &Bundle, name: &str, layer: &Value, device: &Device) -> Result<Self> {
        let [c_in, c_out, height, width] = shape(bundle, name)?;
        let has_bias = has_bias(bundle, name);
        let mut conv = ConvTranspose2dConfig::new([c_in, c_out], [height, width])
            .with_stride(sizes(layer, "stride")?)
            .with_padding(sizes(layer, "padding")?)
            .with_padding_out(sizes(layer, "output_padding")?)
            .with_bias(has_bias)
            .init(device);
        conv.weight = bundle.parameter(&weight(name), device)?;
        if has_bias {
            conv.bias = Some(bundle.parameter(&bias(name), device)?);
        }
        Ok(Self { conv, output: sizes(layer, "output")? })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.conv.forward(x);
        let [_, _, height, width] = y.dims();
        let [rows, columns, _] = self.output;
        if (height, width) == (rows, columns) { y } else { y.narrow(2, 0, rows).narrow(3, 0, columns) }
    }
}

impl Norm {
    fn new(bundle: &Bundle, name: &str, layer: &Value, device: &Device) -> Result<Self> {
        let [features] = shape(bundle, name)?;
        let mut norm = BatchNormConfig::new(features)
            .with_epsilon(number(layer, "epsilon")?)
            .with_momentum(number(layer, "momentum")?)
            .init(device);
        norm.gamma = bundle.parameter(&weight(name), device)?;
        norm.beta = bundle.parameter(&bias(name), device)?;
        Ok(Self { norm, per_feature: layer["per_feature"] == true })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if !self.per_feature {
            return self.norm.forward(x);
        }
        let dims = x.dims();
        self.norm.forward(x.flatten::<2>(1, 3)).reshape(dims)
    }
}

fn weight(name: &str) -> String {
    format!("{name}.weight")
}

fn bias(name: &str) -> String {
    format!("{name}.bias")
}

fn has_bias(bundle: &Bundle, name: &str) -> bool {
    bundle.shape(&bias(name)).is_some()
}

fn shape<const N: usize>(bundle: &Bundle, name: &str) -> Result<[usize; N]> {
    let shape = bundle.shape(&weight(name)).unwrap_or_default();
    shape.try_into().map_err(|shape| format!("{name}.weight has shape {shape:?} instead of {N} axes"))
}
