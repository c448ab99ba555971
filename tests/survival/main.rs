//! Runs that are killed, stopped, crowded, and left alone with nobody to read what they say: whole processes, on the host and
//! on an adapter, compared bit by bit with runs that nothing happened to.
//!
//! The numbers of trials are small here; `docs/reliability.md` says how to ask for more.

#[path = "../cli/desk.rs"]
#[expect(dead_code, reason = "the command line's tests use more of it")]
mod desk;

mod chance;
mod crowds;
mod kills;
#[expect(dead_code, reason = "the tests of failing disks use more of it")]
mod record;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod soak;
#[cfg(unix)]
mod streams;
mod threads;

use dcgan_gpu::device;

/// The software adapter, else the first one; nothing where there is none and `DCGAN_GPU_TESTS=skip` accepts that.
fn adapter() -> Option<String> {
    let mut adapters: Vec<_> = device::list().into_iter().filter(|device| device.kind != "host").collect();
    adapters.sort_by_key(|adapter| adapter.kind != "software");
    let found = adapters.first().map(|adapter| adapter.choose.clone());
    let may_skip = std::env::var("DCGAN_GPU_TESTS").is_ok_and(|value| value == "skip");
    assert!(found.is_some() || may_skip, "no GPU adapter was found; tests/run installs one");
    found
}

/// A number of trials that the environment may raise.
fn count(variable: &str, usual: u32) -> u32 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => usual,
    }
}
