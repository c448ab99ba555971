//! Mistakes that kernels could make: the comparison finds each of them.

use dcgan_gpu::device::Device;
use dcgan_gpu::plan::{Constant, Dispatch, LinearFamily, Plan};
use dcgan_gpu::selftest::lockstep;

use crate::{all_cases, common};

/// A mistake in one kernel's dispatches: the case, the kernel, what is wrong, and a part of the
/// message that must name it.
type Mistake = (&'static str, &'static str, fn(&mut Dispatch), &'static str);

const DIFFERS: &str = "the twin gives";
const UNWRITTEN: &str = "is not written";
const OUTSIDE: &str = "is outside the view";

fn add(dispatch: &mut Dispatch, name: &'static str, change: i64) {
    let Some(Constant::U32(value)) = dispatch.constants.get_mut(name) else { panic!("no integer {name}") };
    *value = u32::try_from(i64::from(*value) + change).expect("a size");
}

fn scale(dispatch: &mut Dispatch, name: &'static str, factor: f32) {
    let Some(Constant::F32(value)) = dispatch.constants.get_mut(name) else { panic!("no float {name}") };
    *value *= factor;
}

fn exchange(dispatch: &mut Dispatch, a: &'static str, b: &'static str) {
    let [from_a, from_b] = [a, b].map(|name| dispatch.bindings[name]);
    dispatch.bindings.extend([(a, from_b), (b, from_a)]);
}

/// Each is made through the plan that the device gets, while the twins keep theirs.
const MISTAKES: &[Mistake] = &[
    ("leaky relu of 1", "activation/leaky_relu", |d| scale(d, "SLOPE", 1.00001), DIFFERS),
    ("batch norm per channel of 37", "batch_norm/grad_input", |d| exchange(d, "x", "dy"), DIFFERS),
    ("tanh of 3", "activation/tanh", |d| add(d, "SIZE", -1), UNWRITTEN),
    ("sigmoid of 3", "activation/sigmoid", |d| add(d, "SIZE", 1), OUTSIDE),
    ("batch norm per channel of 37", "batch_norm/forward", |d| add(d, "SIZE", 1), OUTSIDE),
    ("batch norm per channel of 37", "batch_norm/moments", |d| add(d, "SHARE", -1), DIFFERS),
    ("batch norm per channel of 37", "batch_norm/statistics", |d| scale(d, "MOMENTUM", 1.001), DIFFERS),
    ("dropout of 37", "dropout/apply", |d| add(d, "STREAM", 1), DIFFERS),
    ("conv 3x5 stride 2x1 of 37 (tile)", "linear/forward_tile", |d| add(d, "BATCH", -1), DIFFERS),
    ("conv 3x5 stride 2x1 of 37 (tile)", "linear/forward_tile", |d| d.workgroups[2] -= 1, UNWRITTEN),
    ("conv 3x5 stride 2x1 of 37 (tile)", "reduce/add_partials", |d| add(d, "SPLITS", -1), DIFFERS),
    ("conv 3x5 stride 2x1 odd of 3 (tile)", "linear/grad_weight_thin", |d| add(d, "BATCH", -1), DIFFERS),
    ("conv 3x5 stride 2x1 of 37 (lane)", "linear/forward_lane", |d| add(d, "BATCH", -1), DIFFERS),
    ("conv 3x5 stride 2x1 of 37 (lane)", "linear/forward_lane", |d| d.workgroups[1] -= 1, UNWRITTEN),
    ("conv 3x5 stride 2x1 of 37 (lane)", "linear/grad_weight_lane", |d| add(d, "BATCH", -1), DIFFERS),
    ("conv three channels in of 37 (lane)", "linear/forward_spread_lane", |d| add(d, "BATCH", -1), DIFFERS),
    ("conv three channels in of 37 (lane)", "linear/grad_weight_spread_lane", |d| add(d, "BATCH", -1), DIFFERS),
    ("conv three channels out of 70 (lane)", "linear/grad_weight_narrow_lane", |d| d.workgroups[0] -= 1, UNWRITTEN),
    ("conv three channels out of 70 (tile)", "linear/forward_narrow", |d| add(d, "BATCH", -1), DIFFERS),
    ("dense vector of 33 (tile)", "linear/transpose", |d| (add(d, "C_IN", 32), add(d, "C_OUT", -32)).0, DIFFERS),
    ("loss/non_saturating of 65 logits, label 0.1", "loss/non_saturating", |d| scale(d, "TARGET", 1.001), DIFFERS),
    ("loss/hinge of 65 logits, label 0.1", "loss/hinge", |d| add(d, "COLUMN", 1), UNWRITTEN),
    ("penalty of 7 samples of 35 × 3", "penalty/direction", |d| scale(d, "WEIGHT", 1.001), DIFFERS),
    ("penalty of 7 samples of 35 × 3", "penalty/between", |d| add(d, "PART", 1), DIFFERS),
    ("penalty of 7 samples of 35 × 3", "penalty/sums", |d| add(d, "VALUES", -1), DIFFERS),
    ("cross-entropy of 65 in 33 classes", "loss/cross_entropy", |d| scale(d, "WEIGHT", 1.1), DIFFERS),
    ("cross-entropy of 65 in 33 classes", "loss/cross_entropy", |d| add(d, "COLUMN", 1), UNWRITTEN),
    ("cross-entropy of 65 in 10 classes of a classifier", "loss/cross_entropy", |d| add(d, "ADDS", 1), DIFFERS),
    ("embedding of 37", "class/embed", |d| (add(d, "INPUT", 1), add(d, "WIDTH", -1)).0, DIFFERS),
    ("embedding of 37", "class/grad_table", |d| add(d, "FIRST", -1), DIFFERS),
    ("label planes, packs of 5", "class/planes", |d| add(d, "IMAGES", -1), DIFFERS),
    ("label planes, packs of 5", "class/leading", |d| add(d, "STRIDE", -1), DIFFERS),
    ("class affine of 37", "class/affine_forward", |d| add(d, "BATCH", -1), DIFFERS),
    ("class affine of 37", "class/affine_grad_input", |d| add(d, "SIZE", -1), UNWRITTEN),
    ("class affine of 37", "class/affine_sums", |d| add(d, "SHARE", -1), DIFFERS),
    ("projection of a conv of 37", "class/projection_forward", |d| add(d, "PIXELS", -1), DIFFERS),
    ("projection of a conv of 37", "class/projection_grad_input", |d| exchange(d, "ds", "table"), DIFFERS),
    ("projection of a conv of 37", "class/projection_sums", |d| add(d, "SIZE", -1), UNWRITTEN),
    ("stamp of step 70", "loss/stamp", |d| add(d, "COLUMN", -1), "nothing is to be written"),
    ("stamp of step 70", "loss/stamp", |d| add(d, "RING_ROWS", -1), UNWRITTEN),
    ("largest of 4160", "reduce/largest", |d| add(d, "SHARE", -1), DIFFERS),
    ("largest of 37", "reduce/largest", |d| add(d, "SIZE", 1), DIFFERS),
    ("adam, update 1 of 64", "adam/update", |d| scale(d, "REST1", 1.0001), DIFFERS),
    ("adam, update 1 of 64", "adam/update", |d| scale(d, "EPSILON", 1.01), DIFFERS),
    ("adam, update 1 of 64", "adam/update", |d| add(d, "RATE", 1), DIFFERS),
    ("gather 3 channels, noise 0.5", "data/gather", |d| scale(d, "NOISE", 1.0001), DIFFERS),
    ("augmentation of 33 9×13×3", "augment/apply", |d| add(d, "PART", 1), DIFFERS),
    ("augmentation of 33 9×13×3", "augment/apply", |d| add(d, "HOLE_ROWS", 2), DIFFERS),
    ("augmentation of 33 9×13×3", "augment/apply", |d| scale(d, "CONTRAST", 1.0001), DIFFERS),
    ("augmentation of 33 9×13×3", "augment/adjoint", |d| add(d, "MIRROR", -1), DIFFERS),
    ("augmentation of 33 9×13×3", "augment/adjoint", |d| add(d, "STREAM", 1), DIFFERS),
    ("augmentation of 33 9×13×3", "augment/means", |d| d.workgroups[0] -= 1, UNWRITTEN),
    ("contrast of 7 5×4×3", "augment/means", |d| add(d, "HEIGHT", -1), DIFFERS),
];

/// The check can fail: every mistake is found, in the kernel that makes it and in no other.
#[test]
fn mistakes_are_found() {
    for device in common::adapters() {
        let cases = all_cases(&device.profile());
        for &(case, kernel, make, message) in MISTAKES {
            if case.contains("(lane)") && device.profile().family != LinearFamily::Lane {
                continue;
            }
            let program = &cases.iter().find(|c| c.name == case).unwrap_or_else(|| panic!("no case {case}")).program;
            let reference = Plan {
                dispatches: program.plans.iter().flat_map(|p| p.dispatches.clone()).collect(),
                ..Plan::default()
            };
            let mut wrong = reference.clone();
            let changed = wrong.dispatches.iter_mut().find(|d| d.kernel.name == kernel);
            make(changed.unwrap_or_else(|| panic!("{case} does not run {kernel}")));
            let mut failures = Vec::new();
            let passed =
                lockstep::run(&device, &program.tensors, &wrong, &reference, &[], |row| failures.extend(row.failure));
            assert!(!passed.expect("the device works"), "{case}: a mistake in {kernel} is not found");
            let [failure] = &failures[..] else { panic!("{case}: {failures:?}") };
            assert!(failure.starts_with(kernel) && failure.contains(message), "{case}: {failure}");
        }
    }
}

/// The host's f32 twins are checked by the same comparison.
#[test]
fn mistakes_are_found_on_the_host() {
    let cases = all_cases(&Device::Host.profile());
    let case = cases.iter().find(|case| case.name == "leaky relu of 1").expect("there is such a case");
    let reference = &case.program.plans[0];
    let mut wrong = reference.clone();
    scale(&mut wrong.dispatches[0], "SLOPE", 1.00001);
    let passed = lockstep::run(&Device::Host, &case.program.tensors, &wrong, reference, &[], |_| {});
    assert!(!passed.expect("the host works"));
}
