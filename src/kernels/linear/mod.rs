//! The one linear kernel: dense, convolution and transposed convolution over tap lists, and their
//! gradients.
//!
//! Activations are `[pixel][batch][channel]`, weights `[tap][c_in][c_out]`. See `layers/taps.rs`
//! for the lists.

mod cases;
pub mod choices;
mod twins;
pub mod variants;

use super::{FLAT_INDEX, Flat, Topic, reduce};
use crate::plan::{Bound, Constant, Kernel, Launch, MAX_WORKGROUPS, Profile, Recorder, View};
use crate::twinned;

/// Forward through workgroup memory, for GPUs.
pub static FORWARD_TILE: Kernel = kernel!("linear/forward_tile", [], Bound::Sum);
/// Forward on subgroups of 8, for software Vulkan.
pub static FORWARD_LANE: Kernel = kernel!("linear/forward_lane", [], Bound::Sum);
/// Forward on subgroups of 8 from channel counts that are not multiples of 4.
pub static FORWARD_SPREAD_LANE: Kernel = kernel!("linear/forward_spread_lane", [], Bound::Sum);
/// Forward to fewer than 4 channels.
pub static FORWARD_NARROW: Kernel = kernel!("linear/forward_narrow", [], Bound::Sum);
/// Forward for any channel counts.
pub static FORWARD_THIN: Kernel = kernel!("linear/forward_thin", [], Bound::Sum);
/// Weight gradient through workgroup memory, for GPUs.
pub static GRAD_WEIGHT_TILE: Kernel = kernel!("linear/grad_weight_tile", [], Bound::Sum);
/// Weight gradient on subgroups of 8, for software Vulkan.
pub static GRAD_WEIGHT_LANE: Kernel = kernel!("linear/grad_weight_lane", [], Bound::Sum);
/// Weight gradient on subgroups of 8, of fewer than 4 channels in.
pub static GRAD_WEIGHT_SPREAD_LANE: Kernel = kernel!("linear/grad_weight_spread_lane", [], Bound::Sum);
/// Weight gradient on subgroups of 8, of fewer than 4 channels out.
pub static GRAD_WEIGHT_NARROW_LANE: Kernel = kernel!("linear/grad_weight_narrow_lane", [], Bound::Sum);
/// Weight gradient for any channel counts.
pub static GRAD_WEIGHT_THIN: Kernel = kernel!("linear/grad_weight_thin", [], Bound::Sum);
/// Weights with their channels exchanged.
pub static TRANSPOSE: Kernel = kernel!("linear/transpose", [FLAT_INDEX], Bound::Exact);

pub(super) const TOPIC: Topic = Topic {
    kernels: &[
        twinned!(TRANSPOSE, twins::transpose),
        twinned!(FORWARD_TILE, twins::forward),
        twinned!(FORWARD_LANE, twins::forward),
        twinned!(FORWARD_SPREAD_LANE, twins::forward),
        twinned!(FORWARD_NARROW, twins::forward),
        twinned!(FORWARD_THIN, twins::forward),
        twinned!(GRAD_WEIGHT_TILE, twins::grad_weight),
        twinned!(GRAD_WEIGHT_LANE, twins::grad_weight),
        twinned!(GRAD_WEIGHT_SPREAD_LANE, twins::grad_weight),
        twinned!(GRAD_WEIGHT_NARROW_LANE, twins::grad_weight),
        twinned!(GRAD_WEIGHT_THIN, twins::grad_weight),
    ],
    cases: cases::cases,
};

/// A tap list on the device, grouped by output pixel.
#[derive(Clone, Copy, Debug)]
pub struct RowTaps {
    /// `[Q, 3]`: output pixel, first pair, end; longest first.
    pub rows: View,
    /// `[pairs, 2]`: input pixel, tap.
    pub pairs: View,
    /// Pairs of the longest row.
    pub longest: u32,
    /// Pairs with padding.
    pub nominal: u32,
}

/// A tap list on the device, grouped by tap and cut into shares.
#[derive(Clone, Copy, Debug)]
pub struct TapShares {
    /// `[SPLITS, T, 2]`: first pair, end.
    pub shares: View,
    /// `[pairs, 2]`: input pixel, output pixel.
    pub pairs: View,
    /// Taps.
    pub taps: u32,
    /// Shares of each tap.
    pub splits: u32,
    /// Pairs of the longest share.
    pub longest: u32,
    /// Pairs with padding.
    pub nominal: u32,
}

/// Sizes of a linear layer on a batch.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Samples.
    pub batch: u32,
    /// Channels of an input pixel.
    pub c_in: u32,
    /// Channels of an output pixel.
    pub c_out: u32,
}

impl Sizes {
    /// The sizes of the gradient with respect to the input: channels exchanged.
    pub fn adjoint(self) -> Self {
        Sizes { c_in: self.c_out, c_out: self.c_in, ..self }
    }

    /// Two operations for each pair, sample and two channels.
    fn flops(self, pairs: u32) -> u64 {
        2 * u64::from(pairs) * u64::from(self.batch) * u64::from(self.c_in) * u64::from(self.c_out)
    }
}

/// What a linear kernel's workgroups are counted along in y and z.
#[derive(Clone, Copy)]
enum Along {
    /// Rows of a list by output pixel.
    Rows(u32),
    /// Shares of a list by tap.
    Shares(u32),
}

