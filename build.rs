//! Tells the program which commit it is built from, and which wgpu it is built with; `--version`
//! prints both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A package that was published has no repository of its own; one around it is none of its
    // business. An archive of the repository is neither: no commit is known there, and the lock
    // file is the one that is used.
    let (commit, wgpu) = if Path::new(".git").exists() {
        (of_repository(), locked_wgpu())
    } else {
        (of_package(), required_wgpu().or_else(locked_wgpu))
    };
    let wgpu = wgpu.map(|version| format!("wgpu {version}"));
    let details: Vec<_> = commit.map(|commit| format!("commit {commit}")).into_iter().chain(wgpu).collect();
    println!("cargo::rustc-env=BUILD_DETAILS={}", details.join("; "));
}

/// What git says, in one line.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_string())
}

/// The commit that is checked out, and its date. Without git, none.
fn of_repository() -> Option<String> {
    let found = git(&["log", "-1", "--format=%h, %cs", "--abbrev=7"])?;
    // The files that change with a commit or a checkout; in a linked worktree they are elsewhere. A
    // branch without a file of its own gets one with its next commit, so then its folder is
    // watched.
    let path = |name: &str| git(&["rev-parse", "--git-path", name]).map(PathBuf::from);
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]).and_then(|name| path(&name));
    let branch = branch.and_then(|file| file.ancestors().find(|path| path.exists()).map(Path::to_path_buf));
    for file in [path("HEAD"), path("logs/HEAD"), path("packed-refs"), branch].into_iter().flatten() {
        if file.exists() {
            println!("cargo::rerun-if-changed={}", file.display());
        }
    }
    Some(found)
}

/// The commit that cargo noted when it packed the sources.
fn of_package() -> Option<String> {
    let noted = fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let hash = noted.split("\"sha1\": \"").nth(1)?;
    hash.get(..7).map(str::to_string)
}

/// The version of wgpu in the lock file, which a build in the repository uses.
fn locked_wgpu() -> Option<String> {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = fs::read_to_string("Cargo.lock").ok()?;
    quoted_after(&lock, "name = \"wgpu\"\nversion = ")
}

/// The version of wgpu that a published package asks for: which one it gets is not known here.
fn required_wgpu() -> Option<String> {
    let manifest = fs::read_to_string("Cargo.toml").ok()?;
    quoted_after(&manifest, "[dependencies.wgpu]\nversion = ")
}

/// The text in quotes after `mark`.
fn quoted_after(text: &str, mark: &str) -> Option<String> {
    Some(text.split_once(mark)?.1.split('"').nth(1)?.to_string())
}
