//! The tensors of a checkpoint by name: `NETWORK/WHAT/LAYER.NAME`, such as `generator/parameter/3.weight`, with WHAT one of
//! `parameter`, `adam_m`, `adam_v` and `state` (running statistics), in the layouts of the kernels.

use std::collections::BTreeMap;

use super::network::Layout;
use super::parameters::{Slot, Table};
use crate::error::{Error, Result};

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
    /// Adds the tensors of a flat one.
    pub fn insert_flat(&mut self, network: &str, what: &str, table: &Table, flat: &[f32]) {
        for slot in &table.slots {
            let values = flat[slot.offset as usize..][..slot.parameter.len() as usize].to_vec();
            let shape = slot.parameter.shape.iter().map(|&n| n as usize).collect();
            self.by_name.insert(format!("{network}/{what}/{}", slot.name), Tensor { shape, values });
        }
    }

    /// Puts tensors together into a flat one, padding with zeros.
    ///
    /// # Errors
    /// A checkpoint error when a tensor is missing, has another shape, or holds NaN or infinity.
    pub fn flat(&self, network: &str, what: &str, table: &Table) -> Result<Vec<f32>> {
        let mut flat = vec![0.0; table.words as usize];
        for slot in &table.slots {
            let values = self.values(&format!("{network}/{what}/{}", slot.name), slot)?;
            flat[slot.offset as usize..][..values.len()].copy_from_slice(values);
        }
        Ok(flat)
    }

    /// Refuses all but exactly the tensors of these networks in training.
    ///
    /// # Errors
    /// As [`Tensors::flat`], and when there are others.
    pub(super) fn check(&self, layouts: &[Layout; 2]) -> Result<()> {
        let mut expected = 0;
        for layout in layouts {
            let parameters = ["parameter", "adam_m", "adam_v"].map(|what| (what, &layout.parameters));
            for (what, table) in parameters.into_iter().chain([("state", &layout.running)]) {
                for slot in &table.slots {
                    self.values(&format!("{}/{what}/{}", layout.name, slot.name), slot)?;
                    expected += 1;
                }
            }
        }
        if self.by_name.len() != expected {
            let message = format!("{} tensors, where its networks have {expected}", self.by_name.len());
            return Err(Error::checkpoint(message));
        }
        Ok(())
    }

    /// The values of a tensor that must be there, of the shape that its slot says, and finite.
    fn values(&self, name: &str, slot: &Slot) -> Result<&[f32]> {
        let expected: Vec<usize> = slot.parameter.shape.iter().map(|&n| n as usize).collect();
        let tensor = self.by_name.get(name);
        let tensor = tensor.ok_or_else(|| Error::checkpoint(format!("the checkpoint has no tensor `{name}`")))?;
        if tensor.shape != expected {
            let message =
                format!("tensor `{name}` of the checkpoint is {:?}; the network's is {expected:?}", tensor.shape);
            return Err(Error::checkpoint(message));
        }
        if tensor.values.iter().any(|v| !v.is_finite()) {
            return Err(Error::checkpoint(format!("tensor `{name}` of the checkpoint holds NaN or infinity")));
        }
        Ok(&tensor.values)
    }

    /// Names of tensors that hold NaN or infinity.
    pub fn not_finite(&self) -> Vec<&str> {
        let bad = self.by_name.iter().filter(|(_, tensor)| tensor.values.iter().any(|v| !v.is_finite()));
        bad.map(|(name, _)| name.as_str()).collect()
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
