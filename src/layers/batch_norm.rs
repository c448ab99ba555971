//! Batch normalisation as a layer.

use super::spec::Per;
use super::{Backward, Layer, Mode, Pass, Place, record_slope_grad};
use crate::kernels::batch_norm::{self, Features, Tensors};
use crate::plan::{Role, View};

/// A batch-norm layer with its statistics on the device.
#[derive(Debug)]
pub struct BatchNorm {
    features: Features,
    epsilon: f32,
    momentum: f32,
    slope: f32,
    scale: View,
    shift: View,
    running: View,
    stats: View,
    y: View,
    training: Option<Training>,
}

#[derive(Debug)]
struct Training {
    /// `[2, features]`: the sums of the pass at hand.
    sums: View,
    /// `[dscale, dshift]`, `pitch` words apart.
    gradient: View,
    pitch: u32,
}

impl BatchNorm {
    pub(super) fn place(epsilon: f32, momentum: f32, per: Per, mut place: Place<'_>) -> Self {
        let (pixels, channels) = (place.output.pixels(), place.output.channels);
        let features = match per {
            Per::Channel => Features::per_channel(pixels, place.batch, channels),
            Per::Feature => Features::per_feature(pixels, place.batch, channels),
        };
        let words = 2 * u64::from(features.count());
        let stats = place.program.floats(format!("{}/stats", place.label), Role::Activations, words);
        let training = match place.gradients[..] {
            [scale, shift] => {
                *place.scratch_words = (*place.scratch_words).max(features.partial_words().into());
                let sums = place.program.floats(format!("{}/sums", place.label), Role::ActivationGradients, words);
                let pitch = shift.offset - scale.offset;
                Some(Training { sums, gradient: View { len: pitch + shift.len, ..scale }, pitch })
            }
            _ => None,
        };
        BatchNorm {
            features,
            epsilon,
            momentum,
            slope: place.slope,
            scale: place.parameters[0],
            shift: place.parameters[1],
            running: place.running.expect("batch norm has running statistics"),
            stats,
            y: place.output_tensor(),
            training,
        }
    }

    fn tensors(&self, pass: &Pass<'_>) -> Tensors {
        Tensors {
            scale: self.scale,
            shift: self.shift,
            stats: self.stats,
            running: self.running,
            partial: pass.scratch,
        }
    }
}

impl Layer for BatchNorm {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        let tensors = self.tensors(pass);
        match pass.mode {
            Mode::Train => {
                let (epsilon, momentum) = (self.epsilon, self.momentum);
                batch_norm::record_statistics(pass.recorder, self.features, &tensors, x, epsilon, momentum);
            }
            Mode::Sample => batch_norm::record_running(pass.recorder, self.features, &tensors, self.epsilon),
        }
        batch_norm::record_forward(pass.recorder, self.features, &tensors, self.slope, x, self.y);
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        let tensors = self.tensors(pass);
        let training = self.training.as_ref().expect("placed with gradients");
        let Backward { x, dy, dx, .. } = flow;
        record_slope_grad(pass.recorder, self.slope, self.y, dy);
        let views = [x, dy, training.sums, training.gradient];
        batch_norm::record_grad_parameters(
            pass.recorder,
            self.features,
            &tensors,
            views,
            training.pitch,
            flow.parameters,
        );
        if flow.input {
            batch_norm::record_grad_input(pass.recorder, self.features, &tensors, [x, dy, training.sums, dx]);
        }
        dx
    }
}
