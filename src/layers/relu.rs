//! ReLU: a leaky ReLU of slope 0.

use serde::{Deserialize, Serialize};

use super::activation::{self, Passed};
use super::{Example, Layer, Place, Placed, example};
use crate::kernels::activation::leaky_relu;

/// max(x, 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relu {}

pub(super) const EXAMPLES: &[Example] = &[example([3, 5, 3], 2, &[r#"type = "relu""#])];

impl Layer for Relu {
    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        activation::place(
            place,
            |recorder, x, y| leaky_relu::record_forward(recorder, 0.0, x, y),
            |recorder, Passed { y, dy, .. }| leaky_relu::record_grad(recorder, 0.0, y, dy),
        )
    }

    fn slope(&self) -> Option<f32> {
        Some(0.0)
    }
}
