//! Feature networks as files: safetensors in PyTorch's layouts, so that others can use ours, and we
//! theirs.
//!
//! A file holds, of layer n, `n.weight` and `n.bias`: of convolutions `[c_out, c_in, height,
//! width]`, of dense layers `[out, c_in · height · width]`, which take their input channel by
//! channel. Under the only key of its metadata map there is one line of JSON, which says what the
//! network is. `docs/evaluation.md` has the lines of PyTorch that run it.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::network::{Description, FeatureNetwork, NAME, Trained};
use crate::disk;
use crate::error::{Error, Result};
use crate::layers::LayerSpec;
use crate::model::checkpoint::hex;
use crate::model::tensors::Tensors;
use crate::output::{save_durably, size};
use crate::plan::Stored;

/// The key of the metadata map.
const METADATA_KEY: &str = "dcgan-gpu-features";
/// The version of the format.
const FORMAT_VERSION: u32 = 1;
/// Largest file that is read.
const MAX_BYTES: u64 = 1 << 30;

/// What a file says of itself.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    format_version: u32,
    network: Description,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trained: Option<Trained>,
}

/// A network as it is in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Filed {
    /// The network.
    pub network: FeatureNetwork,
    /// SHA-256 of the file, as hexadecimal digits: what tells its features from all others.
    pub digest: String,
    /// The file's content.
    bytes: Vec<u8>,
}

impl Filed {
    /// What a file of this network would be.
    ///
    /// # Errors
    /// A usage error when PyTorch has no such layer, or they do not fit.
    pub fn new(network: FeatureNetwork) -> Result<Filed> {
        let bytes = encode(&network)?;
        Ok(Filed { network, digest: digest(&bytes), bytes })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A data error that names the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Filed> {
        let at = |problem: String| Error::data(format!("{}: {problem}", path.display()));
        let unreadable = |e: std::io::Error| at(format!("cannot read the features: {e}; check the path"));
        let mut bytes = Vec::new();
        disk::read_part(path, |file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(at(format!("a file of more than {} holds no feature network", size(MAX_BYTES))));
        }
        Filed::parse(bytes).map_err(|e| at(e.to_string()))
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// A data error when they are no feature network, or one that cannot be used.
    pub fn parse(bytes: Vec<u8>) -> Result<Filed> {
        let network = decode(&bytes)?;
        Ok(Filed { network, digest: digest(&bytes), bytes })
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn save(&self, path: &Path) -> Result<()> {
        save_durably(&self.bytes, path)
    }
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn encode(network: &FeatureNetwork) -> Result<Vec<u8>> {
    let FeatureNetwork { description, trained, tensors } = network;
    let failed = |cause: &dyn std::fmt::Display| Error::usage(format!("cannot encode the features: {cause}"));
    let described =
        Described { format_version: FORMAT_VERSION, network: description.clone(), trained: trained.clone() };
    let json = serde_json::to_string(&described).map_err(|e| failed(&e))?;
    let mut parts = Vec::new();
    for part in parts_of(description)? {
        let values = part.filed(tensors.get(&part.stored)?);
        parts.push((part.name, part.shape, values));
    }
    let mut views = Vec::new();
    for (name, shape, values) in &parts {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values));
        views.push((name.as_str(), view.map_err(|e| failed(&e))?));
    }
    let metadata = HashMap::from([(METADATA_KEY.to_string(), json)]);
    safetensors::serialize(views, Some(metadata)).map_err(|e| failed(&e))
}

fn decode(bytes: &[u8]) -> Result<FeatureNetwork> {
    let foreign = |cause: &dyn std::fmt::Display| {
        Error::data(format!(
            "no feature network ({cause}); `dcgan-gpu eval --save-features` writes one, docs/evaluation.md has the format"
        ))
    };
    let (_, map) = SafeTensors::read_metadata(bytes).map_err(|e| foreign(&e))?;
    let json = map.metadata().as_ref().and_then(|map| map.get(METADATA_KEY));
    let json = json.ok_or_else(|| foreign(&format!("its metadata has no `{METADATA_KEY}`")))?;
    let described: Described = serde_json::from_str(json).map_err(|e| foreign(&e))?;
    if described.format_version != FORMAT_VERSION {
        let version = described.format_version;
        return Err(Error::data(format!("format version {version}; this program reads {FORMAT_VERSION}")));
    }
    let Described { network: description, trained, .. } = described;
    let file = SafeTensors::deserialize(bytes).map_err(|e| foreign(&e))?;
    let parts = parts_of(&description).map_err(|e| Error::data(e.to_string()))?;
    let mut tensors = Tensors::default();
    for part in &parts {
        let Part { name, shape, stored } = part;
        let found = file.tensor(name).map_err(|_| Error::data(format!("it has no tensor `{name}`")))?;
        if found.dtype() != Dtype::F32 || found.shape() != shape {
            let (dtype, found) = (found.dtype(), found.shape());
            return Err(Error::data(format!("tensor `{name}` is {dtype:?} {found:?}; F32 {shape:?} is needed")));
        }
        let (words, _) = found.data().as_chunks::<4>();
        let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Error::data(format!("tensor `{name}` holds NaN or infinity")));
        }
        tensors.insert(stored, &part.stored_values(&values));
    }
    if let Some(other) = file.names().into_iter().find(|name| parts.iter().all(|part| part.name != *name)) {
        return Err(Error::data(format!("tensor `{other}` belongs to no layer")));
    }
    Ok(FeatureNetwork { description, trained, tensors })
}

