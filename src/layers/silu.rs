//! SiLU, or swish.

use serde::{Deserialize, Serialize};

use super::activation;
use super::{Example, Layer, Place, Placed, example};
use crate::kernels::activation::{Views, silu};

/// x · σ(x) (Elfwing, Uchibe, Doya 2018); its gradient needs the input, which a traversal keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silu {}

pub(super) const EXAMPLES: &[Example] = &[example([3, 5, 3], 2, &[r#"type = "silu""#])];

impl Layer for Silu {
    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        activation::place(place, silu::record_forward, |recorder, Views { x, dy, .. }| {
            silu::record_grad(recorder, x, dy);
        })
    }
}
