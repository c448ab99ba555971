//! Every kernel on every device, in lockstep with its f64 twin: awkward shapes and the presets,
//! between guard bands.

#[path = "../common/mod.rs"]
mod common;
mod mistakes;
mod not_finite;
mod trips;

use std::collections::BTreeSet;
use std::path::Path;

use common::profiles;
use dcgan_gpu::device::Device;
use dcgan_gpu::kernels::{case, registry};
use dcgan_gpu::plan::{Bound, Constant, Dispatch, Kernel, Launch, Profile, Program, Recorder};
use dcgan_gpu::selftest::{self, Case, cases, presets};
use dcgan_gpu::twin::{Call, Real, Twinned};
use dcgan_gpu::twinned;

/// A device of each family.
const PROFILES: [Profile; 2] = [profiles::GPU, profiles::LANES];

fn all_cases(profile: &Profile) -> Vec<Case> {
    cases::all(profile).expect("the cases fit together")
}

#[test]
fn every_kernel_has_a_case() {
    let cases: Vec<_> = PROFILES.iter().flat_map(all_cases).collect();
    let covered: BTreeSet<_> = cases.iter().flat_map(|case| case.dispatches().map(|d| d.kernel.name)).collect();
    let missing: Vec<_> =
        registry().map(|twinned| twinned.kernel.name).filter(|name| !covered.contains(name)).collect();
    assert!(missing.is_empty(), "add a case beside its twin in src/kernels/ for {missing:?}");
}

#[test]
fn cases_cover_split_sums_and_folded_dispatches() {
    for profile in PROFILES {
        let cases = all_cases(&profile);
        let count =
            |test: &dyn Fn(&Dispatch) -> bool| cases.iter().flat_map(Case::dispatches).filter(|d| test(d)).count();
        let constant = |dispatch: &Dispatch, name: &str| match dispatch.constants.get(name) {
            Some(Constant::U32(value)) => *value,
            _ => 0,
        };
        let split = |d: &Dispatch| d.kernel.name == "reduce/add_partials" && constant(d, "SPLITS") > 1;
        assert!(count(&split) > 3, "{:?}: no sum is split", profile.family);
        assert!(count(&|d| d.workgroups[1] > 1 && d.constants.contains_key("GROUPS_X")) > 1, "nothing is folded");
        assert!(count(&|d| d.loop_trips > 16_000) > 1, "{:?}: no loop is long", profile.family);
    }
}

#[test]
fn every_shader_is_registered() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut files = 0;
    for topic in std::fs::read_dir(&root).expect("shaders/ is readable") {
        let topic = topic.expect("readable").path();
        for file in std::fs::read_dir(&topic).expect("a folder for each topic") {
            let path = file.expect("readable").path();
            let text = std::fs::read_to_string(&path).expect("WGSL is text");
            let name = path.strip_prefix(&root).expect("below the root").with_extension("");
            let name = name.to_str().expect("UTF-8").replace('\\', "/");
            let known = if name.starts_with("common/") {
                registry().map(|twinned| twinned.kernel).any(|kernel| kernel.preludes.contains(&text.as_str()))
            } else {
                registry().map(|twinned| twinned.kernel).any(|kernel| kernel.name == name && kernel.source == text)
            };
            assert!(known, "{} belongs to no kernel: register it in src/kernels/mod.rs or remove it", path.display());
            files += 1;
        }
    }
    assert!(files > registry().count(), "{files} shaders for {} kernels", registry().count());
}

/// Runs cases on a device and asserts that all pass, and that no kernel which they dispatch was
/// left out.
fn check(device: &Device, cases: &[Case]) {
    let summary = selftest::check(device, cases, &[], |_| {}).expect("the device works");
    println!("{summary}");
    assert!(summary.passed(), "{summary}");
    for dispatch in cases.iter().flat_map(Case::dispatches) {
        let kernel = summary.kernels.iter().find(|kernel| kernel.kernel == dispatch.kernel.name).expect("registered");
        assert!(kernel.verdict == "passed" && kernel.values > 0, "{} was not compared", kernel.kernel);
    }
}

#[test]
fn cases_pass_on_the_host() {
    check(&Device::Host, &all_cases(&Device::Host.profile()));
}

#[test]
fn cases_pass_on_every_adapter() {
    for device in common::adapters() {
        check(&device, &all_cases(&device.profile()));
    }
}

#[test]
fn presets_pass_on_the_host() {
    check(&Device::Host, &presets::all(&Device::Host.profile()).expect("presets are valid"));
}

#[test]
fn presets_pass_on_every_adapter() {
    for device in common::adapters() {
        check(&device, &presets::all(&device.profile()).expect("presets are valid"));
    }
}

/// A kernel that is not of this crate.
static SQUARE: Kernel = Kernel::new(
    "mine/square",
    "@group(0) @binding(0) var<storage, read_write> x: array<f32>; // [SIZE]
    @compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u) {
        if id.x < SIZE { x[id.x] *= x[id.x]; }
    }",
    &[],
    Bound::Relative(2e-7),
);

fn square<F: Real>(call: &mut Call<'_, F>) {
    call.write("x").iter_mut().for_each(|x| *x = *x * *x);
}

fn cube<F: Real>(call: &mut Call<'_, F>) {
    call.write("x").iter_mut().for_each(|x| *x = *x * *x * *x);
}

/// A user's own kernel is checked against its own twin, and a twin that computes something else is
/// seen.
#[test]
fn kernels_of_users_are_checked() {
    const RIGHT: &[Twinned] = &[twinned!(SQUARE, square)];
    const WRONG: &[Twinned] = &[twinned!(SQUARE, cube)];
    let mut program = Program::default();
    let x = case::floats(&mut program, "x", 0, 37, |z| z);
    let mut recorder = Recorder::new(&Profile::HOST);
    let launch = Launch {
        constants: &[("SIZE", x.len.into())],
        bindings: &[("x", x)],
        workgroups: [x.len.div_ceil(8), 1, 1],
        loop_trips: 0,
        terms: 0,
        flops: 0,
    };
    recorder.dispatch(&SQUARE, launch);
    program.plans.push(recorder.finish().expect("it is small"));
    let cases = [Case { name: "squares".to_string(), program }];
    for device in common::devices() {
        let summary = selftest::check(&device, &cases, RIGHT, |_| {}).expect("the device works");
        let mine = summary.kernels.last().expect("the kernel is listed");
        assert!(summary.passed() && mine.kernel == "mine/square" && mine.values == 37, "{summary}");
        if !matches!(device, Device::Host) {
            let summary = selftest::check(&device, &cases, WRONG, |_| {}).expect("the device works");
            assert!(!summary.passed(), "{summary}");
        }
    }
}
