//! Dense, convolution and transposed convolution: one layer over tap lists.

use super::spec::{LayerSpec, Per};
use super::{Backward, Layer, Pass, Place, Scaling, record_slope_grad};
use crate::kernels::batch_norm::Features;
use crate::kernels::bias;
use crate::kernels::linear::{self, RowTaps, Sizes, TapShares};
use crate::kernels::loss;
use crate::plan::{Role, View};

/// A linear layer with its tap lists on the device.
#[derive(Debug)]
pub struct Linear {
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

impl Linear {
    pub(super) fn place(spec: &LayerSpec, mut place: Place<'_>) -> Self {
        let layer = spec.linear(place.input).expect("shapes are checked before layers are placed");
        let sizes = Sizes { batch: place.batch, c_in: place.input.channels, c_out: place.output.channels };
        let weight = place.parameters[0];
        let words = |place: &mut Place<'_>, what: &str, contents: Vec<u32>| {
            place.program.words(format!("{}/{what}", place.label), Role::TapLists, contents)
        };
        let row_taps = |place: &mut Place<'_>, what: &str, list: &super::taps::TapList| {
            let (rows, pairs) = list.by_output();
            RowTaps {
                rows: words(place, &format!("{what} rows"), rows),
                pairs: words(place, &format!("{what} pairs"), pairs),
                longest: list.longest_row(),
                nominal: list.nominal(),
            }
        };
        let forward = row_taps(&mut place, "forward", &layer.taps);
        let training = place.gradients.first().copied().map(|gradient| {
            let adjoint = layer.taps.adjoint(place.input.pixels());
            let adjoint = row_taps(&mut place, "adjoint", &adjoint);
            let taps = layer.taps.count();
            let longest_tap = layer.taps.longest_tap();
            let splits = linear::choose_splits(place.profile, sizes, taps, longest_tap);
            let (shares, pairs) = layer.taps.by_tap(splits);
            let shares = TapShares {
                shares: words(&mut place, "shares", shares),
                pairs: words(&mut place, "share pairs", pairs),
                taps,
                splits,
                longest: longest_tap.div_ceil(splits),
                nominal: layer.taps.nominal(),
            };
            *place.scratch_words = (*place.scratch_words).max(u64::from(weight.len) * u64::from(splits));
            *place.transposed_words = (*place.transposed_words).max(u64::from(weight.len));
            Training { gradient, adjoint, shares }
        });
        let bias = layer.bias.then(|| {
            let features = match layer.bias_per {
                Per::Channel => Features::per_channel(place.output.pixels(), place.batch, place.output.channels),
                Per::Feature => Features::per_feature(place.output.pixels(), place.batch, place.output.channels),
            };
            *place.scratch_words = (*place.scratch_words).max(u64::from(features.partial_words()));
            Bias { b: place.parameters[1], db: place.gradients.get(1).copied(), features, slope: place.slope }
        });
        Linear { sizes, weight, y: place.output_tensor(), forward, bias, training }
    }
}

impl Linear {
    /// The upstream gradient as the loss has it.
    fn loss_gradient(&self, pass: &mut Pass<'_>, flow: &Backward) -> View {
        let Some(Scaling { factors, room }) = flow.scaling else { return flow.dy };
        let scaled = room.slice(0, flow.dy.len);
        loss::record_scale_samples(pass.recorder, self.sizes.c_out, [flow.dy, factors, scaled]);
        scaled
    }
}

impl Layer for Linear {
    fn forward(&self, pass: &mut Pass<'_>, x: View) -> View {
        linear::record_forward(pass.recorder, pass.profile, self.sizes, self.forward, [x, self.weight, self.y]);
        if let Some(bias) = &self.bias {
            bias::record_forward(pass.recorder, bias.features, bias.slope, bias.b, self.y);
        }
        self.y
    }

    fn backward(&self, pass: &mut Pass<'_>, flow: Backward) -> View {
        let training = self.training.as_ref().expect("placed with gradients");
        if let Some(bias) = &self.bias {
            record_slope_grad(pass.recorder, bias.slope, self.y, flow.dy);
        }
        if flow.parameters {
            let dy = self.loss_gradient(pass, &flow);
            let views = [flow.x, dy, pass.scratch, training.gradient];
            linear::record_grad_weight(pass.recorder, pass.profile, self.sizes, training.shares, views);
            if let Some(Bias { db: Some(db), features, .. }) = self.bias {
                bias::record_grad(pass.recorder, features, [dy, pass.scratch, db]);
            }
        }
        if flow.input {
            let transposed = pass.transposed.slice(0, self.weight.len);
            linear::record_transpose(pass.recorder, self.sizes.c_in, self.sizes.c_out, [self.weight, transposed]);
            let views = [flow.dy, transposed, flow.dx];
            linear::record_forward(pass.recorder, pass.profile, self.sizes.adjoint(), training.adjoint, views);
        }
        flow.dx
    }
}
