//! Batch normalisation (Ioffe, Szegedy 2015), over every channel or over every feature of a dense layer.

use rayon::prelude::*;

use super::{FLAT_INDEX, Flat, KEEP_NAN};
use crate::plan::{Bound, Kernel};
use crate::plan::{Constant, MAX_LOOP_TRIPS, Recorder, View};
use crate::twin::Real;
use crate::twin::{Call, Twinned};
use crate::twin::{chunks, vectorised};
use crate::twinned;

/// Mean and squared deviations of each share of rows.
pub static MOMENTS: Kernel = kernel!("batch_norm/moments", [FLAT_INDEX], Bound::Relative(1e-5));
/// Mean and inverse deviation of the batch; updates the running statistics.
pub static STATISTICS: Kernel = kernel!("batch_norm/statistics", [FLAT_INDEX], Bound::Relative(2e-6));
/// Mean and inverse deviation from the running statistics.
pub static RUNNING: Kernel = kernel!("batch_norm/running", [FLAT_INDEX], Bound::Relative(2e-6));
/// Normalise, scale, shift, and a leaky ReLU.
pub static FORWARD: Kernel = kernel!("batch_norm/forward", [FLAT_INDEX, KEEP_NAN], Bound::Relative(2e-6));
/// Σ dy and Σ dy·x̂ of each share of rows.
pub static GRAD_SUMS: Kernel = kernel!("batch_norm/grad_sums", [FLAT_INDEX], Bound::Relative(1e-5));
/// Their totals, and the gradients of scale and shift.
pub static GRAD_PARAMETERS: Kernel = kernel!("batch_norm/grad_parameters", [FLAT_INDEX], Bound::Relative(1e-5));
/// The gradient with respect to the input.
pub static GRAD_INPUT: Kernel = kernel!("batch_norm/grad_input", [FLAT_INDEX], Bound::Relative(2e-6));

/// The kernels of this file with their twins.
pub(super) const KERNELS: &[Twinned] = &[
    twinned!(MOMENTS, moments),
    twinned!(STATISTICS, statistics),
    twinned!(RUNNING, running),
    twinned!(FORWARD, forward),
    twinned!(GRAD_SUMS, grad_sums),
    twinned!(GRAD_PARAMETERS, grad_parameters),
    twinned!(GRAD_INPUT, grad_input),
];

/// Rows that one invocation adds up.
const SHARE: u32 = 128;

/// How a tensor of `[groups, rows, channels]` divides into features that share statistics, or a bias.
///
/// Per channel there is one group with a row for each (pixel, sample); per feature there is a group for each pixel
/// with a row for each sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Groups.
    pub groups: u32,
    /// Rows of a group.
    pub rows: u32,
    /// Channels.
    pub channels: u32,
}

impl Features {
    /// A feature for each channel of `[pixels, batch, channels]`.
    pub fn per_channel(pixels: u32, batch: u32, channels: u32) -> Self {
        Features { groups: 1, rows: pixels * batch, channels }
    }

    /// A feature for each pixel and channel of `[pixels, batch, channels]`.
    pub fn per_feature(pixels: u32, batch: u32, channels: u32) -> Self {
        Features { groups: pixels, rows: batch, channels }
    }

    /// Features.
    pub fn count(self) -> u32 {
        self.groups * self.channels
    }

    /// Shares that the rows are cut into; more where a share would be over-long.
    pub fn splits(self) -> u32 {
        self.rows.div_ceil(self.share())
    }

    /// Rows of a share.
    pub fn share(self) -> u32 {
        SHARE.max(self.rows.div_ceil(MAX_LOOP_TRIPS))
    }

    /// Words of scratch that the shares' partial sums take: `[splits, 2, features]`.
    pub fn partial_words(self) -> u32 {
        self.splits() * 2 * self.count()
    }

    /// The constants of the kernels that sum over shares.
    pub(super) fn constants(self) -> Vec<(&'static str, Constant)> {
        vec![
            ("FEATURES", self.count().into()),
            ("CHANNELS", self.channels.into()),
            ("ROWS", self.rows.into()),
            ("SPLITS", self.splits().into()),
            ("SHARE", self.share().into()),
        ]
    }

    fn elements(self) -> u32 {
        self.groups * self.rows * self.channels
    }
}

