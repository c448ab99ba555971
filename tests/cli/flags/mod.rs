//! Command lines and values that cannot be used are refused at once: the exit code, one line that
//! says what and where, nothing printed, nothing written, no device touched, in less than a fifth
//! of a second.
//!
//! Every refusal runs where a device cannot be opened: the environment names lavapipe and hides
//! every Vulkan driver, so that a program that reached for the device would end with exit code 3
//! and another message.

mod bench;
mod configuration;
mod drawing;
mod resuming;
mod train;
mod variables;
mod verbs;
mod words;

use std::process::Command;
use std::time::{Duration, Instant};

use crate::desk::{Desk, Ended};

/// What a refusal may take, from the start of the process to its end.
const AT_ONCE: Duration = Duration::from_millis(200);

/// No device can be opened here.
const NO_DEVICE: [(&str, &str); 3] = [
    ("DCGAN_GPU_DEVICE", "llvmpipe"),
    ("VK_DRIVER_FILES", "/nowhere/no-driver.json"),
    ("VK_ICD_FILENAMES", "/nowhere/no-driver.json"),
];

/// A command line, the exit code, and a part of the message.
type Row = (&'static str, i32, &'static str);

/// Runs every command, and reports all that are not refused as they should be.
#[track_caller]
fn refuse(desk: &Desk, rows: Vec<(String, Command, i32, String)>) {
    let before = desk.snapshot();
    let (count, mut slowest) = (rows.len(), Duration::ZERO);
    let mut problems = Vec::new();
    for (name, mut command, code, fragment) in rows {
        let name: String = name.chars().take(80).collect();
        command.envs(NO_DEVICE);
        // A machine that does other work too may be slow once, not three times.
        let mut fastest = Duration::MAX;
        for _ in 0..3 {
            let begun = Instant::now();
            let ended = Ended::of(command.output().unwrap());
            fastest = fastest.min(begun.elapsed());
            problems.extend(ended.problem(code, &fragment).map(|problem| format!("{name}: {problem}")));
            if desk.snapshot() != before {
                panic!("{name}: the working directory has changed");
            }
            if fastest < AT_ONCE {
                break;
            }
        }
        if fastest >= AT_ONCE {
            problems.push(format!("{name}: took {fastest:?} or longer, three times"));
        }
        slowest = slowest.max(fastest);
    }
    eprintln!("{count} refusals, the slowest took {slowest:?}");
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[track_caller]
fn refuse_lines(desk: &Desk, rows: &[Row]) {
    let command = |&(line, code, fragment): &Row| (line.to_string(), desk.command(line), code, fragment.to_string());
    refuse(desk, rows.iter().map(command).collect());
}

#[test]
fn a_command_that_reaches_for_the_device_is_found_out() {
    let desk = Desk::with_run();
    for line in [
        "train --config tiny.toml --out other",
        "train --resume run --steps 40",
        "sample --out a.png --checkpoint run",
        "interpolate --out a.png --checkpoint run",
        "explore --out a.png --checkpoint run",
        "selftest",
        "bench --config tiny.toml",
    ] {
        let ended = desk.run_with(&NO_DEVICE, &format!("{line} -q"));
        ended.refused(3, "no device matches `llvmpipe`; there are: cpu");
    }
}
