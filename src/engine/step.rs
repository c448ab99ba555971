//! One training step, from top to bottom: the file to read first.
//!
//! A step is a list of phases, each a plan, recorded once before step 0. One process runs them as
//! one submission. Parameter gradients accumulate within a step and are cleared by the update that
//! uses them; activation gradients are assigned.

mod second_order;

use super::gan::{Critic, Gan, Inputs, SharedPass, Trained};
use crate::error::Result;
use crate::kernels::adam::{self, AdamTensors};
use crate::kernels::augment::{self, Augmented, Images};
use crate::kernels::data::{self, Gather, Normalisation};
use crate::kernels::loss::adversarial::{self, Logits};
use crate::kernels::loss::cross_entropy::{ClassesOf, CrossEntropy, record_cross_entropy};
use crate::kernels::loss::lecam::{self, Lecam, Means};
use crate::kernels::loss::{self, Column, LossOf, ScaleSamples, Stamp};
use crate::kernels::rmsprop::{self, RmspropTensors};
use crate::kernels::{average, clip};
use crate::layers::{Mode, Scaling};
use crate::model::config::{Config, Order};
use crate::model::network::{Given, Gradient, Optimized, Tape, Wanted};
use crate::objective::Place;
use crate::plan::{Plan, Profile, Recorder, View};
use crate::random::{Source, stream};

/// Random streams of one step: a layer adds its index, so passes are far apart.
const ON_REAL: u32 = stream::DEVICE;
const ON_FAKE: u32 = stream::DEVICE + 0x1000;
const ON_FAKE_FOR_G: u32 = stream::DEVICE + 0x2000;
const GENERATING: u32 = stream::DEVICE + 0x3000;
const NOISE: u32 = stream::DEVICE + 0x4000;
const POINTS: u32 = stream::DEVICE + 0x5000;
const ON_POINTS: u32 = stream::DEVICE + 0x7000;
const ON_REAL_FOR_G: u32 = stream::DEVICE + 0x8000;
/// From a pass's first stream to that of its augmentation.
const AUGMENTING: u32 = 0x800;

/// Records the phases of one training step of `gan`.
///
/// # Errors
/// A usage error when a size is beyond a portable limit.
pub fn record(gan: &Gan, profile: &Profile, config: &Config) -> Result<Vec<Plan>> {
    let mut step = Step { recorder: Recorder::new(profile), gan, config, part: 0, phases: Vec::new() };
    match config.training.order {
        Order::Alternating => step.alternating()?,
        Order::Simultaneous => step.simultaneous()?,
    }
    Ok(step.phases)
}

pub(super) struct Step<'a> {
    pub(super) recorder: Recorder,
    pub(super) gan: &'a Gan,
    pub(super) config: &'a Config,
    /// Which of D's updates is being recorded.
    part: u32,
    phases: Vec<Plan>,
}

/// A batch of images in front of a critic.
#[derive(Clone, Debug)]
pub(super) struct Judged<'a> {
    pub(super) critic: &'a Critic,
    pub(super) tape: Tape,
    /// What was drawn for the pass.
    pub(super) source: Source,
    /// The logits that a loss of pairs compares with.
    others: View,
}

impl Judged<'_> {
    /// The same, to be compared with what D says of others.
    fn paired(&self, others: &Judged<'_>) -> Self {
        Judged { others: others.tape.output, ..self.clone() }
    }
}

impl<'a> Step<'a> {
    /// D learns first, as often as the objective says; then G learns from what the new D says of
    /// the last images (Goodfellow et al. 2014, Algorithm 1).
    fn alternating(&mut self) -> Result<()> {
        let mut generated = None;
        self.gan.generator.spectral.record_normalise(&mut self.recorder, true);
        for part in 0..self.config.objective.d_steps {
            self.part = part;
            let (images, on_fake) = self.judge_both();
            self.d_gradients(&on_fake, Place::Fake);
            self.end_phase("discriminator gradients")?;

            self.update_d();
            self.end_phase("discriminator update")?;
            generated = Some(images);
        }

        let generated = generated.expect("D learns at least once");
        self.gan.discriminator.spectral.record_normalise(&mut self.recorder, false);
        let on_fake = self.judge_for_g(generated.output);
        let dimages = self.g_image_gradients(&on_fake);
        self.back_through_g(&generated, dimages);
        self.end_phase("generator gradients")?;

        self.update_g();
        self.stamp();
        self.end_phase("generator update")
    }

