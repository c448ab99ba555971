"""A GAN in training as a configuration describes it: one step of each order of updates."""

import math
from typing import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from losses import ALPHAS, LOSSES, PERTURBATIONS, Lecam, gradient_penalty, interpolated, perturbed, r_penalty
from passes import Network, Pass
from philox import LATENTS, Draws
from training import set_gradients

# Streams of passes; a layer adds its index.
ON_REAL, ON_FAKE, ON_FAKE_FOR_G, GENERATING = 0x2000, 0x3000, 0x4000, 0x5000
ON_BETWEEN, ON_REAL_FOR_G = 0x9000, 0xA000
IMAGES, LABELS = 0x7777, 0x7778
"""Streams of the images' bytes and of their labels, at the image's number."""


def with_classes(config: dict, name: str) -> list[dict]:
    """The layers of a network as [classes] rewrites them."""
    layers, classes = config[name]["layers"], config.get("classes")
    if not classes:
        return layers
    of = {"classes": len(classes["names"])}
    match classes[name]:
        case "embedding":
            return [{"type": "embedding", **of, "size": classes["embedding"]}, *layers]
        case "batch_norm":
            affine = {"type": "class_affine", **of}
            split = lambda layer: [layer | {"affine": False}, affine] if layer["type"] == "batch_norm" else [layer]
            return [made for layer in layers for made in split(layer)]
        case "projection":
            return [*layers[:-1], {"type": "projection", **of, "layer": layers[-1]}]
        case "planes":
            return [{"type": "label_planes", **of, "pack": config["objective"]["pack"]}, *layers]
        case "auxiliary":
            return [*layers[:-1], layers[-1] | {"units": 1 + of["classes"]}]
        case other:
            raise ValueError(other)