/// The tensors of one batch-norm layer.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormTensors {
    /// `[features]`
    pub scale: View,
    /// `[features]`
    pub shift: View,
    /// `[2, features]`: mean and inverse deviation of the batch at hand.
    pub stats: View,
    /// `[2, features]`: running mean and variance.
    pub running: View,
    /// Scratch for `[splits, 2, features]`.
    pub partial: View,
}

/// Records the batch statistics of `x` into `stats`, and their part into `running`.
pub fn record_statistics(
    recorder: &mut Recorder,
    features: Features,
    tensors: &BatchNormTensors,
    x: View,
    epsilon: f32,
    momentum: f32,
) {
    let partial = tensors.partial.slice(0, features.partial_words());
    let shares = features.splits() * features.count();
    flat(recorder, &MOMENTS, features.constants(), &[("x", x), ("partial", partial)], shares, features.share(), 4);
    let mut constants = features.constants();
    constants.retain(|(name, _)| *name != "CHANNELS");
    constants.extend([("EPSILON", epsilon.into()), ("MOMENTUM", momentum.into())]);
    let bindings = [("partial", partial), ("stats", tensors.stats), ("running", tensors.running)];
    flat(recorder, &STATISTICS, constants, &bindings, features.count(), features.splits(), 12);
}

/// Records `stats` from the running statistics.
pub fn record_running(recorder: &mut Recorder, features: Features, tensors: &BatchNormTensors, epsilon: f32) {
    let constants = vec![("FEATURES", features.count().into()), ("EPSILON", epsilon.into())];
    let bindings = [("running", tensors.running), ("stats", tensors.stats)];
    flat(recorder, &RUNNING, constants, &bindings, features.count(), 0, 3);
}

/// Records `y = leaky(scale · (x − mean) / deviation + shift)` with the statistics in `stats`; with slope 1 there is no
/// activation.
pub fn record_forward(
    recorder: &mut Recorder,
    features: Features,
    tensors: &BatchNormTensors,
    slope: f32,
    x: View,
    y: View,
) {
    let bindings = [("x", x), ("stats", tensors.stats), ("scale", tensors.scale), ("shift", tensors.shift), ("y", y)];
    let mut constants = elementwise_constants(features);
    constants.push(("SLOPE", slope.into()));
    flat(recorder, &FORWARD, constants, &bindings, features.elements(), 0, 4);
}

/// What [`record_grad_parameters`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct GradParameters {
    /// `[groups, rows, channels]`
    pub x: View,
    /// `[groups, rows, channels]`
    pub dy: View,
    /// `[2, features]`: the sums of this pass.
    pub sums: View,
    /// `[dscale, dshift]`, with the shift's part `pitch` words after the scale's.
    pub gradient: View,
    /// Words from the scale's gradient to the shift's.
    pub pitch: u32,
    /// Whether `gradient` is wanted.
    pub accumulate: bool,
}

/// Records the sums of this pass and, with `accumulate`, adds them to `gradient`.
pub fn record_grad_parameters(
    recorder: &mut Recorder,
    features: Features,
    tensors: &BatchNormTensors,
    views: GradParameters,
) {
    let GradParameters { x, dy, sums, gradient, pitch, accumulate } = views;
    let partial = tensors.partial.slice(0, features.partial_words());
    let shares = features.splits() * features.count();
    let bindings = [("x", x), ("dy", dy), ("stats", tensors.stats), ("partial", partial)];
    flat(recorder, &GRAD_SUMS, features.constants(), &bindings, shares, features.share(), 5);
    let constants = vec![
        ("FEATURES", features.count().into()),
        ("SPLITS", features.splits().into()),
        ("PITCH", pitch.into()),
        ("ACCUMULATE", u32::from(accumulate).into()),
    ];
    let bindings = [("partial", partial), ("sums", sums), ("gradient", gradient)];
    flat(recorder, &GRAD_PARAMETERS, constants, &bindings, features.count(), features.splits(), 2);
}

/// What [`record_grad_input`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct GradInput {
    /// `[groups, rows, channels]`
    pub x: View,
    /// `[groups, rows, channels]`
    pub dy: View,
    /// `[2, features]`: the sums of this pass.
    pub sums: View,
    /// `[groups, rows, channels]`
    pub dx: View,
}

