//! Every kernel on every device, in lockstep with its f64 twin: awkward shapes and the presets, between guard bands.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::profiles;
use dcgan_gpu::device::plan::{Constant, Dispatch, Plan, Program, Recorder, Role};
use dcgan_gpu::device::{Device, LinearFamily, Profile};
use dcgan_gpu::kernels::REGISTRY;
use dcgan_gpu::kernels::activation::Activation;
use dcgan_gpu::kernels::loss::{self, Column, RING_COLUMNS, RING_ROWS};
use dcgan_gpu::kernels::reduce::{self, NOT_FINITE, SHARES};
use dcgan_gpu::selftest::{self, Case, cases, lockstep, presets};

/// A device of each family.
const PROFILES: [Profile; 2] = [profiles::GPU, profiles::LANES];

fn all_cases(profile: &Profile) -> Vec<Case> {
    cases::all(profile).expect("the cases fit together")
}

#[test]
fn every_kernel_has_a_case() {
    let cases: Vec<_> = PROFILES.iter().flat_map(all_cases).collect();
    let covered: BTreeSet<_> = cases.iter().flat_map(|case| case.dispatches().map(|d| d.kernel)).collect();
    let missing: Vec<_> = REGISTRY.iter().map(|kernel| kernel.name).filter(|name| !covered.contains(name)).collect();
    assert!(missing.is_empty(), "add a case to src/selftest/cases.rs for {missing:?}");
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
        let split = |d: &Dispatch| d.kernel == "reduce/add_partials" && constant(d, "SPLITS") > 1;
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
                REGISTRY.iter().any(|kernel| kernel.preludes.contains(&text.as_str()))
            } else {
                REGISTRY.iter().any(|kernel| kernel.name == name && kernel.source == text)
            };
            assert!(known, "{} belongs to no kernel: register it in src/kernels/mod.rs or remove it", path.display());
            files += 1;
        }
    }
    assert!(files > REGISTRY.len(), "{files} shaders for {} kernels", REGISTRY.len());
}

/// Runs cases on a device and asserts that all pass, and that no kernel which they dispatch was left out.
fn check(device: &Device, cases: &[Case]) {
    let summary = selftest::check(device, cases, |_| {}).expect("the device works");
    println!("{summary}");
    assert!(summary.passed(), "{summary}");
    for dispatch in cases.iter().flat_map(Case::dispatches) {
        let kernel = summary.kernels.iter().find(|kernel| kernel.kernel == dispatch.kernel).expect("registered");
        assert!(kernel.verdict == "passed" && kernel.values > 0, "{} was not compared", kernel.kernel);
    }
}

#[test]
fn cases_pass_on_the_host() {
    check(&Device::Cpu, &all_cases(&Device::Cpu.profile()));
}

#[test]
fn cases_pass_on_every_adapter() {
    for device in common::adapters() {
        check(&device, &all_cases(&device.profile()));
    }
}

#[test]
fn presets_pass_on_the_host() {
    check(&Device::Cpu, &presets::all(&Device::Cpu.profile()).expect("presets are valid"));
}

#[test]
fn presets_pass_on_every_adapter() {
    for device in common::adapters() {
        check(&device, &presets::all(&device.profile()).expect("presets are valid"));
    }
}

/// A mistake in one kernel's dispatches.
struct Mistake {
    case: &'static str,
    kernel: &'static str,
    make: fn(&mut Dispatch),
    /// Part of the message that must name it.
    message: &'static str,
}

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

