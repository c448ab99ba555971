//! Every kernel: its WGSL file, its twin, and the descriptor that records it into a plan.
//!
//! One file here mirrors one folder of `shaders/`. The registry drives the tests and `selftest`: one without a test case
//! fails the tests.

/// A kernel of the file `shaders/NAME.wgsl`.
macro_rules! kernel {
    ($name:literal, [$($prelude:expr),*], $bound:expr) => {
        Kernel {
            name: $name,
            source: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $name, ".wgsl")),
            preludes: &[$($prelude),*],
            bound: $bound,
            trusted: true,
        }
    };
}

pub mod activation;
pub mod adam;
pub mod batch_norm;
pub mod bias;
pub mod data;
pub mod dropout;
pub mod linear;
pub mod loss;
pub mod reduce;

use crate::plan::{Constant, Kernel, Launch, Recorder, View, flat_workgroups};
use crate::twin::Twinned;

const FLAT_INDEX: &str = include_str!("../../shaders/common/flat_index.wgsl");
const KEEP_NAN: &str = include_str!("../../shaders/common/keep_nan.wgsl");
const PHILOX: &str = include_str!("../../shaders/common/philox.wgsl");
const SIGMOID: &str = include_str!("../../shaders/common/sigmoid.wgsl");

/// Invocations of a workgroup of the flat kernels.
const FLAT_SIZE: u32 = 64;

/// What a flat kernel is recorded with: one that gives each item an invocation, found by [`FLAT_INDEX`].
#[derive(Default)]
struct Flat<'a> {
    items: u32,
    /// Those of the kernel's own.
    constants: &'a [(&'static str, Constant)],
    bindings: &'a [(&'static str, View)],
    loop_trips: u32,
    terms: u32,
    flops: u64,
}

impl Flat<'_> {
    fn record(self, recorder: &mut Recorder, kernel: &'static Kernel) {
        let Flat { items, constants, bindings, loop_trips, terms, flops } = self;
        let workgroups = flat_workgroups(items, FLAT_SIZE);
        let constants = &[constants, &[("GROUPS_X", workgroups[0].into())]].concat();
        recorder.dispatch(kernel, Launch { constants, bindings, workgroups, loop_trips, terms, flops });
    }
}

/// The kernels of every file.
const TOPICS: &[&[Twinned]] = &[
    linear::KERNELS,
    reduce::KERNELS,
    bias::KERNELS,
    batch_norm::KERNELS,
    activation::KERNELS,
    dropout::KERNELS,
    loss::KERNELS,
    adam::KERNELS,
    data::KERNELS,
];

/// Every kernel of this crate with its twin.
pub fn registry() -> impl Iterator<Item = &'static Twinned> {
    TOPICS.iter().copied().flatten()
}
