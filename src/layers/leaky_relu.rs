//! Leaky ReLU.

use serde::{Deserialize, Serialize};

use super::activation;
use super::{Example, Layer, Place, Placed, example, within};
use crate::kernels::activation::{Views, leaky_relu};
use crate::shape::Shape;

/// x where positive, `slope`·x elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakyRelu {
    /// The slope where x is negative.
    pub slope: f32,
}

pub(super) const EXAMPLES: &[Example] = &[example([3, 5, 3], 2, &[r#"type = "leaky_relu", slope = 0.3"#])];

impl Layer for LeakyRelu {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        within("slope", self.slope, 0.0, 1.0)?;
        Ok(input)
    }

    fn place(&self, place: Place<'_>) -> Box<dyn Placed> {
        let slope = self.slope;
        activation::place(
            place,
            move |recorder, x, y| leaky_relu::record_forward(recorder, slope, x, y),
            move |recorder, Views { y, dy, .. }| leaky_relu::record_grad(recorder, slope, y, dy),
        )
    }

    fn is_piecewise_linear(&self) -> bool {
        true
    }

    fn slope(&self) -> Option<f32> {
        Some(self.slope)
    }
}
