//! Softplus.

use serde::{Deserialize, Serialize};

use super::activation::{self, Passed};
use super::{Example, Layer, Place, Placed};
use crate::kernels::activation::softplus;
use crate::shape::Shape;

/// ln(1 + eˣ); its gradient is σ(x).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softplus {}

pub(super) const EXAMPLES: &[Example] = &[Example { input: [3, 5, 3], batch: 2, layers: &[r#"type = "softplus""#] }];

impl Layer for Softplus {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        activation::place(place, softplus::record_forward, |recorder, Passed { x, dy, .. }| {
            softplus::record_grad(recorder, x, dy);
        })
    }
}
