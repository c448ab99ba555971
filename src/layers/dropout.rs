//! Dropout: nothing at all when sampling, or at rate 0.

use serde::{Deserialize, Serialize};

use super::{Backward, Example, Layer, Mode, Pass, Place, Placed, Tangent, example, within};
use crate::kernels::dropout::{self, Masked};
use crate::plan::View;
use crate::shape::Shape;

/// Dropout of this `rate` while training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// The part of the values that is set to zero.
    pub rate: f32,
}

/// The mask is a function of the step's counter, so it is the same in every evaluation.
pub(super) const EXAMPLES: &[Example] = &[example([3, 5, 3], 3, &[r#"type = "dropout", rate = 0.3"#])];

impl Layer for Dropout {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        within("rate", self.rate, 0.0, 0.99)?;
        Ok(input)
    }

    fn place(&self, mut place: Place<'_>) -> Box<dyn Placed> {
        Box::new(PlacedDropout { rate: self.rate, index: place.index, y: place.output_tensor() })
    }

    fn is_piecewise_linear(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct PlacedDropout {
    rate: f32,
    index: u32,
    y: View,
}

impl PlacedDropout {
    fn is_identity(&self, pass: &Pass<'_>) -> bool {
        pass.mode != Mode::Train || self.rate == 0.0
    }
}

impl Placed for PlacedDropout {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        if self.is_identity(pass) {
            return x;
        }
        let views = Masked { x, step: pass.step, y: self.y };
        dropout::record_apply(pass.recorder, self.rate, pass.source.offset(self.index), views);
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        if self.is_identity(pass) {
            return flow.dy;
        }
        let views = Masked { x: flow.dy, step: pass.step, y: flow.dx };
        dropout::record_apply(pass.recorder, self.rate, pass.source.offset(self.index), views);
        flow.dx
    }

    fn tangent(&self, pass: &mut Pass<'_>, flow: Tangent) -> View {
        if self.is_identity(pass) {
            return flow.t;
        }
        let views = Masked { x: flow.t, step: pass.step, y: flow.ty };
        dropout::record_apply(pass.recorder, self.rate, pass.source.offset(self.index), views);
        flow.ty
    }
}
