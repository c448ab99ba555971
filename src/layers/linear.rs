//! What dense layers, convolutions and transposed convolutions have in common: one linear map over
//! a tap list, and a bias.

use super::taps::TapList;
use super::window::Pair;
use super::{Backward, Cost, Pass, Per, Place, Placed, Scaling, Tangent, Variable, VariableKind};
use crate::kernels::activation::leaky_relu;
use crate::kernels::batch_norm::Features;
use crate::kernels::bias::{self, BiasGrad};
use crate::kernels::linear::{self, Forward, GradWeight, RowTaps, Sizes, TapShares};
use crate::kernels::loss::{self, ScaleSamples};
use crate::kernels::penalty::{self, Blend};
use crate::plan::{Recorder, View};
use crate::shape::Shape;

/// A layer's weights, and its bias where it has `features` of them.
pub(super) fn weight_and_bias(shape: [u32; 3], kind: VariableKind, features: Option<u32>) -> Vec<Variable> {
    let weight = Variable { name: "weight", shape: shape.to_vec(), kind };
    let bias = features.map(|features| Variable { name: "bias", shape: vec![features], kind: VariableKind::Bias });
    std::iter::once(weight).chain(bias).collect()
}

/// The vectors u and v of weights that are spectrally normalised, where they are: a matrix of so
/// many rows and columns, as [`crate::kernels::spectral::Matrix`] says.
pub(super) fn singular_vectors(normalised: bool, rows: u32, columns: u32) -> impl Iterator<Item = Variable> {
    let vector = |name, length, kind| Variable { name, shape: vec![length], kind };
    let both = [vector("u", rows, VariableKind::Left), vector("v", columns, VariableKind::Right)];
    both.into_iter().filter(move |_| normalised)
}

/// What a kernel that slides over pixels learns besides its weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct With {
    pub(super) bias: bool,
    pub(super) spectral_norm: bool,
}

/// The variables of a kernel that slides over pixels.
pub(super) fn window_variables(kernel: Pair, with: With, input: Shape, output: Shape) -> Vec<Variable> {
    let taps = kernel.each().into_iter().product::<u32>();
    let fan = |channels: u32| u64::from(taps) * u64::from(channels);
    let kind = VariableKind::Weight { fan_in: fan(input.channels), fan_out: fan(output.channels) };
    let bias = with.bias.then_some(output.channels);
    let learned = weight_and_bias([taps, input.channels, output.channels], kind, bias);
    let vectors = singular_vectors(with.spectral_norm, output.channels, taps * input.channels);
    learned.into_iter().chain(vectors).collect()
}

/// The cost of a kernel that slides over pixels.
pub(super) fn window_cost(kernel: Pair, input: Shape, output: Shape) -> Cost {
    let taps = kernel.each().into_iter().map(u64::from).product::<u64>();
    let channels = u64::from(input.channels) * u64::from(output.channels);
    let products = taps * u64::from(input.pixels().max(output.pixels()));
    Cost { products, weights: taps.saturating_mul(channels) }
}

/// A linear map and what its bias, if any, is shared by.
pub(super) struct LinearMap {
    pub(super) taps: TapList,
    pub(super) bias: Option<Per>,
}

impl LinearMap {
    pub(super) fn place(self, mut place: Place<'_>) -> Box<dyn Placed> {
        let sizes = Sizes { batch: place.batch, c_in: place.input.channels, c_out: place.output.channels };
        let weight = place.variables[0];
        let forward = row_taps(&mut place, "forward", &self.taps);
        let training = place.gradients.first().copied().map(|gradient| {
            let adjoint = self.taps.adjoint(place.input.pixels());
            let adjoint = row_taps(&mut place, "adjoint", &adjoint);
            let (taps, longest_tap) = (self.taps.count(), self.taps.longest_tap());
            let splits = linear::choose_splits(place.profile, sizes, taps, longest_tap);
            let (shares, pairs) = self.taps.by_tap(splits);
            let shares = TapShares {
                shares: place.list("shares", shares),
                pairs: place.list("share pairs", pairs),
                taps,
                splits,
                longest: longest_tap.div_ceil(splits),
                nominal: self.taps.nominal(),
            };
            place.reserve_scratch(u64::from(weight.len) * u64::from(splits));
            *place.transposed_words = (*place.transposed_words).max(u64::from(weight.len));
            Training { gradient, adjoint, shares }
        });
        let bias = self.bias.map(|per| {
            let features = per.features(place.output, place.batch);
            place.reserve_scratch(features.partial_words().into());
            Bias { b: place.variables[1], db: place.gradients.get(1).copied(), features, slope: place.slope }
        });
        Box::new(PlacedLinear { sizes, weight, y: place.output_tensor(), forward, bias, training })
    }
}

