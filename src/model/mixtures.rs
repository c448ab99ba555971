//! Classes between classes: rows of G's tables that lie between those of two classes, so that walks
//! can lead from one class to another.

use super::config::Config;
use super::parameters::NETWORKS;
use super::tensors::{Tensor, Tensors};
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
    let layout = config.generator_layout()?;
    for slot in &layout.parameters.slots {
        if layout.layers[slot.layer].0.labels().is_some() {
            for what in ["parameter", "average"] {
                let name = format!("{}/{what}/{}", NETWORKS[0], slot.name);
                tensors.by_name.get_mut(&name).into_iter().for_each(|table| mix_rows(table, mixtures));
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

/// Adds rows to a table, each between two of its rows.
fn mix_rows(Tensor { shape, values }: &mut Tensor, mixtures: &[Mixture]) {
    let width = shape[1..].iter().product::<usize>();
    for Mixture { of, at } in mixtures {
        for column in 0..width {
            let [from, to] = of.map(|class| values[class as usize * width + column]);
            values.push(from + at * (to - from));
        }
    }
    shape[0] += mixtures.len();
}
