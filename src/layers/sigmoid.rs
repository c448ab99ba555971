//! The logistic function.

use serde::{Deserialize, Serialize};

use super::activation::{self, Passed};
use super::{Example, Layer, Place, Placed};
use crate::kernels::activation::sigmoid;
use crate::shape::Shape;

/// Logistic function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sigmoid {}

pub(super) const EXAMPLES: &[Example] = &[Example { input: [3, 5, 3], batch: 2, layers: &[r#"type = "sigmoid""#] }];

impl Layer for Sigmoid {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        activation::place(place, sigmoid::record_forward, |recorder, Passed { y, dy, .. }| {
            sigmoid::record_grad(recorder, y, dy);
        })
    }

    fn range(&self) -> Option<[f32; 2]> {
        Some([0.0, 1.0])
    }
}
