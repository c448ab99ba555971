//! Biases: one for each channel, or one for each feature of a dense layer.

use rayon::prelude::*;

use super::batch_norm::Features;
use super::case::Trial;
use super::{FLAT_INDEX, Flat, KEEP_NAN, Topic, reduce};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{Call, Real, chunks, vectorised};
use crate::twinned;

/// `y = leaky(y + b)`, in place.
pub static FORWARD: Kernel = kernel!("bias/forward", [FLAT_INDEX, KEEP_NAN], Bound::Sum);

/// Column sums of the upstream gradient, in shares.
pub static GRAD: Kernel = kernel!("bias/grad", [FLAT_INDEX], Bound::Sum);

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(FORWARD, forward), twinned!(GRAD, grad)], cases };

/// Records `y = leaky(y + b)` over `[groups, rows, channels]`; with slope 1 there is no activation.
pub fn record_forward(recorder: &mut Recorder, features: Features, slope: f32, b: View, y: View) {
    let launch = Flat {
        items: y.len,
        constants: &[
            ("SIZE", y.len.into()),
            ("ROWS", features.rows.into()),
            ("CHANNELS", features.channels.into()),
            ("SLOPE", slope.into()),
        ],
        bindings: &[("b", b), ("y", y)],
        terms: 2,
        flops: y.len.into(),
        ..Flat::default()
    };
    launch.record(recorder, &FORWARD);
}

/// What [`record_grad`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct BiasGrad {
    /// `[groups, rows, channels]`
    pub dy: View,
    /// Scratch for `[splits, features]`; see [`Features::splits`].
    pub partial: View,
    /// `[features]`
    pub db: View,
}

/// Records `db += Σ dy` over the rows of each feature.
pub fn record_grad(recorder: &mut Recorder, features: Features, views: BiasGrad) {
    let BiasGrad { dy, partial, db } = views;
    let partial = partial.slice(0, features.splits() * features.count());
    let launch = Flat {
        items: partial.len,
        constants: &features.constants(),
        bindings: &[("dy", dy), ("partial", partial)],
        loop_trips: features.longest(),
        terms: features.longest(),
        flops: dy.len.into(),
    };
    launch.record(recorder, &GRAD);
    reduce::record_add_partials(recorder, features.splits(), partial, db);
}

fn forward<F: Real>(call: &mut Call<'_, F>) {
    let [rows, channels] = ["ROWS", "CHANNELS"].map(|name| call.size(name));
    let (slope, b, y) = (call.float("SLOPE"), call.read("b"), call.write("y"));
    chunks(
        y,
        channels,
        #[inline(always)]
        move |first, y| {
            for (i, y) in y.chunks_exact_mut(channels).enumerate() {
                let b = &b[(first / channels + i) / rows * channels..];
                y.iter_mut().zip(b).for_each(|(y, &b)| *y = (*y + b).leaky(slope));
            }
        },
    );
}

fn grad<F: Real>(call: &mut Call<'_, F>) {
    let [features, channels, rows, share] = ["FEATURES", "CHANNELS", "ROWS", "SHARE"].map(|name| call.size(name));
    let (dy, partial) = (call.read("dy"), call.write("partial"));
    partial.par_chunks_mut(features).enumerate().for_each(|(s, partial)| {
        vectorised(
            #[inline(always)]
            move || {
                partial.fill(F::ZERO);
                for (g, sums) in partial.chunks_exact_mut(channels).enumerate() {
                    for r in s * share..((s + 1) * share).min(rows) {
                        let row = &dy[(g * rows + r) * channels..][..channels];
                        sums.iter_mut().zip(row).for_each(|(sum, &dy)| *sum += dy);
                    }
                }
            },
        );
    });
}

fn cases() -> Vec<Trial> {
    let layers = &[r#"type = "conv", channels = 5, kernel = 3, padding = 1"#, r#"type = "leaky_relu", slope = 0.3"#];
    vec![Trial::layers("bias and leaky relu", [3, 5, 4], 33, layers)]
}
