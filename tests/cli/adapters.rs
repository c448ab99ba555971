//! Which device is taken, what chooses it, and what its driver says meanwhile.

use crate::common::may_skip;
use crate::desk::Desk;

/// The environment of a machine without a driver.
const NO_DRIVER: [(&str, &str); 2] =
    [("VK_DRIVER_FILES", "/nowhere/no-driver.json"), ("VK_ICD_FILENAMES", "/nowhere/no-driver.json")];

/// A short run, on the device that nothing but the environment chooses.
const RUN: &str = "train --config tiny.toml --out run --steps 2 --force --no-tune";

/// The index and the name of each adapter; of those with the same name, the first.
fn adapters(desk: &Desk) -> Vec<(String, String)> {
    let devices = desk.run("devices --json").json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
    let devices = devices.as_array().unwrap().iter().filter(|device| device["kind"] != "host");
    let mut found: Vec<_> = devices.map(|device| (text(&device["choose"]), text(&device["name"]))).collect();
    found.dedup_by(|later, first| later.1 == first.1);
    assert!(!found.is_empty() || may_skip(), "no GPU adapter was found; tests/run installs one");
    found
}

#[test]
fn a_wrong_or_empty_variable_is_named() {
    let desk = Desk::new();
    let before = desk.snapshot();
    let with =
        |value: &str, line: &str| desk.run_with(&[NO_DRIVER[0], NO_DRIVER[1], ("DCGAN_GPU_DEVICE", value)], line);
    for line in [RUN, "selftest", "bench --config tiny.toml", "verify-resume --config tiny.toml"] {
        let named = "no device matches `no-such`; there are: cpu (given by the environment: DCGAN_GPU_DEVICE)";
        with("no-such", &format!("{line} -q")).refused(3, named);
        with("", &format!("{line} -q")).refused(2, "(given by the environment: DCGAN_GPU_DEVICE)");
    }
    // A flag is what was meant, whatever the variable says.
    let ended = with("no-such", "selftest -q --device other");
    assert!(ended.stderr.ends_with("no device matches `other`; there are: cpu\n"), "{ended:?}");
    with("", "devices").done();
    // `auto` chooses nothing that could be wrong, however it is written.
    for auto in ["auto", "AUTO"] {
        let variables = [NO_DRIVER[0], NO_DRIVER[1], ("DCGAN_GPU_DEVICE", auto), ("WGPU_BACKEND", "vulkan")];
        let ended = desk.run_with(&variables, "selftest -q");
        assert!(ended.stderr.ends_with("no device matches WGPU_BACKEND=vulkan; there are: cpu\n"), "{ended:?}");
    }
    assert!(desk.snapshot() == before);
    let ended = with("AUTO", RUN);
    assert!(ended.stderr.contains("no hardware GPU found: computing on the processor"), "{ended:?}");
}

#[test]
fn variables_of_wgpu_that_match_nothing_are_named() {
    let desk = Desk::new();
    let before = desk.snapshot();
    for (variable, value, code, fragment) in [
        ("WGPU_BACKEND", "vulkan", 3, "no device matches WGPU_BACKEND=vulkan; there are: cpu"),
        ("WGPU_BACKEND", "gl", 3, "no device matches WGPU_BACKEND=gl; there are: cpu"),
        (
            "WGPU_BACKEND",
            "vulcan",
            2,
            "WGPU_BACKEND=vulcan: there is no API `vulcan`; there are vulkan, metal and dx12",
        ),
        ("WGPU_ADAPTER_NAME", "geforce", 3, "no device matches WGPU_ADAPTER_NAME=geforce; there are: cpu"),
        ("WGPU_POWER_PREF", "fast", 2, "WGPU_POWER_PREF=fast: it is neither low nor high nor none"),
    ] {
        let variables = [NO_DRIVER[0], NO_DRIVER[1], (variable, value)];
        desk.run_with(&variables, &format!("{RUN} -q")).refused(code, fragment);
        assert!(desk.snapshot() == before, "{variable}={value}");
        // They are for `auto` alone.
        desk.run_with(&variables, "selftest -q --device no-such").refused(3, "no device matches `no-such`");
    }
    desk.run_with(&[NO_DRIVER[0], NO_DRIVER[1], ("WGPU_BACKEND", ""), ("WGPU_POWER_PREF", "low")], RUN).done();
}

#[test]
fn every_adapter_can_be_chosen_by_wgpus_variables_below_the_programs_own() {
    let desk = Desk::new();
    let device = |variables: &[(&str, &str)], flags: &str| {
        let ended = desk.run_with(variables, &format!("{RUN} {flags}"));
        let line = ended.stderr.lines().find(|line| line.starts_with("training ")).map(str::to_string);
        ended.done();
        line.unwrap()
    };
    for (index, name) in adapters(&desk) {
        let by_name = ("WGPU_ADAPTER_NAME", &*name.to_uppercase());
        let taken = format!("device {name}, steps");
        assert!(device(&[by_name], "").contains(&taken));
        assert!(device(&[by_name], "--device cpu").contains("device cpu, steps"));
        assert!(device(&[by_name, ("DCGAN_GPU_DEVICE", "cpu")], "").contains("device cpu, steps"));
        assert!(device(&[("WGPU_ADAPTER_NAME", "no such"), ("DCGAN_GPU_DEVICE", &index)], "").contains(&taken));
    }
}

/// Vulkan's loader complains on stderr itself where there is no runtime folder, and says much more
/// where it is asked to.
#[cfg(unix)]
#[test]
fn every_adapter_has_a_driver_that_is_heard_only_when_asked_for() {
    let desk = Desk::new();
    let run = |line: &str| {
        let mut command = desk.command(line);
        command.env_remove("XDG_RUNTIME_DIR").env("VK_LOADER_DEBUG", "info");
        crate::desk::end(command)
    };
    let ways = ["", "-q", "-v"];
    for ((index, _), flags) in adapters(&desk).iter().flat_map(|adapter| ways.map(|way| (adapter, way))) {
        assert_eq!(run(&format!("devices {flags}")).stderr, "", "devices {flags}");
        let stderr = run(&format!("{RUN} --device {index} {flags}")).stderr;
        let ours = ["training ", "step ", "done: ", "[INFO  dcgan_gpu"];
        for line in stderr.lines() {
            assert!(ours.iter().any(|start| line.starts_with(start)), "{flags}: {line:?}");
        }
        assert_eq!(stderr.is_empty(), flags == "-q", "{flags}: {stderr:?}");
    }
    if adapters(&desk).is_empty() {
        return;
    }
    let loud = run("devices -vv").stderr;
    assert!(loud.contains("Found ICD manifest file") || loud.contains("Vulkan Loader"), "{loud}");
}
