//! Feature networks for `eval`, `data get --features` and their like: found in a file or in the
//! cache, or trained.

use std::path::Path;

use crate::device::Device;
use crate::error::Result;
use crate::eval::file::Filed;
use crate::eval::network::Task;
use crate::eval::real::Real;
use crate::eval::{cache, learn};

use super::progress::Counter;
use super::tell;

/// The features of these data: from the file `given`, else those that are kept, else trained on
/// `device` and kept.
///
/// # Errors
/// As [`Filed::load`] and [`learn::learn`]; a data error when the features of a file are of images
/// of another size.
pub fn obtain(given: Option<&Path>, real: &Real<'_>, device: &Device, quiet: bool) -> Result<Filed> {
    if let Some(path) = given {
        let features = Filed::load(path)?;
        features.network.description.check(real.shape())?;
        return Ok(features);
    }
    match cache::find(real) {
        Some(features) => Ok(features),
        None => train(real, device, quiet),
    }
}

/// Trains features of these data and keeps them.
///
/// # Errors
/// As [`learn::learn`] and [`cache::keep`].
pub fn train(real: &Real<'_>, device: &Device, quiet: bool) -> Result<Filed> {
    if !quiet {
        let task = match real.task() {
            Task::Classes(classes) => format!("{} classes", classes.len()),
            Task::Rotations => "four rotations, as there are no classes".to_string(),
        };
        tell(&format!("training a feature network on {task}; once for these data, about a minute on two cores"));
    }
    let mut counter = None;
    let features = learn::learn(device, real, &mut |done, all| {
        counter.get_or_insert_with(|| Counter::new("steps", all as usize, quiet)).reached(done as usize);
    })?;
    if let Some(counter) = &counter {
        counter.finish();
    }
    let kept = cache::keep(real, &features)?;
    if let (Some(trained), false) = (&features.network.trained, quiet) {
        let accuracy = 100.0 * trained.accuracy;
        let place = kept.map_or("not kept: there is no cache folder".to_string(), |path| path.display().to_string());
        tell(&format!("it answers {accuracy:.2} % of {} unseen images right: {place}", trained.tested));
    }
    Ok(features)
}
