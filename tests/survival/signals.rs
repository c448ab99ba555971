//! Ctrl-C and its relatives: the run is saved, says so by its exit code, and goes on later as if
//! nothing had happened.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};

use crate::common::program::through;
use crate::desk::{Desk, end};
use crate::kills::{Course, Running, Stage};
use crate::{checkpoints, count, newest};

/// Signals, and the exit codes that they mean.
const SIGNALS: [(&str, i32, i32); 7] = [
    ("INT", SIGINT, 130),
    ("TERM", SIGTERM, 143),
    ("HUP", SIGHUP, 143),
    ("USR1", SIGUSR1, 128 + SIGUSR1),
    ("USR2", SIGUSR2, 128 + SIGUSR2),
    ("XCPU", SIGXCPU, 128 + SIGXCPU),
    ("ALRM", SIGALRM, 128 + SIGALRM),
];

/// The program with the words of `line`, heeding signals also where whoever started the tests
/// ignores them, as `nohup` and shells' background jobs do.
fn command(desk: &Desk, line: &str) -> Command {
    let program = desk.command(line);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.map_or(0, |mask| u64::from_str_radix(mask.trim(), 16).unwrap());
    if SIGNALS.iter().all(|(_, number, _)| ignored >> (number - 1) & 1 == 0) {
        return program;
    }
    through(&["env", "--default-signal=INT,TERM,HUP,USR1,USR2,XCPU,ALRM"], &program)
}

/// Sends a signal.
fn send(signal: &str, child: &Child) {
    send_to(signal, &[child]);
}

/// Sends a signal to one process after the other, without a pause.
fn send_to(signal: &str, children: &[&Child]) {
    let ids = children.iter().map(|child| child.id().to_string()).collect::<Vec<_>>().join(" ");
    Command::new("sh").args(["-c", &format!("kill -{signal} {ids} 2>/dev/null")]).status().unwrap();
}

/// How a process ends, and how long that takes.
fn wait(child: &mut Child, limit: Duration) -> (ExitStatus, Duration) {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (status, start.elapsed());
        }
        if start.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it has not ended within {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn signals_at_random_moments_lose_nothing() {
    let course = Course::new("cpu");
    let trials = count("DCGAN_GPU_SIGNALS", 14);
    let (mut slowest, mut total, mut saved, mut early) = (Duration::ZERO, 0, 0, 0);
    for trial in 0..trials {
        let (signal, number, code) = SIGNALS[trial as usize % SIGNALS.len()];
        // No trial of the kills has the same moments.
        total += course.trial(1000 + trial, &mut |running: Running<'_>| {
            let Running { course, run, line, after } = running;
            let before = newest(&course.desk, run);
            let mut child = command(&course.desk, line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(after);
            send(signal, &child);
            let (status, elapsed) = wait(&mut child, Duration::from_secs(5));
            slowest = slowest.max(elapsed);
            match status.code() {
                Some(0) => return false,
                // Training had not begun: the system ended it, and there is nothing to save.
                None => {
                    assert_eq!((status.signal(), newest(&course.desk, run)), (Some(number), before), "{line}");
                    early += 1;
                }
                Some(found) => {
                    assert_eq!(found, code, "SIG{signal}: {line}");
                    saved += u32::from(course.stage(run) == Stage::Saved);
                }
            }
            true
        });
    }
    println!(
        "{trials} runs, stopped {total} times by seven signals: {saved} times with a checkpoint, {early} times before training \
         began; slowest end {slowest:?}; all ended with the bits of a run that was never stopped"
    );
}

/// A run of steps that take seconds, on a machine with many processors too.
fn slow(desk: &Desk) -> Child {
    let line = "train --preset pytorch --data strokes --batch-size 1024 --latent-dim 16 --device cpu --out run";
    let mut command = command(desk, line);
    let mut child = command.env("RAYON_NUM_THREADS", "1").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // It says when it begins.
    let (mut said, mut byte) = (Vec::new(), [0]);
    let stderr = child.stderr.as_mut().unwrap();
    while !said.ends_with(b"in run\n") {
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
        said.push(byte[0]);
    }
    child
}

#[test]
fn the_second_signal_ends_the_process_at_once() {
    let desk = Desk::new();
    let mut child = slow(&desk);
    std::thread::sleep(Duration::from_millis(100));
    // `timeout` and others send a signal twice at once: that is one.
    send_to("INT", &[&child, &child]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(child.try_wait().unwrap(), None, "the first signal waits for the end of a step");
    send("INT", &child);
    let (status, _) = wait(&mut child, Duration::from_secs(5));
    assert_eq!(status.code(), Some(130));
    assert_eq!(desk.names("run/checkpoints"), [""; 0], "it did not wait for the step");
}

#[test]
fn what_the_run_was_told_to_ignore_does_not_end_it() {
    let desk = Desk::new();
    let line =
        "train --config tiny.toml --device cpu --out run --steps 1500 -q --checkpoint-every 100 --sample-every 100";
    let mut command = through(&["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""], &desk.command(line));
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !desk.path("run/metrics.jsonl").exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    while child.try_wait().unwrap().is_none() {
        send("HUP", &child);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(desk.path("run/checkpoints/step-00001500.safetensors").exists());
}

#[test]
fn a_stopped_run_says_how_to_go_on() {
    let desk = Desk::new();
    let mut command =
        command(&desk, "train --config tiny.toml --device cpu --out run --steps 100000000 --sample-every 5");
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while checkpoints(&desk, "run").is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    send("TERM", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    let said = String::from_utf8(output.stderr).unwrap();
    let last = said.lines().last().unwrap();
    assert!(
        last.contains("stopped by a signal after step ") && last.ends_with("go on with `dcgan-gpu train --resume run`"),
        "{said}"
    );
    let gif = desk.frames("run/dcgan.gif");
    assert_eq!(gif.len(), desk.grids("run").len(), "the animation is whole");
    let end_at = newest(&desk, "run") + 5;
    let ended = end(desk.command(&format!("train --resume run --device cpu --steps {end_at}")));
    assert_eq!((ended.code, newest(&desk, "run")), (Some(0), end_at), "{ended:#?}");
}
