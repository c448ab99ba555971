//! Classes between classes: rows of G's tables that lie between those of two classes, so that walks
//! can lead from one class to another.

use super::config::Config;
use super::parameters::NETWORKS;
use super::tensors::Tensors;
use crate::error::Result;

/// A class that lies between two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixture {
    /// The two classes.
    pub of: [u32; 2],
    /// How far it lies from the first to the second, 0 to 1.
    pub at: f32,
}

/// A configuration and its tensors with a class more for each mixture, in their order behind the
/// classes of the data: to draw with, not to train.
///
/// # Errors
/// As [`Config::layouts`].
pub fn mixed(config: &Config, tensors: &Tensors, mixtures: &[Mixture]) -> Result<(Config, Tensors)> {
    let mut config = config.clone();
    let mut tensors = tensors.clone();
    let [layout, _] = config.layouts()?;
    for slot in &layout.parameters.slots {
        if layout.layers[slot.layer].0.labels().is_some() {
            for what in ["parameter", "average"] {
                tensors.mix_rows(&format!("{}/{what}/{}", NETWORKS[0], slot.name), mixtures);
            }
        }
    }
    if let Some(classes) = &mut config.classes {
        let between = |mixture: &Mixture| {
            let [from, to] = mixture.of.map(|class| classes.names[class as usize].as_str());
            format!("{from} to {to} at {}", mixture.at)
        };
        let names: Vec<_> = mixtures.iter().map(between).collect();
        classes.names.extend(names);
    }
    Ok((config, tensors))
}
