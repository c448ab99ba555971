//! Every kernel: its WGSL file, its twin, and the descriptor that records it into a plan.
//!
//! One file here mirrors one folder of `shaders/`. The registry drives the tests and `selftest`: a kernel that is not in
//! it cannot be recorded, and one without a test case fails the tests.

pub mod activation;
pub mod adam;
pub mod batch_norm;
pub mod bias;
pub mod data;
pub mod dropout;
pub mod linear;
pub mod loss;
mod parallel;
pub mod reduce;

use crate::device::kernel::Kernel;
use crate::device::plan::{Constant, Launch, Recorder, View, flat_workgroups};

const FLAT_INDEX: &str = include_str!("../../shaders/common/flat_index.wgsl");
const KEEP_NAN: &str = include_str!("../../shaders/common/keep_nan.wgsl");
const PHILOX: &str = include_str!("../../shaders/common/philox.wgsl");
const SIGMOID: &str = include_str!("../../shaders/common/sigmoid.wgsl");

pub use parallel::vector_instructions;

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
    fn record(self, recorder: &mut Recorder, kernel: &Kernel) {
        let Flat { items, constants, bindings, loop_trips, terms, flops } = self;
        let workgroups = flat_workgroups(items, FLAT_SIZE);
        let constants = &[constants, &[("GROUPS_X", workgroups[0].into())]].concat();
        recorder.dispatch(kernel, Launch { constants, bindings, workgroups, loop_trips, terms, flops });
    }
}

/// Every kernel that a plan may name.
pub const REGISTRY: &[&Kernel] = &[
    &linear::FORWARD_TILE,
    &linear::FORWARD_LANE,
    &linear::FORWARD_SPREAD_LANE,
    &linear::FORWARD_NARROW,
    &linear::FORWARD_THIN,
    &linear::GRAD_WEIGHT_TILE,
    &linear::GRAD_WEIGHT_LANE,
    &linear::GRAD_WEIGHT_SPREAD_LANE,
    &linear::GRAD_WEIGHT_NARROW_LANE,
    &linear::GRAD_WEIGHT_THIN,
    &linear::TRANSPOSE,
    &reduce::ADD_PARTIALS,
    &reduce::LARGEST,
    &bias::FORWARD,
    &bias::GRAD,
    &batch_norm::MOMENTS,
    &batch_norm::STATISTICS,
    &batch_norm::RUNNING,
    &batch_norm::FORWARD,
    &batch_norm::GRAD_SUMS,
    &batch_norm::GRAD_PARAMETERS,
    &batch_norm::GRAD_INPUT,
    &activation::LEAKY_RELU,
    &activation::LEAKY_RELU_GRAD,
    &activation::TANH,
    &activation::TANH_GRAD,
    &activation::SIGMOID,
    &activation::SIGMOID_GRAD,
    &dropout::APPLY,
    &loss::BCE_LOGITS,
    &loss::SCALE_SAMPLES,
    &loss::STAMP,
    &adam::UPDATE,
    &data::GATHER,
];

/// The kernel of this name.
///
/// # Panics
/// If there is none: plans are recorded from registered kernels.
pub fn find(name: &str) -> &'static Kernel {
    REGISTRY.iter().find(|k| k.name == name).unwrap_or_else(|| panic!("no kernel is called {name}"))
}