/// A tensor of a file.
struct Part {
    /// Such as `0.weight`.
    name: String,
    /// Its shape there.
    shape: Vec<usize>,
    /// The tensor of the network: weights are `[taps, c_in, c_out]`.
    stored: Stored,
}

impl Part {
    /// Values in the file's layout: weights `[c_out, c_in, taps]`.
    fn filed(&self, values: &[f32]) -> Vec<f32> {
        let [_, c_in, c_out] = self.sides();
        let taps = values.len() / (c_in * c_out);
        let at = |i: usize| ((i % taps) * c_in + i / taps % c_in) * c_out + i / (taps * c_in);
        (0..values.len()).map(|i| values[at(i)]).collect()
    }

    /// Values in the network's layout.
    fn stored_values(&self, values: &[f32]) -> Vec<f32> {
        let [taps, c_in, c_out] = self.sides();
        let at = |i: usize| (i % c_out * c_in + i / c_out % c_in) * taps + i / (c_out * c_in);
        (0..values.len()).map(|i| values[at(i)]).collect()
    }

    /// The network's shape, of a bias as one with one tap and one input.
    fn sides(&self) -> [usize; 3] {
        match self.stored.shape[..] {
            [taps, c_in, c_out] => [taps, c_in, c_out].map(|n| n as usize),
            _ => [1, 1, self.stored.shape.iter().product::<u32>() as usize],
        }
    }
}

