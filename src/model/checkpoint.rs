//! Checkpoints: safetensors files with everything that resuming and sampling need.
//!
//! Tensors are named `NETWORK/WHAT/LAYER.NAME`: `generator/parameter/3.weight`, with WHAT one of `parameter`, `adam_m`,
//! `adam_v` and `state` (running statistics), in the layouts of the kernels. One metadata key holds the rest as JSON.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::config::Config;
use super::parameters::Table;
use crate::error::{Error, Result};
use crate::output::save_durably;

/// The key of the metadata map; its only one, because the map's order is random.
const METADATA_KEY: &str = "dcgan-gpu";
/// The version of the format that this program writes.
const FORMAT_VERSION: u32 = 1;
/// Largest file that is read, 16 GiB: more than any network this program can place.
const MAX_BYTES: u64 = 16 << 30;

/// What a checkpoint says besides its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of the format.
    pub format_version: u32,
    /// Version of the program that wrote it.
    pub program_version: String,
    /// Steps that were done.
    pub step: u32,
    /// Steps of an epoch.
    pub steps_per_epoch: u32,
    /// Seconds of training so far.
    pub seconds: f64,
    /// The device that trained it.
    pub device: String,
    /// The resolved configuration.
    pub config: Config,
}

/// A tensor: shape and values.
#[derive(Clone, Debug, PartialEq)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// The tensors of a checkpoint by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    by_name: BTreeMap<String, Tensor>,
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
            let name = format!("{network}/{what}/{}", slot.name);
            let expected: Vec<usize> = slot.parameter.shape.iter().map(|&n| n as usize).collect();
            let tensor = self.by_name.get(&name);
            let tensor = tensor.ok_or_else(|| Error::checkpoint(format!("the checkpoint has no tensor `{name}`")))?;
            if tensor.shape != expected {
                let message =
                    format!("tensor `{name}` of the checkpoint is {:?}; the network's is {expected:?}", tensor.shape);
                return Err(Error::checkpoint(message));
            }
            if tensor.values.iter().any(|v| !v.is_finite()) {
                return Err(Error::checkpoint(format!("tensor `{name}` of the checkpoint holds NaN or infinity")));
            }
            flat[slot.offset as usize..][..tensor.values.len()].copy_from_slice(&tensor.values);
        }
        Ok(flat)
    }

    /// Names of tensors that hold NaN or infinity.
    pub fn not_finite(&self) -> Vec<&str> {
        let bad = self.by_name.iter().filter(|(_, tensor)| tensor.values.iter().any(|v| !v.is_finite()));
        bad.map(|(name, _)| name.as_str()).collect()
    }
}

/// A checkpoint in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Counters and configuration.
    pub metadata: Metadata,
    /// Parameters, moments, running statistics.
    pub tensors: Tensors,
}

impl Metadata {
    /// Metadata of the current format and program.
    pub fn new(config: Config, step: u32, steps_per_epoch: u32, seconds: f64, device: String) -> Self {
        let program_version = env!("CARGO_PKG_VERSION").to_string();
        Metadata { format_version: FORMAT_VERSION, program_version, step, steps_per_epoch, seconds, device, config }
    }
}

impl Checkpoint {
    /// Writes the file so that it appears whole or not at all: temporary file, fsync, rename.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes: Vec<(&String, Vec<u8>)> = self
            .tensors
            .by_name
            .iter()
            .map(|(name, tensor)| (name, tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let mut views = Vec::with_capacity(bytes.len());
        for (name, data) in &bytes {
            let shape = self.tensors.by_name[*name].shape.clone();
            let view = TensorView::new(Dtype::F32, shape, data)
                .map_err(|e| Error::checkpoint(format!("cannot store tensor `{name}`: {e}")))?;
            views.push(((*name).clone(), view));
        }
        let json = serde_json::to_string(&self.metadata)
            .map_err(|e| Error::checkpoint(format!("cannot describe the checkpoint: {e}")))?;
        let metadata = HashMap::from([(METADATA_KEY.to_string(), json)]);
        let file = safetensors::serialize(views, Some(metadata))
            .map_err(|e| Error::checkpoint(format!("cannot encode the checkpoint: {e}")))?;
        save_durably(&file, path)
    }

    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// A checkpoint error when the file is missing, is no checkpoint of this program, or is broken.
    pub fn load(path: &Path) -> Result<Checkpoint> {
        let broken = |what: String| Error::checkpoint(format!("{}: {what}", path.display()));
        let file = std::fs::metadata(path)
            .map_err(|e| broken(format!("cannot read the checkpoint: {e}; check --checkpoint")))?;
        if !file.is_file() {
            return Err(broken("not a file; give a run folder or a .safetensors file".to_string()));
        }
        if file.len() > MAX_BYTES {
            return Err(broken(format!("{} bytes are too many for a checkpoint", file.len())));
        }
        let bytes = std::fs::read(path).map_err(|e| broken(format!("cannot read the checkpoint: {e}")))?;
        Checkpoint::parse(&bytes).map_err(|e| broken(e.to_string()))
    }

    /// Reads the bytes of a checkpoint file, which are not trusted.
    ///
    /// # Errors
    /// A checkpoint error, without the file's name, when they are no checkpoint of this program or a broken one.
    pub fn parse(bytes: &[u8]) -> Result<Checkpoint> {
        let broken = |what: String| Error::checkpoint(what);
        let foreign = |e: &dyn std::fmt::Display| {
            broken(format!("not a readable checkpoint ({e}); give a run folder or a .safetensors file of this program"))
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| foreign(&e))?;
        let json = header.metadata().as_ref().and_then(|map| map.get(METADATA_KEY));
        let json = json.ok_or_else(|| foreign(&"a safetensors file of another program"))?;
        let version = serde_json::from_str::<Version>(json).map_err(|e| foreign(&e))?.format_version;
        if version != FORMAT_VERSION {
            let message =
                format!("format version {version}; this program reads {FORMAT_VERSION}: use a matching release");
            return Err(broken(message));
        }
        let metadata: Metadata = serde_json::from_str(json).map_err(|e| foreign(&e))?;
        metadata.config.layouts().map_err(|e| broken(format!("its configuration cannot be used: {e}")))?;
        let mut tensors = Tensors::default();
        for (name, view) in SafeTensors::deserialize(bytes).map_err(|e| foreign(&e))?.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(broken(format!("tensor `{name}` is {:?}, not F32", view.dtype())));
            }
            let (words, _) = view.data().as_chunks::<4>();
            let values = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
            tensors.by_name.insert(name, Tensor { shape: view.shape().to_vec(), values });
        }
        Ok(Checkpoint { metadata, tensors })
    }
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// The checkpoints of a run folder, newest first; files of other names are not this program's.
pub fn of_run(run: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(run.join("checkpoints")) else { return Vec::new() };
    let step = |path: &Path| -> Option<u32> {
        path.file_name()?.to_str()?.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
    };
    let mut paths: Vec<_> = entries.flatten().filter_map(|e| Some((step(&e.path())?, e.path()))).collect();
    paths.sort();
    paths.into_iter().rev().map(|(_, path)| path).collect()
}
