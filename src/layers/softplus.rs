//! Softplus.

use serde::{Deserialize, Serialize};

use super::activation;
use super::{Example, Layer, Place, Placed, example};
use crate::kernels::activation::{Views, softplus};

/// ln(1 + eˣ); its gradient is σ(x).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softplus {}

pub(super) const EXAMPLES: &[Example] = &[example([3, 5, 3], 2, &[r#"type = "softplus""#])];

impl Layer for Softplus {
    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        activation::place(place, softplus::record_forward, |recorder, Views { x, dy, .. }| {
            softplus::record_grad(recorder, x, dy);
        })
    }
}
