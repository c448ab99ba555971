//! Opens a device of burn by name.

use burn::tensor::{Device, DeviceType};

use crate::bundle::Result;

/// `flex` is burn's backend for the processor; any other name is a part of a wgpu adapter's name, in any case. Returns
/// the device, with gradients, and what it calls itself.
pub fn open(name: &str) -> Result<(Device, String)> {
    if name == "flex" {
        return Ok((Device::flex().autodiff(), "flex".to_owned()));
    }
    let wanted = name.to_lowercase();
    let mut seen = Vec::new();
    for device in Device::enumerate(DeviceType::Wgpu).into_vec() {
        let Some(identity) = device.identity() else { continue };
        if identity.name.to_lowercase().contains(&wanted) {
            return Ok((device.autodiff(), identity.name));
        }
        seen.push(identity.name);
    }
    Err(format!("no wgpu adapter with `{name}` in its name; there are: flex, {}", seen.join(", ")))
}
