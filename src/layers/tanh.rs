//! Hyperbolic tangent.

use serde::{Deserialize, Serialize};

use super::activation::{self, Passed};
use super::{Example, Layer, Place, Placed};
use crate::kernels::activation::tanh;
use crate::shape::Shape;

/// Hyperbolic tangent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tanh {}

pub(super) const EXAMPLES: &[Example] = &[Example { input: [3, 5, 3], batch: 2, layers: &[r#"type = "tanh""#] }];

impl Layer for Tanh {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        activation::place(place, tanh::record_forward, |recorder, Passed { y, dy, .. }| {
            tanh::record_grad(recorder, y, dy);
        })
    }

    fn range(&self) -> Option<[f32; 2]> {
        Some([-1.0, 1.0])
    }
}
