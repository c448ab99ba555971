//! What the integration tests share.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod desk;
pub mod features;
pub mod makers;
pub mod mutate;
pub mod profiles;
pub mod program;
pub mod record;
pub mod seeds;
pub mod tiny;

use std::path::Path;

use dcgan_gpu::device::{self, Device};
use dcgan_gpu::model::config::Config;
use dcgan_gpu::model::sources::Merge;

/// What an environment without adapters or tools lacks, and how to accept that.
const REMEDY: &str = "install a software Vulkan (Debian, Ubuntu: apt install mesa-vulkan-drivers libvulkan1), \
     or set DCGAN_GPU_TESTS=skip to run without";

/// Whether tests that lack an adapter or a tool are to pass.
pub fn may_skip() -> bool {
    std::env::var("DCGAN_GPU_TESTS").is_ok_and(|value| value == "skip")
}

/// Every adapter at hand, software ones too.
///
/// # Panics
/// If there is none and `DCGAN_GPU_TESTS=skip` is not set: a test that did not run must not look as
/// if it passed.
pub fn adapters() -> Vec<Device> {
    let adapters = device::list().into_iter().filter(|device| device.kind != "host");
    let devices: Vec<_> = adapters.map(|adapter| open(&adapter.choose)).collect();
    if devices.is_empty() {
        assert!(may_skip(), "no GPU adapter was found; {REMEDY}");
        eprintln!("skipped on GPUs: there is no adapter, and DCGAN_GPU_TESTS=skip is set");
    }
    devices
}

/// The host and every adapter.
pub fn devices() -> Vec<Device> {
    std::iter::once(Device::Host).chain(adapters()).collect()
}

fn open(choice: &str) -> Device {
    Device::open(choice).unwrap_or_else(|error| panic!("{error}"))
}

/// Asserts that every value is within `bound(index)` of what is expected; a failure reports how
/// many are not, and the worst with its place, both values and the bound.
#[track_caller]
pub fn assert_close(what: &str, got: &[f64], expected: &[f64], bound: impl Fn(usize) -> f64) {
    assert_eq!(got.len(), expected.len(), "{what}: number of values");
    let errors = got.iter().zip(expected).map(|(got, expected)| (got - expected).abs());
    let excess = |index: usize, error: f64| if error.is_nan() { f64::INFINITY } else { error - bound(index) };
    let bad: Vec<_> = errors.enumerate().filter(|&(index, error)| excess(index, error) > 0.0).collect();
    let worst = bad.iter().max_by(|a, b| excess(a.0, a.1).total_cmp(&excess(b.0, b.1)));
    if let Some(&(index, error)) = worst {
        panic!(
            "{what}: {} of {} values differ; worst at [{index}]: {:e}, expected {:e}: error {error:.2e}, bound {:.2e}",
            bad.len(),
            got.len(),
            got[index],
            expected[index],
            bound(index)
        );
    }
}

/// The largest magnitude.
pub fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

/// f32 values as f64.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

/// The configuration that a TOML file with this text makes.
pub fn config(text: &str) -> Config {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("tiny.toml");
    std::fs::write(&file, text).expect("there is room");
    Merge::from_file(&file).and_then(Merge::finish).expect("the configuration is valid")
}

/// The bytes of a file below `tests/golden`.
pub fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
