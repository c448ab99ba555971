//! A convolution, after nearest-neighbour upsampling.

use serde::{Deserialize, Serialize};

use super::linear::{LinearMap, With, window_cost, window_variables};
use super::taps::TapList;
use super::window::{Padding, Pair, Window};
use super::{Cost, Example, Layer, Per, Place, Placed, Variable, example, is_no, yes};
use crate::shape::Shape;

/// A convolution (cross-correlation, as everywhere in the field), after nearest-neighbour
/// `upsample`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// Channels of the output.
    pub channels: u32,
    /// Size of the kernel.
    pub kernel: Pair,
    /// Distance between two applications of the kernel.
    #[serde(default = "Pair::one")]
    pub stride: Pair,
    /// What surrounds the input.
    #[serde(default)]
    pub padding: Padding,
    /// How often each pixel of the input is repeated, both ways, before the convolution.
    #[serde(default = "once")]
    pub upsample: u32,
    /// Whether each channel has a bias.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Whether the weights are divided by their largest singular value.
    #[serde(default, skip_serializing_if = "is_no")]
    pub spectral_norm: bool,
}

fn once() -> u32 {
    1
}

pub(super) const EXAMPLES: &[Example] = &[
    example(
        [5, 4, 3],
        3,
        &[r#"type = "conv", channels = 2, kernel = [3, 5], stride = [2, 1], padding = [1, 0, 2, 1]"#],
    ),
    example([6, 5, 4], 2, &[r#"type = "conv", channels = 4, kernel = 5, stride = 2, padding = "same""#]),
    example([3, 2, 2], 3, &[r#"type = "conv", channels = 3, kernel = 3, padding = 1, upsample = 2"#]),
    example([4, 4, 1], 5, &[r#"type = "conv", channels = 8, kernel = 4, stride = 2, padding = 1, bias = false"#]),
    example(
        [4, 3, 3],
        3,
        &[r#"type = "conv", channels = 4, kernel = [3, 2], stride = 2, padding = 1, spectral_norm = true"#],
    ),
];

impl Conv {
    /// The window over the upsampled input, and the output's size.
    fn window(&self, input: Shape) -> Result<(Window, [u32; 2]), String> {
        let grid = [input.height, input.width].map(|n| n * self.upsample);
        Window::convolution(self.kernel.each(), self.stride.each(), &self.padding, grid)
    }
}

impl Layer for Conv {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        if !(1..=8).contains(&self.upsample) {
            return Err(format!("upsample {} is outside 1 to 8", self.upsample));
        }
        let [height, width] = self.window(input)?.1;
        Ok(Shape { height, width, channels: self.channels })
    }

    fn cost(&self, input: Shape, output: Shape) -> Cost {
        window_cost(self.kernel, input, output)
    }

    fn variables(&self, input: Shape, output: Shape) -> Vec<Variable> {
        let with = With { bias: self.bias, spectral_norm: self.spectral_norm };
        window_variables(self.kernel, with, input, output)
    }

    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        let (window, _) = self.window(place.input).expect("shapes are checked before layers are placed");
        let taps = TapList::convolution(place.input, place.output, &window, self.upsample);
        LinearMap { taps, bias: self.bias.then_some(Per::Channel) }.place(place)
    }

    fn applies_slope(&self) -> bool {
        self.bias
    }

    fn is_linear(&self) -> bool {
        true
    }
}
