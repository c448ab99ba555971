//! Whether a resumed run is the run that it was: its data must be, its device and program should
//! be.

use super::feed::Feed;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::model::checkpoint::Metadata;
use crate::model::config::Config;
use crate::shell::quoted;

/// Refuses data that are not those of the run.
pub(super) fn check_same_data(feed: &Feed, saved: &Metadata) -> Result<()> {
    let (name, now, then) = (feed.data().name(), feed.steps_per_epoch(), saved.steps_per_epoch);
    if now != then {
        let images = feed.data().len();
        return Err(Error::data(format!(
            "{name} has {images} images, {now} steps an epoch, but the run was trained with {then} steps an epoch; a resumed \
             run needs the data that it began with"
        )));
    }
    let other = |what: &str| {
        Err(Error::data(format!(
            "{name} has other {what} than the run was trained with; a resumed run needs the data that it began with"
        )))
    };
    if saved.data.as_ref().is_some_and(|saved| saved != feed.data().digest()) {
        return other("images");
    }
    if saved.labels.is_some() && saved.labels.as_deref() != feed.labels_digest() {
        return other("labels");
    }
    Ok(())
}

/// Refuses to begin anew, at random, a run that began with the weights of another one.
pub(super) fn check_random_beginning(config: &Config) -> Result<()> {
    let Some(from) = &config.from else { return Ok(()) };
    Err(Error::checkpoint(format!(
        "the run began with the weights of {}, and its own checkpoint of step 0 is missing, as are all others; start it \
         anew with `dcgan-gpu train --from {}`",
        from.display(),
        quoted(from)
    )))
}

/// Says where the bits of a resumed run may not be those of one that was never stopped.
pub(super) fn check_same_bits(device: &Device, saved: &Metadata, announce: &mut dyn FnMut(&str)) {
    let (device, version) = (device.identity(), env!("CARGO_PKG_VERSION"));
    let changed = [
        (saved.device != device).then(|| format!("the device was \"{}\" and is \"{device}\"", saved.device)),
        (saved.program_version != version)
            .then(|| format!("the program was version {} and is {version}", saved.program_version)),
    ];
    let changed: Vec<_> = changed.into_iter().flatten().collect();
    if !changed.is_empty() {
        announce(&format!("{}: the last bits may differ from those of an uninterrupted run", changed.join(" and ")));
    }
}
