//! Batch normalisation (Ioffe, Szegedy 2015), over every channel or over every feature of a dense
//! layer.

mod twins;

use super::case::Trial;
use super::{FLAT_INDEX, Flat, KEEP_NAN, Topic};
use crate::plan::{Bound, Constant, Kernel, MAX_LOOP_TRIPS, Recorder, View};
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

pub(super) const TOPIC: Topic = Topic {
    kernels: &[
        twinned!(MOMENTS, twins::moments),
        twinned!(STATISTICS, twins::statistics),
        twinned!(RUNNING, twins::running),
        twinned!(FORWARD, twins::forward),
        twinned!(GRAD_SUMS, twins::grad_sums),
        twinned!(GRAD_PARAMETERS, twins::grad_parameters),
        twinned!(GRAD_INPUT, twins::grad_input),
    ],
    cases,
};

/// Rows that one invocation adds up.
const SHARE: u32 = 128;

/// How a tensor of `[groups, rows, channels]` divides into features that share statistics, or a
/// bias.
///
/// Per channel there is one group with a row for each (pixel, sample); per feature there is a group
/// for each pixel with a row for each sample.
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

    /// Rows of the longest share.
    pub(super) fn longest(self) -> u32 {
        self.share().min(self.rows)
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
    flat(recorder, &MOMENTS, features.constants(), &[("x", x), ("partial", partial)], shares, features.longest(), 4);
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

/// Records `y = leaky(scale · (x − mean) / deviation + shift)` with the statistics in `stats`; with
/// slope 1 there is no activation.
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
    flat(recorder, &GRAD_SUMS, features.constants(), &bindings, shares, features.longest(), 5);
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

fn cases() -> Vec<Trial> {
    const PLAIN: &[&str] = &[r#"type = "batch_norm""#];
    const PER_FEATURE: &[&str] = &[r#"type = "batch_norm", per = "feature""#];
    vec![
        Trial::layers("batch norm per channel", [3, 5, 7], 37, PLAIN),
        Trial::layers(
            "batch norm per channel, one share",
            [1, 1, 68],
            33,
            &[r#"type = "batch_norm", epsilon = 1e-3, momentum = 0.01"#],
        ),
        Trial::layers("batch norm per feature", [3, 2, 5], 33, PER_FEATURE),
        Trial::layers("batch norm per feature, 130 rows", [2, 1, 4], 130, PER_FEATURE),
        Trial::layers("batch norm without scale and shift", [3, 2, 5], 33, &[r#"type = "batch_norm", affine = false"#]),
        Trial::layers("batch norm of one row", [1, 1, 5], 1, &[r#"type = "batch_norm", epsilon = 1e-3"#]),
        Trial::layers("batch norm and relu", [3, 5, 4], 33, &[r#"type = "batch_norm""#, r#"type = "relu""#]),
        // Their mean is a thousand times their deviation: squares summed without care would cancel.
        Trial::layers_on("batch norm far from zero".to_string(), [5, 7, 3], 33, PLAIN, |z| 1000.0 + z),
    ]
}
