//! The second half of every split sum, and the largest magnitude of a tensor.

use rayon::prelude::*;

use super::case::{self, Trial};
use super::{FLAT_INDEX, Flat, Topic, tree_trips};
use crate::plan::{Bound, Kernel, Launch, Recorder, View};
use crate::twin::{Call, Real, chunks, vectorised};
use crate::twinned;

/// `total += Σ_s partial[s]`.
pub static ADD_PARTIALS: Kernel = kernel!("reduce/add_partials", [FLAT_INDEX], Bound::Sum);

/// Largest magnitudes, by bits.
pub static LARGEST: Kernel = kernel!("reduce/largest", [], Bound::Exact);

pub(super) const TOPIC: Topic =
    Topic { kernels: &[twinned!(ADD_PARTIALS, add_partials), twinned!(LARGEST, largest)], cases };

/// Shares that [`record_largest`] cuts a tensor into: enough workgroups for a GPU, few enough to
/// read back.
pub const SHARES: u32 = 64;

/// The bits from which on a magnitude is infinite or NaN.
pub const NOT_FINITE: u32 = 0x7f80_0000;

/// Records `partial[s] = max |x|` over share `s` of `x`, for `partial` of [`SHARES`]. The bits of
/// NaN and infinity are [`NOT_FINITE`] or larger, and larger than those of all numbers.
pub fn record_largest(recorder: &mut Recorder, x: View, partial: View) {
    let share = x.len.div_ceil(SHARES);
    let constants = &[("SIZE", x.len.into()), ("SHARE", share.into())];
    recorder.dispatch(
        &LARGEST,
        Launch {
            constants,
            bindings: &[("x", x), ("partial", partial)],
            workgroups: [SHARES, 1, 1],
            loop_trips: tree_trips(&LARGEST, constants, share),
            ..Launch::default()
        },
    );
}

/// Records `total += Σ_s partial[s]` for `partial` of `[splits, total]`.
pub fn record_add_partials(recorder: &mut Recorder, splits: u32, partial: View, total: View) {
    let launch = Flat {
        items: total.len,
        constants: &[("SIZE", total.len.into()), ("SPLITS", splits.into())],
        bindings: &[("partial", partial), ("total", total)],
        loop_trips: splits,
        terms: splits + 1,
        flops: u64::from(splits) * u64::from(total.len),
    };
    launch.record(recorder, &ADD_PARTIALS);
}

fn add_partials<F: Real>(call: &mut Call<'_, F>) {
    let [size, splits] = ["SIZE", "SPLITS"].map(|name| call.size(name));
    let (partial, total) = (call.read("partial"), call.write("total"));
    chunks(
        total,
        1,
        #[inline(always)]
        move |first, total| {
            for s in 0..splits {
                for (total, &part) in total.iter_mut().zip(&partial[s * size + first..]) {
                    *total += part;
                }
            }
        },
    );
}

fn largest<F: Real>(call: &mut Call<'_, F>) {
    let (share, x) = (call.size("SHARE"), call.read("x"));
    let partial = call.write("partial");
    partial.par_iter_mut().enumerate().for_each(|(s, partial)| {
        let x = &x[(s * share).min(x.len())..((s + 1) * share).min(x.len())];
        let bits = vectorised(
            #[inline(always)]
            move || x.iter().fold(0, |largest: u32, x| largest.max(x.bits() & 0x7fff_ffff)),
        );
        *partial = F::of(f64::from(f32::from_bits(bits)));
    });
}

fn cases() -> Vec<Trial> {
    let case = |words| {
        Trial::program(format!("largest of {words}"), |program, recorder| {
            // Magnitudes from the smallest that an f32 holds to nearly the largest.
            let x = case::floats(program, "x", 0, words, |z| z * libm::exp2f(40.0 * z).clamp(1e-45, 1e37));
            let partial = case::floats(program, "partial", 1, SHARES, |z| z);
            record_largest(recorder, x, partial);
        })
    };
    [1, 37, 64, 4160, 131_000].map(case).into()
}
