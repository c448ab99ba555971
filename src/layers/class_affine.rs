//! A gain and a shift for each class.

use serde::{Deserialize, Serialize};

use super::{
    Backward, Cost, Example, Labels, Layer, Pass, Per, Place, Placed, Variable, VariableKind, check_classes, example,
    linear,
};
use crate::kernels::class::affine::{self, AffineGrad, AffineTensors, ClassFeatures};
use crate::plan::View;
use crate::shape::Shape;

/// (1 + gain)·x + shift, with a gain and a shift for each class and feature, which begin at 0.
/// Behind a batch norm without any of its own, it makes that class-wise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassAffine {
    /// Gains and shifts of a feature.
    pub classes: u32,
    /// What shares them.
    #[serde(default)]
    pub per: Per,
}

pub(super) const EXAMPLES: &[Example] = &[
    example([3, 2, 3], 5, &[r#"type = "class_affine", classes = 2"#]),
    example([1, 2, 4], 7, &[r#"type = "class_affine", classes = 3, per = "feature""#]),
    // More pixels than one share of the sums, and a leaky ReLU in the kernel.
    example([13, 11, 1], 2, &[r#"type = "class_affine", classes = 3"#, r#"type = "leaky_relu", slope = 0.3"#]),
];

impl Layer for ClassAffine {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        check_classes(self.classes)?;
        Ok(input)
    }

    fn cost(&self, _input: Shape, output: Shape) -> Cost {
        Cost { products: 0, weights: 2 * u64::from(self.classes) * u64::from(self.per.count(output)) }
    }

    fn variables(&self, _input: Shape, output: Shape) -> Vec<Variable> {
        let shape = vec![self.classes, self.per.count(output)];
        ["gain", "shift"].map(|name| Variable { name, shape: shape.clone(), kind: VariableKind::Bias }).into()
    }

    fn labels(&self) -> Option<Labels> {
        Some(Labels { classes: self.classes, per_sample: 1 })
    }

    fn place(&self, mut place: Place<'_>) -> Box<dyn Placed> {
        let features = ClassFeatures { features: self.per.features(place.output, place.batch), batch: place.batch };
        let gradients = match place.gradients[..] {
            [gain, shift] => {
                place.reserve_scratch(features.partial_words().into());
                Some([gain, shift])
            }
            _ => None,
        };
        Box::new(PlacedClassAffine {
            features,
            slope: place.slope,
            gain: place.variables[0],
            shift: place.variables[1],
            y: place.output_tensor(),
            gradients,
        })
    }

    fn applies_slope(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct PlacedClassAffine {
    features: ClassFeatures,
    slope: f32,
    gain: View,
    shift: View,
    y: View,
    /// Of gain and shift.
    gradients: Option<[View; 2]>,
}

impl PlacedClassAffine {
    fn tensors(&self, pass: &Pass<'_>) -> AffineTensors {
        AffineTensors { labels: pass.labels(self.features.batch), gain: self.gain, shift: self.shift }
    }
}

impl Placed for PlacedClassAffine {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        let tensors = self.tensors(pass);
        affine::record_forward(pass.recorder, self.features, tensors, self.slope, x, self.y);
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        let tensors = self.tensors(pass);
        linear::record_slope_grad(pass.recorder, self.slope, self.y, flow.dy);
        if flow.parameters {
            let [dgain, dshift] = self.gradients.expect("placed to go back");
            let dy = linear::loss_gradient(pass, self.features.features.channels, flow.dy, flow.scaling);
            let (labels, partial, dshift) = (tensors.labels, pass.scratch, Some(dshift));
            let views = AffineGrad { labels, x: flow.x, dy, partial, dgain, dshift };
            affine::record_grad(pass.recorder, self.features, views);
        }
        if flow.input {
            affine::record_grad_input(pass.recorder, self.features, tensors, flow.dy, flow.dx);
        }
        flow.dx
    }
}
