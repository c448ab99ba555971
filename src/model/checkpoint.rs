//! Checkpoints: safetensors files with everything that resuming and sampling need.
//!
//! The file holds [`Tensors`] and, under the only key of its metadata map, one line of JSON:
//! `{"format_version":2,"sha256":"…","run":{…}}`. The checksum is that of the text of `run`
//! followed by all that comes behind the file's header, the tensors' bytes. Version 1, which is
//! still read, had the members of `run` at the top and no checksum.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::config::Config;
use super::judged::JudgedBy;
use super::learned::stored;
use super::tensors::Tensor;
pub use super::tensors::Tensors;
use crate::disk;
use crate::error::{Error, Result};
use crate::output::save_durably;

/// The key of the metadata map; its only one, because the map's order is random.
const METADATA_KEY: &str = "dcgan-gpu";
/// The version of the format that this program writes.
const FORMAT_VERSION: u32 = 2;
/// Largest file that is read, 16 GiB: more than any network this program can place.
const MAX_BYTES: u64 = 16 << 30;
/// Largest header that is read; that of a thousand layers has a tenth of it.
const MAX_HEADER_BYTES: u64 = 16 << 20;
/// The header's length stands in the first bytes, little-endian.
const LENGTH_BYTES: usize = 8;

const _: () =
    assert!(cfg!(target_endian = "little"), "tensors are saved as they are in memory; the file is little-endian");

/// What a checkpoint says besides its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of the program that wrote it.
    pub program_version: String,
    /// Steps that were done.
    pub step: u32,
    /// Steps of an epoch.
    pub steps_per_epoch: u32,
    /// Seconds of training so far.
    pub seconds: f64,
    /// The device that trained it, with its API and driver.
    pub device: String,
    /// The [`digest`](crate::data::DataSet::digest) of the images that it was trained on; none in
    /// older checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The [`labels_digest`](crate::data::DataSet::labels_digest) of those, where the run uses
    /// labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// How far its samples are from real images: see [`crate::train::quality`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
    /// The same in the features that judge the run, where features do: an estimated Fréchet
    /// distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<f64>,
    /// How often the run went back and on with half the learning rate, which is that of `config`
    /// now.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rollbacks: u32,
    /// What the run began with, where that is the checkpoint that `config.from` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Ancestor>,
    /// The resolved configuration.
    pub config: Config,
}

/// The checkpoint of another run, as it was when a run began with its weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Steps that the other run had done.
    pub step: u32,
    /// SHA-256 of the file.
    pub sha256: String,
}

impl Metadata {
    /// Whether it is of a run that has done no step yet, and has the weights of another one.
    pub fn is_beginning(&self) -> bool {
        self.step == 0 && self.from.is_some()
    }

    /// How far its samples are from real images, in what judges the run, where that was measured:
    /// less is better.
    pub fn score(&self) -> Option<f64> {
        if JudgedBy::is_by_features(self.config.judge.as_ref()) { self.fd } else { self.distance }
    }
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A checkpoint in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Counters and configuration.
    pub metadata: Metadata,
    /// Parameters, moments, running statistics.
    pub tensors: Tensors,
}

/// The JSON of the metadata map.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    format_version: u32,
    sha256: String,
    #[serde(borrow)]
    run: &'a RawValue,
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

