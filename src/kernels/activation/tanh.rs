//! Hyperbolic tangent.

use super::{FLAT_INDEX, KEEP_NAN, Topic, Trial, Views, map, map_grad, record, trials};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{Call, Real};
use crate::twinned;

/// `y = tanh x`.
pub static FORWARD: Kernel = kernel!("activation/tanh", [FLAT_INDEX, KEEP_NAN], Bound::Relative(2e-6));
/// `dy *= 1 − y²`.
pub static GRAD: Kernel = kernel!("activation/tanh_grad", [FLAT_INDEX], Bound::Relative(1e-6));

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(FORWARD, forward), twinned!(GRAD, grad)], cases };

/// Records `y = tanh x`.
pub fn record_forward(recorder: &mut Recorder, x: View, y: View) {
    record(recorder, &FORWARD, &[], [("x", x), ("y", y)]);
}

/// Records `dy *= 1 − y²`.
pub fn record_grad(recorder: &mut Recorder, y: View, dy: View) {
    record(recorder, &GRAD, &[], [("y", y), ("dy", dy)]);
}

fn forward<F: Real>(call: &mut Call<'_, F>) {
    map(call, F::tanh);
}

fn grad<F: Real>(call: &mut Call<'_, F>) {
    map_grad(call, "y", |y, dy| dy * (F::ONE - y * y));
}

fn cases() -> Vec<Trial> {
    trials("tanh", 3, 555, |recorder, Views { x, y, dy }| {
        record_forward(recorder, x, y);
        record_grad(recorder, y, dy);
    })
}
