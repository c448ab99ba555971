//! The second half of every split sum.

use super::parallel::chunks;
use super::{FLAT_INDEX, FLAT_SIZE};
use crate::device::kernel::{Bound, Call, Kernel};
use crate::device::plan::{Launch, Recorder, View, flat_workgroups};
use crate::device::real::Real;
use crate::twin;

/// `total += Σ_s partial[s]`.
pub const ADD_PARTIALS: Kernel = Kernel {
    name: "reduce/add_partials",
    source: include_str!("../../shaders/reduce/add_partials.wgsl"),
    preludes: &[FLAT_INDEX],
    twin: twin!(add_partials),
    bound: Bound::Sum,
};

/// Records `total += Σ_s partial[s]` for `partial` of `[splits, total]`.
pub fn record_add_partials(recorder: &mut Recorder, splits: u32, partial: View, total: View) {
    let workgroups = flat_workgroups(total.len, FLAT_SIZE);
    recorder.dispatch(
        &ADD_PARTIALS,
        Launch {
            constants: &[("SIZE", total.len.into()), ("SPLITS", splits.into()), ("GROUPS_X", workgroups[0].into())],
            bindings: &[("partial", partial), ("total", total)],
            workgroups,
            loop_trips: splits,
            terms: splits + 1,
            flops: u64::from(splits) * u64::from(total.len),
        },
    );
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
