//! Binary cross-entropy on logits with soft labels.

use super::{FLAT_INDEX, Flat, SIGMOID};
use crate::plan::{Bound, Kernel};
use crate::plan::{Launch, Recorder, View};
use crate::twin::Real;
use crate::twin::chunks;
use crate::twin::{Call, Twinned};
use crate::twinned;

/// Loss, mean D(x) and the logits' gradient.
pub static BCE_LOGITS: Kernel = kernel!("loss/bce_logits", [SIGMOID], Bound::Relative(1e-5));

/// The proof that a step was done, in its row of the ring.
pub static STAMP: Kernel = kernel!("loss/stamp", [], Bound::Relative(1e-7));

/// The gradient of a loss from that of each sample's logit.
pub static SCALE_SAMPLES: Kernel = kernel!("loss/scale_samples", [FLAT_INDEX], Bound::Relative(2e-7));

/// The kernels of this file with their twins.
pub(super) const KERNELS: &[Twinned] =
    &[twinned!(BCE_LOGITS, bce_logits), twinned!(STAMP, stamp), twinned!(SCALE_SAMPLES, scale_samples)];

/// The device-side record of losses: a row for each of the last [`RING_ROWS`] steps.
pub const RING_ROWS: u32 = 64;
/// Columns of the ring: for real images, for fakes and for G's loss, each the loss and the mean D(x); then the step's
/// stamp, and a sum of two parameters that makes the stamp wait for the updates.
pub const RING_COLUMNS: u32 = 8;
/// The column of the stamp.
pub const STAMP_COLUMN: u32 = 6;

/// What the device writes into [`STAMP_COLUMN`] when it has done step number `step`: never 0, which an empty ring holds.
pub fn stamp_of(step: u32) -> f32 {
    (1 + (step & 0x7f_ffff)) as f32
}

/// Which pass a loss belongs to; its number is the first of its two columns of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// D on real images.
    Real = 0,
    /// D on generated images.
    Fake = 2,
    /// G, through D.
    Generator = 4,
}

/// What [`record_bce_logits`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct BceLogits {
    /// `[batch]`
    pub logits: View,
    /// `[8]`: seed, step, …
    pub step: View,
    /// `[batch]`
    pub dlogits: View,
    /// `[RING_ROWS, RING_COLUMNS]`
    pub ring: View,
}

/// Records the mean loss of `logits` against the soft label `target`, with its gradient.
pub fn record_bce_logits(recorder: &mut Recorder, target: f32, column: Column, views: BceLogits) {
    let BceLogits { logits, step, dlogits, ring } = views;
    recorder.dispatch(
        &BCE_LOGITS,
        Launch {
            constants: &[
                ("BATCH", logits.len.into()),
                ("TARGET", target.into()),
                ("COLUMN", (column as u32).into()),
                ("RING_ROWS", RING_ROWS.into()),
                ("RING_COLUMNS", RING_COLUMNS.into()),
            ],
            bindings: &[("logits", logits), ("step", step), ("dlogits", dlogits), ("ring", ring)],
            workgroups: [1, 1, 1],
            loop_trips: logits.len.div_ceil(64) + 6,
            terms: logits.len,
            flops: 10 * u64::from(logits.len),
        },
    );
}

/// What [`record_stamp`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// `[8]`: seed, step, …
    pub step: View,
    /// A tensor that the update of G writes.
    pub g: View,
    /// One that the update of D writes.
    pub d: View,
    /// `[RING_ROWS, RING_COLUMNS]`
    pub ring: View,
}

/// Records the stamp of a step, after everything else.
pub fn record_stamp(recorder: &mut Recorder, Stamp { step, g, d, ring }: Stamp) {
    recorder.dispatch(
        &STAMP,
        Launch {
            constants: &[
                ("COLUMN", STAMP_COLUMN.into()),
                ("RING_ROWS", RING_ROWS.into()),
                ("RING_COLUMNS", RING_COLUMNS.into()),
            ],
            bindings: &[("step", step), ("g", g), ("d", d), ("ring", ring)],
            workgroups: [1, 1, 1],
            loop_trips: 0,
            terms: 0,
            flops: 0,
        },
    );
}

/// What [`record_scale_samples`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct ScaleSamples {
    /// `[pixels, batch, channels]`
    pub x: View,
    /// `[batch]`: factors.
    pub s: View,
    /// `[pixels, batch, channels]`
    pub y: View,
}

/// Records `y[p, b] = s[b] · x[p, b]`.
pub fn record_scale_samples(recorder: &mut Recorder, channels: u32, ScaleSamples { x, s, y }: ScaleSamples) {
    let launch = Flat {
        items: y.len,
        constants: &[("SIZE", y.len.into()), ("BATCH", s.len.into()), ("CHANNELS", channels.into())],
        bindings: &[("x", x), ("s", s), ("y", y)],
        flops: y.len.into(),
        ..Flat::default()
    };
    launch.record(recorder, &SCALE_SAMPLES);
}

fn bce_logits<F: Real>(call: &mut Call<'_, F>) {
    let [batch, column] = ["BATCH", "COLUMN"].map(|name| call.size(name));
    let [rows, columns] = ["RING_ROWS", "RING_COLUMNS"].map(|name| call.size(name));
    let (target, logits, step) = (call.float("TARGET"), call.read("logits"), call.words("step"));
    let (mut loss, mut probability) = (F::ZERO, F::ZERO);
    for (dlogit, &l) in call.write("dlogits").iter_mut().zip(logits) {
        // NaN where the logit is none or infinite: `max` would make a number of it.
        let spoil = if l.wide().is_finite() { F::ZERO } else { F::of(f64::NAN) };
        let s = l.sigmoid() + spoil;
        loss += l.max(F::ZERO) - target * l + (-l.abs()).exp().ln_1p() + spoil;
        probability += s;
        *dlogit = (s - target) / F::count(batch);
    }
    let row = step[2] as usize % rows * columns + column;
    call.write("ring")[row..row + 2].copy_from_slice(&[loss / F::count(batch), probability / F::count(batch)]);
}

fn stamp<F: Real>(call: &mut Call<'_, F>) {
    let [rows, columns, column] = ["RING_ROWS", "RING_COLUMNS", "COLUMN"].map(|name| call.size(name));
    let (step, witness) = (call.words("step")[2], call.read("g")[0] + call.read("d")[0]);
    let row = step as usize % rows * columns + column;
    call.write("ring")[row..row + 2].copy_from_slice(&[F::of(stamp_of(step).into()), witness]);
}

fn scale_samples<F: Real>(call: &mut Call<'_, F>) {
    let (channels, x, s) = (call.size("CHANNELS"), call.read("x"), call.read("s"));
    chunks(
        call.write("y"),
        channels,
        #[inline(always)]
        move |first, y| {
            let rows = y.chunks_exact_mut(channels).zip(x[first..].chunks_exact(channels));
            for (row, (y, x)) in (first / channels..).zip(rows) {
                let s = s[row % s.len()];
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = s * x);
            }
        },
    );
}
