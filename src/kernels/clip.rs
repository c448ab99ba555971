//! Clipping of all weights to ±C, by which a Wasserstein critic is kept Lipschitz (Arjovsky,
//! Chintala, Bottou 2017).

use super::case::{self, Trial};
use super::{FLAT_INDEX, Flat, KEEP_NAN, Topic};
use crate::plan::{Bound, Kernel, Recorder, View};
use crate::twin::{Call, Real, chunks};
use crate::twinned;

/// All parameters, in place.
pub static WEIGHTS: Kernel = kernel!("clip/weights", [FLAT_INDEX, KEEP_NAN], Bound::Exact);

pub(super) const TOPIC: Topic = Topic { kernels: &[twinned!(WEIGHTS, weights)], cases };

/// Records `w = clamp(w, −limit, limit)`, in place; NaN stays.
pub fn record_weights(recorder: &mut Recorder, limit: f32, w: View) {
    let size = w.len.div_ceil(4);
    let launch = Flat {
        items: size,
        constants: &[("SIZE", size.into()), ("LIMIT", limit.into())],
        bindings: &[("w", w)],
        ..Flat::default()
    };
    launch.record(recorder, &WEIGHTS);
}

fn weights<F: Real>(call: &mut Call<'_, F>) {
    let limit = call.float("LIMIT");
    let clamp = move |w| match w {
        w if w > limit => limit,
        w if w < -limit => -limit,
        w => w,
    };
    chunks(
        call.write("w"),
        1,
        #[inline(always)]
        move |_, w| w.iter_mut().for_each(|w| *w = clamp(*w)),
    );
}

fn cases() -> Vec<Trial> {
    let case = |words| {
        Trial::program(format!("clip {words} weights"), |program, recorder| {
            let w = case::floats(program, "w", 0, words, |z| z * 0.01);
            record_weights(recorder, 0.01, w);
        })
    };
    [5, 64, 4161].map(case).into()
}
