//! The parameters of a network: where each lies in the flat tensor, and what it starts as.

use serde::{Deserialize, Serialize};

use crate::layers::spec::{LayerSpec, Parameter, ParameterKind};
use crate::plan::ALIGNMENT;
use crate::random::{Draws, stream};
use crate::shape::Shape;

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

/// One parameter tensor's place.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Name in checkpoints, such as `3.weight`.
    pub name: String,
    /// Index of the layer.
    pub layer: usize,
    /// What it is.
    pub parameter: Parameter,
    /// First word in the flat tensor.
    pub offset: u32,
}

/// The places of one kind of tensor in a flat one.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// In layer order.
    pub slots: Vec<Slot>,
    /// Words of the flat tensor, padding included.
    pub words: u64,
}

impl Table {
    /// The learned parameters of a network's layers, given with their inputs.
    pub fn parameters(layers: &[(LayerSpec, Shape)]) -> Self {
        let mut table = Table::default();
        for (index, (layer, input)) in layers.iter().enumerate() {
            for parameter in layer.parameters(*input) {
                table.push(index, parameter);
            }
        }
        table
    }

    /// The running statistics, `[2, features]` for each batch-norm layer: mean, then variance.
    pub fn running(layers: &[(LayerSpec, Shape)]) -> Self {
        let mut table = Table::default();
        for (index, (layer, input)) in layers.iter().enumerate() {
            if let [Parameter { kind: ParameterKind::Scale, shape, .. }, _] = &layer.parameters(*input)[..] {
                let shape = vec![2, shape[0]];
                table.push(index, Parameter { name: "running", shape, kind: ParameterKind::Shift });
            }
        }
        table
    }

    fn push(&mut self, layer: usize, parameter: Parameter) {
        let name = format!("{layer}.{}", parameter.name);
        let offset = u32::try_from(self.words).unwrap_or(u32::MAX);
        self.words = (self.words + parameter.len()).next_multiple_of(u64::from(ALIGNMENT));
        self.slots.push(Slot { name, layer, parameter, offset });
    }

    /// Values, without padding.
    pub fn count(&self) -> u64 {
        self.slots.iter().map(|slot| slot.parameter.len()).sum()
    }

    /// The flat tensor of initial parameters of network number `network`: parameter n draws from a stream of its own.
    pub fn initial(&self, init: &Init, seed: u64, network: u32) -> Vec<f32> {
        let mut flat = vec![0.0; self.words as usize];
        for (n, slot) in (0..).zip(&self.slots) {
            let draws = Draws::new(seed, stream::INITIAL + 256 * network + n, 0);
            let values = &mut flat[slot.offset as usize..][..slot.parameter.len() as usize];
            match (slot.parameter.kind, init.weights) {
                (ParameterKind::Weight { .. }, Distribution::Normal) => normal(draws, 0.0, init.std, values),
                (ParameterKind::Weight { fan_in, fan_out }, Distribution::GlorotUniform) => {
                    draws.fill_uniform(libm::sqrt(6.0 / (fan_in + fan_out) as f64), values);
                }
                (ParameterKind::Scale, Distribution::Normal) => normal(draws, 1.0, init.std, values),
                (ParameterKind::Scale, Distribution::GlorotUniform) => values.fill(1.0),
                (ParameterKind::Bias | ParameterKind::Shift, _) => {}
            }
        }
        flat
    }

    /// The flat tensor of running statistics before training: mean 0, variance 1.
    pub fn initial_running(&self) -> Vec<f32> {
        let mut flat = vec![0.0; self.words as usize];
        for slot in &self.slots {
            let features = slot.parameter.shape[1] as usize;
            flat[slot.offset as usize + features..][..features].fill(1.0);
        }
        flat
    }
}

fn normal(draws: Draws, mean: f32, std: f64, values: &mut [f32]) {
    draws.fill_normal(values);
    values.iter_mut().for_each(|value| *value = mean + std as f32 * *value);
}
