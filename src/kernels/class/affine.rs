//! A gain and a shift for each class and feature: what makes batch normalisation class-wise
//! (Dumoulin et al. 2017).

use rayon::prelude::*;

use super::{FLAT_INDEX, Flat, GradTable, KEEP_NAN, Rows, Shares, pitch, record_grad_table};
use crate::kernels::batch_norm::Features;
use crate::plan::{Bound, Constant, Kernel, Recorder, View};
use crate::twin::{Call, Real, chunks, vectorised};

/// Gain, shift, and a leaky ReLU.
pub static FORWARD: Kernel = kernel!("class/affine_forward", [FLAT_INDEX, KEEP_NAN], Bound::Relative(2e-6));
/// The gradient with respect to the input, and the tangent.
pub static GRAD_INPUT: Kernel = kernel!("class/affine_grad_input", [FLAT_INDEX], Bound::Relative(2e-6));
/// Σ dy and Σ dy·x of each sample.
pub static SUMS: Kernel = kernel!("class/affine_sums", [FLAT_INDEX], Bound::Sum);

/// The features of `[pixels, batch, channels]` that have a gain and a shift for each class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassFeatures {
    /// How the tensor divides.
    pub features: Features,
    /// Samples.
    pub batch: u32,
}

impl ClassFeatures {
    /// How the rows of a group are cut for sums.
    fn shares(self) -> Shares {
        Shares::new(self.features.rows / self.batch, self.batch, self.features.channels)
    }

    /// The sums of each kind that the shares give: `[groups, splits, batch, channels]`.
    fn sums(self) -> u32 {
        self.features.groups * self.shares().sums()
    }

    /// Words of scratch that [`record_grad`] needs.
    pub fn partial_words(self) -> u32 {
        pitch(self.sums()) + self.sums()
    }

    fn constants(self, size: u32) -> Vec<(&'static str, Constant)> {
        vec![
            ("SIZE", size.into()),
            ("FEATURES", self.features.count().into()),
            ("CHANNELS", self.features.channels.into()),
            ("ROWS", self.features.rows.into()),
            ("BATCH", self.batch.into()),
        ]
    }
}

/// The parameters, and what chooses among them.
#[derive(Clone, Copy, Debug)]
pub struct AffineTensors {
    /// `[batch]`
    pub labels: View,
    /// `[classes, features]`: what is added to 1.
    pub gain: View,
    /// `[classes, features]`
    pub shift: View,
}

/// Records `y = leaky((1 + gain)·x + shift)` with gain and shift of each sample's class; with slope
/// 1 there is no activation.
pub fn record_forward(
    recorder: &mut Recorder,
    features: ClassFeatures,
    AffineTensors { labels, gain, shift }: AffineTensors,
    slope: f32,
    x: View,
    y: View,
) {
    let mut constants = features.constants(y.len);
    constants.push(("SLOPE", slope.into()));
    let launch = Flat {
        items: y.len,
        constants: &constants,
        bindings: &[("x", x), ("labels", labels), ("gain", gain), ("shift", shift), ("y", y)],
        flops: 3 * u64::from(y.len),
        ..Flat::default()
    };
    launch.record(recorder, &FORWARD);
}

/// Records `dx = (1 + gain)·dy` with the gain of each sample's class: the gradient with respect to
/// the input, and as well, from that of the input, the tangent of the output.
pub fn record_grad_input(
    recorder: &mut Recorder,
    features: ClassFeatures,
    AffineTensors { labels, gain, .. }: AffineTensors,
    dy: View,
    dx: View,
) {
    let launch = Flat {
        items: dx.len,
        constants: &features.constants(dx.len),
        bindings: &[("dy", dy), ("labels", labels), ("gain", gain), ("dx", dx)],
        flops: 2 * u64::from(dx.len),
        ..Flat::default()
    };
    launch.record(recorder, &GRAD_INPUT);
}

/// What [`record_grad`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct AffineGrad {
    /// `[batch]`
    pub labels: View,
    /// `[groups, rows, channels]`: the input, or its tangent.
    pub x: View,
    /// `[groups, rows, channels]`
    pub dy: View,
    /// Scratch; see [`ClassFeatures::partial_words`].
    pub partial: View,
    /// `[classes, features]`
    pub dgain: View,
    /// `[classes, features]`; none where the gradient is one of a tangent, which has no shift.
    pub dshift: Option<View>,
}