impl Along {
    /// All constants of a kernel, given those of its variant, and its workgroups in y and z: rows
    /// or shares are folded into two dimensions where one is too short.
    fn folded(self, sizes: Sizes, variant: &[(&'static str, u32)]) -> (Vec<(&'static str, Constant)>, [u32; 2]) {
        let (Along::Rows(count) | Along::Shares(count)) = self;
        let name = if matches!(self, Along::Rows(_)) { "Q" } else { "SHARES" };
        let fold = count.min(MAX_WORKGROUPS);
        let all = [("BATCH", sizes.batch), ("C_IN", sizes.c_in), ("C_OUT", sizes.c_out), (name, count), ("FOLD", fold)];
        let constants = all.iter().chain(variant).map(|&(name, value)| (name, value.into())).collect();
        (constants, [fold, count.div_ceil(fold)])
    }
}

/// What [`record_forward`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Forward {
    /// `[P, batch, c_in]`
    pub x: View,
    /// `[T, c_in, c_out]`
    pub w: View,
    /// `[Q, batch, c_out]`
    pub y: View,
}

/// Records `y = taps(x, w)`. With the adjoint list, transposed weights and [`Sizes::adjoint`] it is
/// the gradient with respect to the input.
pub fn record_forward(recorder: &mut Recorder, sizes: Sizes, taps: RowTaps, views: Forward) {
    let Forward { x, w, y } = views;
    let variant = &variants::forward(sizes, &recorder.profile())[0];
    let (constants, [y_groups, z_groups]) = Along::Rows(taps.rows.len / 3).folded(sizes, &variant.constants);
    recorder.dispatch(
        variant.kernel,
        Launch {
            constants: &constants,
            bindings: &[("rows", taps.rows), ("pairs", taps.pairs), ("x", x), ("w", w), ("y", y)],
            workgroups: [variant.workgroups, y_groups, z_groups],
            loop_trips: taps.longest.saturating_mul(variant.trips),
            terms: taps.longest * sizes.c_in,
            flops: sizes.flops(taps.pairs.len / 2),
        },
    );
    recorder.nominal(sizes.flops(taps.nominal));
}

/// How many shares each tap's sum is cut into: enough workgroups to fill the device, few enough
/// loop trips.
pub fn choose_splits(profile: &Profile, sizes: Sizes, taps: u32, longest_tap: u32) -> u32 {
    let variant = &variants::grad_weight(sizes, profile)[0];
    let to_fill = profile.workgroups_to_fill.div_ceil(variant.workgroups * taps);
    let to_bound = (u64::from(longest_tap) * u64::from(variant.trips)).div_ceil(u64::from(LONGEST_SHARE)) as u32;
    let weights = u64::from(taps) * u64::from(sizes.c_in) * u64::from(sizes.c_out);
    let to_fit = ((1 << 30) / weights.max(1)).max(1) as u32;
    to_fill.max(to_bound).clamp(1, longest_tap.max(1)).min(to_fit)
}

/// Loop trips that a share aims at; half the limit, since the last share of a tap may be longer
/// than the others.
const LONGEST_SHARE: u32 = 16_384;

/// What [`record_grad_weight`] reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct GradWeight {
    /// `[P, batch, c_in]`
    pub x: View,
    /// `[Q, batch, c_out]`
    pub dy: View,
    /// Scratch for `[splits, T, c_in, c_out]`.
    pub partial: View,
    /// `[T, c_in, c_out]`
    pub dw: View,
}

/// Records `dw += Σ x ᵀ dy`, split into shares in `partial` and then added in a fixed order.
pub fn record_grad_weight(recorder: &mut Recorder, sizes: Sizes, taps: TapShares, views: GradWeight) {
    let GradWeight { x, dy, partial, dw } = views;
    let variant = &variants::grad_weight(sizes, &recorder.profile())[0];
    let (constants, [y_groups, z_groups]) = Along::Shares(taps.taps * taps.splits).folded(sizes, &variant.constants);
    let weights = taps.taps * sizes.c_in * sizes.c_out;
    let partial = partial.slice(0, weights * taps.splits);
    recorder.dispatch(
        variant.kernel,
        Launch {
            constants: &constants,
            bindings: &[("shares", taps.shares), ("pairs", taps.pairs), ("x", x), ("dy", dy), ("partial", partial)],
            workgroups: [variant.workgroups, y_groups, z_groups],
            loop_trips: taps.longest.saturating_mul(variant.trips),
            terms: taps.longest * sizes.batch,
            flops: sizes.flops(taps.pairs.len / 2),
        },
    );
    recorder.nominal(sizes.flops(taps.nominal));
    reduce::record_add_partials(recorder, taps.splits, partial, dw);
}

/// Records `wt[t] = w[t]ᵀ` for `w` of `[T, c_in, c_out]`.
pub fn record_transpose(recorder: &mut Recorder, c_in: u32, c_out: u32, w: View, wt: View) {
    let launch = Flat {
        items: w.len,
        constants: &[("SIZE", w.len.into()), ("C_IN", c_in.into()), ("C_OUT", c_out.into())],
        bindings: &[("w", w), ("wt", wt)],
        ..Flat::default()
    };
    launch.record(recorder, &TRANSPOSE);
}
