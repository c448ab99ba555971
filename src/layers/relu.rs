//! ReLU: a leaky ReLU of slope 0.

use serde::{Deserialize, Serialize};

use super::leaky_relu::LeakyRelu;
use super::{Example, Layer, Place, Placed, example};

/// max(x, 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relu {}

pub(super) const EXAMPLES: &[Example] = &[example([3, 5, 3], 2, &[r#"type = "relu""#])];

impl Layer for Relu {
    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        LeakyRelu { slope: 0.0 }.place(place)
    }

    fn is_piecewise_linear(&self) -> bool {
        true
    }

    fn slope(&self) -> Option<f32> {
        Some(0.0)
    }
}
