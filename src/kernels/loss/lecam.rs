//! The LeCam regulariser (Tseng et al. 2021): draws the logits of real images to the running mean
//! of those of generated ones, and the other way round.

use super::{Column, LossOf, RING_COLUMNS, RING_ROWS};
use crate::kernels::{ADD_UP, NAN_BITS, STEP_WORD, tree_trips};
use crate::plan::{Bound, Kernel, Launch, Recorder, View};
use crate::twin::{Call, Real};

/// Adds to the logits' gradients, and keeps the means.
pub static LECAM: Kernel = kernel!("loss/lecam", [NAN_BITS, ADD_UP], Bound::Relative(1e-5));

/// What the running means keep of themselves in a step.
const KEPT: f64 = 0.99;

/// Words of the running means: that of real images, of generated ones, and the next of real ones.
pub const MEANS: u32 = 3;
/// Of these, the first ones outlast a step.
pub const STORED_MEANS: u32 = 2;

/// How strong it is, and from which step on.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Lecam {
    pub weight: f64,
    pub start: u32,
}

/// What [`record`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    /// `[batch, stride]`: the first of each row is a sample's logit.
    pub logits: View,
    /// `[..]`: seed, step, …
    pub step: View,
    /// `[MEANS]`
    pub means: View,
    /// `[batch, stride]`: the first of each row is added to.
    pub dlogits: View,
    /// `[RING_ROWS, RING_COLUMNS]`
    pub ring: View,
}

/// Records the regulariser on the logits of real images and then, in the same step, on those of
/// generated ones.
pub fn record(
    recorder: &mut Recorder,
    Lecam { weight, start }: Lecam,
    of: LossOf,
    stride: u32,
    Means { logits, step, means, dlogits, ring }: Means,
) {
    let batch = logits.len / stride;
    let column = if of == LossOf::Real { Column::LecamReal } else { Column::LecamFake };
    let constants = &[
        ("BATCH", batch.into()),
        ("STRIDE", stride.into()),
        ("IS_REAL", u32::from(of == LossOf::Real).into()),
        ("WEIGHT", (weight as f32).into()),
        ("START", start.into()),
        ("KEPT", (KEPT as f32).into()),
        ("NEW", ((1.0 - KEPT) as f32).into()),
        ("STEP", STEP_WORD.into()),
        ("COLUMN", (column as u32).into()),
        ("RING_ROWS", RING_ROWS.into()),
        ("RING_COLUMNS", RING_COLUMNS.into()),
    ];
    recorder.dispatch(
        &LECAM,
        Launch {
            constants,
            bindings: &[("logits", logits), ("step", step), ("means", means), ("dlogits", dlogits), ("ring", ring)],
            workgroups: [1, 1, 1],
            loop_trips: tree_trips(&LECAM, constants, batch),
            terms: batch,
            flops: 10 * u64::from(batch),
        },
    );
}

pub(super) fn lecam<F: Real>(call: &mut Call<'_, F>) {
    let [batch, stride, start, column] = ["BATCH", "STRIDE", "START", "COLUMN"].map(|name| call.size(name));
    let [rows, columns, is_real] = ["RING_ROWS", "RING_COLUMNS", "IS_REAL"].map(|name| call.size(name));
    let [kept, new] = ["KEPT", "NEW"].map(|name| call.float(name));
    let (logits, step) = (call.read("logits"), call.words("step")[call.size("STEP")] as usize);
    let weight = if step >= start { call.float("WEIGHT") } else { F::ZERO };
    let sign = if is_real == 1 { F::ONE } else { -F::ONE };
    let means = call.write("means");
    let (anchor, mut sum, mut squares) = (means[is_real], F::ZERO, F::ZERO);
    for (dlogit, &l) in call.write("dlogits").iter_mut().step_by(stride).zip(logits.iter().step_by(stride)) {
        let spoil = if l.wide().is_finite() { F::ZERO } else { F::of(f64::NAN) };
        let far = (sign * (l - anchor)).max(F::ZERO) + spoil;
        sum += l;
        squares += far * far;
        *dlogit += F::of(2.0) * weight / F::count(batch) * sign * far;
    }
    let (mean, value) = (sum / F::count(batch), weight * squares / F::count(batch));
    call.write("ring")[step % rows * columns + column] = value;
    if is_real == 1 {
        means[2] = kept * means[0] + new * mean;
    } else {
        means[0] = means[2];
        means[1] = kept * means[1] + new * mean;
    }
}
