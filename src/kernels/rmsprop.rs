//! RMSprop (Tieleman, Hinton 2012) over the flat parameters of a network, with ε outside of the
//! root.

use super::case::{self, Trial};
use super::{FLAT_INDEX, Flat, Topic};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{CHUNK, Call, Real, vectorised};
use crate::twinned;
use rayon::prelude::*;

/// One update of all parameters; clears the gradient.
pub static UPDATE: Kernel = kernel!("rmsprop/update", [FLAT_INDEX], Bound::Relative(2e-6));

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(UPDATE, update)], cases };

/// Decay of the mean square, as in PyTorch.
const ALPHA: f64 = 0.99;

/// The flat tensors of a network's optimizer.
#[derive(Clone, Copy, Debug)]
pub struct RmspropTensors {
    /// Parameters.
    pub w: View,
    /// Gradients.
    pub g: View,
    /// Mean squares.
    pub v: View,
}

/// Records one update; `epsilon` is added to the root, `rate` is the index of the learning rate's
/// bits in `step`.
pub fn record_update(recorder: &mut Recorder, epsilon: f64, rate: u32, step: View, tensors: &RmspropTensors) {
    let size = tensors.w.len.div_ceil(4);
    let launch = Flat {
        items: size,
        constants: &[
            ("SIZE", size.into()),
            ("ALPHA", (ALPHA as f32).into()),
            ("REST", ((1.0 - ALPHA) as f32).into()),
            ("EPSILON", (epsilon as f32).into()),
            ("RATE", rate.into()),
        ],
        bindings: &[("step", step), ("w", tensors.w), ("g", tensors.g), ("v", tensors.v)],
        flops: 9 * u64::from(tensors.w.len),
        ..Flat::default()
    };
    launch.record(recorder, &UPDATE);
}

fn update<F: Real>(call: &mut Call<'_, F>) {
    let [alpha, rest, epsilon] = ["ALPHA", "REST", "EPSILON"].map(|name| call.float(name));
    let rate = F::of_bits(call.words("step")[call.size("RATE")]);
    let [w, g, v] = ["w", "g", "v"].map(|name| call.write(name));
    let chunks = w.par_chunks_mut(CHUNK).zip(g.par_chunks_mut(CHUNK)).zip(v.par_chunks_mut(CHUNK));
    chunks.for_each(|((w, g), v)| {
        vectorised(
            #[inline(always)]
            move || {
                for ((w, g), v) in w.iter_mut().zip(g).zip(v) {
                    *v = alpha * *v + rest * *g * *g;
                    *w = *w - rate * *g / (v.sqrt() + epsilon);
                    *g = F::ZERO;
                }
            },
        );
    });
}

fn cases() -> Vec<Trial> {
    let case = |(words, first): (u32, bool)| {
        let which = if first { "first" } else { "later" };
        Trial::program(format!("rmsprop, {which} update of {words}"), |program, recorder| {
            let step = case::step_words(program, 6);
            let started = if first { 0.0 } else { 1.0 };
            let tensors = RmspropTensors {
                // Weights no larger than an update, so that an error of the update is not lost
                // beside them.
                w: case::floats(program, "w", 0, words, |z| z * 1e-4),
                g: case::floats(program, "g", 1, words, |z| match z {
                    z if z > 1.0 => 0.0,
                    z if z < -1.0 => z * 1e-8, // as small as ε
                    z => z * 0.01,
                }),
                v: case::floats(program, "v", 2, words, |z| z * z * 1e-4 * started),
            };
            record_update(recorder, 1e-8, 3, step, &tensors);
        })
    };
    [(37, true), (64, false), (4160, false)].map(case).into()
}