    /// Both losses come from one forward pass of G and one of D on each batch; both updates wait
    /// for the end.
    fn simultaneous(&mut self) -> Result<()> {
        self.gan.generator.spectral.record_normalise(&mut self.recorder, true);
        let (generated, on_fake) = self.judge_both();
        let dimages = self.gradients_of_both(&on_fake);
        self.back_through_g(&generated, dimages);
        self.end_phase("gradients of both")?;

        self.update_d();
        self.end_phase("discriminator update")?;

        self.update_g();
        self.stamp();
        self.end_phase("generator update")
    }

    /// Ends the phase recorded so far. Between phases, several processes would add up what each
    /// has.
    fn end_phase(&mut self, name: &str) -> Result<()> {
        self.phases.push(self.recorder.cut(name)?);
        Ok(())
    }

    /// D's gradients on real images, and everything before those on generated ones: returns G's
    /// pass and what D says of its images.
    fn judge_both(&mut self) -> (Tape, Judged<'a>) {
        let Inputs { step, ring, .. } = self.gan.inputs;
        let spectral = &self.gan.discriminator.spectral;
        spectral.record_normalise(&mut self.recorder, true);
        spectral.record_largest_sigma(&mut self.recorder, Column::Sigma as u32, step, ring);
        let real = self.real_images();
        if self.config.objective.loss.pairs() {
            let generated = self.generate();
            self.penalise_points(real, generated.output);
            let on_real = self.judge(&self.gan.critics[0], real, ON_REAL);
            let on_fake = self.judge(self.critic_of_fakes(), generated.output, ON_FAKE);
            let (on_real, on_fake) = (on_real.paired(&on_fake), on_fake.paired(&on_real));
            self.loss(&on_real, LossOf::Real, on_real.critic.dlogits);
            self.loss(&on_fake, LossOf::Fake, on_fake.critic.dlogits);
            self.d_gradients(&on_real, Place::Real);
            return (generated, on_fake);
        }
        let on_real = self.judge(&self.gan.critics[0], real, ON_REAL);
        self.loss(&on_real, LossOf::Real, on_real.critic.dlogits);
        self.d_gradients(&on_real, Place::Real);
        let generated = self.generate();
        self.penalise_points(real, generated.output);
        let on_fake = self.judge(self.critic_of_fakes(), generated.output, ON_FAKE);
        self.loss(&on_fake, LossOf::Fake, on_fake.critic.dlogits);
        (generated, on_fake)
    }

