//! One training step, from top to bottom: the file to read first.
//!
//! Everything here is recorded once, before step 0, and then replayed as one submission. Parameter gradients accumulate
//! within a step and are cleared by the update that uses them; activation gradients are assigned.

use super::gan::{Gan, Inputs, SharedPass};
use crate::error::Result;
use crate::kernels::adam;
use crate::kernels::data::{self, Normalisation};
use crate::kernels::loss::{self, Column};
use crate::layers::{Mode, Scaling};
use crate::model::config::{Config, Order};
use crate::model::network::{Tape, Wanted};
use crate::plan::Profile;
use crate::plan::{Plan, Recorder, View};
use crate::random::stream;

/// Index in the step input of D's two [`adam::Adam::rates`].
pub const D_RATE: u32 = 3;
/// Index in the step input of G's two rates.
pub const G_RATE: u32 = 5;

/// Random streams of one step: a layer adds its index, so traversals are far apart.
const ON_REAL: u32 = stream::DEVICE;
const ON_FAKE: u32 = stream::DEVICE + 0x1000;
const ON_FAKE_FOR_G: u32 = stream::DEVICE + 0x2000;
const GENERATING: u32 = stream::DEVICE + 0x3000;
const NOISE: u32 = stream::DEVICE + 0x4000;

/// Records one training step of `gan`.
///
/// # Errors
/// A usage error when a size is beyond a portable limit.
pub fn record(gan: &Gan, profile: &Profile, config: &Config) -> Result<Plan> {
    let mut step = Step { recorder: Recorder::new(profile), gan, profile, config };
    match config.training.order {
        Order::Alternating => step.alternating(),
        Order::Simultaneous => step.simultaneous(),
    }
    step.stamp();
    step.recorder.finish()
}

struct Step<'a> {
    recorder: Recorder,
    gan: &'a Gan,
    profile: &'a Profile,
    config: &'a Config,
}

impl Step<'_> {
    /// D learns first; then G learns from what the new D says of the same images (Goodfellow et al. 2014, Algorithm 1).
    fn alternating(&mut self) {
        self.d_gradients_on_real();
        let generated = self.generate();
        let judged = self.judge(generated.output, ON_FAKE);
        self.d_gradients_on_fake(&judged);
        self.update_d();

        let judged = self.judge(generated.output, ON_FAKE_FOR_G);
        let dimages = self.g_image_gradients(&judged);
        self.back_through_g(&generated, dimages);
        self.update_g();
    }

    /// Both losses come from one forward pass of G and one of D on each batch; both updates wait for the end.
    fn simultaneous(&mut self) {
        self.d_gradients_on_real();
        let generated = self.generate();
        let judged = self.judge(generated.output, ON_FAKE);
        let dimages = match self.gan.shared_pass {
            Some(shared) => self.gradients_of_both(&judged, shared),
            None => {
                self.d_gradients_on_fake(&judged);
                self.g_image_gradients(&judged)
            }
        };
        self.back_through_g(&generated, dimages);
        self.update_d();
        self.update_g();
    }

    fn d_gradients_on_real(&mut self) {
        let real = self.real_images();
        let judged = self.judge(real, ON_REAL);
        let dlogits = self.gan.inputs.dlogits;
        self.loss(&judged, self.config.training.label_real, Column::Real, dlogits);
        self.back_through_d(&judged, dlogits, Wanted::Parameters);
    }

    fn d_gradients_on_fake(&mut self, judged: &Tape) {
        let dlogits = self.gan.inputs.dlogits;
        self.loss(judged, self.config.training.label_fake, Column::Fake, dlogits);
        self.back_through_d(judged, dlogits, Wanted::Parameters);
    }

    /// The gradient of G's loss (that of labels "real", the non-saturating one) with respect to the images.
    fn g_image_gradients(&mut self, judged: &Tape) -> View {
        let dlogits = self.gan.inputs.dlogits;
        self.loss(judged, 1.0, Column::Generator, dlogits);
        self.back_through_d(judged, dlogits, Wanted::Input)
    }

    /// D's gradients on generated images and the images' gradient of G's loss, which differ by a factor for each sample:
    /// one backward pass from ones serves both.
    fn gradients_of_both(&mut self, judged: &Tape, SharedPass { ones, g_dlogits, room }: SharedPass) -> View {
        let d_dlogits = self.gan.inputs.dlogits;
        self.loss(judged, self.config.training.label_fake, Column::Fake, d_dlogits);
        self.loss(judged, 1.0, Column::Generator, g_dlogits);
        let wanted = Wanted::Scaled(Scaling { factors: d_dlogits, room });
        let dimages = self.back_through_d(judged, ones, wanted);
        let scaled = room.slice(0, dimages.len);
        loss::record_scale_samples(&mut self.recorder, self.config.image.channels, [dimages, g_dlogits, scaled]);
        scaled
    }

    /// The step's number goes beside its losses, last of all: the host believes no row that does not have it.
    fn stamp(&mut self) {
        let Inputs { step, ring, .. } = self.gan.inputs;
        let [g, d] = [&self.gan.g_state, &self.gan.d_state].map(|state| state.parameters);
        loss::record_stamp(self.recorder.scope("stamp"), [step, g, d, ring]);
    }

    fn real_images(&mut self) -> View {
        let Inputs { images, indices, step, real, .. } = self.gan.inputs;
        let noise = self.config.training.instance_noise;
        let normalisation = Normalisation { low: self.config.low(), noise, stream: NOISE };
        self.recorder.scope("real images");
        data::record_gather(
            &mut self.recorder,
            normalisation,
            self.config.image.channels,
            [images, indices, step, real],
        );
        real
    }

    fn generate(&mut self) -> Tape {
        let latents = self.gan.inputs.latents;
        self.gan.generator.forward(&mut self.recorder, self.profile, Mode::Train, latents, GENERATING)
    }

    fn judge(&mut self, images: View, stream: u32) -> Tape {
        self.gan.discriminator.forward(&mut self.recorder, self.profile, Mode::Train, images, stream)
    }

    fn loss(&mut self, judged: &Tape, label: f32, column: Column, dlogits: View) {
        let Inputs { step, ring, .. } = self.gan.inputs;
        self.recorder.scope(format!("{column:?} loss"));
        loss::record_bce_logits(&mut self.recorder, label, column, [judged.output, step, dlogits, ring]);
    }

    fn back_through_d(&mut self, judged: &Tape, dlogits: View, wanted: Wanted) -> View {
        self.gan.discriminator.backward(&mut self.recorder, self.profile, judged, dlogits, wanted)
    }

    fn back_through_g(&mut self, generated: &Tape, dimages: View) {
        self.gan.generator.backward(&mut self.recorder, self.profile, generated, dimages, Wanted::Parameters);
    }

    fn update_d(&mut self) {
        self.recorder.scope("discriminator update");
        let tensors = &self.gan.d_optimizer;
        adam::record_update(&mut self.recorder, &self.config.adam, D_RATE, self.gan.inputs.step, tensors);
    }

    fn update_g(&mut self) {
        self.recorder.scope("generator update");
        let tensors = &self.gan.g_optimizer;
        adam::record_update(&mut self.recorder, &self.config.adam, G_RATE, self.gan.inputs.step, tensors);
    }
}