fn row_taps(place: &mut Place<'_>, what: &str, list: &TapList) -> RowTaps {
    let (rows, pairs) = list.by_output();
    RowTaps {
        rows: place.list(&format!("{what} rows"), rows),
        pairs: place.list(&format!("{what} pairs"), pairs),
        longest: list.longest_row(),
        nominal: list.nominal(),
    }
}

#[derive(Debug)]
struct PlacedLinear {
    sizes: Sizes,
    weight: View,
    y: View,
    forward: RowTaps,
    bias: Option<Bias>,
    training: Option<Training>,
}

#[derive(Debug)]
struct Bias {
    b: View,
    db: Option<View>,
    features: Features,
    slope: f32,
}

#[derive(Debug)]
struct Training {
    gradient: View,
    adjoint: RowTaps,
    shares: TapShares,
}

/// The gradient of each sample's logit with respect to what has this many channels, as a loss has
/// it.
pub(super) fn loss_gradient(pass: &mut Pass<'_>, channels: u32, dy: View, scaling: Option<Scaling>) -> View {
    let Some(Scaling { factors, room }) = scaling else { return dy };
    let scaled = room.slice(0, dy.len);
    let views = ScaleSamples { x: dy, s: factors, y: scaled };
    loss::record_scale_samples(pass.recorder, channels, views);
    scaled
}

impl PlacedLinear {
    fn record_grad_weight(&self, pass: &mut Pass<'_>, training: &Training, x: View, dy: View) {
        let views = GradWeight { x, dy, partial: pass.scratch, dw: training.gradient };
        linear::record_grad_weight(pass.recorder, self.sizes, training.shares, views);
    }

    fn record_grad_bias(&self, pass: &mut Pass<'_>, dy: View) {
        if let Some(Bias { db: Some(db), features, .. }) = self.bias {
            bias::record_grad(pass.recorder, features, BiasGrad { dy, partial: pass.scratch, db });
        }
    }
}

/// Records the gradient of a leaky ReLU that a layer applied in its own kernel, in place.
pub(super) fn record_slope_grad(recorder: &mut Recorder, slope: f32, y: View, dy: View) {
    if slope != 1.0 {
        leaky_relu::record_grad(recorder, slope, y, dy);
    }
}

impl Placed for PlacedLinear {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        let views = Forward { x, w: self.weight, y: self.y };
        linear::record_forward(pass.recorder, self.sizes, self.forward, views);
        if let Some(bias) = &self.bias {
            bias::record_forward(pass.recorder, bias.features, bias.slope, bias.b, self.y);
        }
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        let training = self.training.as_ref().expect("placed to go back");
        if let Some(bias) = &self.bias {
            record_slope_grad(pass.recorder, bias.slope, self.y, flow.dy);
        }
        if flow.parameters {
            let dy = loss_gradient(pass, self.sizes.c_out, flow.dy, flow.scaling);
            self.record_grad_weight(pass, training, flow.x, dy);
            self.record_grad_bias(pass, dy);
        }
        if flow.input {
            let transposed = pass.transposed.slice(0, self.weight.len);
            linear::record_transpose(pass.recorder, self.sizes.c_in, self.sizes.c_out, self.weight, transposed);
            let views = Forward { x: flow.dy, w: transposed, y: flow.dx };
            linear::record_forward(pass.recorder, self.sizes.adjoint(), training.adjoint, views);
        }
        flow.dx
    }

    /// With the loss's own part, dW = Σₙ δₙ ⊗ (aₙ xₙ + tₙ), a the factors of the samples: one
    /// product for both. The bias is no part of the direction.
    fn tangent(&self, pass: &mut Pass<'_>, flow: Tangent) -> View {
        let training = self.training.as_ref().expect("placed to go back");
        let Tangent { x, t, ty, dy, scaling, output } = flow;
        match scaling {
            Some(Scaling { factors, room }) => {
                let blended = room.slice(0, x.len);
                penalty::record_blend(pass.recorder, self.sizes.c_in, Blend { x, s: factors, t, y: blended });
                self.record_grad_weight(pass, training, blended, dy);
                if self.bias.is_some() {
                    let dy = loss_gradient(pass, self.sizes.c_out, dy, scaling);
                    self.record_grad_bias(pass, dy);
                }
            }
            None => self.record_grad_weight(pass, training, t, dy),
        }
        if output {
            let views = Forward { x: t, w: self.weight, y: ty };
            linear::record_forward(pass.recorder, self.sizes, self.forward, views);
            if let Some(bias) = &self.bias {
                record_slope_grad(pass.recorder, bias.slope, self.y, ty);
            }
        }
        ty
    }
}