/// Records the gradient with respect to the input from the `sums` of this pass.
pub fn record_grad_input(recorder: &mut Recorder, features: Features, tensors: &BatchNormTensors, views: GradInput) {
    let GradInput { x, dy, sums, dx } = views;
    let bindings =
        [("x", x), ("dy", dy), ("stats", tensors.stats), ("scale", tensors.scale), ("sums", sums), ("dx", dx)];
    flat(recorder, &GRAD_INPUT, elementwise_constants(features), &bindings, features.elements(), 0, 8);
}

fn elementwise_constants(features: Features) -> Vec<(&'static str, Constant)> {
    let mut constants = features.constants();
    constants.retain(|(name, _)| !matches!(*name, "SPLITS" | "SHARE"));
    constants.push(("SIZE", features.elements().into()));
    constants
}

fn flat(
    recorder: &mut Recorder,
    kernel: &'static Kernel,
    constants: Vec<(&'static str, Constant)>,
    bindings: &[(&'static str, View)],
    items: u32,
    loop_trips: u32,
    flops_per_item: u64,
) {
    let flops = u64::from(items) * u64::from(loop_trips.max(1)) * flops_per_item;
    let launch = Flat { items, constants: &constants, bindings, loop_trips, terms: loop_trips, flops };
    launch.record(recorder, kernel);
}

fn moments<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows, share] = ["FEATURES", "CHANNELS", "ROWS", "SHARE"].map(|name| call.size(name));
    let (x, partial) = (call.read("x"), call.write("partial"));
    partial.par_chunks_mut(2 * features).enumerate().for_each(|(s, partial)| {
        let (first, end) = (s * share, ((s + 1) * share).min(rows));
        let (means, squares) = partial.split_at_mut(features);
        let groups = means.chunks_exact_mut(channels).zip(squares.chunks_exact_mut(channels));
        vectorised(
            #[inline(always)]
            move || {
                for (g, (sum, squares)) in groups.enumerate() {
                    let row = |r: usize| &x[(g * rows + r) * channels..][..channels];
                    let shift = row(first);
                    sum.fill(F::ZERO);
                    squares.fill(F::ZERO);
                    for r in first..end {
                        for (((sum, square), &x), &shift) in sum.iter_mut().zip(&mut *squares).zip(row(r)).zip(shift) {
                            let d = x - shift;
                            *sum += d;
                            *square += d * d;
                        }
                    }
                    for ((sum, square), &shift) in sum.iter_mut().zip(squares).zip(shift) {
                        let mean = *sum / F::count(end - first);
                        *square = (*square - *sum * mean).max(F::ZERO);
                        *sum = shift + mean;
                    }
                }
            },
        );
    });
}

fn statistics<F: Real>(call: &mut Call<'_, F>) {
    let [features, rows, splits, share] = ["FEATURES", "ROWS", "SPLITS", "SHARE"].map(|name| call.size(name));
    let (epsilon, momentum) = (call.float("EPSILON"), call.float("MOMENTUM"));
    let (partial, stats, running) = (call.read("partial"), call.write("stats"), call.write("running"));
    for f in 0..features {
        let (mut mean, mut squares) = (F::ZERO, F::ZERO);
        for s in 0..splits {
            let (before, here) = (F::count(s * share), F::count(share.min(rows - s * share)));
            let delta = partial[s * 2 * features + f] - mean;
            mean += delta * (here / (before + here));
            squares += partial[(s * 2 + 1) * features + f] + delta * delta * (before * here / (before + here));
        }
        let unbiased = squares / F::count(rows.max(2) - 1);
        stats[f] = mean;
        stats[features + f] = F::ONE / (squares / F::count(rows) + epsilon).sqrt();
        running[f] += momentum * (mean - running[f]);
        running[features + f] += momentum * (unbiased - running[features + f]);
    }
}

fn running<F: Real>(call: &mut Call<'_, F>) {
    let (features, epsilon) = (call.size("FEATURES"), call.float("EPSILON"));
    let (running, stats) = (call.read("running"), call.write("stats"));
    for f in 0..features {
        stats[f] = running[f];
        stats[features + f] = F::ONE / (running[features + f] + epsilon).sqrt();
    }
}

fn forward<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows] = ["FEATURES", "CHANNELS", "ROWS"].map(|name| call.size(name));
    let slope = call.float("SLOPE");
    let [x, stats, scale, shift] = ["x", "stats", "scale", "shift"].map(|name| call.read(name));
    chunks(
        call.write("y"),
        channels,
        #[inline(always)]
        move |first, y| {
            for (i, y) in y.chunks_exact_mut(channels).enumerate() {
                let row = first / channels + i;
                let f = row / rows * channels;
                let x = &x[row * channels..][..channels];
                let (mean, inverse) = (&stats[f..][..channels], &stats[features + f..][..channels]);
                let (scale, shift) = (&scale[f..][..channels], &shift[f..][..channels]);
                let parameters = mean.iter().zip(inverse).zip(scale.iter().zip(shift));
                for ((y, &x), ((&mean, &inverse), (&scale, &shift))) in y.iter_mut().zip(x).zip(parameters) {
                    *y = (scale * ((x - mean) * inverse) + shift).leaky(slope);
                }
            }
        },
    );
}

