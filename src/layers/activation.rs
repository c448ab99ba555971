//! What activation functions have in common in a traversal: they are elementwise, and their
//! gradients are taken in place.

use std::fmt;

use super::{Backward, Pass, Place, Placed, Tangent};
use crate::kernels::activation::Views;
use crate::plan::{Recorder, View};

struct Elementwise<F, G> {
    forward: F,
    grad: G,
    y: View,
}

/// Places an activation function, given how its value and its gradient are recorded.
pub(super) fn place(
    mut place: Place<'_>,
    forward: impl Fn(&mut Recorder, View, View) + 'static,
    grad: impl Fn(&mut Recorder, Views) + 'static,
) -> Box<dyn Placed> {
    Box::new(Elementwise { forward, grad, y: place.output_tensor() })
}

impl<F: Fn(&mut Recorder, View, View), G: Fn(&mut Recorder, Views)> Placed for Elementwise<F, G> {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        (self.forward)(pass.recorder, x, self.y);
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        (self.grad)(pass.recorder, Views { x: flow.x, y: self.y, dy: flow.dy });
        flow.dy
    }

    /// In place, as the gradient: where the derivative is constant, one is the transpose of the
    /// other, and both are diagonal.
    fn tangent(&self, pass: &mut Pass<'_>, flow: Tangent) -> View {
        (self.grad)(pass.recorder, Views { x: flow.x, y: self.y, dy: flow.t });
        flow.t
    }
}

impl<F, G> fmt::Debug for Elementwise<F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elementwise").field("y", &self.y).finish_non_exhaustive()
    }
}
