//! Gradient penalties: points between and around images, norms of D's gradients there, and the
//! directions along which the second order goes (see `docs/objectives.md`).

use super::case::{self, Trial};
use super::loss::{Column, RING_COLUMNS, RING_ROWS};
use super::{ADD_UP, FLAT_INDEX, Flat, NAN_BITS, PHILOX, SEED_WORD, STEP_WORD, Topic, UNIT, tree_trips};
use crate::plan::{Bound, Constant, Kernel, Launch, Recorder, View};
use crate::random::{Source, philox, stream};
use crate::twin::{Call, Real, chunks};
use crate::twinned;
use rayon::prelude::*;

/// Σ and Σ of squares of each sample.
pub static SUMS: Kernel = kernel!("penalty/sums", [ADD_UP], Bound::Sum);
/// The penalty, and what turns a gradient into its direction.
pub static DIRECTION: Kernel = kernel!("penalty/direction", [NAN_BITS, ADD_UP], Bound::Relative(1e-5));
/// A weighted input and a direction together.
pub static BLEND: Kernel = kernel!("penalty/blend", [FLAT_INDEX], Bound::Sum);
/// Points between real and generated images.
pub static BETWEEN: Kernel = kernel!("penalty/between", [FLAT_INDEX, PHILOX, UNIT], Bound::Relative(1e-6));
/// Points around real images.
pub static AROUND: Kernel = kernel!("penalty/around", [FLAT_INDEX, PHILOX, UNIT], Bound::Relative(1e-6));
/// The deviation of all values of a batch.
pub static DEVIATION: Kernel = kernel!("penalty/deviation", [NAN_BITS, ADD_UP], Bound::Relative(1e-5));

pub(super) const TOPIC: Topic = Topic {
    kernels: &[
        twinned!(SUMS, sums),
        twinned!(DIRECTION, direction),
        twinned!(BLEND, blend),
        twinned!(BETWEEN, between),
        twinned!(AROUND, around),
        twinned!(DEVIATION, deviation),
    ],
    cases,
};

/// Records `sums[0, b] = Σ x[b]` and `sums[1, b] = Σ x[b]²` for `x` of `[pixels, batch, channels]`
/// and `sums` of `[2, batch]`.
pub fn record_sums(recorder: &mut Recorder, channels: u32, x: View, sums: View) {
    let batch = sums.len / 2;
    let values = x.len / batch;
    let constants = &[("BATCH", batch.into()), ("CHANNELS", channels.into()), ("VALUES", values.into())];
    recorder.dispatch(
        &SUMS,
        Launch {
            constants,
            bindings: &[("x", x), ("sums", sums)],
            workgroups: [batch, 1, 1],
            loop_trips: tree_trips(&SUMS, constants, values),
            terms: values,
            flops: 3 * u64::from(x.len),
        },
    );
}

/// A penalty `weight · mean (‖g‖ − centre)²`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the formula says what they are")]
pub struct Centred {
    pub weight: f32,
    pub centre: f32,
}

/// What [`record_direction`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Direction {
    /// `[2, batch]`: of the gradients of the samples' logits, from [`record_sums`].
    pub sums: View,
    /// `[..]`: seed, step, …
    pub step: View,
    /// `[batch]`: the direction of a sample is its gradient times this.
    pub factors: View,
    /// `[RING_ROWS, RING_COLUMNS]`
    pub ring: View,
}

/// Records the value of a penalty into `column`, and its derivatives with respect to the gradients.
pub fn record_direction(
    recorder: &mut Recorder,
    Centred { weight, centre }: Centred,
    column: Column,
    Direction { sums, step, factors, ring }: Direction,
) {
    let constants = &[
        ("BATCH", factors.len.into()),
        ("WEIGHT", weight.into()),
        ("CENTRE", centre.into()),
        ("STEP", STEP_WORD.into()),
        ("COLUMN", (column as u32).into()),
        ("RING_ROWS", RING_ROWS.into()),
        ("RING_COLUMNS", RING_COLUMNS.into()),
    ];
    recorder.dispatch(
        &DIRECTION,
        Launch {
            constants,
            bindings: &[("sums", sums), ("step", step), ("factors", factors), ("ring", ring)],
            workgroups: [1, 1, 1],
            loop_trips: tree_trips(&DIRECTION, constants, factors.len),
            terms: factors.len,
            flops: 8 * u64::from(factors.len),
        },
    );
}

/// What [`record_blend`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Blend {
    /// `[pixels, batch, channels]`
    pub x: View,
    /// `[batch]`: factors.
    pub s: View,
    /// `[pixels, batch, channels]`
    pub t: View,
    /// `[pixels, batch, channels]`
    pub y: View,
}

