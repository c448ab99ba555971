//! Binary cross-entropy on logits with soft labels.

pub mod cross_entropy;

use super::case::{self, Trial};
use super::{FLAT_INDEX, Flat, LOG1P, SIGMOID, STEP_WORD, Topic, tree_trips};
use crate::plan::{Bound, Kernel, Launch, Program, Recorder, View};
use crate::twin::{Call, Real, chunks};
use crate::twinned;

/// Loss, mean D(x) and the logits' gradient.
pub static BCE_LOGITS: Kernel = kernel!("loss/bce_logits", [SIGMOID, LOG1P], Bound::Relative(1e-5));

/// The proof that a step was done, in its row of the ring.
pub static STAMP: Kernel = kernel!("loss/stamp", [], Bound::Relative(1e-7));

/// The gradient of a loss from that of each sample's logit.
pub static SCALE_SAMPLES: Kernel = kernel!("loss/scale_samples", [FLAT_INDEX], Bound::Relative(2e-7));

pub(super) const TOPIC: Topic = Topic {
    kernels: &[
        twinned!(BCE_LOGITS, bce_logits),
        twinned!(STAMP, stamp),
        twinned!(SCALE_SAMPLES, scale_samples),
        twinned!(cross_entropy::CROSS_ENTROPY, cross_entropy::cross_entropy),
    ],
    cases,
};

/// The device-side record of losses: a row for each of the last [`RING_ROWS`] steps.
pub const RING_ROWS: u32 = 64;
/// Columns of the ring: for real images, for fakes and for G's loss, each the loss and the mean
/// D(x); then the step's stamp, and a sum of two parameters that makes the stamp wait for the
/// updates.
pub const RING_COLUMNS: u32 = 8;
/// The column of the stamp.
pub const STAMP_COLUMN: u32 = 6;

/// What the device writes into [`STAMP_COLUMN`] when it has done step number `step`: never 0, which
/// an empty ring holds.
pub fn stamp_of(step: u32) -> f32 {
    (1 + (step & 0x7f_ffff)) as f32
}

/// Which pass a loss belongs to; its number is the first of its two columns of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossOf {
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
pub fn record_bce_logits(recorder: &mut Recorder, target: f32, column: LossOf, views: BceLogits) {
    let BceLogits { logits, step, dlogits, ring } = views;
    let constants = &[
        ("BATCH", logits.len.into()),
        ("TARGET", target.into()),
        ("STEP", STEP_WORD.into()),
        ("COLUMN", (column as u32).into()),
        ("RING_ROWS", RING_ROWS.into()),
        ("RING_COLUMNS", RING_COLUMNS.into()),
    ];
    recorder.dispatch(
        &BCE_LOGITS,
        Launch {
            constants,
            bindings: &[("logits", logits), ("step", step), ("dlogits", dlogits), ("ring", ring)],
            workgroups: [1, 1, 1],
            loop_trips: tree_trips(&BCE_LOGITS, constants, logits.len),
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
                ("STEP", STEP_WORD.into()),
                ("COLUMN", STAMP_COLUMN.into()),
                ("RING_ROWS", RING_ROWS.into()),
                ("RING_COLUMNS", RING_COLUMNS.into()),
            ],
            bindings: &[("step", step), ("g", g), ("d", d), ("ring", ring)],
            workgroups: [1, 1, 1],
            ..Launch::default()
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
    let row = step[call.size("STEP")] as usize % rows * columns + column;
    call.write("ring")[row..row + 2].copy_from_slice(&[loss / F::count(batch), probability / F::count(batch)]);
}

fn stamp<F: Real>(call: &mut Call<'_, F>) {
    let [rows, columns, column] = ["RING_ROWS", "RING_COLUMNS", "COLUMN"].map(|name| call.size(name));
    let (step, witness) = (call.words("step")[call.size("STEP")], call.read("g")[0] + call.read("d")[0]);
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

/// Logits from certain to hopeless.
const LOGITS: [f32; 8] = [0.0, 60.0, -60.0, 120.0, -120.0, 1e-6, 17.0, -17.0];

fn cases() -> Vec<Trial> {
    let ring = |program: &mut Program| case::floats(program, "ring", 2, RING_ROWS * RING_COLUMNS, |z| z);
    let bce = |(batch, target): (u32, f32)| {
        Trial::program(format!("loss of {batch} logits, label {target}"), |program, recorder| {
            let step = case::step_words(program, RING_ROWS + 6);
            let logits = case::floats(program, "logits", 0, batch, |z| 3.0 * z);
            if let Some(contents) = &mut program.tensors[logits.tensor.0 as usize].contents {
                contents.iter_mut().skip(1).zip(LOGITS).for_each(|(word, logit)| *word = logit.to_bits());
            }
            let dlogits = case::floats(program, "dlogits", 1, batch, |z| z);
            let views = BceLogits { logits, step, dlogits, ring: ring(program) };
            for column in [LossOf::Real, LossOf::Fake, LossOf::Generator] {
                record_bce_logits(recorder.scope(format!("{column:?} loss")), target, column, views);
            }
        })
    };
    let stamp = |number| {
        Trial::program(format!("stamp of step {number}"), |program, recorder| {
            let step = case::step_words(program, number);
            let [g, d] = [("g", 0), ("d", 1)].map(|(label, number)| case::floats(program, label, number, 5, |z| z));
            record_stamp(recorder, Stamp { step, g, d, ring: ring(program) });
        })
    };
    let scale = |(pixels, batch, channels): (u32, u32, u32)| {
        Trial::program(format!("scale {batch} samples of {pixels} × {channels}"), |program, recorder| {
            let words = pixels * batch * channels;
            let tensors = [("x", 0, words), ("s", 1, batch), ("y", 2, words)];
            let [x, s, y] = tensors.map(|(label, number, words)| case::floats(program, label, number, words, |z| z));
            record_scale_samples(recorder, channels, ScaleSamples { x, s, y });
        })
    };
    let losses = [(1, 1.0), (3, 0.0), (64, 0.9), (65, 0.1), (200, 1.0)].map(bce).into_iter();
    let stamps = [0, RING_ROWS + 6, 1_000_003].map(stamp);
    let scales = [(1, 64, 1), (5, 7, 3), (6, 33, 4)].map(scale);
    losses.chain(stamps).chain(scales).chain(cross_entropy::cases()).collect()
}
