//! Which way each linear dispatch of a training step runs on a device: measured once, checked,
//! remembered.
//!
//! All ways compute the same within the kernels' bounds, but round differently. So a run keeps to
//! one choice, recorded in its folder, and sampling always takes the defaults.

mod file;
mod measure;

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::engine;
use crate::error::Result;
pub use crate::kernels::linear::choices::{Choices, key};
use crate::model::config::Config;
pub use file::{cache_file, load, save};

/// How long measuring may take before what is left keeps its default until the next run; a
/// measurement under way is finished.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether kernels are tuned to the device, and whom to tell about it.
pub struct Tune<'a> {
    /// Otherwise all run their defaults.
    pub wanted: bool,
    /// Told before something is measured, or differs from what a run began with.
    pub announce: &'a mut dyn FnMut(&str),
}

impl std::fmt::Debug for Tune<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tune {{ wanted: {} }}", self.wanted)
    }
}

/// Choices with the device that they are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// Adapter, driver, and version of this program.
    pub device: String,
    /// What runs there.
    pub choices: Choices,
}

/// What choices on this device are good for; nothing for the host, whose twins have no variants.
pub fn identity(device: &Device) -> Option<String> {
    let Device::Gpu(gpu) = device else { return None };
    Some(format!("{}, {} {}", gpu.identity(), env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
}

/// What a new run uses: chosen kernels where they are wanted, else the defaults; nothing on the
/// host.
///
/// # Errors
/// As [`choose`].
pub fn for_run(device: &Device, config: &Config, tune: Tune<'_>) -> Result<Option<Tuning>> {
    let Some(identity) = identity(device) else { return Ok(None) };
    if !tune.wanted {
        return Ok(Some(Tuning { device: identity, choices: Choices::default() }));
    }
    choose(device, config, cache_file(&identity).as_deref(), tune.announce)
}

/// What a resumed run uses: what it recorded, where that was on this device; else as [`for_run`].
///
/// # Errors
/// As [`choose`].
pub fn for_resumed(recorded: &Path, device: &Device, config: &Config, tune: Tune<'_>) -> Result<Option<Tuning>> {
    let Some(identity) = identity(device) else { return Ok(None) };
    let cause = match load(recorded) {
        Ok(Some(tuning)) if tuning.device == identity => return Ok(Some(tuning)),
        Ok(Some(tuning)) => format!("the run was tuned for another device ({})", tuning.device),
        Ok(None) => "the run was not tuned for this device".to_string(),
        Err(error) => error.to_string(),
    };
    (tune.announce)(&format!("{cause}; results may differ from one uninterrupted run in their last bits"));
    for_run(device, config, tune)
}

/// The choices for a training step on a device: those in the cache file, and measured ones for what
/// it lacks, which are added to it. `announce` is told before anything is measured.
///
/// # Errors
/// When the device fails, or the configuration does not fit it. A cache that cannot be read or
/// written is a warning.
pub fn choose(
    device: &Device,
    config: &Config,
    cache: Option<&Path>,
    announce: &mut dyn FnMut(&str),
) -> Result<Option<Tuning>> {
    let Some(identity) = identity(device) else { return Ok(None) };
    let profile = device.profile();
    let program = engine::record(config, &profile, 4)?.program;
    let mut known = cache.and_then(|path| file::load_cache(path, &identity)).unwrap_or_default();
    let missing = measure::open_shapes(&program, &profile, &known);
    if !missing.is_empty() {
        // What cannot run need not be measured.
        device.check(&program)?;
        let (shapes, seconds) = (missing.len(), PATIENCE.as_secs());
        announce(&format!("tuning {shapes} kernel shapes for {}, for about {seconds} s", device.name()));
        known.0.extend(measure::measure(device, &program, &missing, PATIENCE)?.0);
        let tuning = Tuning { device: identity.clone(), choices: known.clone() };
        if let Some(Err(error)) = cache.map(|path| file::save_cache(path, &tuning)) {
            log::warn!("the tuned choices are not kept for other runs: {error}");
        }
    }
    let used: Vec<_> = program.step_dispatches().map(key).collect();
    let choices = known.0.into_iter().filter(|(shape, _)| used.contains(shape)).collect();
    Ok(Some(Tuning { device: identity, choices }))
}