/// Records `y[p, b] = s[b] · x[p, b] + t[p, b]`.
pub fn record_blend(recorder: &mut Recorder, channels: u32, Blend { x, s, t, y }: Blend) {
    let launch = Flat {
        items: y.len,
        constants: &[("SIZE", y.len.into()), ("BATCH", s.len.into()), ("CHANNELS", channels.into())],
        bindings: &[("x", x), ("s", s), ("t", t), ("y", y)],
        terms: 2,
        flops: 2 * u64::from(y.len),
        ..Flat::default()
    };
    launch.record(recorder, &BLEND);
}

/// A batch of images: how many, and of how many channels.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Batch {
    pub images: u32,
    pub channels: u32,
}

/// Records `y = α·real + (1 − α)·fake`, α drawn for each image from `source` at the step in `step`.
pub fn record_between(recorder: &mut Recorder, batch: Batch, source: Source, step: View, [real, fake, y]: [View; 3]) {
    let launch = Flat {
        items: y.len,
        constants: &drawing(y.len, batch, source),
        bindings: &[("r", real), ("f", fake), ("step", step), ("y", y)],
        loop_trips: 10,
        flops: 3 * u64::from(y.len),
        ..Flat::default()
    };
    launch.record(recorder, &BETWEEN);
}

/// Records `y = real + ½·α·deviation·u`, α drawn for each image from `source` and u for each value
/// from the stream behind it, at the step in `step`; `deviation` of `[1]` is written from the
/// `sums` of `real`.
pub fn record_around(
    recorder: &mut Recorder,
    batch: Batch,
    source: Source,
    step: View,
    [real, sums, deviation, y]: [View; 4],
) {
    record_sums(recorder, batch.channels, real, sums);
    let constants = &[("BATCH", batch.images.into()), ("VALUES", (real.len / batch.images).into())];
    recorder.dispatch(
        &DEVIATION,
        Launch {
            constants,
            bindings: &[("sums", sums), ("deviation", deviation)],
            workgroups: [1, 1, 1],
            loop_trips: tree_trips(&DEVIATION, constants, batch.images),
            terms: batch.images,
            flops: 2 * u64::from(batch.images),
        },
    );
    let launch = Flat {
        items: y.len.div_ceil(4),
        constants: &drawing(y.len, batch, source),
        bindings: &[("r", real), ("deviation", deviation), ("step", step), ("y", y)],
        loop_trips: 4 + 5 * 10,
        flops: 4 * u64::from(y.len),
        ..Flat::default()
    };
    launch.record(recorder, &AROUND);
}

fn drawing(size: u32, Batch { images, channels }: Batch, source: Source) -> [(&'static str, Constant); 7] {
    [
        ("SIZE", size.into()),
        ("BATCH", images.into()),
        ("CHANNELS", channels.into()),
        ("SEED", SEED_WORD.into()),
        ("STEP", STEP_WORD.into()),
        ("STREAM", source.stream.into()),
        ("PART", source.part.into()),
    ]
}

fn sums<F: Real>(call: &mut Call<'_, F>) {
    let [batch, channels] = ["BATCH", "CHANNELS"].map(|name| call.size(name));
    let (x, sums) = (call.read("x"), call.write("sums"));
    sums.fill(F::ZERO);
    let (plain, squares) = sums.split_at_mut(batch);
    plain.par_iter_mut().zip(squares).enumerate().for_each(|(b, (sum, square))| {
        for pixel in x.chunks_exact(batch * channels) {
            for &value in &pixel[b * channels..][..channels] {
                *sum += value;
                *square += value * value;
            }
        }
    });
}

fn direction<F: Real>(call: &mut Call<'_, F>) {
    let [batch, column] = ["BATCH", "COLUMN"].map(|name| call.size(name));
    let [rows, columns] = ["RING_ROWS", "RING_COLUMNS"].map(|name| call.size(name));
    let [weight, centre] = ["WEIGHT", "CENTRE"].map(|name| call.float(name));
    let (squares, step) = (&call.read("sums")[batch..], call.words("step")[call.size("STEP")] as usize);
    let mut sum = F::ZERO;
    for (factor, &square) in call.write("factors").iter_mut().zip(squares) {
        let spoil = if square.wide().is_finite() { F::ZERO } else { F::of(f64::NAN) };
        let n = square.sqrt().max(F::of(1e-12)) + spoil;
        let far = n - centre;
        sum += far * far;
        *factor = F::of(2.0) * weight / F::count(batch) * (far / n);
    }
    call.write("ring")[step % rows * columns + column] = weight * sum / F::count(batch);
}

fn blend<F: Real>(call: &mut Call<'_, F>) {
    let (channels, x, s, t) = (call.size("CHANNELS"), call.read("x"), call.read("s"), call.read("t"));
    chunks(
        call.write("y"),
        channels,
        #[inline(always)]
        move |first, y| {
            let inputs = x[first..].chunks_exact(channels).zip(t[first..].chunks_exact(channels));
            for (row, (y, (x, t))) in (first / channels..).zip(y.chunks_exact_mut(channels).zip(inputs)) {
                let s = s[row % s.len()];
                y.iter_mut().zip(x.iter().zip(t)).for_each(|(y, (&x, &t))| *y = s * x + t);
            }
        },
    );
}

/// What a twin draws its words with: block `index` of the stream `ahead` of the kernel's.
fn blocks<'a, F: Real>(call: &Call<'a, F>) -> impl Fn(usize, u32) -> [u32; 4] + Copy + Send + Sync + use<'a, F> {
    let [seed, step] = ["SEED", "STEP"].map(|name| call.size(name));
    let [stream, part] = ["STREAM", "PART"].map(|name| call.size(name) as u32);
    let words = call.words("step");
    move |index, ahead| philox([words[seed], words[seed + 1]], [index as u32, words[step], stream + ahead, part])
}

