//! One training step in burn, in the two update orders of dcgan-gpu.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor};

use crate::bundle::{Bundle, Result};
use crate::network::Network;

/// Two networks with their Adams.
pub struct Gan {
    generator: Option<Network>,
    discriminator: Option<Network>,
    generator_adam: ModuleOptimizer,
    discriminator_adam: ModuleOptimizer,
    learning_rate: f64,
    simultaneous: bool,
}

/// The losses of a step, on the device.
pub struct Losses {
    /// D's loss on real and generated images together.
    pub d_loss: Tensor<1>,
    /// G's loss.
    pub g_loss: Tensor<1>,
}

impl Gan {
    /// The networks and Adams of a bundle, at their start.
    pub fn new(bundle: &Bundle, dropout: bool, device: &Device) -> Result<Self> {
        let adam = AdamConfig::new()
            .with_beta_1(bundle.adam("beta1")? as f32)
            .with_beta_2(bundle.adam("beta2")? as f32)
            .with_epsilon(bundle.adam("epsilon")? as f32);
        Ok(Self {
            generator: Some(Network::new(bundle, "generator", dropout, device)?),
            discriminator: Some(Network::new(bundle, "discriminator", dropout, device)?),
            generator_adam: adam.init(),
            discriminator_adam: adam.init(),
            learning_rate: bundle.adam("lr")?,
            simultaneous: bundle.gan["order"] == "simultaneous",
        })
    }

    /// Trains both networks on one batch.
    pub fn step(&mut self, real: Tensor<4>, latents: Tensor<4>) -> Losses {
        let generator = self.generator.take().expect("a step puts it back");
        let discriminator = self.discriminator.take().expect("a step puts it back");
        if self.simultaneous {
            self.step_both(generator, discriminator, real, latents)
        } else {
            self.step_in_turn(generator, discriminator, real, latents)
        }
    }

    /// D on real and on fake, Adam on D; then the new D on the same fake, Adam on G.
    fn step_in_turn(
        &mut self,
        generator: Network,
        discriminator: Network,
        real: Tensor<4>,
        latents: Tensor<4>,
    ) -> Losses {
        let fake = generator.forward(latents);
        let d_loss = d_loss(&discriminator, real, fake.clone());
        let gradients = GradientsParams::from_grads(d_loss.backward(), &discriminator);
        let discriminator = self.discriminator_adam.step(self.learning_rate, discriminator, gradients);

        let g_loss = g_loss(&discriminator, fake);
        let gradients = GradientsParams::from_grads(g_loss.backward(), &generator);
        let generator = self.generator_adam.step(self.learning_rate, generator, gradients);
        self.keep(generator, discriminator, d_loss, g_loss)
    }

    /// Both losses with the same networks, both Adams at the end. burn keeps no graph for a second backward pass, so D
    /// judges the generated images twice, and one backward pass over the sum of the losses serves both.
    fn step_both(&mut self, generator: Network, discriminator: Network, real: Tensor<4>, latents: Tensor<4>) -> Losses {
        let fake = generator.forward(latents);
        let d_loss = d_loss(&discriminator, real, fake.clone());
        let g_loss = g_loss(&discriminator, fake);
        let mut gradients = (d_loss.clone() + g_loss.clone()).backward();
        let for_d = GradientsParams::from_module(&mut gradients, &discriminator);
        let for_g = GradientsParams::from_module(&mut gradients, &generator);
        let discriminator = self.discriminator_adam.step(self.learning_rate, discriminator, for_d);
        let generator = self.generator_adam.step(self.learning_rate, generator, for_g);
        self.keep(generator, discriminator, d_loss, g_loss)
    }

    fn keep(&mut self, generator: Network, discriminator: Network, d_loss: Tensor<1>, g_loss: Tensor<1>) -> Losses {
        self.generator = Some(generator);
        self.discriminator = Some(discriminator);
        Losses { d_loss: d_loss.detach(), g_loss: g_loss.detach() }
    }
}

/// D's loss; its gradients stop at the generated images.
fn d_loss(discriminator: &Network, real: Tensor<4>, fake: Tensor<4>) -> Tensor<1> {
    bce(discriminator.forward(real), 1.0) + bce(discriminator.forward(fake.detach()), 0.0)
}

/// G's loss; its gradients pass D without making those of D's parameters.
fn g_loss(discriminator: &Network, fake: Tensor<4>) -> Tensor<1> {
    bce(discriminator.clone().no_grad().forward(fake), 1.0)
}

/// Mean binary cross-entropy of logits against one label.
fn bce(logits: Tensor<4>, label: f64) -> Tensor<1> {
    (logits.clone() * (1.0 - label) - log_sigmoid(logits)).mean()
}
