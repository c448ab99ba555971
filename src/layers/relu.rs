//! ReLU: a leaky ReLU of slope 0.

use serde::{Deserialize, Serialize};

use super::activation::{self, Passed};
use super::{Example, Layer, Place, Placed};
use crate::kernels::activation::leaky_relu;
use crate::shape::Shape;

/// max(x, 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relu {}

pub(super) const EXAMPLES: &[Example] = &[Example { input: [3, 5, 3], batch: 2, layers: &[r#"type = "relu""#] }];

impl Layer for Relu {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

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
