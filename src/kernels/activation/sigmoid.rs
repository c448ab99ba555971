//! Logistic function.

use super::{FLAT_INDEX, SIGMOID4, Topic, Trial, Views, map, map_grad, record, trials};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{Call, Real};
use crate::twinned;

/// `y = 1 / (1 + e⁻ˣ)`.
pub static FORWARD: Kernel = kernel!("activation/sigmoid", [FLAT_INDEX, SIGMOID4], Bound::Relative(2e-6));
/// `dy *= y · (1 − y)`.
pub static GRAD: Kernel = kernel!("activation/sigmoid_grad", [FLAT_INDEX], Bound::Relative(1e-6));

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(FORWARD, forward), twinned!(GRAD, grad)], cases };

/// Records `y = 1 / (1 + e⁻ˣ)`.
pub fn record_forward(recorder: &mut Recorder, x: View, y: View) {
    record(recorder, &FORWARD, &[], [("x", x), ("y", y)]);
}

/// Records `dy *= y · (1 − y)`.
pub fn record_grad(recorder: &mut Recorder, y: View, dy: View) {
    record(recorder, &GRAD, &[], [("y", y), ("dy", dy)]);
}

fn forward<F: Real>(call: &mut Call<'_, F>) {
    map(call, F::sigmoid);
}

fn grad<F: Real>(call: &mut Call<'_, F>) {
    map_grad(call, "y", |y, dy| dy * y * (F::ONE - y));
}

fn cases() -> Vec<Trial> {
    trials("sigmoid", 3, 555, |recorder, Views { x, y, dy }| {
        record_forward(recorder, x, y);
        record_grad(recorder, y, dy);
    })
}
