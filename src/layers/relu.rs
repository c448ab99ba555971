//! ReLU: a leaky ReLU of slope 0.

use serde::{Deserialize, Serialize};

use super::{Example, Layer, Place, Placed, activation};
use crate::kernels::activation::Activation;
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
            |recorder, x, y| Activation::LeakyRelu { slope: 0.0 }.record_forward(recorder, x, y),
            |recorder, passed| Activation::LeakyRelu { slope: 0.0 }.record_grad(recorder, passed.y, passed.dy),
        )
    }

    fn slope(&self) -> Option<f32> {
        Some(0.0)
    }
}