/// Records `dgain[k] += Σ dy·x` and `dshift[k] += Σ dy` over the samples of each class k.
pub fn record_grad(recorder: &mut Recorder, features: ClassFeatures, views: AffineGrad) {
    let AffineGrad { labels, x, dy, partial, dgain, dshift } = views;
    let (shares, sums) = (features.shares(), features.sums());
    let launch = Flat {
        items: sums,
        constants: &[
            ("SIZE", sums.into()),
            ("COLUMNS", shares.columns().into()),
            ("PIXELS", shares.pixels.into()),
            ("SPLITS", shares.splits().into()),
            ("SHARE", shares.share.into()),
            ("PITCH", pitch(sums).into()),
        ],
        bindings: &[("x", x), ("dy", dy), ("sums", partial.slice(0, features.partial_words()))],
        loop_trips: shares.share,
        terms: shares.share,
        flops: 3 * u64::from(dy.len),
    };
    launch.record(recorder, &SUMS);
    let Features { groups, channels, .. } = features.features;
    let rows = Rows { groups, rows: shares.splits() * shares.batch, stride: channels, first: 0, channels };
    let mut add = |dy: View, table: View| record_grad_table(recorder, rows, GradTable { labels, dy, table });
    add(partial.slice(pitch(sums), sums), dgain);
    if let Some(dshift) = dshift {
        add(partial.slice(0, sums), dshift);
    }
}

pub(super) fn forward<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows, batch] = ["FEATURES", "CHANNELS", "ROWS", "BATCH"].map(|name| call.size(name));
    let (slope, labels) = (call.float("SLOPE"), call.words("labels"));
    let [x, gain, shift] = ["x", "gain", "shift"].map(|name| call.read(name));
    chunks(
        call.write("y"),
        channels,
        #[inline(always)]
        move |first, y| {
            let lines = y.chunks_exact_mut(channels).zip(x[first..].chunks_exact(channels));
            for (row, (y, x)) in (first / channels..).zip(lines) {
                let f = labels[row % batch] as usize * features + row / rows * channels;
                let (gain, shift) = (&gain[f..][..channels], &shift[f..][..channels]);
                for ((y, &x), (&gain, &shift)) in y.iter_mut().zip(x).zip(gain.iter().zip(shift)) {
                    *y = ((F::ONE + gain) * x + shift).leaky(slope);
                }
            }
        },
    );
}

pub(super) fn grad_input<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows, batch] = ["FEATURES", "CHANNELS", "ROWS", "BATCH"].map(|name| call.size(name));
    let (labels, dy, gain) = (call.words("labels"), call.read("dy"), call.read("gain"));
    chunks(
        call.write("dx"),
        channels,
        #[inline(always)]
        move |first, dx| {
            let lines = dx.chunks_exact_mut(channels).zip(dy[first..].chunks_exact(channels));
            for (row, (dx, dy)) in (first / channels..).zip(lines) {
                let f = labels[row % batch] as usize * features + row / rows * channels;
                let gain = &gain[f..][..channels];
                dx.iter_mut().zip(dy).zip(gain).for_each(|((dx, &dy), &gain)| *dx = (F::ONE + gain) * dy);
            }
        },
    );
}

pub(super) fn sums<F: Real>(call: &mut Call<'_, F>) {
    let [size, columns, pixels] = ["SIZE", "COLUMNS", "PIXELS"].map(|name| call.size(name));
    let [splits, share, pitch] = ["SPLITS", "SHARE", "PITCH"].map(|name| call.size(name));
    let (x, dy) = (call.read("x"), call.read("dy"));
    let (sums, products) = call.write("sums").split_at_mut(pitch);
    // Both in one pass over x and dy: pairs of chunks, a share of a group each.
    let lines = sums[..size].par_chunks_mut(columns).zip(products.par_chunks_mut(columns));
    lines.enumerate().for_each(|(i, (sums, products))| {
        vectorised(
            #[inline(always)]
            move || {
                sums.fill(F::ZERO);
                products.fill(F::ZERO);
                for p in i % splits * share..(i % splits * share + share).min(pixels) {
                    let at = (i / splits * pixels + p) * columns;
                    let line = x[at..][..columns].iter().zip(&dy[at..][..columns]);
                    for ((sum, product), (&x, &dy)) in sums.iter_mut().zip(&mut *products).zip(line) {
                        *sum += dy;
                        *product += dy * x;
                    }
                }
            },
        );
    });
}
