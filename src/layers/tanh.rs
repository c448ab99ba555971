//! Hyperbolic tangent.

use serde::{Deserialize, Serialize};

use super::activation;
use super::{Example, Layer, Place, Placed, example};
use crate::kernels::activation::{Views, tanh};

/// Hyperbolic tangent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tanh {}

pub(super) const EXAMPLES: &[Example] = &[example([3, 5, 3], 2, &[r#"type = "tanh""#])];

impl Layer for Tanh {
    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        activation::place(place, tanh::record_forward, |recorder, Views { y, dy, .. }| {
            tanh::record_grad(recorder, y, dy);
        })
    }

    fn range(&self) -> Option<[f32; 2]> {
        Some([-1.0, 1.0])
    }
}
