//! One training step, from top to bottom: the file to read first.
//!
//! A step is a list of phases, each a plan, recorded once before step 0. One process runs them as
//! one submission. Parameter gradients accumulate within a step and are cleared by the update that
//! uses them; activation gradients are assigned.

use super::gan::{Gan, Inputs, SharedPass, Trained};
use crate::error::Result;
use crate::kernels::adam;
use crate::kernels::data::{self, Gather, Normalisation};
use crate::kernels::loss::{self, BceLogits, LossOf, ScaleSamples, Stamp};
use crate::layers::{Mode, Scaling};
use crate::model::config::{Config, Order};
use crate::model::network::{Tape, Wanted};
use crate::plan::{Plan, Profile, Recorder, View};
use crate::random::stream;

/// Random streams of one step: a layer adds its index, so passes are far apart.
const ON_REAL: u32 = stream::DEVICE;
const ON_FAKE: u32 = stream::DEVICE + 0x1000;
const ON_FAKE_FOR_G: u32 = stream::DEVICE + 0x2000;
const GENERATING: u32 = stream::DEVICE + 0x3000;
const NOISE: u32 = stream::DEVICE + 0x4000;

/// Records the phases of one training step of `gan`.
///
/// # Errors
/// A usage error when a size is beyond a portable limit.
pub fn record(gan: &Gan, profile: &Profile, config: &Config) -> Result<Vec<Plan>> {
    let mut step = Step { recorder: Recorder::new(profile), gan, config, phases: Vec::new() };
    match config.training.order {
        Order::Alternating => step.alternating()?,
        Order::Simultaneous => step.simultaneous()?,
    }
    Ok(step.phases)
}

struct Step<'a> {
    recorder: Recorder,
    gan: &'a Gan,
    config: &'a Config,
    phases: Vec<Plan>,
}

