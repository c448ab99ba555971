//! Runs that are killed, stopped, crowded, and left alone with nobody to read what they say: whole
//! processes, on the host and on an adapter, compared bit by bit with runs that nothing happened
//! to.
//!
//! The numbers of trials are small here; `docs/reliability.md` says how to ask for more.

#[path = "../common/mod.rs"]
mod common;

mod chance;
#[cfg(target_os = "linux")]
mod containers;
mod crowds;
mod kills;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod soak;
#[cfg(unix)]
mod streams;
mod threads;

use common::{desk, record};
use dcgan_gpu::device;
use desk::Desk;

/// The software adapter, else the first one; nothing where there is none and `DCGAN_GPU_TESTS=skip`
/// accepts that.
fn adapter() -> Option<String> {
    let mut adapters: Vec<_> = device::list().into_iter().filter(|device| device.kind != "host").collect();
    adapters.sort_by_key(|adapter| adapter.kind != "software");
    let found = adapters.first().map(|adapter| adapter.choose.clone());
    assert!(found.is_some() || common::may_skip(), "no GPU adapter was found; tests/run installs one");
    found
}

/// The names of a run's checkpoints, the newest last; none where it has no folder for them yet.
fn checkpoints(desk: &Desk, run: &str) -> Vec<String> {
    let folder = format!("{run}/checkpoints");
    let mut names = if desk.path(&folder).is_dir() { desk.names(&folder) } else { Vec::new() };
    names.retain(|name| name.ends_with(".safetensors"));
    names
}

/// The step of a run's newest checkpoint; 0 where there is none.
fn newest(desk: &Desk, run: &str) -> u32 {
    checkpoints(desk, run).last().map_or(0, |name| name[5..13].parse().unwrap())
}

/// A number of trials that the environment may raise.
fn count(variable: &str, usual: u32) -> u32 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => usual,
    }
}
