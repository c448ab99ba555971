//! Every kernel: its WGSL file, its twin, and the descriptor that records it into a plan.
//!
//! One file here mirrors one folder of `shaders/`. The registry drives the tests and `selftest`:
//! one without a test case fails the tests.

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

/// Declares a module for each name, and lists what each of them has: adding kernels is adding a
/// word here.
macro_rules! topics {
    ($($name:ident),*) => {
        $(pub mod $name;)*

        /// What the modules of this list have, in its order.
        pub(crate) const TOPICS: &[$crate::kernels::Topic] = &[$($name::TOPIC),*];
    };
}
pub mod activation;
pub mod case;
topics! {
    linear, reduce, bias, batch_norm, class, dropout, loss, penalty, spectral, adam, rmsprop, clip, average, data, augment
}

use case::Trial;

use crate::plan::{Constant, Kernel, Launch, Recorder, View, flat_workgroups};
use crate::twin::Twinned;

/// Where the seed's two words lie in the input that every step brings: a constant of the kernels
/// that draw random numbers.
pub const SEED_WORD: u32 = 0;
/// Where the step's number lies there.
pub const STEP_WORD: u32 = 2;

const ADD_UP: &str = include_str!("../../shaders/common/add_up.wgsl");
const ADVERSARIAL: &str = include_str!("../../shaders/common/adversarial.wgsl");
const AUGMENTATION: &str = include_str!("../../shaders/common/augmentation.wgsl");
const FLAT_INDEX: &str = include_str!("../../shaders/common/flat_index.wgsl");
const KEEP_NAN: &str = include_str!("../../shaders/common/keep_nan.wgsl");
const LOG1P: &str = include_str!("../../shaders/common/log1p.wgsl");
const NAN_BITS: &str = include_str!("../../shaders/common/nan_bits.wgsl");
const PHILOX: &str = include_str!("../../shaders/common/philox.wgsl");
const SIGMOID: &str = include_str!("../../shaders/common/sigmoid.wgsl");
const SIGMOID4: &str = include_str!("../../shaders/common/sigmoid4.wgsl");
const SOFTPLUS: &str = include_str!("../../shaders/common/softplus.wgsl");
const UNIT: &str = include_str!("../../shaders/common/unit.wgsl");

/// What a flat kernel is recorded with: one that gives each item an invocation, found by
/// [`FLAT_INDEX`].
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
        let with = |groups_x: u32| [constants, &[("GROUPS_X", groups_x.into())]].concat();
        let workgroups = flat_workgroups(items, kernel.workgroup_size(&with(1))[0]);
        let constants = &with(workgroups[0]);
        recorder.dispatch(kernel, Launch { constants, bindings, workgroups, loop_trips, terms, flops });
    }
}

/// Loop trips of a workgroup that adds up `items`: each invocation every so many of them, then a
/// tree.
fn tree_trips(kernel: &Kernel, constants: &[(&'static str, Constant)], items: u32) -> u32 {
    let threads = kernel.workgroup_size(constants)[0];
    items.div_ceil(threads) + threads.ilog2()
}

/// What the file of a topic adds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Topic {
    /// Its kernels with their twins.
    kernels: &'static [Twinned],
    /// What they are tried on.
    cases: fn() -> Vec<Trial>,
}

fn topics() -> impl Iterator<Item = &'static Topic> {
    TOPICS.iter().chain(activation::TOPICS)
}

/// Every kernel of this crate with its twin.
pub fn registry() -> impl Iterator<Item = &'static Twinned> {
    topics().flat_map(|topic| topic.kernels)
}

/// What all of them are tried on.
pub fn cases() -> impl Iterator<Item = Trial> {
    topics().flat_map(|topic| (topic.cases)())
}
