//! Whether a resumed run is the run that it was: its data must be, its device and program should
//! be.

use super::feed::Feed;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::model::checkpoint::Metadata;

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
    match &saved.data {
        Some(saved) if saved != feed.digest() => Err(Error::data(format!(
            "{name} has other images than the run was trained with; a resumed run needs the data that it began with"
        ))),
        _ => Ok(()),
    }
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
