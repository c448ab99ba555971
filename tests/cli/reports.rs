//! The verbs that only report, and how the program behaves on streams that are no terminal.

use std::process::Stdio;

use crate::desk::{Desk, Ended, TRAIN};

#[test]
fn help_and_version_are_data() {
    let desk = Desk::new();
    let version = desk.run("--version").done();
    let (release, processor) = version.split_once('\n').unwrap();
    let (start, details) = release.split_once(" (").unwrap_or_else(|| panic!("{version} tells no wgpu"));
    assert_eq!(start, concat!("dcgan-gpu ", env!("CARGO_PKG_VERSION")));
    assert!(details.contains("wgpu 30") && details.ends_with(')'), "{version}");
    assert!(processor.starts_with("processor: ") && processor.contains(" thread"), "{version}");
    assert_eq!(desk.run("-V").done(), format!("{start}\n"));
    let help = desk.run("--help").done();
    for verb in [
        "train",
        "sample",
        "interpolate",
        "explore",
        "export",
        "report",
        "compare",
        "show",
        "devices",
        "selftest",
        "bench",
        "presets",
    ] {
        assert!(help.contains(&format!("\n  {verb} ")), "{help} does not list {verb}");
        let text = desk.run(&format!("{verb} --help")).done();
        assert!(text.contains("Example") && text.contains("Usage: dcgan-gpu"), "{text}");
    }
    assert!(help.contains("Exit codes"));
    assert!(desk.run("train --help").done().contains("[env: DCGAN_GPU_LR=]"));
}

#[test]
fn without_a_verb_the_help_is_shown() {
    let ended = Desk::new().run("");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stdout.is_empty() && ended.stderr.contains("Usage: dcgan-gpu"), "{ended:?}");
    assert!(ended.stderr.ends_with("error: say what to do, such as `dcgan-gpu train`\n"), "{}", ended.stderr);
}

#[test]
fn presets_are_listed() {
    let desk = Desk::new();
    let text = desk.run("presets").done();
    let names: Vec<_> = text.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(
        names,
        ["pytorch", "tf-tutorial", "stabilized", "keras", "quick", "wgan-gp", "conditional", "colour-32", "colour-64"]
    );
    let json = desk.run("presets --json").json();
    let json: Vec<_> = json.as_array().unwrap().iter().map(|preset| preset["name"].as_str().unwrap()).collect();
    assert_eq!(json, names);
}

#[test]
fn devices_end_with_the_processor() {
    let desk = Desk::new();
    let devices = desk.run("devices --json").json();
    let last = devices.as_array().unwrap().last().unwrap();
    assert_eq!((&last["choose"], &last["kind"]), (&"cpu".into(), &"host".into()));
    let text = desk.run("devices").done();
    assert!(text.starts_with("--device") && text.lines().last().unwrap().starts_with("cpu"), "{text}");
}

#[test]
fn a_device_that_is_not_there_is_named_beside_those_that_are() {
    let desk = Desk::new();
    let before = desk.snapshot();
    for device in ["no-such-device", "99", "\"\""] {
        let ended = desk.run(&format!("train --config tiny.toml --device {device}"));
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let last = ended.stderr.lines().last().unwrap();
        assert!(last.starts_with(&format!("error: no device matches `{device}`; there are: ")), "{last}");
        assert!(last.ends_with("cpu"), "{last}");
    }
    assert!(desk.snapshot() == before);
}

#[test]
fn outside_a_terminal_there_are_no_escape_codes() {
    let desk = Desk::new();
    for variables in [&[][..], &[("NO_COLOR", "1")], &[("TERM", "xterm-256color")]] {
        for line in [&format!("{TRAIN} --force -v"), "presets", "tran", "--help"] {
            let ended = desk.run_with(variables, line);
            let text = ended.stdout + &ended.stderr;
            assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{line}: {text:?}");
        }
    }
}

#[test]
fn progress_goes_to_stderr_and_results_to_stdout() {
    let ended = Desk::new().run(TRAIN);
    for part in
        ["training tiny on strokes, device cpu, steps 0 to 20, in run", "step 20/20  epoch 1/1  ", "done: 20 steps"]
    {
        assert!(ended.stderr.contains(part), "{:?} does not say {part:?}", ended.stderr);
    }
    let printed = ended.done();
    let names: Vec<_> = printed.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, ["run", "samples", "animation", "checkpoint"]);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let desk = Desk::with_run();
    for line in [
        "presets",
        "presets show keras",
        "devices",
        "--help",
        "train --dry-run",
        "sample --out a.png --checkpoint run -q --device cpu",
    ] {
        let mut child = desk.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = Ended::of(child.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{line}");
    }
}
