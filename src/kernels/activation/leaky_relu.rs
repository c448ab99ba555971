//! Leaky ReLU; with slope 0 it is ReLU.

use super::{FLAT_INDEX, KEEP_NAN, Topic, Trial, Views, map, map_grad, record, trials};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{Call, Real};
use crate::twinned;

/// `y = max(x, slope·x)`.
pub static FORWARD: Kernel = kernel!("activation/leaky_relu", [FLAT_INDEX, KEEP_NAN], Bound::Relative(2e-7));
/// `dy *= slope` where `y` is not positive.
pub static GRAD: Kernel = kernel!("activation/leaky_relu_grad", [FLAT_INDEX], Bound::Relative(2e-7));

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(FORWARD, forward), twinned!(GRAD, grad)], cases };

/// Records `y = max(x, slope·x)`.
pub fn record_forward(recorder: &mut Recorder, slope: f32, x: View, y: View) {
    record(recorder, &FORWARD, &[("SLOPE", slope.into())], [("x", x), ("y", y)]);
}

/// Records `dy *= slope` where `y` is not positive.
pub fn record_grad(recorder: &mut Recorder, slope: f32, y: View, dy: View) {
    record(recorder, &GRAD, &[("SLOPE", slope.into())], [("y", y), ("dy", dy)]);
}

fn forward<F: Real>(call: &mut Call<'_, F>) {
    let slope = call.float("SLOPE");
    map(call, move |x| x.leaky(slope));
}

fn grad<F: Real>(call: &mut Call<'_, F>) {
    let slope = call.float("SLOPE");
    map_grad(call, "y", move |y, dy| if y > F::ZERO { dy } else { slope * dy });
}

fn cases() -> Vec<Trial> {
    let cases = [("relu", 3, 15, 0.0), ("leaky relu", 1, 45, 0.2)].map(|(name, batch, values, slope)| {
        trials(name, batch, values, |recorder, Views { x, y, dy }| {
            record_forward(recorder, slope, x, y);
            record_grad(recorder, slope, y, dy);
        })
    });
    cases.into_iter().flatten().collect()
}
