//! SiLU, or swish (Elfwing, Uchibe, Doya 2018): its gradient needs the input.

use super::{FLAT_INDEX, SIGMOID4, Topic, Trial, Views, map, map_grad, record, trials};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{Call, Real};
use crate::twinned;

/// `y = x · σ(x)`.
///
/// Those of the logistic function, 2e-6, and of a product.
pub static FORWARD: Kernel = kernel!("activation/silu", [FLAT_INDEX, SIGMOID4], Bound::Relative(3e-6));
/// `dy *= σ(x) · (1 + x · (1 − σ(x)))`.
///
/// |x · σ(−x)| is below 0.28 where it counts, and two logistic functions meet.
pub static GRAD: Kernel = kernel!("activation/silu_grad", [FLAT_INDEX, SIGMOID4], Bound::Relative(4e-6));

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(FORWARD, forward), twinned!(GRAD, grad)], cases };

/// Records `y = x · σ(x)`.
pub fn record_forward(recorder: &mut Recorder, x: View, y: View) {
    record(recorder, &FORWARD, &[], [("x", x), ("y", y)]);
}

/// Records `dy *= σ(x) · (1 + x · (1 − σ(x)))`.
pub fn record_grad(recorder: &mut Recorder, x: View, dy: View) {
    record(recorder, &GRAD, &[], [("x", x), ("dy", dy)]);
}

fn forward<F: Real>(call: &mut Call<'_, F>) {
    map(call, |x| x * x.sigmoid());
}

fn grad<F: Real>(call: &mut Call<'_, F>) {
    map_grad(call, "x", |x, dy| dy * x.sigmoid() * (F::ONE + x * (-x).sigmoid()));
}

fn cases() -> Vec<Trial> {
    trials("silu", 3, 555, |recorder, Views { x, y, dy }| {
        record_forward(recorder, x, y);
        record_grad(recorder, x, dy);
    })
}
