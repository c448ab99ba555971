//! Spectral normalisation of a network's weights: what is done once for all of its passes, before
//! them and after them.
//!
//! A step records [`Spectral::record_normalise`] with an iteration before the first pass after an
//! update, for D once more without one before G's pass through it; and
//! [`Spectral::record_gradients`] before each update. What only samples normalises without an
//! iteration.

use super::network::{Layout, State};
use super::parameters::{Flat, VariablePlace};
use crate::kernels::spectral::{self, Matrix, SIGMA_PITCH, Tensors};
use crate::layers::VariableKind;
use crate::plan::{Recorder, View};

/// The spectrally normalised weights of a network with their tensors.
#[derive(Clone, Debug, Default)]
pub struct Spectral {
    network: &'static str,
    layers: Vec<Layer>,
    /// `[layers, SIGMA_PITCH]`
    sigma: Option<View>,
}

#[derive(Clone, Copy, Debug)]
struct Layer {
    /// Index in the description.
    index: usize,
    matrix: Matrix,
    tensors: Tensors,
    /// The gradient of the normalised weights and that of the learned ones, where they train.
    gradients: Option<[View; 2]>,
}

impl Spectral {
    /// What is normalised of a network with these flat tensors.
    pub fn new(layout: &Layout, state: &State) -> Self {
        let network = layout.name;
        let Some(normalised) = state.normalised else { return Spectral { network, ..Spectral::default() } };
        let layers = (0..).zip(layout.matrices()).map(|(number, (index, matrix))| {
            let of = |flat: &Flat, kind: fn(VariableKind) -> bool, view: View| {
                let wanted = |slot: &&VariablePlace| slot.layer == index && kind(slot.variable.kind);
                flat.slots.iter().find(wanted).expect("normalised weights have singular vectors").view(view)
            };
            let is_weight = |kind| matches!(kind, VariableKind::Weight { .. });
            let weight = |flat, view| of(flat, is_weight, view);
            let tensors = Tensors {
                w: weight(&layout.parameters, state.parameters),
                u: of(&layout.state, |kind| kind == VariableKind::Left, state.kept),
                v: of(&layout.state, |kind| kind == VariableKind::Right, state.kept),
                sigma: normalised.sigma.slice(number * SIGMA_PITCH, 1),
                w_bar: weight(&layout.normalised, normalised.weights),
                partial: normalised.partial,
            };
            let gradients = normalised.gradients.zip(state.optimizer).map(|(normalised, optimizer)| {
                [weight(&layout.normalised, normalised), weight(&layout.parameters, optimizer.g)]
            });
            Layer { index, matrix, tensors, gradients }
        });
        Spectral { network, layers: layers.collect(), sigma: Some(normalised.sigma) }
    }

    /// Records σ and the normalised weights from the learned ones and the stored u and v; with
    /// `iterate`, a power iteration of u and v before.
    ///
    /// Before the first iteration the weights are as they are learned: σ is 1.
    pub fn record_normalise(&self, recorder: &mut Recorder, iterate: bool) {
        for Layer { index, matrix, tensors, .. } in &self.layers {
            recorder.scope(format!("{}.{index} spectral norm", self.network));
            spectral::record_normalise(recorder, *matrix, tensors, iterate);
        }
    }

    /// Records the gradients of the learned weights from those that passes left for the normalised
    /// ones, which are cleared.
    pub fn record_gradients(&self, recorder: &mut Recorder) {
        for Layer { index, matrix, tensors, gradients } in &self.layers {
            if let Some([normalised, learned]) = *gradients {
                recorder.scope(format!("{}.{index} spectral norm backward", self.network));
                spectral::record_gradient(recorder, *matrix, tensors, normalised, learned);
            }
        }
    }

    /// Records the largest σ into `column` of the step's row of `ring`, where anything is
    /// normalised.
    pub fn record_largest_sigma(&self, recorder: &mut Recorder, column: u32, step: View, ring: View) {
        if let Some(sigma) = self.sigma {
            recorder.scope(format!("{} largest sigma", self.network));
            spectral::record_largest(recorder, column, sigma, step, ring);
        }
    }
}