    fn critic_of_fakes(&self) -> &'a Critic {
        self.gan.critics.last().expect("there is one")
    }

    /// What the new D says of generated images, and of real ones where G's loss pairs them.
    fn judge_for_g(&mut self, images: View) -> Judged<'a> {
        let on_fake = self.judge(self.critic_of_fakes(), images, ON_FAKE_FOR_G);
        if !self.config.objective.loss.pairs() {
            return on_fake;
        }
        on_fake.paired(&self.judge(&self.gan.critics[0], self.gan.inputs.real, ON_REAL_FOR_G))
    }

    /// D's gradients of a loss whose derivatives are in the critic's `dlogits`, and of the penalty
    /// at this place if there is one: then the images' gradients of each logit stay.
    fn d_gradients(&mut self, judged: &Judged<'_>, place: Place) -> Option<Gradient> {
        let dlogits = judged.critic.dlogits;
        let is_penalised = self.config.objective.penalised().contains(&place);
        let shares_products = is_penalised && self.gan.has_one_logit();
        if !shares_products {
            judged.critic.passes.backward(&mut self.recorder, &judged.tape, dlogits, Wanted::Parameters);
        }
        is_penalised.then(|| second_order::penalise(self, judged, place, shares_products.then_some(dlogits)))
    }

    /// A penalty at points that are neither real nor generated.
    fn penalise_points(&mut self, real: View, fake: View) {
        for &place in self.config.objective.penalised().iter().filter(|place| place.is_apart()) {
            let points = second_order::points(self, place, [real, fake], self.source(POINTS));
            let judged = self.judge(&self.gan.critics[0], points, ON_POINTS);
            second_order::penalise(self, &judged, place, None);
        }
    }

    /// The gradient of G's loss with respect to the images.
    fn g_image_gradients(&mut self, on_fake: &Judged<'_>) -> View {
        let Critic { passes, dlogits, .. } = on_fake.critic;
        self.loss(on_fake, LossOf::Generator, *dlogits);
        let dimages = passes.backward(&mut self.recorder, &on_fake.tape, *dlogits, Wanted::Input);
        self.back_to_images(on_fake, dimages)
    }

    /// D's gradients on generated images and the images' gradient of G's loss. Where samples do not
    /// depend on each other they differ by a factor for each sample, and one backward pass from
    /// ones serves both.
    fn gradients_of_both(&mut self, on_fake: &Judged<'_>) -> View {
        let Some(SharedPass { g_dlogits, room }) = self.gan.shared_pass else {
            self.d_gradients(on_fake, Place::Fake);
            return self.g_image_gradients(on_fake);
        };
        self.loss(on_fake, LossOf::Generator, g_dlogits);
        let dimages = if self.config.objective.penalised().contains(&Place::Fake) {
            self.d_gradients(on_fake, Place::Fake).expect("a penalty leaves gradients").input
        } else {
            let wanted = Wanted::Scaled(Scaling { factors: on_fake.critic.dlogits, room });
            on_fake.critic.passes.backward(&mut self.recorder, &on_fake.tape, self.gan.ones, wanted)
        };
        let scaled = room.slice(0, dimages.len);
        let views = ScaleSamples { x: dimages, s: g_dlogits, y: scaled };
        let channels = self.channels_of_d();
        loss::record_scale_samples(&mut self.recorder, channels, views);
        self.back_to_images(on_fake, scaled)
    }

    /// Channels of what D sees as one sample.
    pub(super) fn channels_of_d(&self) -> u32 {
        self.config.image.channels * self.config.objective.pack
    }

    /// The step's number goes beside its losses, last of all: the host believes no row that does
    /// not have it.
    fn stamp(&mut self) {
        let Inputs { step, ring, .. } = self.gan.inputs;
        let [g, d] = [&self.gan.generator, &self.gan.discriminator].map(|network| network.state.parameters);
        loss::record_stamp(self.recorder.scope("stamp"), Stamp { step, g, d, ring });
    }

    fn source(&self, stream: u32) -> Source {
        Source { stream, part: self.part }
    }

    fn real_images(&mut self) -> View {
        let Inputs { images, ref parts, step, real, .. } = self.gan.inputs;
        let noise = self.config.training.instance_noise;
        let normalisation = Normalisation { low: self.config.low(), noise, source: self.source(NOISE) };
        self.recorder.scope("real images");
        let views = Gather { images, indices: parts[self.part as usize].indices, step, x: real };
        data::record_gather(&mut self.recorder, normalisation, self.config.image.channels, views);
        real
    }

    fn generate(&mut self) -> Tape {
        let (latents, source) = (self.gan.inputs.parts[self.part as usize].latents, self.source(GENERATING));
        let given = Given { source, labels: self.labels() };
        self.gan.generating.forward(&mut self.recorder, Mode::Train, latents, given)
    }

    fn judge(&mut self, critic: &'a Critic, images: View, stream: u32) -> Judged<'a> {
        let source = self.source(stream);
        let images = match critic.augmented {
            Some(room) => {
                self.recorder.scope("augmentation");
                let views = Augmented { x: images, step: self.gan.inputs.step, means: room.means, y: room.images };
                let fill = self.config.background_values();
                let images = self.augmented(source);
                augment::record_forward(&mut self.recorder, &room.how, images, fill, views);
                room.images
            }
            None => images,
        };
        let given = Given { source, labels: self.labels() };
        let tape = critic.passes.forward(&mut self.recorder, Mode::Train, images, given);
        Judged { critic, others: tape.output, tape, source }
    }

    /// The classes of the images at hand, real and generated ones alike.
    fn labels(&self) -> Option<View> {
        self.gan.inputs.parts[self.part as usize].labels
    }

    /// The images of a pass as augmentation sees them, and what is drawn for them: a stream behind
    /// those of the layers.
    pub(super) fn augmented(&self, source: Source) -> Images {
        let (shape, batch) = (self.config.image, self.config.training.batch_size);
        Images { shape, batch, source: source.offset(AUGMENTING) }
    }

    /// The gradient with respect to images, from that of what D saw of them.
    pub(super) fn back_to_images(&mut self, judged: &Judged<'_>, dimages: View) -> View {
        let Some(room) = judged.critic.augmented else { return dimages };
        self.recorder.scope("augmentation backward");
        let views = Augmented { x: dimages, step: self.gan.inputs.step, means: room.means, y: room.gradient };
        let images = self.augmented(judged.source);
        augment::record_adjoint(&mut self.recorder, &room.how, images, views);
        room.gradient
    }

    /// The loss of a pass, with its derivatives with respect to the logits.
    fn loss(&mut self, judged: &Judged<'_>, of: LossOf, dlogits: View) {
        let Inputs { step, ring, .. } = self.gan.inputs;
        let Config { objective, training, .. } = self.config;
        let (logits, others) = (judged.tape.output, judged.others);
        self.recorder.scope(format!("{of:?} loss"));
        let target = objective.loss.target(of, [training.label_real, training.label_fake]);
        let views = Logits { logits, others, step, dlogits, ring };
        adversarial::record(&mut self.recorder, objective.loss.kernel(), target, of, self.gan.outputs, views);
        if let Some(means) = self.gan.lecam.filter(|_| of != LossOf::Generator) {
            let strength = Lecam { weight: objective.lecam, start: objective.lecam_start };
            let views = Means { logits, step, means, dlogits, ring };
            lecam::record(&mut self.recorder, strength, of, self.gan.outputs, views);
        }
        if let (Some(classes), Some(labels)) = (&self.config.classes, self.labels().filter(|_| self.gan.outputs > 1)) {
            let column = match of {
                LossOf::Real => Column::ClassReal,
                LossOf::Fake => Column::ClassFake,
                LossOf::Generator => Column::ClassGenerator,
            };
            let views = CrossEntropy { logits, labels, step, dlogits, ring };
            let of = ClassesOf::Discriminator(classes.class_weight());
            record_cross_entropy(&mut self.recorder, of, column as u32, views);
        }
    }

    fn back_through_g(&mut self, generated: &Tape, dimages: View) {
        self.gan.generating.backward(&mut self.recorder, generated, dimages, Wanted::Parameters);
    }

    /// D's update, and what bounds it.
    fn update_d(&mut self) {
        let discriminator = &self.gan.discriminator;
        discriminator.spectral.record_gradients(&mut self.recorder);
        self.update(discriminator, "discriminator", discriminator.rate + 2 * self.part);
        if let Some(limit) = self.config.objective.clip {
            clip::record_weights(&mut self.recorder, limit, discriminator.state.parameters);
        }
    }

    fn update_g(&mut self) {
        let generator = &self.gan.generator;
        generator.spectral.record_gradients(&mut self.recorder);
        self.update(generator, "generator", generator.rate);
        if let Some(average) = self.gan.average {
            let Inputs { step, .. } = self.gan.inputs;
            let rest = generator.rate + 2;
            self.recorder.scope("generator average");
            average::record_update(&mut self.recorder, rest, step, generator.state.parameters, average.parameters);
        }
    }

    fn update(&mut self, network: &Trained, name: &str, rate: u32) {
        self.recorder.scope(format!("{name} update"));
        let Trained { optimizer: Optimized { w, g, m, v }, settings, .. } = *network;
        let step = self.gan.inputs.step;
        match m {
            Some(m) => {
                let tensors = AdamTensors { w, g, m, v };
                adam::record_update(&mut self.recorder, &settings.adam, rate, step, &tensors);
            }
            None => {
                let epsilon = settings.adam.epsilon;
                rmsprop::record_update(&mut self.recorder, epsilon, rate, step, &RmspropTensors { w, g, v });
            }
        }
    }
}
