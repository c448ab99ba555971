//! Activation functions as layers.

use super::{Backward, Layer, Pass, Place};
use crate::kernels::activation::Activation;
use crate::plan::View;

#[derive(Debug)]
struct ActivationLayer {
    activation: Activation,
    y: View,
}

pub(super) fn place(activation: Activation, place: &mut Place<'_>) -> Box<dyn Layer> {
    Box::new(ActivationLayer { activation, y: place.output_tensor() })
}

impl Layer for ActivationLayer {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        self.activation.record_forward(pass.recorder, x, self.y);
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        self.activation.record_grad(pass.recorder, self.y, flow.dy);
        flow.dy
    }
}