impl Step<'_> {
    /// D learns first; then G learns from what the new D says of the same images (Goodfellow et al.
    /// 2014, Algorithm 1).
    fn alternating(&mut self) -> Result<()> {
        self.d_gradients_on_real();
        let generated = self.generate();
        let fake = self.discriminate(generated.output, ON_FAKE);
        self.d_gradients_on_fake(&fake);
        self.end_phase("discriminator gradients")?;

        self.update(&self.gan.discriminator);
        self.end_phase("discriminator update")?;

        let fake = self.discriminate(generated.output, ON_FAKE_FOR_G);
        let dimages = self.g_image_gradients(&fake);
        self.back_through_g(&generated, dimages);
        self.end_phase("generator gradients")?;

        self.update(&self.gan.generator);
        self.stamp();
        self.end_phase("generator update")
    }

    /// Both losses come from one forward pass of G and one of D on each batch; both updates wait
    /// for the end.
    fn simultaneous(&mut self) -> Result<()> {
        self.d_gradients_on_real();
        let generated = self.generate();
        let fake = self.discriminate(generated.output, ON_FAKE);
        let dimages = match self.gan.shared_pass {
            Some(shared) => self.gradients_of_both(&fake, shared),
            None => {
                self.d_gradients_on_fake(&fake);
                self.g_image_gradients(&fake)
            }
        };
        self.back_through_g(&generated, dimages);
        self.end_phase("gradients of both")?;

        self.update(&self.gan.discriminator);
        self.end_phase("discriminator update")?;

        self.update(&self.gan.generator);
        self.stamp();
        self.end_phase("generator update")
    }

    /// Ends the phase recorded so far. Between phases, several processes would add up what each
    /// has.
    fn end_phase(&mut self, name: &str) -> Result<()> {
        self.phases.push(self.recorder.cut(name)?);
        Ok(())
    }

    fn d_gradients_on_real(&mut self) {
        let real = self.real_images();
        let pass = self.discriminate(real, ON_REAL);
        let dlogits = self.gan.inputs.dlogits;
        self.loss(&pass, self.config.training.label_real, LossOf::Real, dlogits);
        self.back_through_d(&pass, dlogits, Wanted::Parameters);
    }

    fn d_gradients_on_fake(&mut self, pass: &Tape) {
        let dlogits = self.gan.inputs.dlogits;
        self.loss(pass, self.config.training.label_fake, LossOf::Fake, dlogits);
        self.back_through_d(pass, dlogits, Wanted::Parameters);
    }

    /// The gradient of G's loss (that of labels "real", the non-saturating one) with respect to the
    /// images.
    fn g_image_gradients(&mut self, pass: &Tape) -> View {
        let dlogits = self.gan.inputs.dlogits;
        self.loss(pass, 1.0, LossOf::Generator, dlogits);
        self.back_through_d(pass, dlogits, Wanted::Input)
    }

    /// D's gradients on generated images and the images' gradient of G's loss, which differ by a
    /// factor for each sample: one backward pass from ones serves both.
    fn gradients_of_both(&mut self, pass: &Tape, SharedPass { ones, g_dlogits, room }: SharedPass) -> View {
        let d_dlogits = self.gan.inputs.dlogits;
        self.loss(pass, self.config.training.label_fake, LossOf::Fake, d_dlogits);
        self.loss(pass, 1.0, LossOf::Generator, g_dlogits);
        let wanted = Wanted::Scaled(Scaling { factors: d_dlogits, room });
        let dimages = self.back_through_d(pass, ones, wanted);
        let scaled = room.slice(0, dimages.len);
        let views = ScaleSamples { x: dimages, s: g_dlogits, y: scaled };
        loss::record_scale_samples(&mut self.recorder, self.config.image.channels, views);
        scaled
    }

    /// The step's number goes beside its losses, last of all: the host believes no row that does
    /// not have it.
    fn stamp(&mut self) {
        let Inputs { step, ring, .. } = self.gan.inputs;
        let [g, d] = [&self.gan.generator, &self.gan.discriminator].map(|network| network.state.parameters);
        loss::record_stamp(self.recorder.scope("stamp"), Stamp { step, g, d, ring });
    }

    fn real_images(&mut self) -> View {
        let Inputs { images, indices, step, real, .. } = self.gan.inputs;
        let noise = self.config.training.instance_noise;
        let normalisation = Normalisation { low: self.config.low(), noise, stream: NOISE };
        self.recorder.scope("real images");
        let views = Gather { images, indices, step, x: real };
        data::record_gather(&mut self.recorder, normalisation, self.config.image.channels, views);
        real
    }

    fn generate(&mut self) -> Tape {
        let latents = self.gan.inputs.latents;
        self.gan.generator.passes.forward(&mut self.recorder, Mode::Train, latents, GENERATING)
    }

    fn discriminate(&mut self, images: View, stream: u32) -> Tape {
        self.gan.discriminator.passes.forward(&mut self.recorder, Mode::Train, images, stream)
    }

    fn loss(&mut self, pass: &Tape, label: f32, column: LossOf, dlogits: View) {
        let Inputs { step, ring, .. } = self.gan.inputs;
        self.recorder.scope(format!("{column:?} loss"));
        let views = BceLogits { logits: pass.output, step, dlogits, ring };
        loss::record_bce_logits(&mut self.recorder, label, column, views);
    }

    fn back_through_d(&mut self, pass: &Tape, dlogits: View, wanted: Wanted) -> View {
        self.gan.discriminator.passes.backward(&mut self.recorder, pass, dlogits, wanted)
    }

    fn back_through_g(&mut self, generated: &Tape, dimages: View) {
        self.gan.generator.passes.backward(&mut self.recorder, generated, dimages, Wanted::Parameters);
    }

    fn update(&mut self, network: &Trained) {
        self.recorder.scope(format!("{} update", network.passes.name()));
        let Trained { optimizer, rate, .. } = network;
        adam::record_update(&mut self.recorder, &self.config.adam, *rate, self.gan.inputs.step, optimizer);
    }
}