impl Checkpoint {
    /// The bytes of the file.
    ///
    /// # Errors
    /// A checkpoint error when it cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let failed = |cause: String| Error::checkpoint(format!("cannot encode the checkpoint: {cause}"));
        let run = serde_json::value::to_raw_value(&self.metadata).map_err(|e| failed(e.to_string()))?;
        let mut sha256 = Sha256::new_with_prefix(run.get());
        let data: Vec<(&str, &Tensor, &[u8])> = self
            .tensors
            .by_name
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor, bytemuck::cast_slice(&tensor.values)))
            .collect();
        let mut views = Vec::with_capacity(data.len());
        for (name, tensor, bytes) in data {
            // All tensors have one type, so the file has them in the order of their names, as they
            // come here.
            sha256.update(bytes);
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes);
            views.push((name, view.map_err(|e| failed(format!("tensor `{name}`: {e}")))?));
        }
        let envelope = Envelope { format_version: FORMAT_VERSION, sha256: hex(&sha256.finalize()), run: &run };
        let json = serde_json::to_string(&envelope).map_err(|e| failed(e.to_string()))?;
        let metadata = HashMap::from([(METADATA_KEY.to_string(), json)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| failed(e.to_string()))
    }

    /// Writes the file so that it appears whole or not at all: temporary file, fsync, rename, fsync
    /// of the folder.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn save(&self, path: &Path) -> Result<()> {
        save_durably(&self.to_bytes()?, path)
    }

    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// A checkpoint error when the file is missing, is no checkpoint of this program, or is broken.
    pub fn load(path: &Path) -> Result<Checkpoint> {
        let unreadable = |e: std::io::Error| {
            Error::checkpoint(format!("{}: cannot read the checkpoint: {e}; check the path", path.display()))
        };
        let found = std::fs::metadata(path).map_err(unreadable)?;
        let shown = path.display();
        if !found.is_file() {
            let remedy = "give a run folder or a .safetensors file";
            return Err(Error::checkpoint(format!("{shown}: not a file; {remedy}")));
        }
        if found.len() > MAX_BYTES {
            let bytes = found.len();
            return Err(Error::checkpoint(format!(
                "{shown}: a file of {bytes} bytes is no checkpoint; check the path"
            )));
        }
        let bytes = disk::read(path).map_err(unreadable)?;
        Checkpoint::parse(&bytes).map_err(|e| Error::checkpoint(format!("{}: {e}", path.display())))
    }

    /// What a run that begins with this checkpoint, which was read from `path`, says of it.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn ancestor(&self, path: &Path) -> Result<Ancestor> {
        let bytes = disk::read(path).map_err(|e| Error::io("read", path, &e))?;
        Ok(Ancestor { step: self.metadata.step, sha256: hex(&Sha256::digest(bytes)) })
    }

    /// Reads the bytes of a checkpoint file.
    ///
    /// # Errors
    /// A checkpoint error when they are not those of a whole checkpoint of this program.
    pub fn parse(bytes: &[u8]) -> Result<Checkpoint> {
        let (header, map) = SafeTensors::read_metadata(bytes).map_err(|e| foreign(&e))?;
        let json = described(map.metadata().as_ref())?;
        let data = &bytes[LENGTH_BYTES + header..];
        let metadata = metadata(json, Some(data))?;
        let stored = stored(&metadata.config);
        let stored = stored.map_err(|e| Error::checkpoint(format!("its configuration cannot be used: {e}")))?;
        let mut tensors = Tensors::default();
        for (name, view) in SafeTensors::deserialize(bytes).map_err(|e| foreign(&e))?.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(Error::checkpoint(format!("tensor `{name}` is {:?}, not F32", view.dtype())));
            }
            let (words, _) = view.data().as_chunks::<4>();
            let values = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
            tensors.by_name.insert(name, Tensor { shape: view.shape().to_vec(), values });
        }
        tensors.check(&stored)?;
        Ok(Checkpoint { metadata, tensors })
    }

    /// Reads only what a checkpoint file says of itself; the tensors and their checksum are not
    /// looked at.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn peek(path: &Path) -> Result<Metadata> {
        let broken = |e: Error| Error::checkpoint(format!("{}: {e}", path.display()));
        let map = metadata_map(path).map_err(broken)?;
        described(map.as_ref()).and_then(|json| metadata(json, None)).map_err(broken)
    }
}

/// The metadata map in the header of a safetensors file, whose tensors are not read.
fn metadata_map(path: &Path) -> Result<Option<HashMap<String, String>>> {
    #[derive(Deserialize)]
    struct Header {
        __metadata__: Option<HashMap<String, String>>,
    }
    let header = |mut file: File| {
        let mut bytes = vec![0; LENGTH_BYTES];
        file.read_exact(&mut bytes)?;
        let length = u64::from_le_bytes(bytes[..].try_into().unwrap_or_default()).min(MAX_HEADER_BYTES);
        bytes.clear();
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let header = disk::read_part(path, header).map_err(|e| Error::checkpoint(e.to_string()))?;
    serde_json::from_slice::<Header>(&header).map(|header| header.__metadata__).map_err(|e| foreign(&e))
}

/// Whether a file is a checkpoint of a format that a later program writes: not broken, but not for
/// this program.
pub fn is_of_the_future(path: &Path) -> bool {
    let map = metadata_map(path).ok().flatten();
    let version = described(map.as_ref()).ok().and_then(|json| serde_json::from_str::<Version>(json).ok());
    version.is_some_and(|version| version.format_version > FORMAT_VERSION)
}

/// This program's entry in a safetensors file.
fn described(map: Option<&HashMap<String, String>>) -> Result<&str> {
    let json = map.and_then(|map| map.get(METADATA_KEY)).map(String::as_str);
    json.ok_or_else(|| foreign(&"a safetensors file of another program"))
}

/// Reads this program's entry; checks it and `data` against the checksum.
fn metadata(json: &str, data: Option<&[u8]>) -> Result<Metadata> {
    let version = serde_json::from_str::<Version>(json).map_err(|e| foreign(&e))?.format_version;
    match version {
        1 => serde_json::from_str(json).map_err(|e| foreign(&e)),
        2 => {
            let envelope: Envelope<'_> = serde_json::from_str(json).map_err(|e| foreign(&e))?;
            if let Some(data) = data {
                let found = hex(&Sha256::new_with_prefix(envelope.run.get()).chain_update(data).finalize());
                if found != envelope.sha256 {
                    return Err(Error::checkpoint(format!(
                        "its bytes are not those that were saved (SHA-256 {found}, saved {}); use an older checkpoint",
                        envelope.sha256
                    )));
                }
            }
            serde_json::from_str(envelope.run.get()).map_err(|e| foreign(&e))
        }
        _ => Err(Error::checkpoint(format!(
            "format version {version}; this program reads 1 to {FORMAT_VERSION}: use a matching release"
        ))),
    }
}

fn foreign(cause: &dyn std::fmt::Display) -> Error {
    Error::checkpoint(format!(
        "not a readable checkpoint ({cause}); give a run folder or a .safetensors file of this program"
    ))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
