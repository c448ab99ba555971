//! A dense layer: all inputs to all outputs.

use serde::{Deserialize, Serialize};

use super::linear::{LinearMap, singular_vectors, weight_and_bias};
use super::taps::TapList;
use super::{Cost, Example, Layer, Per, Place, Placed, Variable, VariableKind, example, is_no, yes};
use crate::shape::Shape;

/// All inputs to all outputs, to a vector of `units` or to a grid `shape` = `[height, width,
/// channels]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Values of the output, where that is a vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<u32>,
    /// Shape of the output, where that is a grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<[u32; 3]>,
    /// Whether each output has a bias.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Whether the weights are divided by their largest singular value.
    #[serde(default, skip_serializing_if = "is_no")]
    pub spectral_norm: bool,
}

pub(super) const EXAMPLES: &[Example] = &[
    example([1, 1, 7], 5, &[r#"type = "dense", units = 3"#]),
    example([1, 1, 4], 3, &[r#"type = "dense", shape = [2, 3, 4]"#]),
    example([3, 2, 4], 3, &[r#"type = "dense", units = 1, bias = false"#]),
    example([2, 2, 3], 2, &[r#"type = "dense", shape = [1, 3, 2]"#]),
    example([1, 2, 3], 3, &[r#"type = "dense", units = 1, bias = false, spectral_norm = true"#]),
    example([2, 1, 3], 2, &[r#"type = "dense", shape = [1, 3, 2], spectral_norm = true"#]),
];

impl Layer for Dense {
    fn output(&self, _input: Shape) -> Result<Shape, String> {
        match (self.units, self.shape) {
            (Some(units), None) => Ok(Shape::vector(units)),
            (None, Some([height, width, channels])) => Ok(Shape { height, width, channels }),
            _ => Err("needs either `units` or `shape = [height, width, channels]`".to_string()),
        }
    }

    fn cost(&self, input: Shape, output: Shape) -> Cost {
        let products = u64::from(input.pixels()) * u64::from(output.pixels());
        let channels = u64::from(input.channels) * u64::from(output.channels);
        Cost { products, weights: products.saturating_mul(channels) }
    }

    fn variables(&self, input: Shape, output: Shape) -> Vec<Variable> {
        let kind = VariableKind::Weight { fan_in: input.values().into(), fan_out: output.values().into() };
        let taps = input.pixels() * output.pixels();
        let bias = self.bias.then_some(output.values());
        let learned = weight_and_bias([taps, input.channels, output.channels], kind, bias);
        learned.into_iter().chain(singular_vectors(self.spectral_norm, output.values(), input.values())).collect()
    }

    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        LinearMap { taps: TapList::dense(place.input, place.output), bias: self.bias.then_some(Per::Feature) }
            .place(place)
    }

    fn applies_slope(&self) -> bool {
        self.bias
    }

    fn is_linear(&self) -> bool {
        true
    }
}
