//! The file that `start.py` writes: initial parameters, images, latents, and the networks' description.

use std::path::Path;

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;
use serde_json::Value;

/// What can go wrong here: one line for stderr.
pub type Result<T> = std::result::Result<T, String>;

/// The contents of a bundle.
pub struct Bundle {
    bytes: Vec<u8>,
    /// The metadata key `gan`: preset, order, latent, adam, and the layers of both networks.
    pub gan: Value,
}

impl Bundle {
    /// Reads a bundle.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        let gan = metadata.metadata().as_ref().and_then(|keys| keys.get("gan"));
        let gan = gan.ok_or_else(|| format!("{}: no metadata key `gan`", path.display()))?;
        let gan = serde_json::from_str(gan).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self { bytes, gan })
    }

    /// A tensor of the file on `device`.
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Result<Tensor<D>> {
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|e| e.to_string())?;
        let view = tensors.tensor(name).map_err(|e| format!("{name}: {e}"))?;
        let values = view.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        Ok(Tensor::from_data(TensorData::new(values.collect::<Vec<_>>(), view.shape()), device))
    }

    /// A tensor of the file as a parameter.
    pub fn parameter<const D: usize>(&self, name: &str, device: &Device) -> Result<Param<Tensor<D>>> {
        Ok(Param::from_tensor(self.tensor(name, device)?))
    }

    /// The lengths of a tensor's axes, or none where the file has no such tensor.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        Some(SafeTensors::deserialize(&self.bytes).ok()?.tensor(name).ok()?.shape().to_vec())
    }

    /// A number of the description.
    pub fn adam(&self, key: &str) -> Result<f64> {
        number(&self.gan["adam"], key)
    }
}

/// A number under `key`.
pub fn number(value: &Value, key: &str) -> Result<f64> {
    value[key].as_f64().ok_or_else(|| format!("the bundle has no number `{key}` in {value}"))
}

/// `N` sizes under `key`.
pub fn sizes<const N: usize>(value: &Value, key: &str) -> Result<[usize; N]> {
    let list = value[key].as_array().into_iter().flatten();
    let list: Vec<usize> = list.filter_map(Value::as_u64).map(|size| size as usize).collect();
    list.try_into().map_err(|_| format!("the bundle has no {N} sizes `{key}` in {value}"))
}
