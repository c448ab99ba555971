//! Where the variables of a network lie in its flat tensors, and what they start as.

use serde::{Deserialize, Serialize};

use crate::layers::{LayerSpec, Variable, VariableKind};
use crate::plan::{ALIGNMENT, Begins, Stored, View};
use crate::random::{Draws, stream};
use crate::shape::Shape;

/// The networks of a GAN.
pub const NETWORKS: [&str; 2] = ["generator", "discriminator"];

/// How parameters start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// Distribution of the weights.
    pub weights: Distribution,
    /// Standard deviation of `normal` weights, and of batch-norm scales around 1.
    #[serde(default)]
    pub std: f64,
}

/// The distribution of initial weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// N(0, `std`), as in the DCGAN paper (Radford et al. 2016).
    Normal,
    /// Uniform in ±√(6 / (fan_in + fan_out)) (Glorot, Bengio 2010); batch-norm scales are 1.
    GlorotUniform,
}

impl Init {
    /// How variable `number` of a network begins, counted from 0 for the first network's and from
    /// 256 for the second one's: where it is random, it has a stream of its own.
    fn begins(&self, kind: VariableKind, number: u32) -> Begins {
        let stream = stream::INITIAL + number;
        let normal = |mean| Begins::Normal { mean, std: self.std as f32, stream };
        match (kind, self.weights) {
            (VariableKind::Weight { .. }, Distribution::Normal) => normal(0.0),
            (VariableKind::Weight { fan_in, fan_out }, Distribution::GlorotUniform) => {
                Begins::Uniform { bound: libm::sqrt(6.0 / (fan_in + fan_out) as f64), stream }
            }
            (VariableKind::Scale, Distribution::Normal) => normal(1.0),
            (VariableKind::Scale, Distribution::GlorotUniform) => Begins::Constant { value: 1.0 },
            (VariableKind::Embedding, _) => Begins::Normal { mean: 0.0, std: 1.0, stream },
            (VariableKind::Bias, _) => Begins::Constant { value: 0.0 },
            (VariableKind::Running, _) => Begins::Rows { values: vec![0.0, 1.0] },
            (VariableKind::Left, _) => Begins::Normal { mean: 0.0, std: 1.0, stream: stream::SPECTRAL + number },
            (VariableKind::Right, _) => Begins::Constant { value: 0.0 },
        }
    }
}

impl Begins {
    /// Fills a tensor with what it begins with.
    pub fn fill(&self, seed: u64, values: &mut [f32]) {
        match self {
            Begins::Constant { value } => values.fill(*value),
            Begins::Rows { values: rows } => {
                let row = values.len() / rows.len();
                values.chunks_exact_mut(row).zip(rows).for_each(|(values, row)| values.fill(*row));
            }
            Begins::Normal { mean, std, stream } => {
                Draws::new(seed, *stream, 0).fill_normal(values);
                values.iter_mut().for_each(|value| *value = mean + std * *value);
            }
            Begins::Uniform { bound, stream } => Draws::new(seed, *stream, 0).fill_uniform(*bound, values),
        }
    }
}

/// One variable's place.
#[derive(Clone, Debug)]
pub struct VariablePlace {
    /// Name in checkpoints, such as `3.weight`.
    pub name: String,
    /// Index of the layer.
    pub layer: usize,
    /// What it is.
    pub variable: Variable,
    /// First word in the flat tensor.
    pub offset: u32,
}

impl VariablePlace {
    /// Its part of the flat tensor.
    pub fn view(&self, flat: View) -> View {
        flat.slice(self.offset, self.variable.count() as u32)
    }
}

/// The places of a network's parameters, or of its other state, in a flat tensor.
#[derive(Clone, Debug, Default)]
pub struct Flat {
    /// In layer order.
    pub slots: Vec<VariablePlace>,
    /// Words of the flat tensor, padding included.
    pub words: u64,
}

/// The most tensors of parameters of a network: as many as have random streams of their own.
pub const MOST_TENSORS: u32 = 256;

impl Flat {
    /// The parameters of a network's layers, given with their inputs, or what else they keep.
    pub fn of(layers: &[(LayerSpec, Shape)], parameters: bool) -> Self {
        Flat::chosen(layers, |variables| {
            variables.retain(|variable| variable.kind.is_parameter() == parameters);
        })
    }

    /// The weights that are spectrally normalised: of each layer with singular vectors the first.
    pub fn normalised(layers: &[(LayerSpec, Shape)]) -> Self {
        Flat::chosen(layers, |variables| {
            let has_vectors = variables.iter().any(|variable| variable.kind == VariableKind::Left);
            variables.retain(|variable| has_vectors && matches!(variable.kind, VariableKind::Weight { .. }));
            variables.truncate(1);
        })
    }

    /// What `choose` leaves of each layer's variables.
    fn chosen(layers: &[(LayerSpec, Shape)], choose: impl Fn(&mut Vec<Variable>)) -> Self {
        let mut flat = Flat::default();
        for (layer, (spec, input)) in layers.iter().enumerate() {
            let mut variables = spec.variables(*input);
            choose(&mut variables);
            for variable in variables {
                let name = format!("{layer}.{}", variable.name);
                let offset = u32::try_from(flat.words).unwrap_or(u32::MAX);
                flat.words = (flat.words + variable.count()).next_multiple_of(u64::from(ALIGNMENT));
                flat.slots.push(VariablePlace { name, layer, variable, offset });
            }
        }
        flat
    }

    /// Values, without padding.
    pub fn count(&self) -> u64 {
        self.slots.iter().map(|slot| slot.variable.count()).sum()
    }

    /// The views of a layer's variables in the flat tensor.
    pub fn views(&self, layer: usize, flat: View) -> Vec<View> {
        self.slots.iter().filter(|slot| slot.layer == layer).map(|slot| slot.view(flat)).collect()
    }

    /// What is stored in the flat tensor of network `owner`: of each variable what `what` calls it,
    /// if it does; it begins at zero without `init`. Variable n of each network draws from a stream
    /// of its own, where there are at most [`MOST_TENSORS`].
    pub fn stored(
        &self,
        owner: &'static str,
        what: impl Fn(VariableKind) -> Option<&'static str>,
        flat: View,
        init: Option<&Init>,
    ) -> Vec<Stored> {
        let network = NETWORKS.iter().position(|name| *name == owner).unwrap_or(0) as u32;
        let zero = Begins::Constant { value: 0.0 };
        let stored = (MOST_TENSORS * network..).zip(&self.slots).filter_map(|(number, slot)| {
            let kind = slot.variable.kind;
            Some(Stored {
                name: format!("{owner}/{}/{}", what(kind)?, slot.name),
                view: slot.view(flat),
                shape: slot.variable.shape.clone(),
                begins: init.map_or_else(|| zero.clone(), |init| init.begins(kind, number)),
                owner,
            })
        });
        stored.collect()
    }
}
