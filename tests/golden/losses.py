"""The losses of `[objective]`, its penalties and LeCam, as functions of D's logits [batch] and its inputs."""

from typing import Callable, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from philox import Draws, unit

ALPHAS = 0x7000
"""Stream of the place of each sample's x̂: word 0 of the block of its number."""
PERTURBATIONS = 0x7001
"""Stream of DRAGAN's perturbations, counted over [pixel][batch][channel]."""


class Loss(NamedTuple):
    """A loss: of D from real and generated logits and their labels, and of G from real and generated logits."""

    d: Callable[[Tensor, Tensor, tuple[float, float]], Tensor]
    g: Callable[[Tensor, Tensor], Tensor]
    is_probability: bool = False
    """Whether D(x) is the sigmoid of the logit."""


def bce(logits: Tensor, label: float) -> Tensor:
    """Mean binary cross-entropy of logits against one label."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def d_bce(r: Tensor, f: Tensor, labels: tuple[float, float]) -> Tensor:
    """D's part of the first two losses."""
    return bce(r, labels[0]) + bce(f, labels[1])


LOSSES = {
    "non-saturating": Loss(d_bce, lambda r, f: bce(f, 1.0), True),
    "minimax": Loss(d_bce, lambda r, f: -F.softplus(f).mean(), True),
    "least-squares": Loss(
        lambda r, f, labels: ((r - 1).square() / 2).mean() + (f.square() / 2).mean(),
        lambda r, f: ((f - 1).square() / 2).mean(),
    ),
    "hinge": Loss(lambda r, f, labels: F.relu(1 - r).mean() + F.relu(1 + f).mean(), lambda r, f: -f.mean()),
    "wasserstein": Loss(lambda r, f, labels: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "relativistic-pairing": Loss(
        lambda r, f, labels: F.softplus(f - r).mean(), lambda r, f: F.softplus(r - f).mean()
    ),
}


def squared_norms(logits: Tensor, x: Tensor) -> Tensor:
    """‖∇ₓD(x)‖² of each sample, itself differentiable."""
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.square().flatten(1).sum(1)


def r_penalty(logits: Tensor, x: Tensor, weight: float, pack: int) -> Tensor:
    """R1 at real images, R2 at generated ones: γ/2 · mean ‖∇ₓD(x)‖²."""
    return weight / 2 * squared_norms(logits, x).unflatten(0, (-1, pack)).sum(1).mean()


def gradient_penalty(logits: Tensor, x: Tensor, weight: float, pack: int) -> Tensor:
    """WGAN-GP's and DRAGAN's: λ · mean (‖∇D(x̂)‖ − 1)²."""
    norms = squared_norms(logits, x).unflatten(0, (-1, pack)).sum(1).clamp(min=1e-24).sqrt()
    return weight * (norms - 1).square().mean()


def alphas(real: Tensor, draws: Draws, pack: int) -> Tensor:
    """α in [0, 1) of each of D's samples, so the same for the images of a pack: [batch, 1, 1, 1]."""
    values = torch.from_numpy(unit(draws.blocks(len(real) // pack)[:, 0])).to(real.dtype)
    return values.repeat_interleave(pack)[:, None, None, None]


def interpolated(real: Tensor, fake: Tensor, draws: Draws, pack: int) -> Tensor:
    """WGAN-GP's x̂ = αr + (1 − α)f."""
    alpha = alphas(real, draws, pack)
    return alpha * real + (1 - alpha) * fake


def perturbed(real: Tensor, draws: Draws, perturbations: Draws, pack: int) -> Tensor:
    """DRAGAN's x̂ = r + ½ · α · std · U, std of all values of the batch, U uniform in [0, 1) for each value."""
    batch, channels, height, width = real.shape
    uniform = torch.from_numpy(unit(perturbations.words(real.numel()))).to(real.dtype)
    uniform = uniform.reshape(height, width, batch, channels).permute(2, 3, 0, 1)
    return real + alphas(real, draws, pack) / 2 * real.std(correction=0) * uniform


class Lecam:
    """LeCam's regulariser with its running means (Tseng 2021)."""

    def __init__(self, weight: float, start: int) -> None:
        self.weight, self.start, self.real, self.fake = weight, start, 0.0, 0.0

    def __call__(self, r: Tensor, f: Tensor, step: int) -> Tensor:
        """The term of this repetition, by the means before it; then the means move."""
        term = F.relu(r - self.fake).square().mean() + F.relu(self.real - f).square().mean()
        self.real, self.fake = (
            0.99 * mean + 0.01 * logits.detach().mean() for mean, logits in ((self.real, r), (self.fake, f))
        )
        return self.weight * term if step >= self.start else 0.0 * term
