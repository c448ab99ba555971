//! Losses on logits, what steps record, and the stamp of a step.

pub mod adversarial;
pub mod cross_entropy;
pub mod lecam;

use super::case::{self, Trial};
use super::{FLAT_INDEX, Flat, STEP_WORD, Topic};
use crate::plan::{Bound, Kernel, Launch, Program, Recorder, View};
use crate::twin::{Call, Real, Twinned, chunks};
use crate::twinned;
use adversarial::Logits;
use lecam::{Lecam, Means};

/// The proof that a step was done, in its row of the ring.
pub static STAMP: Kernel = kernel!("loss/stamp", [], Bound::Relative(1e-7));

/// The gradient of a loss from that of each sample's logit.
pub static SCALE_SAMPLES: Kernel = kernel!("loss/scale_samples", [FLAT_INDEX], Bound::Relative(2e-7));

pub(super) const TOPIC: Topic = Topic {
    kernels: &[
        twinned!(adversarial::NON_SATURATING, adversarial::non_saturating),
        twinned!(adversarial::MINIMAX, adversarial::minimax),
        twinned!(adversarial::LEAST_SQUARES, adversarial::least_squares),
        twinned!(adversarial::HINGE, adversarial::hinge),
        twinned!(adversarial::WASSERSTEIN, adversarial::wasserstein),
        twinned!(adversarial::RELATIVISTIC_PAIRING, adversarial::relativistic_pairing),
        twinned!(lecam::LECAM, lecam::lecam),
        twinned!(STAMP, stamp),
        twinned!(SCALE_SAMPLES, scale_samples),
        twinned!(cross_entropy::CROSS_ENTROPY, cross_entropy::cross_entropy),
    ],
    cases,
};

/// The device-side record of losses: a row for each of the last [`RING_ROWS`] steps.
pub const RING_ROWS: u32 = 64;
/// Words of a row of the ring: those of [`LossOf`], of [`Column`], and the stamp.
pub const RING_COLUMNS: u32 = 20;
/// The word of the stamp; behind it, a sum of two parameters that makes the stamp wait for the
/// updates.
pub const STAMP_COLUMN: u32 = 6;

/// The words of a row that are not always written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The penalty on real images.
    PenaltyReal = 8,
    /// The penalty on generated images.
    PenaltyFake = 9,
    /// The penalty on images between or around them.
    PenaltyBetween = 10,
    /// The LeCam regulariser on real images.
    LecamReal = 11,
    /// The largest spectral norm of D's layers.
    Sigma = 12,
    /// The class loss of real images.
    ClassReal = 13,
    /// The class loss of generated images.
    ClassFake = 14,
    /// The class loss of generated images as G's loss has it.
    ClassGenerator = 15,
    /// The LeCam regulariser on generated images.
    LecamFake = 16,
}

/// What the device writes into [`STAMP_COLUMN`] when it has done step number `step`: never 0, which
/// an empty ring holds.
pub fn stamp_of(step: u32) -> f32 {
    (1 + (step & 0x7f_ffff)) as f32
}

/// Which pass a loss belongs to; its number is the first of its two words of a row: the loss, and
/// the mean of what stands for D(x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossOf {
    /// D on real images.
    Real = 0,
    /// D on generated images.
    Fake = 2,
    /// G, through D.
    Generator = 4,
}

impl LossOf {
    /// In the order of [`LossOf::role`].
    pub const ALL: [LossOf; 3] = [LossOf::Real, LossOf::Fake, LossOf::Generator];

    /// Its number in `common/adversarial.wgsl`.
    fn role(self) -> u32 {
        self as u32 / 2
    }
}

/// What [`record_stamp`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// `[..]`: seed, step, …
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
    let logits = |program: &mut Program, number, batch: u32, stride: u32| {
        let logits = case::floats(program, "logits", number, batch * stride, |z| 3.0 * z);
        if let Some(contents) = &mut program.tensors[logits.tensor.0 as usize].contents {
            contents.iter_mut().skip(1).zip(LOGITS).for_each(|(word, logit)| *word = logit.to_bits());
        }
        logits
    };
    let adversarial = |(batch, target, stride): (u32, f32, u32)| {
        TOPIC.kernels[..6].iter().map(move |Twinned { kernel, .. }| {
            let of = format!("{} of {batch} logits, label {target}", kernel.name);
            Trial::program(of, |program, recorder| {
                let step = case::step_words(program, RING_ROWS + 6);
                let others = case::floats(program, "others", 5, batch * stride, |z| 3.0 * z);
                let logits = logits(program, 0, batch, stride);
                let dlogits = case::floats(program, "dlogits", 1, batch * stride, |z| z);
                let views = Logits { logits, others, step, dlogits, ring: ring(program) };
                for of in LossOf::ALL {
                    recorder.scope(format!("{of:?} loss"));
                    adversarial::record(recorder, kernel, target, of, stride, views);
                }
            })
        })
    };
    let lecam = |(batch, start): (u32, u32)| {
        Trial::program(format!("lecam of {batch} logits from step {start} on"), |program, recorder| {
            let step = case::step_words(program, RING_ROWS + 6);
            let logits = logits(program, 0, batch, 1);
            let means = case::floats(program, "means", 3, lecam::MEANS, |z| z);
            let dlogits = case::floats(program, "dlogits", 1, batch, |z| z);
            let ring = ring(program);
            for of in [LossOf::Real, LossOf::Fake] {
                let views = Means { logits, step, means, dlogits, ring };
                lecam::record(recorder.scope(format!("{of:?}")), Lecam { weight: 0.3, start }, of, 1, views);
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
    let losses = [(1, 1.0, 1), (3, 0.0, 1), (64, 0.9, 3), (65, 0.1, 1), (200, 1.0, 11)];
    let losses = losses.into_iter().flat_map(adversarial).chain([(1, 0), (65, 70), (64, 71)].map(lecam));
    let stamps = [0, RING_ROWS + 6, 1_000_003].map(stamp);
    let scales = [(1, 64, 1), (5, 7, 3), (6, 33, 4)].map(scale);
    losses.chain(stamps).chain(scales).chain(cross_entropy::cases()).collect()
}
