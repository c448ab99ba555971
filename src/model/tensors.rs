//! The tensors of a checkpoint by name: `NETWORK/WHAT/LAYER.NAME`, such as
//! `generator/parameter/3.weight`, with WHAT one of `parameter`, `adam_m`, `adam_v`, `rmsprop_v`,
//! `state` (running statistics and singular vectors), `average` (of parameters) and `average_state`
//! (its running statistics), in the layouts of the kernels. `discriminator/state/lecam` is of no
//! layer.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::plan::Stored;

/// A tensor: shape and values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// The tensors of a checkpoint by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    pub(super) by_name: BTreeMap<String, Tensor>,
}

impl Tensors {
    /// Adds what a stored tensor holds.
    pub fn insert(&mut self, stored: &Stored, values: &[f32]) {
        self.by_name.insert(stored.name.clone(), Tensor { shape: shape(stored), values: values.to_vec() });
    }

    /// All tensors in the order of their names, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f32])> {
        self.by_name.iter().map(|(name, tensor)| (name.as_str(), tensor.values.as_slice()))
    }

    /// What a stored tensor is to hold.
    ///
    /// # Errors
    /// A checkpoint error when it is missing, has another shape, or holds NaN or infinity.
    pub fn get(&self, stored: &Stored) -> Result<&[f32]> {
        let (name, expected) = (&stored.name, shape(stored));
        let tensor = self.by_name.get(name);
        let tensor = tensor.ok_or_else(|| Error::checkpoint(format!("the checkpoint has no tensor `{name}`")))?;
        if tensor.shape != expected {
            let message =
                format!("tensor `{name}` of the checkpoint is {:?}; the network's is {expected:?}", tensor.shape);
            return Err(Error::checkpoint(message));
        }
        if !are_finite(&tensor.values) {
            return Err(Error::checkpoint(format!("tensor `{name}` of the checkpoint holds NaN or infinity")));
        }
        Ok(&tensor.values)
    }

    /// Refuses all but exactly these tensors.
    ///
    /// # Errors
    /// As [`Tensors::get`], and when there are others.
    pub(super) fn check(&self, stored: &[Stored]) -> Result<()> {
        stored.iter().try_for_each(|stored| self.get(stored).map(drop))?;
        if self.by_name.len() != stored.len() {
            let message = format!("{} tensors, where its networks have {}", self.by_name.len(), stored.len());
            return Err(Error::checkpoint(message));
        }
        Ok(())
    }

    /// The first tensor, by name, that holds NaN or infinity.
    pub fn not_finite(&self) -> Option<&str> {
        self.by_name.iter().find(|(_, tensor)| !are_finite(&tensor.values)).map(|(name, _)| name.as_str())
    }

    /// The first tensor, by name, whose bits are not those of the same tensor of `other`.
    pub fn first_difference<'a>(&'a self, other: &'a Tensors) -> Option<&'a str> {
        let same = |a: &Tensor, b: &Tensor| {
            let bits = |tensor: &Tensor| -> Vec<u32> { tensor.values.iter().map(|v| v.to_bits()).collect() };
            a.shape == b.shape && bits(a) == bits(b)
        };
        let differs = |name: &&String| match (self.by_name.get(*name), other.by_name.get(*name)) {
            (Some(a), Some(b)) => !same(a, b),
            _ => true,
        };
        self.by_name.keys().chain(other.by_name.keys()).find(differs).map(String::as_str)
    }
}

fn shape(stored: &Stored) -> Vec<usize> {
    stored.shape.iter().map(|&n| n as usize).collect()
}

fn are_finite(values: &[f32]) -> bool {
    values.iter().all(|value| value.is_finite())
}
