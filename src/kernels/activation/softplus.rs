//! Softplus, a smooth ReLU (Dugas et al. 2001).

use super::{FLAT_INDEX, KEEP_NAN, LOG1P, SIGMOID4, Topic, Trial, Views, map, map_grad, record, trials};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{Call, Real};
use crate::twinned;

/// `y = ln(1 + eˣ)`.
pub static FORWARD: Kernel = kernel!("activation/softplus", [FLAT_INDEX, KEEP_NAN, LOG1P], Bound::Relative(2e-6));
/// `dy *= σ(x)`.
pub static GRAD: Kernel = kernel!("activation/softplus_grad", [FLAT_INDEX, SIGMOID4], Bound::Relative(2e-6));

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(FORWARD, forward), twinned!(GRAD, grad)], cases };

/// Records `y = ln(1 + eˣ)`.
pub fn record_forward(recorder: &mut Recorder, x: View, y: View) {
    record(recorder, &FORWARD, &[], [("x", x), ("y", y)]);
}

/// Records `dy *= σ(x)`.
pub fn record_grad(recorder: &mut Recorder, x: View, dy: View) {
    record(recorder, &GRAD, &[], [("x", x), ("dy", dy)]);
}

fn forward<F: Real>(call: &mut Call<'_, F>) {
    map(call, |x| x.max(F::ZERO) + (-x.abs()).exp().ln_1p());
}

fn grad<F: Real>(call: &mut Call<'_, F>) {
    map_grad(call, "x", |x, dy| dy * x.sigmoid());
}

fn cases() -> Vec<Trial> {
    trials("softplus", 3, 555, |recorder, Views { x, y, dy }| {
        record_forward(recorder, x, y);
        record_grad(recorder, x, dy);
    })
}
