//! SiLU, or swish.

use serde::{Deserialize, Serialize};

use super::activation::{self, Passed};
use super::{Example, Layer, Place, Placed};
use crate::kernels::activation::silu;
use crate::shape::Shape;

/// x · σ(x) (Elfwing, Uchibe, Doya 2018); its gradient needs the input, which a traversal keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silu {}

pub(super) const EXAMPLES: &[Example] = &[Example { input: [3, 5, 3], batch: 2, layers: &[r#"type = "silu""#] }];

impl Layer for Silu {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        activation::place(place, silu::record_forward, |recorder, Passed { x, dy, .. }| {
            silu::record_grad(recorder, x, dy);
        })
    }
}