/// A number uniform in [0, 1) from a random word.
fn unit<F: Real>(word: u32) -> F {
    F::of(f64::from(word >> 8) / 16_777_216.0)
}

fn between<F: Real>(call: &mut Call<'_, F>) {
    let [batch, channels] = ["BATCH", "CHANNELS"].map(|name| call.size(name));
    let (block, r, f) = (blocks(call), call.read("r"), call.read("f"));
    let alphas: Vec<F> = (0..batch).map(|b| unit(block(b, 0)[0])).collect();
    for (row, y) in call.write("y").chunks_exact_mut(channels).enumerate() {
        let (alpha, first) = (alphas[row % batch], row * channels);
        for (i, y) in (first..).zip(y) {
            *y = alpha * r[i] + (F::ONE - alpha) * f[i];
        }
    }
}

fn around<F: Real>(call: &mut Call<'_, F>) {
    let [batch, channels] = ["BATCH", "CHANNELS"].map(|name| call.size(name));
    let (block, r, deviation) = (blocks(call), call.read("r"), call.read("deviation")[0]);
    let alphas: Vec<F> = (0..batch).map(|b| unit(block(b, 0)[0])).collect();
    call.write("y").par_chunks_mut(4).enumerate().for_each(|(index, y)| {
        for (lane, (y, word)) in y.iter_mut().zip(block(index, 1)).enumerate() {
            let i = 4 * index + lane;
            *y = r[i] + F::of(0.5) * alphas[i / channels % batch] * deviation * unit(word);
        }
    });
}

fn deviation<F: Real>(call: &mut Call<'_, F>) {
    let [batch, values] = ["BATCH", "VALUES"].map(|name| call.size(name));
    let mean = |sums: &[F]| sums.iter().fold(F::ZERO, |sum, &x| sum + x) / (F::count(batch) * F::count(values));
    let (plain, squares) = call.read("sums").split_at(batch);
    let (mean, square) = (mean(plain), mean(squares));
    let variance = square - mean * mean;
    let spoil = if variance.wide().is_finite() { F::ZERO } else { F::of(f64::NAN) };
    call.write("deviation")[0] = (variance.max(F::ZERO) + spoil).sqrt();
}

fn cases() -> Vec<Trial> {
    let case = |(pixels, images, channels): (u32, u32, u32)| {
        Trial::program(format!("penalty of {images} samples of {pixels} × {channels}"), |program, recorder| {
            let words = pixels * images * channels;
            let step = case::step_words(program, RING_ROWS + 6);
            let mut floats = |label, number, words| case::floats(program, label, number, words, |z| 0.3 * z);
            let [r, f] = [("r", 0), ("f", 1)].map(|(label, number)| floats(label, number, words));
            let [x, y, t] = ["between", "around", "blend"].map(|label| floats(label, 2, words));
            let [sums, factors, deviation] = [("sums", 2 * images), ("factors", images), ("deviation", 1)]
                .map(|(label, words)| floats(label, 3, words));
            let ring = floats("ring", 4, RING_ROWS * RING_COLUMNS);
            let batch = Batch { images, channels };
            record_between(recorder, batch, Source { stream: stream::DEVICE, part: 1 }, step, [r, f, x]);
            record_around(recorder, batch, Source { stream: stream::DEVICE, part: 2 }, step, [r, sums, deviation, y]);
            for (column, centre) in [(Column::PenaltyReal, 0.0), (Column::PenaltyBetween, 1.0)] {
                let views = Direction { sums, step, factors, ring };
                record_direction(recorder, Centred { weight: 10.0, centre }, column, views);
            }
            record_blend(recorder, channels, Blend { x, s: factors, t: y, y: t });
        })
    };
    [(1, 64, 1), (35, 7, 3), (6, 33, 4), (100, 130, 1)].map(case).into()
}
