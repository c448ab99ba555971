//! The logistic function.

use serde::{Deserialize, Serialize};

use super::activation;
use super::{Example, Layer, Place, Placed, example};
use crate::kernels::activation::{Views, sigmoid};

/// Logistic function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sigmoid {}

pub(super) const EXAMPLES: &[Example] = &[example([3, 5, 3], 2, &[r#"type = "sigmoid""#])];

impl Layer for Sigmoid {
    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        activation::place(place, sigmoid::record_forward, |recorder, Views { y, dy, .. }| {
            sigmoid::record_grad(recorder, y, dy);
        })
    }

    fn range(&self) -> Option<[f32; 2]> {
        Some([0.0, 1.0])
    }
}
