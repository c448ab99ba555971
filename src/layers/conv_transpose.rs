//! A transposed convolution.

use serde::{Deserialize, Serialize};

use super::linear::{LinearMap, With, window_cost, window_variables};
use super::taps::TapList;
use super::window::{Padding, Pair, Window};
use super::{Cost, Example, Layer, Per, Place, Placed, Variable, example, is_no, yes};
use crate::shape::Shape;

/// A transposed convolution: the adjoint of a convolution that leads from its output to its input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose {
    /// Channels of the output.
    pub channels: u32,
    /// Size of the kernel.
    pub kernel: Pair,
    /// Distance between two applications of the kernel.
    #[serde(default = "Pair::one")]
    pub stride: Pair,
    /// What is cut from the output.
    #[serde(default)]
    pub padding: Padding,
    /// Pixels that are added below and on the right of the output.
    #[serde(default = "Pair::zero")]
    pub output_padding: Pair,
    /// Whether each channel has a bias.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Whether the weights are divided by their largest singular value.
    #[serde(default, skip_serializing_if = "is_no")]
    pub spectral_norm: bool,
}

pub(super) const EXAMPLES: &[Example] = &[
    example(
        [3, 2, 3],
        3,
        &[r#"type = "conv_transpose", channels = 2, kernel = [3, 5], stride = [2, 1], padding = [1, 0, 1, 2]"#],
    ),
    example([2, 3, 4], 2, &[r#"type = "conv_transpose", channels = 4, kernel = 5, stride = 2, padding = "same""#]),
    example(
        [2, 2, 3],
        3,
        &[r#"type = "conv_transpose", channels = 1, kernel = 3, stride = 2, padding = 1, output_padding = 1"#],
    ),
    example(
        [2, 3, 2],
        3,
        &[r#"type = "conv_transpose", channels = 3, kernel = [2, 3], stride = 2, spectral_norm = true"#],
    ),
];

impl ConvTranspose {
    /// The window of the convolution that leads back, and the output's size.
    fn window(&self, input: Shape) -> Result<(Window, [u32; 2]), String> {
        let (grid, more) = ([input.height, input.width], self.output_padding.each());
        Window::transposed(self.kernel.each(), self.stride.each(), &self.padding, more, grid)
    }
}

impl Layer for ConvTranspose {
    fn output(&self, input: Shape) -> Result<Shape, String> {
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
        let taps = TapList::transposed_convolution(place.input, place.output, &window);
        LinearMap { taps, bias: self.bias.then_some(Per::Channel) }.place(place)
    }

    fn applies_slope(&self) -> bool {
        self.bias
    }

    fn is_linear(&self) -> bool {
        true
    }
}
