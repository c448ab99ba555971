//! A network's layers with the shapes between them, checked.

use crate::error::{Error, Result};
use crate::kernels::spectral::Matrix;
use crate::layers::{Labels, LayerSpec, VariableKind};
use crate::model::parameters::{Flat, MOST_TENSORS};
use crate::plan::View;
use crate::shape::Shape;

/// The most layers of a network: far fewer than there are random streams between two passes.
pub(in crate::model) const MAX_LAYERS: usize = 128;

/// A network's layers with the shapes between them, checked.
#[derive(Clone, Debug)]
pub struct Layout {
    /// "generator" or "discriminator".
    pub name: &'static str,
    /// Each layer with its input's shape.
    pub layers: Vec<(LayerSpec, Shape)>,
    /// The shape of the last layer's output.
    pub output: Shape,
    /// Where the parameters lie.
    pub parameters: Flat,
    /// Where state lies that is no parameter: running statistics and singular vectors.
    pub state: Flat,
    /// Where spectrally normalised weights lie, and their gradients.
    pub normalised: Flat,
}

impl Layout {
    /// Infers all shapes from the input's.
    ///
    /// # Errors
    /// A usage error that names the layer, its input's shape and what does not fit.
    pub fn new(name: &'static str, input: Shape, specs: &[LayerSpec]) -> Result<Self> {
        if specs.len() > MAX_LAYERS {
            return Err(Error::usage(format!("{name} has {} layers; at most {MAX_LAYERS} are possible", specs.len())));
        }
        let mut shape = input;
        let mut layers = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            layers.push((spec.clone(), shape));
            shape = spec.output(shape).map_err(|problem| {
                Error::usage(format!("{name} layer {index} ({}), on its input of {shape}: {problem}", spec.name()))
            })?;
        }
        let [parameters, state] = [true, false].map(|learned| Flat::of(&layers, learned));
        if parameters.words > u64::from(u32::MAX / 4) {
            return Err(Error::usage(format!(
                "{name} has {} parameters; at most 2³⁰ are possible",
                parameters.count()
            )));
        }
        if parameters.slots.len() > MOST_TENSORS as usize {
            return Err(Error::usage(format!(
                "{name} has {} tensors of parameters; at most {MOST_TENSORS} are possible",
                parameters.slots.len()
            )));
        }
        let normalised = Flat::normalised(&layers);
        Ok(Layout { name, layers, output: shape, parameters, state, normalised })
    }

    /// Values of the largest tensor between two layers, for one sample.
    pub fn widest(&self) -> u32 {
        self.layers.iter().map(|(_, input)| input.values()).max().unwrap_or(0).max(self.output.values())
    }

    /// The first layer, by its index, that is not piecewise linear.
    pub fn curved(&self) -> Option<(usize, &LayerSpec)> {
        let mut layers = self.layers.iter().map(|(layer, _)| layer).enumerate();
        layers.find(|(_, layer)| !layer.is_piecewise_linear())
    }

    /// Whether the gradient of one sample's output depends on that sample alone and can be passed
    /// back from ones: no layer mixes samples, and the last one is linear.
    pub fn samples_are_independent(&self) -> bool {
        let last_is_linear = self.layers.last().is_some_and(|(layer, _)| layer.is_linear());
        last_is_linear && !self.layers.iter().any(|(layer, _)| layer.mixes_samples())
    }

    /// The weights that are spectrally normalised as matrices, each with the index of its layer.
    pub fn matrices(&self) -> impl Iterator<Item = (usize, Matrix)> {
        self.normalised.slots.iter().map(|slot| {
            let vector = |kind| {
                let mut state = self.state.slots.iter().filter(|other| other.layer == slot.layer);
                state.find(|other| other.variable.kind == kind).map_or(1, |vector| vector.variable.count() as u32)
            };
            let channels = slot.variable.shape.last().copied().unwrap_or(1);
            let (rows, columns) = (vector(VariableKind::Left), vector(VariableKind::Right));
            (slot.layer, Matrix { blocks: rows / channels, columns, channels })
        })
    }

    /// Words of the partial sums of the largest such matrix, if there is one.
    pub(super) fn partial_words(&self) -> Option<u64> {
        self.matrices().map(|(_, matrix)| matrix.partial_words()).max()
    }

    /// The views of a layer's parameters as it computes with them, in `flat`, where the normalised
    /// ones lie in `normalised`: weights, or gradients.
    pub(super) fn effective(&self, layer: usize, flat: View, normalised: Option<View>) -> Vec<View> {
        let normalised = normalised.and_then(|flat| self.normalised.views(layer, flat).pop());
        let mut own = self.parameters.slots.iter().filter(|slot| slot.layer == layer);
        let first = own.position(|slot| matches!(slot.variable.kind, VariableKind::Weight { .. }));
        let mut views = self.parameters.views(layer, flat);
        if let (Some(first), Some(normalised)) = (first, normalised) {
            views[first] = normalised;
        }
        views
    }

    /// Whether anything in it keeps running statistics.
    pub fn has_running_statistics(&self) -> bool {
        self.state.slots.iter().any(|slot| slot.variable.kind == VariableKind::Running)
    }

    /// Which labels its layers read, if any does: below the classes of the layer that has the
    /// fewest, and the most of a sample.
    pub fn labels(&self) -> Option<Labels> {
        self.layers
            .iter()
            .filter_map(|(layer, _)| layer.labels())
            .reduce(|a, b| Labels { classes: a.classes.min(b.classes), per_sample: a.per_sample.max(b.per_sample) })
    }

    /// The input's shape.
    pub fn input(&self) -> Shape {
        self.layers.first().map_or(self.output, |(_, input)| *input)
    }
}
