//! Dropout as a layer: nothing at all when sampling, or at rate 0.

use super::{Backward, Layer, Mode, Pass, Place};
use crate::kernels::dropout;
use crate::plan::View;

/// A dropout layer.
#[derive(Debug)]
pub struct Dropout {
    rate: f32,
    index: u32,
    y: View,
}

impl Dropout {
    pub(super) fn place(rate: f32, mut place: Place<'_>) -> Self {
        Dropout { rate, index: place.index, y: place.output_tensor() }
    }

    fn is_identity(&self, pass: &Pass<'_>) -> bool {
        pass.mode == Mode::Sample || self.rate == 0.0
    }
}

impl Layer for Dropout {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        if self.is_identity(pass) {
            return x;
        }
        dropout::record_apply(pass.recorder, self.rate, pass.stream + self.index, [x, pass.step, self.y]);
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        if self.is_identity(pass) {
            return flow.dy;
        }
        dropout::record_apply(pass.recorder, self.rate, pass.stream + self.index, [flow.dy, pass.step, flow.dx]);
        flow.dx
    }
}