/// Mistakes that a kernel could make, each made through the plan that the device gets while the twins keep theirs.
const MISTAKES: &[Mistake] = &[
    Mistake {
        case: "leaky relu of 1",
        kernel: "activation/leaky_relu",
        make: |d| scale(d, "SLOPE", 1.00001),
        message: "the twin gives",
    },
    Mistake {
        case: "batch norm per channel of 37",
        kernel: "batch_norm/grad_input",
        make: |d| exchange(d, "x", "dy"),
        message: "the twin gives",
    },
    Mistake { case: "tanh of 3", kernel: "activation/tanh", make: |d| add(d, "SIZE", -1), message: "is not written" },
    Mistake {
        case: "sigmoid of 3",
        kernel: "activation/sigmoid",
        make: |d| add(d, "SIZE", 1),
        message: "is outside the view",
    },
    Mistake {
        case: "batch norm per channel of 37",
        kernel: "batch_norm/forward",
        make: |d| add(d, "SIZE", 1),
        message: "is outside the view",
    },
    Mistake {
        case: "batch norm per channel of 37",
        kernel: "batch_norm/moments",
        make: |d| add(d, "SHARE", -1),
        message: "the twin gives",
    },
    Mistake {
        case: "batch norm per channel of 37",
        kernel: "batch_norm/statistics",
        make: |d| scale(d, "MOMENTUM", 1.001),
        message: "the twin gives",
    },
    Mistake {
        case: "dropout of 37",
        kernel: "dropout/apply",
        make: |d| add(d, "STREAM", 1),
        message: "the twin gives",
    },
    Mistake {
        case: "conv 3x5 stride 2x1 of 37 (tile)",
        kernel: "linear/forward_tile",
        make: |d| add(d, "BATCH", -1),
        message: "the twin gives",
    },
    Mistake {
        case: "conv 3x5 stride 2x1 of 37 (tile)",
        kernel: "linear/forward_tile",
        make: |d| d.workgroups[2] -= 1,
        message: "is not written",
    },
    Mistake {
        case: "conv 3x5 stride 2x1 of 37 (tile)",
        kernel: "reduce/add_partials",
        make: |d| add(d, "SPLITS", -1),
        message: "the twin gives",
    },
    Mistake {
        case: "conv 3x5 stride 2x1 odd of 3 (tile)",
        kernel: "linear/grad_weight_thin",
        make: |d| add(d, "BATCH", -1),
        message: "the twin gives",
    },
    Mistake {
        case: "conv 3x5 stride 2x1 of 37 (lane)",
        kernel: "linear/forward_lane",
        make: |d| add(d, "BATCH", -1),
        message: "the twin gives",
    },
    Mistake {
        case: "conv 3x5 stride 2x1 of 37 (lane)",
        kernel: "linear/forward_lane",
        make: |d| d.workgroups[1] -= 1,
        message: "is not written",
    },
    Mistake {
        case: "conv 3x5 stride 2x1 of 37 (lane)",
        kernel: "linear/grad_weight_lane",
        make: |d| add(d, "BATCH", -1),
        message: "the twin gives",
    },
    Mistake {
        case: "conv three channels in of 37 (lane)",
        kernel: "linear/forward_spread_lane",
        make: |d| add(d, "BATCH", -1),
        message: "the twin gives",
    },
    Mistake {
        case: "conv three channels in of 37 (lane)",
        kernel: "linear/grad_weight_spread_lane",
        make: |d| add(d, "BATCH", -1),
        message: "the twin gives",
    },
    Mistake {
        case: "conv three channels out of 70 (lane)",
        kernel: "linear/grad_weight_narrow_lane",
        make: |d| d.workgroups[0] -= 1,
        message: "is not written",
    },
    Mistake {
        case: "conv three channels out of 70 (tile)",
        kernel: "linear/forward_narrow",
        make: |d| add(d, "BATCH", -1),
        message: "the twin gives",
    },
    Mistake {
        case: "dense vector of 33 (tile)",
        kernel: "linear/transpose",
        make: |d| (add(d, "C_IN", 32), add(d, "C_OUT", -32)).0,
        message: "the twin gives",
    },
    Mistake {
        case: "loss of 65 logits, label 0.1",
        kernel: "loss/bce_logits",
        make: |d| scale(d, "TARGET", 1.001),
        message: "the twin gives",
    },
    Mistake {
        case: "loss of 65 logits, label 0.1",
        kernel: "loss/bce_logits",
        make: |d| add(d, "COLUMN", 1),
        message: "is not written",
    },
    Mistake {
        case: "stamp of step 70",
        kernel: "loss/stamp",
        make: |d| add(d, "COLUMN", -1),
        message: "nothing is to be written",
    },
    Mistake {
        case: "stamp of step 70",
        kernel: "loss/stamp",
        make: |d| add(d, "RING_ROWS", -1),
        message: "is not written",
    },
    Mistake {
        case: "largest of 4160",
        kernel: "reduce/largest",
        make: |d| add(d, "SHARE", -1),
        message: "the twin gives",
    },
    Mistake { case: "largest of 37", kernel: "reduce/largest", make: |d| add(d, "SIZE", 1), message: "the twin gives" },
    Mistake {
        case: "adam, update 1 of 64",
        kernel: "adam/update",
        make: |d| scale(d, "REST1", 1.0001),
        message: "the twin gives",
    },
    Mistake {
        case: "adam, update 1 of 64",
        kernel: "adam/update",
        make: |d| scale(d, "EPSILON", 1.01),
        message: "the twin gives",
    },
    Mistake {
        case: "adam, update 1 of 64",
        kernel: "adam/update",
        make: |d| add(d, "RATE", 1),
        message: "the twin gives",
    },
    Mistake {
        case: "gather 3 channels, noise 0.5",
        kernel: "data/gather",
        make: |d| scale(d, "NOISE", 1.0001),
        message: "the twin gives",
    },
];

