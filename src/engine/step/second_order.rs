//! Penalties on D's gradients, by hand: the gradient of a norm of a gradient is one more pass
//! forward. `docs/objectives.md` derives it.

use super::{Judged, Step};
use crate::kernels::augment::{self, Augmented};
use crate::kernels::loss::{self, ScaleSamples};
use crate::kernels::penalty::{self, Batch, Direction};
use crate::model::network::Gradient;
use crate::objective::Place;
use crate::plan::View;
use crate::random::Source;

/// Records the points at which `place` says that gradients are penalised, from real and generated
/// images.
pub(super) fn points(step: &mut Step<'_>, place: Place, [real, fake]: [View; 2], source: Source) -> View {
    let room = step.gan.penalty.expect("placed with a penalty");
    let (batch, input) = (samples(step), step.gan.inputs.step);
    step.recorder.scope("penalised points");
    match place {
        Place::Around => {
            let views = [real, room.sums, room.deviation, room.points];
            penalty::record_around(&mut step.recorder, batch, source, input, views);
        }
        _ => penalty::record_between(&mut step.recorder, batch, source, input, [real, fake, room.points]),
    }
    room.points
}

/// Records the penalty at the images that were judged: its value, and D's gradients of it. With
/// `factors`, dL/dlogit of the samples, D's gradients of that loss come from the same products.
/// Returns the gradients of each logit.
///
/// With z_l = W_l x_(l−1) + b_l and x_l = M_l ⊙ z_l, M_l of slopes and dropout: a backward pass
/// from ones gives δ_l and g = ∇ₓs; the penalty's derivative with respect to g is the direction
/// t_0; forward without biases, t_l = M_l ⊙ W_l t_(l−1); and dW_l = Σₙ δ_l ⊗ t_(l−1).
pub(super) fn penalise(step: &mut Step<'_>, judged: &Judged<'_>, place: Place, factors: Option<View>) -> Gradient {
    let room = step.gan.penalty.expect("placed with a penalty");
    let penalty = step.config.objective.penalty.expect("placed with a penalty");
    let (passes, inputs) = (&judged.critic.passes, &step.gan.inputs);
    let Batch { channels, .. } = samples(step);
    let gradient = passes.backward_from_ones(&mut step.recorder, &judged.tape, step.gan.ones);

    let dimages = step.back_to_images(judged, gradient.input);
    step.recorder.scope("penalty");
    penalty::record_sums(&mut step.recorder, channels, dimages, room.sums);
    let views = Direction { sums: room.sums, step: inputs.step, factors: room.factors, ring: inputs.ring };
    let centred = penalty.centred(step.config.penalty_weight(penalty));
    penalty::record_direction(&mut step.recorder, centred, place.column(), views);
    let [first, second] = room.directions.alternating.map(|room| room.slice(0, gradient.input.len));
    let views = ScaleSamples { x: dimages, s: room.factors, y: first };
    loss::record_scale_samples(&mut step.recorder, channels, views);
    let direction = match judged.critic.augmented {
        Some(augmented) => {
            let views = Augmented { x: first, step: inputs.step, means: augmented.means, y: second };
            let images = step.augmented(judged.source);
            augment::record_linear(&mut step.recorder, &augmented.how, images, views);
            second
        }
        None => first,
    };

    passes.second_order(&mut step.recorder, &judged.tape, &gradient, direction, factors, &room.directions);
    gradient
}

/// What D sees as samples.
fn samples(step: &Step<'_>) -> Batch {
    let objective = &step.config.objective;
    Batch { images: step.config.training.batch_size / objective.pack, channels: step.channels_of_d() }
}
