//! The program as process 1, the first of a container: from that one Linux keeps every signal that
//! it does not listen for.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::may_skip;
use crate::common::program::through;
use crate::desk::Desk;
use crate::{checkpoints, newest};

/// What starts a command as process 1, as root or in a namespace of users; nothing where the system
/// allows neither and `DCGAN_GPU_TESTS=skip` accepts that.
fn container() -> Option<&'static [&'static str]> {
    const LAUNCHERS: [&[&str]; 2] = [
        &["unshare", "--pid", "--fork", "--mount-proc"],
        &["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"],
    ];
    let works = |launcher: &&[&str]| {
        let mut command = Command::new(launcher[0]);
        command.args(&launcher[1..]).arg("true").stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found = LAUNCHERS.into_iter().find(works);
    assert!(found.is_some() || may_skip(), "`unshare` of util-linux cannot make a namespace of processes here");
    if found.is_none() {
        eprintln!("skipped: `unshare` does not work here, and DCGAN_GPU_TESTS=skip is set");
    }
    found
}

/// A process 1, and the number by which processes outside of its container know it.
struct First {
    launcher: Child,
    number: String,
}

impl First {
    /// Starts the program with the words of `line`.
    fn start(desk: &Desk, launcher: &[&str], line: &str) -> Self {
        // Whoever started the tests may ignore some, as shells do in the background.
        let heeding = ["env", "--default-signal=INT,TERM,HUP,USR1,QUIT,ALRM"];
        let mut command = through(&[launcher, &heeding].concat(), &desk.command(line));
        let launcher = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let (id, start) = (launcher.id(), Instant::now());
        let mut first = First { launcher, number: String::new() };
        let is_program =
            |number: &str| fs::read_link(format!("/proc/{number}/exe")).is_ok_and(|exe| exe.ends_with("dcgan-gpu"));
        while !is_program(&first.number) {
            assert!(start.elapsed() < Duration::from_secs(30), "it does not begin");
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
            first.number = children.split_whitespace().next().unwrap_or_default().to_string();
        }
        first
    }

    /// Sends a signal.
    fn send(&self, signal: &str) {
        Command::new("kill").args([&format!("-{signal}"), &self.number]).stderr(Stdio::null()).status().unwrap();
    }

    /// The exit code, once it has ended, for which it has ten seconds; a signal may be sent all the
    /// time.
    fn code(mut self, signal: Option<&str>) -> Option<i32> {
        let start = Instant::now();
        while self.launcher.try_wait().unwrap().is_none() {
            signal.iter().for_each(|signal| self.send(signal));
            if start.elapsed() > Duration::from_secs(10) {
                self.send("KILL");
                self.launcher.wait().unwrap();
                return None;
            }
            sleep(Duration::from_millis(10));
        }
        self.launcher.wait().unwrap().code()
    }
}

#[test]
fn every_signal_ends_process_1_before_there_is_anything_to_save() {
    let Some(launcher) = container() else { return };
    let desk = Desk::new();
    // All of them compute for much longer than this waits.
    let lines = [
        "bench --config tiny.toml --device cpu --steps 1000000",
        "selftest --device cpu",
        "verify-resume --device cpu --steps 1000000",
    ];
    let signals = [("TERM", 143), ("INT", 130), ("HUP", 143), ("USR1", 138), ("QUIT", 131), ("ALRM", 142)];
    for (at, (signal, code)) in signals.into_iter().enumerate() {
        let line = lines[at % lines.len()];
        let first = First::start(&desk, launcher, line);
        // Until the program has been loaded, the system keeps signals from it: one is not enough.
        assert_eq!(first.code(Some(signal)), Some(code), "SIG{signal}: {line}");
    }
}

#[test]
fn process_1_saves_its_run() {
    let Some(launcher) = container() else { return };
    let desk = Desk::new();
    let train = "train --config tiny.toml --device cpu --out run --steps 100000000 -q";
    let first = First::start(&desk, launcher, train);
    let start = Instant::now();
    while checkpoints(&desk, "run").is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not begin");
        sleep(Duration::from_millis(2));
    }
    first.send("TERM");
    assert_eq!(first.code(None), Some(143));
    let steps = newest(&desk, "run") + 5;
    desk.run(&format!("train --resume run --device cpu -q --steps {steps}")).done();
    assert_eq!(newest(&desk, "run"), steps);
}
