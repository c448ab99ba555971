//! A logit that the class of a sample has a part in.

use serde::{Deserialize, Serialize};

use super::{
    Backward, Cost, Example, Labels, Layer, LayerSpec, Pass, Place, Placed, Scaling, Tangent, Variable, VariableKind,
    check_classes, example, linear,
};
use crate::kernels::class::Shares;
use crate::kernels::class::projection::{self, ProjectionGrad, ProjectionTensors};
use crate::plan::View;
use crate::shape::Shape;

/// A linear layer to one logit, plus the product of a learned row for each class with the sum of
/// the input over its pixels (Miyato, Koyama 2018).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// Rows that are learned.
    pub classes: u32,
    /// The linear layer.
    pub layer: Box<LayerSpec>,
}

pub(super) const EXAMPLES: &[Example] = &[
    example([2, 3, 4], 7, &[r#"type = "projection", classes = 3, layer = { type = "dense", units = 1 }"#]),
    example(
        [2, 2, 3],
        5,
        &[r#"type = "projection", classes = 2, layer = { type = "conv", channels = 1, kernel = 2, bias = false }"#],
    ),
    // More pixels than one share of the sums.
    example([13, 11, 1], 3, &[r#"type = "projection", classes = 4, layer = { type = "dense", units = 1 }"#]),
];

impl Layer for Projection {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        check_classes(self.classes)?;
        let is_linear = matches!(*self.layer, LayerSpec::Dense(_) | LayerSpec::Conv(_));
        if !is_linear || self.layer.output(input)? != Shape::vector(1) {
            return Err("projection's layer must be a dense layer or convolution to one logit".to_string());
        }
        Ok(Shape::vector(1))
    }

    fn cost(&self, input: Shape, output: Shape) -> Cost {
        let Cost { products, weights } = self.layer.cost(input, output);
        Cost { products, weights: weights.saturating_add(u64::from(self.classes) * u64::from(input.channels)) }
    }

    /// Those of the linear layer, and the table behind them.
    fn variables(&self, input: Shape, output: Shape) -> Vec<Variable> {
        let kind = VariableKind::Weight { fan_in: input.channels.into(), fan_out: 1 };
        let table = Variable { name: "classes", shape: vec![self.classes, input.channels], kind };
        self.layer.layer().variables(input, output).into_iter().chain([table]).collect()
    }

    fn labels(&self) -> Option<Labels> {
        Some(Labels { classes: self.classes, per_sample: 1 })
    }

    fn place(&self, mut place: Place<'_>) -> Box<dyn Placed> {
        let shares = Shares::new(place.input.pixels(), place.batch, place.input.channels);
        // Behind the layer's own parameters; singular vectors, which are none, come last.
        let own = self.layer.variables(place.input).iter().filter(|variable| variable.kind.is_parameter()).count();
        let table = place.variables.remove(own);
        let gradient = place.gradients.pop();
        if gradient.is_some() {
            place.reserve_scratch(projection::partial_words(shares).into());
        }
        Box::new(PlacedProjection { shares, table, gradient, layer: self.layer.place(place) })
    }

    fn is_linear(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct PlacedProjection {
    shares: Shares,
    table: View,
    gradient: Option<View>,
    layer: Box<dyn Placed>,
}

impl PlacedProjection {
    fn tensors(&self, pass: &Pass<'_>) -> ProjectionTensors {
        ProjectionTensors { labels: pass.labels(self.shares.batch), table: self.table }
    }

    /// Records what the classes add to the logits `s`, given the features `h`; as well, of tangents
    /// of h, what they add to those of s.
    fn add(&self, pass: &mut Pass<'_>, h: View, s: View) {
        let tensors = self.tensors(pass);
        projection::record_forward(pass.recorder, self.shares, tensors, h, s);
    }

    /// Records the gradient of the table, given the features `h`, or their tangents, and the
    /// gradient of the loss with respect to each logit.
    fn grad_table(&self, pass: &mut Pass<'_>, h: View, ds: View) {
        let (labels, dtable) = (pass.labels(self.shares.batch), self.gradient.expect("placed to go back"));
        let views = ProjectionGrad { labels, h, ds, partial: pass.scratch, dtable };
        projection::record_grad(pass.recorder, self.shares, views);
    }
}

impl Placed for PlacedProjection {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        let s = self.layer.forward(pass, x);
        self.add(pass, x, s);
        s
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        let dx = self.layer.backward(pass, flow);
        if flow.parameters {
            let ds = linear::loss_gradient(pass, 1, flow.dy, flow.scaling);
            self.grad_table(pass, flow.x, ds);
        }
        if flow.input {
            let tensors = self.tensors(pass);
            projection::record_grad_input(pass.recorder, self.shares, tensors, flow.dy, dx);
        }
        dx
    }

    fn tangent(&self, pass: &mut Pass<'_>, flow: Tangent) -> View {
        let ty = self.layer.tangent(pass, flow);
        if let Some(Scaling { factors, room }) = flow.scaling {
            let ds = linear::loss_gradient(pass, 1, flow.dy, Some(Scaling { factors, room }));
            self.grad_table(pass, flow.x, ds);
        }
        self.grad_table(pass, flow.t, flow.dy);
        if flow.output {
            self.add(pass, flow.t, ty);
        }
        ty
    }
}
