"""Networks of the objectives' golden file: what a pass through them draws, and spectral norm."""

import math
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn

from augment import augment
from conditional import ClassAffine, Embedding, LabelPlanes, Projection
from networks import LAYERS, BatchNorm, ConvTranspose, Grid, Layer, make_layer, unpack
from philox import INITIAL, Draws

LAYERS |= {
    "embedding": Embedding,
    "class_affine": ClassAffine,
    "projection": Projection,
    "label_planes": LabelPlanes,
}

SPECTRAL = 0x1800
"""First stream of the vectors u: generator from here, discriminator 256 further; all that a network keeps and does not
learn is counted: u, v and running statistics."""
AUGMENT = 0x800
"""First stream, after a pass's, of the augmentation of its images; dropout adds the layer's index alone."""


def single(value: float) -> float:
    """The float32 that the engine keeps of a constant."""
    return float(np.float32(value))


@dataclass(frozen=True)
class Pass:
    """What a pass through a network knows besides its input."""

    seed: int
    stream: int
    step: int
    part: int
    labels: Tensor | None
    """[batch]"""

    def at(self, stream: int) -> "Pass":
        """The same with the random numbers of another stream."""
        return replace(self, stream=stream)

    def draws(self, offset: int) -> Draws:
        """The random numbers of a stream, counted from the pass's."""
        return Draws(self.seed, self.stream + offset, self.step, self.part)


class Dropout(nn.Module):
    """Dropout by the masks of `shaders/dropout/apply.wgsl`."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        rate = np.float32(rate)
        self.threshold, self.scale = int(float(rate) * 2.0**32), float(np.float32(1) / (np.float32(1) - rate))

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        batch, channels, height, width = x.shape
        words = draws.words(x.numel()).reshape(height * width, batch, channels)
        kept = torch.from_numpy(words >= self.threshold)
        return torch.where(unpack(kept, (height, width, channels)), x * self.scale, 0.0)


class Spectral:
    """The spectral norm of a layer (Miyato 2018): σ = uᵀWv of its weights as C_out × rest."""

    def __init__(self, layer: Layer, draws: Draws) -> None:
        self.layer = layer
        self.u = torch.from_numpy(draws.normal(len(self.matrix())))
        self.v = torch.zeros(self.matrix().shape[1])

    def matrix(self) -> Tensor:
        """The weights; a dense layer's rows are all values of its output, pixel by pixel."""
        weight = self.layer.weight
        return (weight.transpose(0, 1) if isinstance(self.layer, ConvTranspose) else weight).flatten(1)

    @torch.no_grad()
    def iterate(self) -> None:
        """One power iteration."""
        matrix = self.matrix()
        self.v = nn.functional.normalize(matrix.T @ self.u.to(matrix), dim=0, eps=1e-12)
        self.u = nn.functional.normalize(matrix @ self.v, dim=0, eps=1e-12)

    def sigma(self) -> Tensor:
        """σ of the weights as they are now, with the last iteration's u and v."""
        return self.u @ (self.matrix() @ self.v)


class Network(nn.Module):
    """A network with the initial parameters that dcgan-gpu draws from this seed: 0 the generator, 1 the discriminator.

    `pack` images are the channels of one of its samples, and `augmentation` happens to images before that.
    """

    def __init__(self, config: dict, number: int, tables: list[dict], grid: Grid, augmentation: dict | None) -> None:
        super().__init__()
        self.pack, self.augmentation = config["objective"]["pack"] if number else 1, augmentation
        self.layers, self.spectral = nn.ModuleList(), {}
        self.margin = math.inf
        seed, init = config["seed"], config["init"]
        grid = (*grid[:2], grid[2] * self.pack)
        parameters, states = count(INITIAL + 256 * number), count(SPECTRAL + 256 * number)
        for table in tables:
            keys = dict(table)
            spectral = keys.pop("spectral_norm", False)
            keys |= {key: single(value) for key, value in keys.items() if isinstance(value, float)}
            layer, grid = (Dropout(keys["rate"]), grid) if keys["type"] == "dropout" else make_layer(keys, grid)
            for name, layout in getattr(layer, "layouts", {}).items():
                values = torch.from_numpy(initial(layer, name, init, Draws(seed, next(parameters))))
                parameter = getattr(layer, name)
                parameter.data = layout.unpack(values, parameter.shape).contiguous()
            if spectral:
                self.spectral[len(self.layers)] = Spectral(layer, Draws(seed, next(states)))
                next(states)
            if isinstance(layer, BatchNorm):
                next(states)
            self.layers.append(layer)

    def forward(self, x: Tensor, how: Pass) -> Tensor:
        """Also keeps, as `margin`, how near to its kink any input of a ReLU has come, of their root mean square."""
        if self.augmentation:
            x = augment(x, self.augmentation, how.draws(AUGMENT))
        x = x.reshape(-1, self.pack * x.shape[1], *x.shape[2:])
        for index, layer in enumerate(self.layers):
            if isinstance(layer, (nn.ReLU, nn.LeakyReLU)):
                size = x.detach().abs()
                self.margin = min(self.margin, (size.min() / size.square().mean().sqrt()).item())
            if isinstance(layer, Dropout):
                x = layer(x, how.draws(index))
            elif isinstance(layer, (Embedding, ClassAffine, Projection, LabelPlanes)):
                x = layer(x, how.labels)
            elif spectral := self.spectral.get(index):
                x = torch.func.functional_call(layer, {"weight": layer.weight / spectral.sigma()}, (x,))
            else:
                x = layer(x)
        return x

    def iterate(self) -> None:
        """One power iteration of each spectral norm."""
        for spectral in self.spectral.values():
            spectral.iterate()

    def named(self) -> list[tuple[str, Tensor, Tensor | None]]:
        """Each parameter's name, values and gradient in dcgan-gpu's layout."""
        rows = []
        for index, layer in enumerate(self.layers):
            for name, layout in getattr(layer, "layouts", {}).items():
                parameter = getattr(layer, name)
                gradient = None if parameter.grad is None else layout.pack(parameter.grad)
                name = {"weight": "scale", "bias": "shift"}[name] if isinstance(layer, BatchNorm) else name
                rows.append((f"{index}.{name}", layout.pack(parameter.detach()), gradient))
        return rows

    def norm(self) -> float:
        """The Euclidean norm of all parameters."""
        return math.sqrt(sum(parameter.detach().double().square().sum().item() for parameter in self.parameters()))


def initial(layer: Layer, name: str, init: dict, draws: Draws) -> np.ndarray:
    """How a parameter begins, with weights N(0, std)."""
    shape = layer.layouts[name].shape
    if name == "bias" or isinstance(layer, ClassAffine):
        return np.zeros(shape, np.float32)
    if isinstance(layer, Embedding):
        return draws.normal(*shape)
    return np.float32(isinstance(layer, BatchNorm)) + np.float32(init["std"]) * draws.normal(*shape)
