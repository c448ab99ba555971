//! A run that goes on and on uses no more memory and no more files than at its beginning.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::desk::Desk;
use crate::{adapter, count, newest};

/// What a process uses.
#[derive(Clone, Copy, Debug)]
struct Use {
    kilobytes: u64,
    files: usize,
}

fn usage(child: &Child) -> Use {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_else(|| panic!("{status}"));
    let kilobytes = line.trim().trim_end_matches(" kB").parse().unwrap();
    let files = fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap().count();
    Use { kilobytes, files }
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Trains for a while with everything that a run writes, and looks at what the process uses: the
/// median of the second fifth of the time, when all is warm, against that of the last.
fn check(device: &str, seconds: u32) {
    let desk = Desk::new();
    let line = format!("train --config tiny.toml --device {device} --no-tune --out run --steps 100000000 -q");
    let line = format!("{line} --sample-every 20 --checkpoint-every 20 --log-every 1");
    let mut running = Running(desk.command(&line).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap());
    let began = Instant::now();
    while newest(&desk, "run") < 40 {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (start, mut uses) = (Instant::now(), Vec::new());
    while start.elapsed() < Duration::from_secs(seconds.into()) {
        std::thread::sleep(Duration::from_millis(20));
        assert!(running.0.try_wait().unwrap().is_none(), "it ended");
        uses.push(usage(&running.0));
    }
    let fifth = uses.len() / 5;
    let median = |uses: &[Use]| {
        let mut kilobytes: Vec<_> = uses.iter().map(|u| u.kilobytes).collect();
        kilobytes.sort_unstable();
        (kilobytes[kilobytes.len() / 2], uses.iter().map(|u| u.files).max().unwrap())
    };
    let ((early, early_files), (late, late_files)) =
        (median(&uses[fifth..2 * fifth]), median(&uses[uses.len() - fifth..]));
    let samples = desk.grids("run").len();
    println!(
        "{device}, {seconds} s, {samples} sample grids: {early} kB and {early_files} files, then {late} kB and {late_files} files"
    );
    assert!(samples > 2, "it trains");
    assert!(late <= early + early / 50 + 512, "memory grows from {early} kB to {late} kB");
    assert!(late_files <= early_files + 1, "open files grow from {early_files} to {late_files}");
}

#[test]
fn a_long_run_on_the_host_stays_small() {
    check("cpu", count("DCGAN_GPU_SOAK_SECONDS", 8));
}

#[test]
fn a_long_run_on_an_adapter_stays_small() {
    if let Some(device) = adapter() {
        check(&device, count("DCGAN_GPU_SOAK_SECONDS", 8));
    }
}