fn grad_sums<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows, share] = ["FEATURES", "CHANNELS", "ROWS", "SHARE"].map(|name| call.size(name));
    let [x, dy, stats] = ["x", "dy", "stats"].map(|name| call.read(name));
    call.write("partial").par_chunks_mut(2 * features).enumerate().for_each(|(s, partial)| {
        let (sums, products) = partial.split_at_mut(features);
        sums.fill(F::ZERO);
        products.fill(F::ZERO);
        let groups = sums.chunks_exact_mut(channels).zip(products.chunks_exact_mut(channels));
        vectorised(
            #[inline(always)]
            move || {
                for (g, (sum, product)) in groups.enumerate() {
                    let f = g * channels;
                    let (mean, inverse) = (&stats[f..][..channels], &stats[features + f..][..channels]);
                    for r in s * share..((s + 1) * share).min(rows) {
                        let start = (g * rows + r) * channels;
                        let (x, dy) = (&x[start..][..channels], &dy[start..][..channels]);
                        for c in 0..channels {
                            sum[c] += dy[c];
                            product[c] += dy[c] * ((x[c] - mean[c]) * inverse[c]);
                        }
                    }
                }
            },
        );
    });
}

fn grad_parameters<F: Real>(call: &mut Call<'_, F>) {
    let [features, splits, pitch] = ["FEATURES", "SPLITS", "PITCH"].map(|name| call.size(name));
    let (partial, sums, gradient) = (call.read("partial"), call.write("sums"), call.write("gradient"));
    sums[..2 * features].copy_from_slice(&partial[..2 * features]);
    for s in 1..splits {
        let part = &partial[s * 2 * features..][..2 * features];
        sums.iter_mut().zip(part).for_each(|(sum, &part)| *sum += part);
    }
    if call.size("ACCUMULATE") == 1 {
        for f in 0..features {
            gradient[f] += sums[features + f];
            gradient[pitch + f] += sums[f];
        }
    }
}

fn grad_input<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows] = ["FEATURES", "CHANNELS", "ROWS"].map(|name| call.size(name));
    let [x, dy, stats, scale, sums] = ["x", "dy", "stats", "scale", "sums"].map(|name| call.read(name));
    let per_row = F::ONE / F::count(rows);
    chunks(
        call.write("dx"),
        channels,
        #[inline(always)]
        move |first, dx| {
            for (i, dx) in dx.chunks_exact_mut(channels).enumerate() {
                let row = first / channels + i;
                let f = row / rows * channels;
                let (x, dy) = (&x[row * channels..][..channels], &dy[row * channels..][..channels]);
                let (mean, inverse) = (&stats[f..][..channels], &stats[features + f..][..channels]);
                let (sum, product) = (&sums[f..][..channels], &sums[features + f..][..channels]);
                let scale = &scale[f..][..channels];
                for c in 0..channels {
                    let normalised = (x[c] - mean[c]) * inverse[c];
                    let centred = dy[c] - sum[c] * per_row - normalised * (product[c] * per_row);
                    dx[c] = scale[c] * inverse[c] * centred;
                }
            }
        },
    );
}