/// The check can fail: every mistake is found, in the kernel that makes it and in no other.
#[test]
fn mistakes_are_found() {
    for device in common::adapters() {
        let cases = all_cases(&device.profile());
        for mistake in MISTAKES {
            let Mistake { case, kernel, make, message } = *mistake;
            if case.contains("(lane)") && device.profile().family != LinearFamily::Lane {
                continue;
            }
            let program = &cases.iter().find(|c| c.name == case).unwrap_or_else(|| panic!("no case {case}")).program;
            let reference = Plan { dispatches: program.plans.iter().flat_map(|p| p.dispatches.clone()).collect() };
            let mut wrong = reference.clone();
            let changed = wrong.dispatches.iter_mut().find(|d| d.kernel == kernel);
            make(changed.unwrap_or_else(|| panic!("{case} does not run {kernel}")));
            let mut failures = Vec::new();
            let passed =
                lockstep::run(&device, &program.tensors, &wrong, &reference, |row| failures.extend(row.failure));
            assert!(!passed.expect("the device works"), "{case}: a mistake in {kernel} is not found");
            let [failure] = &failures[..] else { panic!("{case}: {failures:?}") };
            assert!(failure.starts_with(kernel) && failure.contains(message), "{case}: {failure}");
        }
    }
}

/// The host's f32 twins are checked by the same comparison.
#[test]
fn mistakes_are_found_on_the_host() {
    let cases = all_cases(&Device::Cpu.profile());
    let case = cases.iter().find(|case| case.name == "leaky relu of 1").expect("there is such a case");
    let reference = &case.program.plans[0];
    let mut wrong = reference.clone();
    scale(&mut wrong.dispatches[0], "SLOPE", 1.00001);
    let passed = lockstep::run(&Device::Cpu, &case.program.tensors, &wrong, reference, |_| {});
    assert!(!passed.expect("the host works"));
}

/// A network that has diverged must show it: NaN passes through activations, whatever they select or clamp.
#[test]
fn activations_do_not_hide_nan() {
    let activations = [
        Activation::LeakyRelu { slope: 0.0 },
        Activation::LeakyRelu { slope: 0.2 },
        Activation::Tanh,
        Activation::Sigmoid,
    ];
    for device in common::devices() {
        for activation in activations {
            let mut program = Program::default();
            let [x, y] = ["x", "y"].map(|label| program.floats(label, Role::Activations, 5));
            let mut recorder = Recorder::new(&device.profile());
            activation.record_forward(&mut recorder, x, y);
            program.plans.push(recorder.finish().unwrap());
            let mut session = device.load(program).unwrap();
            session.write_floats(x, &[0.5, f32::NAN, -0.5, -f32::NAN, 100.0]);
            session.run(0).unwrap();
            let nan: Vec<_> = session.read_floats(y).unwrap().iter().map(|value| value.is_nan()).collect();
            assert_eq!(nan, [false, true, false, true, false], "{activation:?} on {}", device.name());
        }
    }
}

