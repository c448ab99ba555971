//! Commands that messages give can be pasted into a shell, whatever folders are called.

use std::path::Path;
use std::process::Command;

use crate::desk::{Desk, end};

/// A name with all that shells read otherwise.
const RUN: &str = "my $HOME's \"run\" #1";

/// What a line has between backticks.
#[track_caller]
fn command_in(said: &str) -> String {
    let mut parts = said.split('`');
    parts.nth(1).unwrap_or_else(|| panic!("no command: {said}")).to_string()
}

/// A shell in the desk's folder that finds the program.
fn shell(desk: &Desk, script: &str) -> Command {
    let program = desk.command("");
    let folder = Path::new(program.get_program()).parent().unwrap().to_path_buf();
    let paths = std::env::join_paths([folder, "/usr/bin".into(), "/bin".into()]).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).current_dir(desk.path("")).env("PATH", paths);
    shell.env("DCGAN_GPU_OFFLINE", "1").env("DCGAN_GPU_DEVICE", "cpu");
    shell
}

/// The program with a run folder of that name.
fn command(desk: &Desk, line: &str) -> Command {
    let mut command = desk.command(line);
    command.arg(RUN);
    command
}

#[test]
fn the_hint_to_go_on_goes_on() {
    let desk = Desk::new();
    let train = "train --config tiny.toml --device cpu -q --out";
    end(command(&desk, train)).done();
    let refused = end(command(&desk, train)).stderr;
    let resumed = end(shell(&desk, &command_in(&refused)));
    assert!(resumed.stderr.contains("has all its 20 steps"), "{refused}{resumed:?}");
    resumed.done();
}

#[test]
fn the_hint_to_start_a_run_starts_it() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path(RUN)).unwrap();
    let refused = end(command(&desk, "train -q --resume")).stderr;
    end(shell(&desk, &format!("{} --config tiny.toml -q", command_in(&refused)))).done();
    assert!(desk.path(RUN).join("config.toml").is_file());
}

#[test]
fn the_hint_to_download_names_the_folder() {
    let desk = Desk::new();
    let list = end(command(&desk, "data list --data-dir")).done();
    let hint = list.lines().find_map(|line| line.split_once("not here: ")).unwrap().1;
    let asked = end(shell(&desk, hint));
    // Nothing is downloaded here.
    assert!(asked.stderr.contains(RUN) && asked.stderr.contains("DCGAN_GPU_OFFLINE"), "{hint}: {asked:?}");
}