/// What a file of this network holds.
fn parts_of(description: &Description) -> Result<Vec<Part>> {
    let stored = description.stored()?;
    let mut parts = Vec::new();
    for (index, layer) in description.layers.iter().enumerate() {
        let mut shapes: Vec<(&str, Vec<u32>)> = Vec::new();
        let of = |what: &str| stored.iter().find(|stored| stored.name == format!("{NAME}/parameter/{index}.{what}"));
        let c_out = |weight: &Stored| weight.shape.last().copied().unwrap_or(0);
        match layer {
            LayerSpec::Conv(conv) if conv.upsample == 1 && !conv.spectral_norm => {
                let [height, width] = conv.kernel.each();
                let weight = of("weight").map(|weight| vec![c_out(weight), weight.shape[1], height, width]);
                shapes.extend(weight.map(|shape| ("weight", shape)));
            }
            LayerSpec::Dense(dense) if dense.units.is_some() && !dense.spectral_norm => {
                let weight = of("weight").map(|weight| vec![c_out(weight), weight.shape[0] * weight.shape[1]]);
                shapes.extend(weight.map(|shape| ("weight", shape)));
            }
            other if !stored.iter().any(|s| s.name.contains(&format!("/{index}."))) && other.labels().is_none() => {}
            other => {
                return Err(Error::usage(format!(
                    "layer {index} ({}) is none of a feature network: they have convolutions without upsampling, dense \
                     layers to vectors, and activations; fold a batch norm into the layer before it",
                    other.name()
                )));
            }
        }
        shapes.extend(of("bias").map(|bias| ("bias", bias.shape.clone())));
        for (what, shape) in shapes {
            let stored = of(what).expect("it was found").clone();
            let shape = shape.iter().map(|&n| n as usize).collect();
            parts.push(Part { name: format!("{index}.{what}"), shape, stored });
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::super::network::Task;
    use super::*;
    use crate::error::Kind;
    use crate::shape::Shape;

    fn network() -> FeatureNetwork {
        let description = Description::planned(
            Shape { height: 4, width: 6, channels: 3 },
            Task::Classes(vec!["a".into(), "b".into()]),
        );
        let mut tensors = Tensors::default();
        for (number, stored) in description.stored().unwrap().iter().enumerate() {
            let values: Vec<f32> = (0..stored.view.len).map(|i| (i * 7 + number as u32) as f32 * 0.25).collect();
            tensors.insert(stored, &values);
        }
        FeatureNetwork { description, trained: None, tensors }
    }

    #[test]
    fn files_come_back_with_their_digest() {
        let filed = Filed::new(network()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.safetensors");
        filed.save(&path).unwrap();
        assert_eq!(Filed::load(&path).unwrap(), filed);
        assert_eq!(Filed::new(filed.network.clone()).unwrap().digest, filed.digest);
    }

    /// `[tap][c_in][c_out]` here, `[c_out][c_in][tap]` there.
    #[test]
    fn weights_are_in_the_layout_of_pytorch() {
        let network = network();
        let filed = Filed::new(network.clone()).unwrap();
        let file = SafeTensors::deserialize(&filed.bytes).unwrap();
        let weight = file.tensor("0.weight").unwrap();
        assert_eq!(weight.shape(), [32, 3, 5, 5]);
        let stored = network.description.stored().unwrap();
        let own = network.tensors.get(stored.iter().find(|s| s.name.ends_with("/0.weight")).unwrap()).unwrap();
        let (words, _) = weight.data().as_chunks::<4>();
        let value = |out: usize, input: usize, tap: usize| f32::from_le_bytes(words[(out * 3 + input) * 25 + tap]);
        for (out, input, tap) in [(0, 0, 0), (31, 2, 24), (5, 1, 7)] {
            assert_eq!(value(out, input, tap), own[(tap * 3 + input) * 32 + out]);
        }
        assert_eq!(file.tensor("0.bias").unwrap().shape(), [32]);
        assert_eq!(file.tensor("2.weight").unwrap().shape(), [64, 32 * 2 * 3]);
        assert_eq!(file.tensor("4.weight").unwrap().shape(), [2, 64]);
    }

    #[test]
    fn other_files_are_refused() {
        let good = Filed::new(network()).unwrap().bytes;
        let refused = |bytes: Vec<u8>, because: &str| {
            let error = Filed::parse(bytes).unwrap_err();
            assert_eq!(error.kind(), Kind::Data);
            assert!(error.to_string().contains(because), "{error}: {because}");
        };
        refused(Vec::new(), "no feature network");
        refused(good[..good.len() - 1].to_vec(), "no feature network");
        refused(
            safetensors::serialize([("a", TensorView::new(Dtype::F32, vec![0], &[]).unwrap())], None).unwrap(),
            "metadata",
        );
        let text = |from: &str, to: &str| {
            let at = good.windows(from.len()).position(|part| part == from.as_bytes()).expect(from);
            [&good[..at], to.as_bytes(), &good[at + from.len()..]].concat()
        };
        refused(text("\"0.weight\"", "\"0.wEight\""), "no tensor `0.weight`");
        refused(text("leaky_relu", "leaky_reLu"), "leaky_reLu");
        let mut spoilt = good.clone();
        let end = spoilt.len();
        spoilt[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        refused(spoilt, "NaN");
    }
}
