//! Every shader in every specialisation that is in use: valid, translatable to all back ends,
//! within the rules.

#[path = "../common/mod.rs"]
mod common;
mod rules;
mod translate;
mod uniformity;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::profiles;
use dcgan_gpu::engine;
use dcgan_gpu::kernels::linear::variants;
use dcgan_gpu::kernels::{self, registry};
use dcgan_gpu::model::sources::{self, PRESETS};
use dcgan_gpu::plan::Profile;
use dcgan_gpu::plan::{
    Constant, Dispatch, Kernel, Launch, MAX_LOOP_TRIPS, MAX_WORKGROUPS, Program, Recorder, Role, flat_workgroups,
};
use dcgan_gpu::selftest::{Case, cases, presets};
use rayon::prelude::*;

/// A specialisation: the kernel and its complete WGSL.
#[derive(Debug)]
pub struct Specialised {
    /// The kernel.
    pub kernel: &'static dcgan_gpu::plan::Kernel,
    /// naga's view of it.
    pub module: naga::Module,
    /// What validation found.
    pub info: naga::valid::ModuleInfo,
}

impl Specialised {
    /// Whether it needs subgroups: then it is for native devices alone.
    pub fn uses_subgroups(&self) -> bool {
        self.kernel.source.contains("subgroupShuffle")
    }
}

/// Software and hardware devices of both families.
const PROFILES: [Profile; 3] = [profiles::GPU, profiles::SOFTWARE, profiles::LANES];

/// A program with this variant of every linear dispatch, as tuning could choose it.
fn variant(mut program: Program, number: usize, profile: &Profile) -> Program {
    for dispatch in program.plans.iter_mut().flat_map(|plan| &mut plan.dispatches) {
        if let Some(variant) = variants::of(dispatch, profile).get(number) {
            *dispatch = variant.apply(dispatch);
        }
    }
    program
}

/// All dispatches of all presets at their own batch size and at 16, and of all cases.
fn programs(profile: &Profile) -> Vec<Program> {
    let mut programs = Vec::new();
    for (preset, _) in PRESETS {
        let mut config = sources::preset(preset).expect("a preset");
        for batch in [config.training.batch_size, 16] {
            config.training.batch_size = batch;
            let program = engine::record(&config, profile, 4096).unwrap().program;
            programs.extend((1..5).map(|number| variant(program.clone(), number, profile)));
            programs.push(program);
        }
    }
    let cases =
        cases::all(profile).expect("valid cases").into_iter().chain(presets::all(profile).expect("valid presets"));
    programs.extend(cases.map(|Case { program, .. }| program));
    programs
}

/// Every distinct specialisation in use, parsed and validated: `Kernel::module` panics with naga's
/// report otherwise.
fn specialisations() -> Vec<Specialised> {
    let mut distinct = BTreeMap::new();
    for dispatch in PROFILES.iter().flat_map(programs).flat_map(|p| p.plans).flat_map(|plan| plan.dispatches) {
        let Dispatch { kernel, constants, .. } = dispatch;
        distinct.entry(format!("{} {constants:?}", kernel.name)).or_insert((kernel, constants));
    }
    assert!(distinct.len() > 300, "only {} specialisations", distinct.len());
    let parse = |&(kernel, ref constants): &(&'static Kernel, _)| {
        let (module, info) = kernel.module(constants);
        Specialised { kernel, module, info }
    };
    distinct.into_values().collect::<Vec<_>>().par_iter().map(parse).collect()
}

#[test]
fn every_specialisation_translates_and_keeps_the_rules() {
    let all = specialisations();
    println!("{} specialisations", all.len());
    let problems: Vec<String> = all.par_iter().flat_map_iter(rules::problems).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    translate::check(&all);
}

#[test]
fn shaders_say_what_they_are() {
    for kernel in registry().map(|twinned| twinned.kernel) {
        let problems = rules::text_problems(kernel.source);
        assert!(problems.is_empty(), "shaders/{}.wgsl: {}", kernel.name, problems.join("; "));
        for prelude in kernel.preludes {
            assert!(prelude.starts_with("// "), "a prelude of {} does not say what it is", kernel.name);
        }
    }
}

/// Every rule can be broken, and is seen to be.
#[test]
fn broken_rules_are_found() {
    for (text, problem) in rules::BROKEN {
        let module = naga::front::wgsl::parse_str(text).unwrap_or_else(|e| panic!("{}", e.emit_to_string(text)));
        let problems = rules::module_problems(&module);
        assert!(
            problems.iter().any(|found| found.contains(problem)),
            "not found: {problem}; found {problems:?} in {text}"
        );
    }
    for (text, problem) in rules::BROKEN_TEXT {
        let problems = rules::text_problems(text);
        assert!(problems.iter().any(|found| found.contains(problem)), "not found: {problem}; found {problems:?}");
    }
}

/// Records one dispatch of dropout with these limits stretched; returns the error's message, or the
/// panic's.
fn record(loop_trips: u32, workgroups: [u32; 3], alias: bool) -> Result<(), String> {
    let mut program = Program::default();
    let x = program.floats("x", Role::Scratch, 4);
    let y = program.floats("y", Role::Scratch, 4);
    let step = program.words("step", Role::StepInputs, vec![0; 8]);
    let constants: [(&'static str, Constant); 8] = [
        ("SIZE", 1.into()),
        ("THRESHOLD", 0.into()),
        ("KEEP_SCALE", 1.0.into()),
        ("SEED", 0.into()),
        ("STEP", 2.into()),
        ("STREAM", 0.into()),
        ("PART", 0.into()),
        ("GROUPS_X", 1.into()),
    ];
    let bindings = [("x", if alias { y } else { x }), ("step", step), ("y", y)];
    let launch = Launch { constants: &constants, bindings: &bindings, workgroups, loop_trips, terms: 0, flops: 0 };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut recorder = Recorder::new(&PROFILES[0]);
        recorder.scope("here").dispatch(&kernels::dropout::APPLY, launch);
        recorder.finish()
    }));
    match outcome {
        Ok(recorded) => recorded.map(|_| ()).map_err(|e| e.to_string()),
        Err(panic) => Err(panic.downcast_ref::<String>().cloned().unwrap_or_default()),
    }
}

#[test]
fn recording_refuses_what_devices_get_wrong() {
    assert_eq!(record(MAX_LOOP_TRIPS, [MAX_WORKGROUPS, 1, 1], false), Ok(()));
    let refused = |outcome: Result<(), String>, message: &str| {
        let problem = outcome.expect_err(message);
        assert!(problem.contains(message), "{problem}");
    };
    refused(
        record(MAX_LOOP_TRIPS + 1, [1; 3], false),
        "here is too large for dropout/apply: 1 workgroups across and 32769 loop trips",
    );
    refused(record(0, [1, MAX_WORKGROUPS + 1, 1], false), "65536 workgroups across");
    refused(record(0, [1, 1, 0], false), "no workgroups along an axis");
    refused(record(0, [1; 3], true), "the tensor written through `y` is bound 2 times");
}

#[test]
fn flat_workgroups_cover_every_item_within_the_limit() {
    for items in [1, 63, 64, 65, 4_194_240, 4_194_241, 1 << 30, u32::MAX] {
        let [x, y, z] = flat_workgroups(items, 64);
        assert!(x <= MAX_WORKGROUPS && y <= MAX_WORKGROUPS && z == 1, "{items}: {x}×{y}×{z}");
        assert!(u64::from(x) * u64::from(y) * 64 >= u64::from(items), "{items}: {x}×{y}");
    }
}
