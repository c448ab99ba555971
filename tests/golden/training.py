"""One training step of a GAN in PyTorch, in the two update orders of dcgan-gpu."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks import Preset


class Losses(NamedTuple):
    """What a step reports, as the discriminator's update saw it; all are scalars."""

    d_loss: Tensor
    d_loss_real: Tensor
    d_loss_fake: Tensor
    g_loss: Tensor
    d_real: Tensor
    """Mean D(x) on the real images."""
    d_fake: Tensor
    """Mean D(x) on the generated ones."""


class Gan:
    """Two networks with their Adams, which may get further options; `step` trains both on one batch."""

    def __init__(self, preset: Preset, generator: nn.Module, discriminator: nn.Module, **options: bool) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.step = {"alternating": self.alternating, "simultaneous": self.simultaneous}[preset.order]
        settings = {"lr": preset.learning_rate, "betas": (preset.beta1, 0.999), "eps": preset.epsilon, **options}
        self.generator_adam = torch.optim.Adam(generator.parameters(), **settings)
        self.discriminator_adam = torch.optim.Adam(discriminator.parameters(), **settings)

    def alternating(self, real: Tensor, latents: Tensor) -> Losses:
        """D on real and on fake, Adam on D; then the new D on the same fake, Adam on G."""
        fake = self.generator(latents)
        real_logits, fake_logits = self.discriminator(real), self.discriminator(fake)
        real_loss, fake_loss = bce(real_logits, 1.0), bce(fake_logits, 0.0)
        set_gradients(real_loss + fake_loss, self.discriminator)
        self.discriminator_adam.step()
        generator_loss = bce(self.discriminator(fake), 1.0)
        set_gradients(generator_loss, self.generator)
        self.generator_adam.step()
        return report(real_loss, fake_loss, generator_loss, real_logits, fake_logits)

    def simultaneous(self, real: Tensor, latents: Tensor) -> Losses:
        """Both losses and both gradients from one forward; both Adams at the end."""
        fake_logits, real_logits = self.discriminator(self.generator(latents)), self.discriminator(real)
        real_loss, fake_loss, generator_loss = bce(real_logits, 1.0), bce(fake_logits, 0.0), bce(fake_logits, 1.0)
        set_gradients(real_loss + fake_loss, self.discriminator, retain_graph=True)
        set_gradients(generator_loss, self.generator)
        self.discriminator_adam.step()
        self.generator_adam.step()
        return report(real_loss, fake_loss, generator_loss, real_logits, fake_logits)


def bce(logits: Tensor, label: float) -> Tensor:
    """Mean binary cross-entropy of logits against one label."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def set_gradients(loss: Tensor, network: nn.Module, retain_graph: bool = False) -> None:
    """Sets the gradients of this network's parameters, and computes no others.

    `torch.autograd.grad` walks only the paths that lead to these parameters: the discriminator's loss stops at the fake
    images without `detach`, and the generator's loss passes the discriminator without making its weight gradients.
    """
    parameters = list(network.parameters())
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters, retain_graph=retain_graph)):
        parameter.grad = gradient


def report(real_loss: Tensor, fake_loss: Tensor, generator_loss: Tensor, real: Tensor, fake: Tensor) -> Losses:
    """The losses, and the mean probabilities of the logits, off the graph."""
    with torch.no_grad():
        means = (real.sigmoid().mean(), fake.sigmoid().mean())
        losses = (real_loss + fake_loss, real_loss, fake_loss, generator_loss)
        return Losses(*(loss.detach() for loss in losses), *means)