/// Neither may the loss: `max` in it makes a number of NaN, and a label of 1 or 0 cancels one of the infinities.
#[test]
fn the_loss_does_not_hide_what_is_no_number() {
    const STEP: u32 = 67;
    for device in common::devices() {
        for target in [0.0, 0.9, 1.0] {
            let mut program = Program::default();
            let step = program.words("step", Role::StepInputs, vec![0, 0, STEP, 0, 0, 0, 0, 0]);
            let [logits, dlogits] = ["logits", "dlogits"].map(|label| program.floats(label, Role::Activations, 130));
            let ring = program.floats("ring", Role::LossRing, (RING_ROWS * RING_COLUMNS).into());
            let mut recorder = Recorder::new(&device.profile());
            loss::record_bce_logits(&mut recorder, target, Column::Fake, [logits, step, dlogits, ring]);
            program.plans.push(recorder.finish().unwrap());
            let mut session = device.load(program).unwrap();
            let row = (STEP % RING_ROWS * RING_COLUMNS + Column::Fake as u32) as usize;
            for bad in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::INFINITY, f32::NEG_INFINITY] {
                for place in [0, 63, 64, 129] {
                    let what = format!("{bad} at {place}, label {target}, on {}", device.name());
                    let mut values: Vec<_> = (0..130).map(|i| (i as f32 - 65.0) * 0.1).collect();
                    session.write_floats(logits, &values);
                    session.run(0).unwrap();
                    let losses = session.read_floats(ring).unwrap();
                    assert!(losses[row].is_finite() && losses[row + 1].is_finite(), "{what}: {losses:?}");
                    values[place] = bad;
                    session.write_floats(logits, &values);
                    session.run(0).unwrap();
                    let losses = session.read_floats(ring).unwrap();
                    assert!(losses[row].is_nan() && losses[row + 1].is_nan(), "{what}: {:?}", &losses[row..row + 2]);
                    let gradients = session.read_floats(dlogits).unwrap();
                    let spoilt: Vec<_> = (0..130).filter(|&i| !gradients[i].is_finite()).collect();
                    assert_eq!(spoilt, [place], "{what}");
                }
            }
        }
    }
}

/// The check for divergence finds a single bad word, wherever it is.
#[test]
fn the_largest_magnitude_shows_what_is_no_number() {
    const WORDS: u32 = 4133;
    for device in common::devices() {
        let mut program = Program::default();
        let x = program.floats("x", Role::Parameters, WORDS.into());
        let partial = program.floats("partial", Role::Scratch, SHARES.into());
        let mut recorder = Recorder::new(&device.profile());
        reduce::record_largest(&mut recorder, x, partial);
        program.plans.push(recorder.finish().unwrap());
        let mut session = device.load(program).unwrap();
        let mut largest = |values: &[f32]| {
            session.write_floats(x, values);
            session.run(0).unwrap();
            session.read_bits(partial).unwrap().into_iter().max().unwrap()
        };
        let usual: Vec<_> = (0..WORDS).map(|i| (i as f32 - 2000.0) * 1e-3).collect();
        assert_eq!(f32::from_bits(largest(&usual)), usual[4132], "on {}", device.name());
        for bad in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::INFINITY, f32::NEG_INFINITY] {
            for place in [0, 64, 1000, WORDS as usize - 1] {
                let mut values = usual.clone();
                values[place] = bad;
                let bits = largest(&values);
                assert!(bits >= NOT_FINITE, "{bad} at {place} on {}: {bits:#x}", device.name());
            }
        }
        assert_eq!(f32::from_bits(largest(&vec![f32::MAX; WORDS as usize])), f32::MAX, "on {}", device.name());
    }
}
