//! What the program does on a terminal, and on streams beside one. The terminal is a
//! pseudo-terminal of the test's own.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::desk::{Desk, TRAIN};

/// Which streams are the terminal; the others are pipes.
#[derive(Clone, Copy, PartialEq)]
enum Terminal {
    Stdout,
    Stderr,
}

/// How the program ended, and what came to the terminal and to the other stream.
struct Seen {
    terminal: String,
    piped: String,
}

/// Runs `command` with one stream on a terminal of 100 columns.
fn on_terminal(mut command: Command, stream: Terminal) -> Seen {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let [slave, pipe] = [Stdio::from(slave), Stdio::piped()];
    match stream {
        Terminal::Stdout => command.stdout(slave).stderr(pipe),
        Terminal::Stderr => command.stderr(slave).stdout(pipe),
    };
    let mut child = command.spawn().unwrap();
    // The command holds the terminal's other end, and reading ends when the last holder is gone.
    drop(command);
    let reader = std::thread::spawn(move || {
        let (mut master, mut bytes, mut buffer) = (File::from(master), Vec::new(), [0; 4096]);
        // Linux tells the end as an error.
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            bytes.extend(&buffer[..count]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let mut piped = String::new();
    match stream {
        Terminal::Stdout => child.stderr.take().unwrap().read_to_string(&mut piped).unwrap(),
        Terminal::Stderr => child.stdout.take().unwrap().read_to_string(&mut piped).unwrap(),
    };
    assert!(child.wait().unwrap().success(), "{piped}");
    Seen { terminal: reader.join().unwrap(), piped }
}

fn train(desk: &Desk, flags: &str, variables: &[(&str, &str)], stream: Terminal) -> Seen {
    let mut command = desk.command(&format!("{TRAIN} --steps 200 --force {flags}"));
    command.env("TERM", "xterm-256color").envs(variables.iter().copied());
    on_terminal(command, stream)
}

/// Whether text holds an escape sequence or a carriage return that does not end a line.
fn redraws(text: &str) -> bool {
    text.replace("\r\n", "\n").contains(['\r', '\u{1b}'])
}

#[test]
fn on_a_terminal_a_bar_tells_steps_epoch_speed_and_time_left() {
    let desk = Desk::new();
    let Seen { terminal, piped } = train(&desk, "", &[], Terminal::Stderr);
    assert!(redraws(&terminal), "{terminal:?}");
    for part in ["/200  epoch 1/", "s left  ", " img/s  D "] {
        assert!(terminal.contains(part), "{terminal:?} does not show {part:?}");
    }
    assert!(piped.starts_with("run ") && !redraws(&piped), "{piped:?}");
}

#[test]
fn a_bar_counts_the_images_of_a_long_sample() {
    let desk = Desk::with_run();
    let sample = |flags: &str| {
        let line = format!("sample --checkpoint run --device cpu --format npy --out a.npy --force {flags}");
        let mut command = desk.command(&line);
        command.env("TERM", "xterm-256color");
        on_terminal(command, Terminal::Stderr)
    };
    let Seen { terminal, piped } = sample("--count 300000");
    assert!(redraws(&terminal) && terminal.contains("/300000 images  "), "{terminal:?}");
    assert_eq!(piped, "a.npy\n");
    assert!(!redraws(&sample("--count 10").terminal), "there is nothing to wait for");
    assert_eq!(sample("--count 300000 -q").terminal, "");
}

#[test]
fn the_bar_has_no_colours_of_its_own() {
    let desk = Desk::new();
    for variables in [&[][..], &[("NO_COLOR", "1")], &[("CLICOLOR", "0")]] {
        let seen = train(&desk, "", variables, Terminal::Stderr);
        let colours: Vec<_> = seen.terminal.match_indices("\u{1b}[").map(|(at, _)| &seen.terminal[at + 2..]).collect();
        let colours = colours
            .iter()
            .filter(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'));
        assert_eq!(colours.count(), 0, "{:?}", seen.terminal);
    }
}

#[test]
fn quiet_draws_nothing_and_a_dumb_terminal_gets_lines() {
    let desk = Desk::new();
    assert_eq!(train(&desk, "-q", &[], Terminal::Stderr).terminal, "");
    let Seen { terminal, .. } = train(&desk, "", &[("TERM", "dumb")], Terminal::Stderr);
    assert!(!redraws(&terminal), "{terminal:?}");
    assert!(terminal.contains("step 200/200  epoch "), "{terminal:?}");
}

#[test]
fn there_is_no_bar_where_stderr_is_no_terminal_whatever_stdout_is() {
    let desk = Desk::new();
    let Seen { terminal, piped } = train(&desk, "-v", &[], Terminal::Stdout);
    assert!(!redraws(&piped) && piped.contains("step 200/200  epoch "), "{piped:?}");
    assert!(terminal.starts_with("run ") && !redraws(&terminal), "{terminal:?}");
}

#[test]
fn help_is_coloured_on_a_terminal_that_wants_it() {
    let desk = Desk::new();
    for (variables, expected) in
        [(&[][..], true), (&[("NO_COLOR", "1")], false), (&[("CLICOLOR", "0")], false), (&[("TERM", "dumb")], false)]
    {
        let mut command = desk.command("train --help");
        command.env("TERM", "xterm-256color").envs(variables.iter().copied());
        let seen = on_terminal(command, Terminal::Stdout);
        assert_eq!(seen.terminal.contains("\u{1b}["), expected, "{variables:?}");
        assert!(seen.terminal.contains("Examples:") && seen.piped.is_empty());
    }
    let forced = desk.run_with(&[("CLICOLOR_FORCE", "1")], "train --help").done();
    assert!(forced.contains("\u{1b}["), "asked for colours, the program gives none");
}
