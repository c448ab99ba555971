//! Adam (Kingma, Ba 2015) over the flat parameters of a network.

use super::case::{self, Trial};
use super::{FLAT_INDEX, Flat, Topic};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{CHUNK, Call, Real, vectorised};
use crate::twinned;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// One update of all parameters; clears the gradient.
pub static UPDATE: Kernel = kernel!("adam/update", [FLAT_INDEX], Bound::Relative(2e-6));

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(UPDATE, update)], cases };

/// Adam's hyper-parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adam {
    /// Learning rate η.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// ε, added after the bias correction.
    pub epsilon: f64,
}

impl Adam {
    /// η / (1 − β₁ᵗ) and 1 / √(1 − β₂ᵗ) for update number `t`, from 1: what the kernel reads from
    /// `step`.
    pub fn rates(&self, t: u32) -> [f32; 2] {
        // `libm::pow`, because the platform's may differ in the last bit.
        let decayed = |beta: f64| 1.0 - libm::pow(beta, f64::from(t));
        [(self.lr / decayed(self.beta1)) as f32, (1.0 / libm::sqrt(decayed(self.beta2))) as f32]
    }
}

/// The flat tensors of a network's optimizer.
#[derive(Clone, Copy, Debug)]
pub struct AdamTensors {
    /// Parameters.
    pub w: View,
    /// Gradients.
    pub g: View,
    /// First moments.
    pub m: View,
    /// Second moments.
    pub v: View,
}

/// Records one update; `rate` is the index of the two [`Adam::rates`] in `step`.
pub fn record_update(recorder: &mut Recorder, adam: &Adam, rate: u32, step: View, tensors: &AdamTensors) {
    let size = tensors.w.len.div_ceil(4);
    let launch = Flat {
        items: size,
        constants: &[
            ("SIZE", size.into()),
            ("BETA1", (adam.beta1 as f32).into()),
            ("BETA2", (adam.beta2 as f32).into()),
            ("REST1", ((1.0 - adam.beta1) as f32).into()),
            ("REST2", ((1.0 - adam.beta2) as f32).into()),
            ("EPSILON", (adam.epsilon as f32).into()),
            ("RATE", rate.into()),
        ],
        bindings: &[("step", step), ("w", tensors.w), ("g", tensors.g), ("m", tensors.m), ("v", tensors.v)],
        flops: 13 * u64::from(tensors.w.len),
        ..Flat::default()
    };
    launch.record(recorder, &UPDATE);
}

fn update<F: Real>(call: &mut Call<'_, F>) {
    let [beta1, beta2, rest1, rest2, epsilon] =
        ["BETA1", "BETA2", "REST1", "REST2", "EPSILON"].map(|name| call.float(name));
    let (at, step) = (call.size("RATE"), call.words("step"));
    let [rate, correction] = [step[at], step[at + 1]].map(|bits| F::of(f64::from(f32::from_bits(bits))));
    let [w, g, m, v] = ["w", "g", "m", "v"].map(|name| call.write(name));
    let chunks = w.par_chunks_mut(CHUNK).zip(g.par_chunks_mut(CHUNK));
    let chunks = chunks.zip(m.par_chunks_mut(CHUNK).zip(v.par_chunks_mut(CHUNK)));
    chunks.for_each(|((w, g), (m, v))| {
        vectorised(
            #[inline(always)]
            move || {
                for ((w, g), (m, v)) in w.iter_mut().zip(g).zip(m.iter_mut().zip(v)) {
                    *m = beta1 * *m + rest1 * *g;
                    *v = beta2 * *v + rest2 * *g * *g;
                    *w = *w - rate * *m / (v.sqrt() * correction + epsilon);
                    *g = F::ZERO;
                }
            },
        );
    });
}

fn cases() -> Vec<Trial> {
    let adam = Adam { lr: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
    let case = |(words, update): (u32, u32)| {
        Trial::program(format!("adam, update {update} of {words}"), |program, recorder| {
            let step = case::step_words(program, update - 1);
            if let Some(contents) = &mut program.tensors[step.tensor.0 as usize].contents {
                contents[3..5].copy_from_slice(&adam.rates(update).map(f32::to_bits));
            }
            let started = if update == 1 { 0.0 } else { 1.0 };
            let tensors = AdamTensors {
                // Weights no larger than an update, so that an error of the update is not lost
                // beside them.
                w: case::floats(program, "w", 0, words, |z| z * 1e-4),
                g: case::floats(program, "g", 1, words, |z| match z {
                    z if z > 1.0 => 0.0,
                    z if z < -1.0 => z * 1e-8, // as small as ε
                    z => z * 0.01,
                }),
                m: case::floats(program, "m", 2, words, |z| z * 0.01 * started),
                v: case::floats(program, "v", 3, words, |z| z * z * 1e-4 * started),
            };
            record_update(recorder, &adam, 3, step, &tensors);
        })
    };
    [(37, 1), (64, 1), (4160, 1000)].map(case).into()
}
