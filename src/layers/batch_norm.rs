//! Batch normalisation.

use serde::{Deserialize, Serialize};

use super::{
    Backward, Example, Layer, Mode, Pass, Per, Place, Placed, Variable, VariableKind, example, is_yes, linear, within,
    yes,
};
use crate::kernels::batch_norm::{self, BatchNormTensors, Features, GradInput, GradParameters};
use crate::plan::{Role, View};
use crate::shape::Shape;

/// Batch normalisation; `momentum` is the weight of the new batch in the running statistics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Added to the variance.
    #[serde(default = "default_epsilon")]
    pub epsilon: f32,
    /// Weight of the new batch in the running statistics.
    #[serde(default = "default_momentum")]
    pub momentum: f32,
    /// What shares statistics.
    #[serde(default)]
    pub per: Per,
    /// Whether a learned scale and shift follow.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub affine: bool,
}

fn default_epsilon() -> f32 {
    1e-5
}
fn default_momentum() -> f32 {
    0.1
}

pub(super) const EXAMPLES: &[Example] = &[
    example([3, 2, 3], 5, &[r#"type = "batch_norm""#]),
    example([1, 2, 4], 7, &[r#"type = "batch_norm", epsilon = 1e-3, per = "feature""#]),
    // More rows than one share of the partial sums.
    example([7, 5, 1], 5, &[r#"type = "batch_norm", momentum = 0.01"#]),
    example([3, 2, 3], 5, &[r#"type = "batch_norm", affine = false"#, r#"type = "leaky_relu", slope = 0.3"#]),
];

impl Layer for BatchNorm {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        within("epsilon", self.epsilon, f32::MIN_POSITIVE, 1.0)?;
        within("momentum", self.momentum, 0.0, 1.0)?;
        Ok(input)
    }

    fn variables(&self, _input: Shape, output: Shape) -> Vec<Variable> {
        let features = self.per.count(output);
        let learned = [("scale", VariableKind::Scale), ("shift", VariableKind::Bias)].map(|(name, kind)| Variable {
            name,
            shape: vec![features],
            kind,
        });
        let running = Variable { name: "running", shape: vec![2, features], kind: VariableKind::Running };
        learned.into_iter().filter(|_| self.affine).chain([running]).collect()
    }

    fn place(&self, mut place: Place<'_>) -> Box<dyn Placed> {
        let features = self.per.features(place.output, place.batch);
        let words = 2 * u64::from(features.count());
        let stats = place.program.floats(format!("{}/stats", place.label), Role::Activations, words);
        // For gradients, and for estimates of the running statistics.
        place.reserve_scratch(features.partial_words().into());
        let training = place.goes_back.then(|| {
            let sums = place.program.floats(format!("{}/sums", place.label), Role::ActivationGradients, words);
            let (gradient, pitch) = match place.gradients[..] {
                [scale, shift] => {
                    let pitch = shift.offset - scale.offset;
                    (View { len: pitch + shift.len, ..scale }, pitch)
                }
                // The kernel binds one, and leaves it as it is.
                _ => (place.program.floats(format!("{}/no gradient", place.label), Role::Scratch, 1), 0),
            };
            Training { sums, gradient, pitch }
        });
        let (scale, shift, running) = match place.variables[..] {
            [scale, shift, running] => (scale, shift, running),
            [running] => {
                let [scale, shift] = [("ones", 1.0), ("zeros", 0.0)].map(|(what, value)| {
                    let values = vec![value; features.count() as usize];
                    place.program.shared_floats(format!("{}/{what}", place.label), Role::Parameters, &values)
                });
                (scale, shift, running)
            }
            _ => unreachable!("a batch norm has these variables"),
        };
        Box::new(PlacedBatchNorm {
            features,
            epsilon: self.epsilon,
            momentum: self.momentum,
            affine: self.affine,
            slope: place.slope,
            scale,
            shift,
            running,
            stats,
            y: place.output_tensor(),
            training,
        })
    }

    fn applies_slope(&self) -> bool {
        true
    }

    fn mixes_samples(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct PlacedBatchNorm {
    features: Features,
    epsilon: f32,
    momentum: f32,
    affine: bool,
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

impl PlacedBatchNorm {
    fn tensors(&self, pass: &Pass<'_>) -> BatchNormTensors {
        let PlacedBatchNorm { scale, shift, stats, running, .. } = *self;
        BatchNormTensors { scale, shift, stats, running, partial: pass.scratch }
    }
}

impl Placed for PlacedBatchNorm {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        let tensors = self.tensors(pass);
        match pass.mode {
            Mode::Train | Mode::Estimate(_) => {
                let momentum = if let Mode::Estimate(n) = pass.mode { 1.0 / n as f32 } else { self.momentum };
                let epsilon = self.epsilon;
                batch_norm::record_statistics(pass.recorder, self.features, &tensors, x, epsilon, momentum);
            }
            Mode::Sample => batch_norm::record_running(pass.recorder, self.features, &tensors, self.epsilon),
        }
        batch_norm::record_forward(pass.recorder, self.features, &tensors, self.slope, x, self.y);
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        let tensors = self.tensors(pass);
        let training = self.training.as_ref().expect("placed to go back");
        let Backward { x, dy, dx, .. } = flow;
        linear::record_slope_grad(pass.recorder, self.slope, self.y, dy);
        let Training { sums, gradient, pitch } = *training;
        let views = GradParameters { x, dy, sums, gradient, pitch, accumulate: flow.parameters && self.affine };
        batch_norm::record_grad_parameters(pass.recorder, self.features, &tensors, views);
        if flow.input {
            batch_norm::record_grad_input(pass.recorder, self.features, &tensors, GradInput { x, dy, sums, dx });
        }
        dx
    }
}