class Trainer:
    """Both networks, their optimizers and what else a step changes."""

    def __init__(self, config: dict, dtype: torch.dtype) -> None:
        self.config, self.dtype, self.objective = config, dtype, config["objective"]
        self.seed, self.batch = config["seed"], config["training"]["batch_size"]
        image, networks = config["image"], []
        grids = [(1, 1, config["latent"]["dim"]), (image["height"], image["width"], image["channels"])]
        for number, name in enumerate(("generator", "discriminator")):
            augmentation = config.get("augment") if number else None
            layers = with_classes(config, name)
            networks.append(Network(config, number, layers, grids[number], augmentation).to(dtype))
        self.generator, self.discriminator = networks
        self.optimizers = [optimizer(config, name, getattr(self, name)) for name in ("generator", "discriminator")]
        self.average = [parameter.detach().clone() for parameter in self.generator.parameters()]
        self.lecam = Lecam(self.objective.get("lecam", 0.0), self.objective.get("lecam_start", 0))
        self.loss = LOSSES[self.objective["loss"]]
        self.watched = lambda network: None
        """Sees a network before each of its updates."""

    def image_batch(self, numbers: range) -> Tensor:
        """Real images [batch, channel, row, column]: byte · 2/255 − 1, with the engine's float32 factor."""
        height, width, channels = (self.config["image"][key] for key in ("height", "width", "channels"))
        words = height * width * channels // 4
        bytes_ = np.stack([Draws(self.seed, IMAGES, n).words(words).astype("<u4").view(np.uint8) for n in numbers])
        pixels = torch.from_numpy(bytes_).to(self.dtype).view(-1, height, width, channels).permute(0, 3, 1, 2)
        return pixels * float(np.float32(2) / np.float32(255)) - 1

    def inputs(self, step: int, repetition: int) -> tuple[Tensor, Tensor, Pass]:
        """Real images, latents and labels of a repetition of D's update."""
        first = (step * self.objective["d_steps"] + repetition) * self.batch
        numbers = range(first, first + self.batch)
        latents = Draws(self.seed, LATENTS, step, repetition).normal(self.batch, self.config["latent"]["dim"], 1, 1)
        labels = None
        if classes := self.config.get("classes"):
            words = Draws(self.seed, LABELS).blocks(numbers.stop)[first:, 0]
            labels = torch.from_numpy((words % len(classes["names"])).astype(np.int64))
        real = self.image_batch(numbers)
        return real, torch.from_numpy(latents).to(self.dtype), Pass(self.seed, 0, step, repetition, labels)

    def judge(self, images: Tensor, how: Pass) -> tuple[Tensor, Tensor | None]:
        """D's logits [batch], and the logits of classes [batch, class] of an auxiliary classifier."""
        y = self.discriminator(images, how).flatten(1)
        return y[:, 0], y[:, 1:] if y.shape[1] > 1 else None

    def step(self, step: int) -> dict[str, float]:
        """One step; what its last repetition records."""
        for optimizer_, name in zip(self.optimizers, ("generator", "discriminator")):
            rates = self.config[name]["optimizer"]
            for group in optimizer_.param_groups:
                group["lr"] = rates["lr"] * factor(rates["schedule"], step)
        self.generator.iterate()
        row: dict[str, Tensor] = {}
        if self.config["training"]["order"] == "simultaneous":
            self.simultaneous(step, row)
        else:
            self.alternating(step, row)
        self.update_average(step)
        return {name: value.item() for name, value in row.items()}

    def alternating(self, step: int, row: dict[str, Tensor]) -> None:
        """D's updates, then one of G by what the new D says of the last generated images."""
        for repetition in range(self.objective["d_steps"]):
            real, latents, how = self.inputs(step, repetition)
            fake = self.generator(latents, how.at(GENERATING))
            d_loss, *_ = self.d_loss(real, fake.detach(), how, row)
            set_gradients(d_loss, self.discriminator)
            self.update(self.discriminator)
        fake_logits, fake_classes = self.judge(fake, how.at(ON_FAKE_FOR_G))
        real_logits = fake_logits
        if self.objective["loss"] == "relativistic-pairing":
            real_logits = self.judge(real, how.at(ON_REAL_FOR_G))[0].detach()
        set_gradients(self.g_loss(real_logits, fake_logits, fake_classes, how, row), self.generator)
        self.update(self.generator)

    def simultaneous(self, step: int, row: dict[str, Tensor]) -> None:
        """Both losses from one forward pass, both updates at the end."""
        real, latents, how = self.inputs(step, 0)
        fake = self.generator(latents, how.at(GENERATING))
        d_loss, real_logits, fake_logits, fake_classes = self.d_loss(real, fake, how, row)
        g_loss = self.g_loss(real_logits, fake_logits, fake_classes, how, row)
        set_gradients(d_loss, self.discriminator, retain_graph=True)
        set_gradients(g_loss, self.generator)
        self.update(self.discriminator)
        self.update(self.generator)

    def d_loss(self, real: Tensor, fake: Tensor, how: Pass, row: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """All that D minimises, and what it says of the images."""
        self.discriminator.iterate()
        real.requires_grad_()
        if not fake.requires_grad:
            fake.requires_grad_()
        (r, r_classes), (f, f_classes) = self.judge(real, how.at(ON_REAL)), self.judge(fake, how.at(ON_FAKE))
        training = self.config["training"]
        total = row["d_loss"] = self.loss.d(r, f, (training["label_real"], training["label_fake"]))
        for name, logits in (("real", r), ("fake", f)):
            if self.loss.is_probability:
                row[f"d_{name}"] = logits.sigmoid().mean()
            else:
                row[f"logit_{name}"] = logits.mean()
        for name, term in self.penalties(real, fake, r, f, how):
            row[f"penalty.{name}"] = term
            total = total + term
        if "lecam" in self.objective:
            row["penalty.lecam"] = self.lecam(r, f, how.step)
            total = total + row["penalty.lecam"]
        if r_classes is not None:
            row["class.real"], row["class.fake"] = (F.cross_entropy(x, how.labels) for x in (r_classes, f_classes))
            total = total + row["class.real"] + row["class.fake"]
        return total, r, f, f_classes

    def penalties(
        self, real: Tensor, fake: Tensor, r: Tensor, f: Tensor, how: Pass
    ) -> Iterable[tuple[str, Tensor]]:
        """The penalty's parts by the names of their columns, weight included."""
        if not (penalty := self.objective.get("penalty")):
            return
        kind, arguments = penalty["kind"], (penalty["weight"], self.discriminator.pack)
        if "r1" in kind:
            yield "r1", r_penalty(r, real, *arguments)
        if "r2" in kind:
            yield "r2", r_penalty(f, fake, *arguments)
        if kind in ("wgan-gp", "dragan"):
            pack = self.discriminator.pack
            draws, perturbations = (Draws(self.seed, stream, how.step, how.part) for stream in (ALPHAS, PERTURBATIONS))
            real, fake = real.detach(), fake.detach()
            between = (
                interpolated(real, fake, draws, pack) if kind == "wgan-gp"
                else perturbed(real, draws, perturbations, pack)
            ).requires_grad_()
            yield "gp", gradient_penalty(self.judge(between, how.at(ON_BETWEEN))[0], between, *arguments)

    def g_loss(self, r: Tensor, f: Tensor, classes: Tensor | None, how: Pass, row: dict[str, Tensor]) -> Tensor:
        """All that G minimises."""
        total = row["g_loss"] = self.loss.g(r, f)
        if classes is not None:
            row["class.g"] = F.cross_entropy(classes, how.labels)
            total = total + row["class.g"]
        return total

    def update(self, network: Network) -> None:
        """The optimizer's step, and Wasserstein's clipping."""
        self.watched(network)
        is_d = network is self.discriminator
        self.optimizers[is_d].step()
        if is_d and "clip" in self.objective:
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.clamp_(-self.objective["clip"], self.objective["clip"])

    @torch.no_grad()
    def update_average(self, step: int) -> None:
        """a ← a + (1 − β)(w − a), β = 0.5^(batch / half-life), which is at most 0.05 of the images seen."""
        if not (average := self.config.get("average")):
            return
        half_life = min(average["half_life_images"], 0.05 * (step + 1) * self.batch)
        rest = 1 - 0.5 ** (self.batch / half_life)
        for mean, parameter in zip(self.average, self.generator.parameters()):
            mean += rest * (parameter - mean)

    def average_norm(self) -> float:
        """The Euclidean norm of the averaged parameters."""
        return math.sqrt(sum(mean.double().square().sum().item() for mean in self.average))


def optimizer(config: dict, name: str, network: Network) -> torch.optim.Optimizer:
    """A network's optimizer; its rate is set in each step."""
    how = config[name]["optimizer"]
    if how["kind"] == "rmsprop":
        return torch.optim.RMSprop(network.parameters(), lr=how["lr"], alpha=0.99, eps=how["epsilon"])
    betas = (how["beta1"], how["beta2"])
    return torch.optim.Adam(network.parameters(), lr=how["lr"], betas=betas, eps=how["epsilon"])


def factor(schedule: dict, step: int) -> float:
    """What a schedule makes of the rate in a step."""
    if schedule["kind"] == "constant":
        return 1.0
    begin, end = schedule["from"] * schedule["end"], schedule["end"]
    part = min(max((step - begin) / (end - begin), 0.0), 1.0)
    return 1.0 - part if schedule["kind"] == "linear" else 0.5 * (1.0 + math.cos(math.pi * part))
