//! The one linear kernel: dense, convolution and transposed convolution over tap lists, and their gradients.
//!
//! Activations are `[pixel][batch][channel]`, weights `[tap][c_in][c_out]`. See `layers/taps.rs` for the lists.

pub mod choices;
mod twins;
pub mod variants;

use self::variants::Variant;
use super::{FLAT_INDEX, Flat, reduce};
use crate::plan::Profile;
use crate::plan::{Bound, Kernel};
use crate::plan::{Constant, Launch, MAX_WORKGROUPS, Recorder, View};
use crate::twin::Twinned;
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

/// The kernels of this file with their twins.
pub(super) const KERNELS: &[Twinned] = &[
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
];

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

    fn constants(self) -> [(&'static str, Constant); 3] {
        [("BATCH", self.batch.into()), ("C_IN", self.c_in.into()), ("C_OUT", self.c_out.into())]
    }

    /// Two operations for each pair, sample and two channels.
    fn flops(self, pairs: u32) -> u64 {
        2 * u64::from(pairs) * u64::from(self.batch) * u64::from(self.c_in) * u64::from(self.c_out)
    }
}

/// Workgroups and constants of a variant over as many rows or shares of a tap list as `count` says: they are folded into two
/// dimensions where one is too short.
fn folded(
    variant: &Variant,
    sizes: Sizes,
    (name, count): (&'static str, u32),
) -> ([u32; 3], Vec<(&'static str, Constant)>) {
    let fold = count.min(MAX_WORKGROUPS);
    let mut constants = sizes.constants().to_vec();
    constants.extend(variant.constants.iter().map(|&(name, value)| (name, value.into())));
    constants.extend([(name, count.into()), ("FOLD", fold.into())]);
    ([variant.workgroups, fold, count.div_ceil(fold)], constants)
}

/// Loop trips of the forward kernel's busiest invocation, before a layer of these sizes is recorded.
pub fn forward_trips(sizes: Sizes, longest: u32, profile: &Profile) -> u64 {
    u64::from(longest) * u64::from(variants::forward(sizes, profile)[0].trips)
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

/// Records `y = taps(x, w)`. With the adjoint list, transposed weights and [`Sizes::adjoint`] it is the gradient with
/// respect to the input.
pub fn record_forward(recorder: &mut Recorder, sizes: Sizes, taps: RowTaps, views: Forward) {
    let Forward { x, w, y } = views;
    let variant = &variants::forward(sizes, &recorder.profile())[0];
    let (workgroups, constants) = folded(variant, sizes, ("Q", taps.rows.len / 3));
    recorder.dispatch(
        variant.kernel,
        Launch {
            constants: &constants,
            bindings: &[("rows", taps.rows), ("pairs", taps.pairs), ("x", x), ("w", w), ("y", y)],
            workgroups,
            loop_trips: taps.longest.saturating_mul(variant.trips),
            terms: taps.longest * sizes.c_in,
            flops: sizes.flops(taps.pairs.len / 2),
        },
    );
    recorder.nominal(sizes.flops(taps.nominal));
}

/// How many shares each tap's sum is cut into: enough workgroups to fill the device, few enough loop trips.
pub fn choose_splits(profile: &Profile, sizes: Sizes, taps: u32, longest_tap: u32) -> u32 {
    let variant = &variants::grad_weight(sizes, profile)[0];
    let to_fill = profile.workgroups_to_fill.div_ceil(variant.workgroups * taps);
    let to_bound = (u64::from(longest_tap) * u64::from(variant.trips)).div_ceil(u64::from(LONGEST_SHARE)) as u32;
    let weights = u64::from(taps) * u64::from(sizes.c_in) * u64::from(sizes.c_out);
    let to_fit = ((1 << 30) / weights.max(1)).max(1) as u32;
    to_fill.max(to_bound).clamp(1, longest_tap.max(1)).min(to_fit)
}

/// Loop trips that a share aims at; half the limit, since the last share of a tap may be longer than the others.
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
    let (workgroups, constants) = folded(variant, sizes, ("SHARES", taps.taps * taps.splits));
    let weights = taps.taps * sizes.c_in * sizes.c_out;
    let partial = partial.slice(0, weights * taps.splits);
    recorder.dispatch(
        variant.kernel,
        Launch {
            constants: &constants,
            bindings: &[("shares", taps.shares), ("pairs", taps.pairs), ("x", x), ("dy", dy), ("partial", partial)],
            workgroups,
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
