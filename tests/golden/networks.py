"""The layers, networks and presets of dcgan-gpu in PyTorch, built from the same layer descriptions.

A layer is described by the keys of an inline TOML table, for example
`type = "conv", channels = 64, kernel = 4, stride = 2, padding = 1, bias = false`. Activations here are PyTorch's
[batch, channel, row, column]; `pack` and `unpack` convert to and from dcgan-gpu's [pixel][batch][channel], and each
parameter has a `Layout` that converts it to and from dcgan-gpu's [tap][c_in][c_out].
"""

import math
import tomllib
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from philox import INITIAL, Draws

Grid = tuple[int, int, int]
"""Height, width, channels."""


@dataclass(frozen=True)
class Layout:
    """How a parameter is stored in dcgan-gpu: split its axes, permute them, merge them to `shape`."""

    split: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, ...]

    def pack(self, tensor: Tensor) -> Tensor:
        """From PyTorch's layout to dcgan-gpu's."""
        return tensor.reshape(self.split).permute(self.order).reshape(self.shape)

    def unpack(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """From dcgan-gpu's layout to PyTorch's, of the given shape."""
        inverse = tuple(self.order.index(axis) for axis in range(len(self.order)))
        return tensor.reshape([self.split[axis] for axis in self.order]).permute(inverse).reshape(shape)

    @staticmethod
    def plain(*shape: int) -> "Layout":
        """The same order in both."""
        return Layout(shape, tuple(range(len(shape))), shape)


def pack(activation: Tensor) -> Tensor:
    """[batch, channel, row, column] to [pixel][batch][channel]."""
    return activation.permute(2, 3, 0, 1).flatten(0, 1)


def unpack(activation: Tensor, grid: Grid) -> Tensor:
    """[pixel][batch][channel] to [batch, channel, row, column]."""
    height, width, channels = grid
    return activation.reshape(height, width, -1, channels).permute(2, 3, 0, 1)


class Layer(nn.Module):
    """A layer with `weight` and perhaps `bias`; for batch norm these are the scale and the shift."""

    output: Grid
    layouts: dict[str, Layout]
    fans: tuple[int, int]
    """Keras' fan in and fan out, for Glorot's limit."""

    def add(self, name: str, shape: tuple[int, ...], layout: Layout | None) -> None:
        """Declares a parameter; with no layout it is absent."""
        self.register_parameter(name, nn.Parameter(torch.zeros(shape)) if layout else None)
        if layout:
            self.layouts = {**getattr(self, "layouts", {}), name: layout}


class Dense(Layer):
    """From one pixel to a grid (or a vector, which is a grid of one pixel), or from a grid to one pixel."""

    def __init__(self, grid: Grid, *, units: int = 0, shape: Grid | None = None, bias: bool) -> None:
        super().__init__()
        self.output = tuple(shape) if shape else (1, 1, units)
        (p, c_in), (q, c_out) = ((h * w, c) for h, w, c in (grid, self.output))
        if p > 1 and q > 1:
            raise ValueError(f"dense from {grid} to {self.output}: one side must be a single pixel")
        self.fans = (p * c_in, q * c_out)
        self.add("weight", (q * c_out, p * c_in), Layout((q, c_out, p, c_in), (0, 2, 3, 1), (p * q, c_in, c_out)))
        self.add("bias", (q * c_out,), Layout.plain(*(q, c_out)[q == 1 :]) if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(x.permute(0, 2, 3, 1).flatten(1), self.weight, self.bias)
        return y.unflatten(1, self.output).permute(0, 3, 1, 2)


class Conv(Layer):
    """Convolution, after nearest-neighbour upsampling by an integer factor."""

    def __init__(
        self, grid: Grid, *, channels: int, kernel, stride=1, padding=0, upsample: int = 1, bias: bool
    ) -> None:
        super().__init__()
        (kh, kw), self.stride, self.upsample = pair(kernel), pair(stride), upsample
        inputs = [size * upsample for size in grid[:2]]
        if padding == "same":
            outs = [-(-i // s) for i, s in zip(inputs, self.stride)]
            totals = [max((o - 1) * s + k - i, 0) for o, s, k, i in zip(outs, self.stride, (kh, kw), inputs)]
            padding = halves(totals)
        top, bottom, left, right = self.padding = sides(padding)
        self.output = (
            (inputs[0] + top + bottom - kh) // self.stride[0] + 1,
            (inputs[1] + left + right - kw) // self.stride[1] + 1,
            channels,
        )
        self.fans = (kh * kw * grid[2], kh * kw * channels)
        shape = (channels, grid[2], kh, kw)
        self.add("weight", shape, Layout(shape, (2, 3, 1, 0), (kh * kw, grid[2], channels)))
        self.add("bias", (channels,), Layout.plain(channels) if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        top, bottom, left, right = self.padding
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=self.upsample, mode="nearest")
        if (top, left) == (bottom, right):
            return F.conv2d(x, self.weight, self.bias, self.stride, (top, left))
        return F.conv2d(F.pad(x, (left, right, top, bottom)), self.weight, self.bias, self.stride)


class ConvTranspose(Layer):
    """Transposed convolution; `same` padding is the adjoint of the same-padded convolution from output to input."""

    def __init__(
        self, grid: Grid, *, channels: int, kernel, stride=1, padding=0, output_padding: int = 0, bias: bool
    ) -> None:
        super().__init__()
        (kh, kw), self.stride = (kernel, stride) = pair(kernel), pair(stride)
        extra = pair(output_padding)
        if padding == "same":
            totals = [max(k - s, 0) for k, s in zip(kernel, stride)]
            extra = tuple(s - k + total for k, s, total in zip(kernel, stride, totals))
            padding = halves(totals)
        top, bottom, left, right = sides(padding)
        # PyTorch crops as much after as before, so a difference is a larger output padding or a narrower output.
        self.before = (top, left)
        self.extra = (extra[0] + top - bottom, extra[1] + left - right)
        size = ((i - 1) * s - 2 * b + k + e for i, s, b, k, e in zip(grid, stride, self.before, kernel, self.extra))
        self.output = (*size, channels)
        self.fans = (kh * kw * channels, kh * kw * grid[2])
        shape = (grid[2], channels, kh, kw)
        self.add("weight", shape, Layout(shape, (2, 3, 0, 1), (kh * kw, grid[2], channels)))
        self.add("bias", (channels,), Layout.plain(channels) if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        output_padding = tuple(max(e, 0) for e in self.extra)
        y = F.conv_transpose2d(x, self.weight, self.bias, self.stride, self.before, output_padding)
        return y[:, :, : self.output[0], : self.output[1]]


class BatchNorm(Layer):
    """Batch norm with statistics per channel, or per feature: per (pixel, channel), over the batch only."""

    def __init__(self, grid: Grid, *, epsilon: float, momentum: float, per: str, affine: bool = True) -> None:
        super().__init__()
        self.output, self.epsilon, self.momentum, self.per_feature = grid, epsilon, momentum, per == "feature"
        height, width, channels = grid
        self.layout = Layout.plain(height * width, channels) if self.per_feature else Layout.plain(channels)
        size = math.prod(self.layout.shape)
        self.add("weight", (size,), self.layout if affine else None)
        self.add("bias", (size,), self.layout if affine else None)
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_var", torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        features = x.permute(0, 2, 3, 1).flatten(1) if self.per_feature else x
        statistics = (self.running_mean, self.running_var)
        y = F.batch_norm(features, *statistics, self.weight, self.bias, self.training, self.momentum, self.epsilon)
        return y.unflatten(1, self.output).permute(0, 3, 1, 2) if self.per_feature else y


LAYERS = {"dense": Dense, "conv": Conv, "conv_transpose": ConvTranspose, "batch_norm": BatchNorm}
ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": lambda slope: nn.LeakyReLU(slope),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "dropout": lambda rate: nn.Dropout(rate),
}


def pair(value: int | list[int]) -> tuple[int, int]:
    """A size for both axes, or [height, width]."""
    return (value, value) if isinstance(value, int) else tuple(value)


def sides(padding: int | list[int]) -> tuple[int, int, int, int]:
    """One padding for all sides, or [top, bottom, left, right]."""
    return (padding,) * 4 if isinstance(padding, int) else tuple(padding)


def halves(totals: list[int]) -> list[int]:
    """TensorFlow's split of a total padding of both axes: the odd one goes after."""
    return [half for total in totals for half in (total // 2, total - total // 2)]


def build_layer(description: str, grid: Grid) -> tuple[nn.Module, Grid]:
    """The layer of a description for inputs of the given grid, and the grid that it gives out."""
    return make_layer(tomllib.loads(f"layer = {{ {description} }}")["layer"], grid)


def make_layer(table: dict, grid: Grid) -> tuple[nn.Module, Grid]:
    """As `build_layer`, from the table of a layer's keys."""
    keys = dict(table)
    kind = keys.pop("type")
    if kind in ACTIVATIONS:
        return ACTIVATIONS[kind](**keys), grid
    layer = LAYERS[kind](tuple(grid), **keys)
    return layer, layer.output


def build_network(descriptions: list[str], grid: Grid, *, dropout: bool) -> nn.Sequential:
    """A chain of layers; `dropout` off leaves the dropout layers out."""
    network = nn.Sequential()
    for description in descriptions:
        layer, grid = build_layer(description, grid)
        if dropout or not isinstance(layer, nn.Dropout):
            network.append(layer)
    return network


@dataclass(frozen=True)
class Preset:
    """Networks and hyper-parameters, as in `assets/presets/`."""

    latent: int
    generator: list[str]
    discriminator: list[str]
    order: str
    """`alternating` or `simultaneous`: see training.py."""
    initial: str
    """`normal`: weights N(0, 0.02), scales N(1, 0.02). `glorot`: weights Glorot uniform, scales 1. All else is 0."""
    learning_rate: float
    beta1: float
    epsilon: float
    data_range: tuple[float, float] = (-1.0, 1.0)
    image: Grid = (28, 28, 1)

    def build(self, seed: int, *, dropout: bool) -> tuple[nn.Sequential, nn.Sequential]:
        """Generator and discriminator with the initial parameters that dcgan-gpu draws from this seed."""
        generator = build_network(self.generator, (1, 1, self.latent), dropout=dropout)
        discriminator = build_network(self.discriminator, self.image, dropout=dropout)
        for network, stream in ((generator, INITIAL), (discriminator, INITIAL + 256)):
            numbers = count(stream)
            for layer in network:
                for name, layout in getattr(layer, "layouts", {}).items():
                    values = torch.from_numpy(self._initial(layer, name, Draws(seed, next(numbers))))
                    parameter = getattr(layer, name)
                    parameter.data = layout.unpack(values, parameter.shape).contiguous()
        return generator, discriminator

    def _initial(self, layer: Layer, name: str, draws: Draws) -> np.ndarray:
        shape, scale = layer.layouts[name].shape, isinstance(layer, BatchNorm)
        if name == "bias":
            return np.zeros(shape, np.float32)
        if self.initial == "normal":
            return np.float32(scale) + np.float32(0.02) * draws.normal(*shape)
        return np.ones(shape, np.float32) if scale else draws.uniform(math.sqrt(6.0 / sum(layer.fans)), *shape)


def conv(kind: str, channels: int, kernel: int, stride: int, padding: int | str, bias: bool) -> str:
    """The description of a convolution (`conv` or `conv_transpose`)."""
    padding = f'"{padding}"' if isinstance(padding, str) else padding
    sizes = f"channels = {channels}, kernel = {kernel}, stride = {stride}, padding = {padding}"
    return f'type = "{kind}", {sizes}, bias = {str(bias).lower()}'


def batch_norm(epsilon: float, momentum: float, per: str) -> str:
    """The description of batch norm."""
    return f'type = "batch_norm", epsilon = {epsilon}, momentum = {momentum}, per = "{per}"'


NORM = batch_norm(1e-5, 0.1, "channel")
LEAKY_2, LEAKY_3 = ('type = "leaky_relu", slope = 0.2', 'type = "leaky_relu", slope = 0.3')
RELU, TANH, SIGMOID = ('type = "relu"', 'type = "tanh"', 'type = "sigmoid"')
DROPOUT_2, DROPOUT_3 = ('type = "dropout", rate = 0.2', 'type = "dropout", rate = 0.3')

PRESETS = {
    "pytorch": Preset(
        latent=100,
        generator=[
            *(conv("conv_transpose", 256, 7, 1, 0, False), NORM, RELU),
            *(conv("conv_transpose", 128, 4, 2, 1, False), NORM, RELU),
            *(conv("conv_transpose", 1, 4, 2, 1, False), TANH),
        ],
        discriminator=[
            *(conv("conv", 64, 4, 2, 1, False), LEAKY_2),
            *(conv("conv", 128, 4, 2, 1, False), NORM, LEAKY_2),
            conv("conv", 1, 7, 1, 0, False),
        ],
        order="alternating",
        initial="normal",
        learning_rate=2e-4,
        beta1=0.5,
        epsilon=1e-8,
    ),
    "tf-tutorial": Preset(
        latent=100,
        generator=[
            *('type = "dense", shape = [7, 7, 256], bias = false', batch_norm(1e-3, 0.01, "feature"), LEAKY_3),
            *(conv("conv_transpose", 128, 5, 1, "same", False), batch_norm(1e-3, 0.01, "channel"), LEAKY_3),
            *(conv("conv_transpose", 64, 5, 2, "same", False), batch_norm(1e-3, 0.01, "channel"), LEAKY_3),
            *(conv("conv_transpose", 1, 5, 2, "same", False), TANH),
        ],
        discriminator=[
            *(conv("conv", 64, 5, 2, "same", True), LEAKY_3, DROPOUT_3),
            *(conv("conv", 128, 5, 2, "same", True), LEAKY_3, DROPOUT_3),
            'type = "dense", units = 1, bias = true',
        ],
        order="simultaneous",
        initial="glorot",
        learning_rate=1e-4,
        beta1=0.9,
        epsilon=1e-7,
    ),
    "keras": Preset(
        latent=128,
        generator=[
            *('type = "dense", shape = [7, 7, 128], bias = true', LEAKY_2),
            *(conv("conv_transpose", 128, 4, 2, "same", True), LEAKY_2),
            *(conv("conv_transpose", 64, 4, 2, "same", True), LEAKY_2),
            *(conv("conv", 1, 5, 1, "same", True), SIGMOID),
        ],
        discriminator=[
            *(conv("conv", 64, 4, 2, "same", True), LEAKY_2),
            *(conv("conv", 128, 4, 2, "same", True), LEAKY_2, DROPOUT_2),
            'type = "dense", units = 1, bias = true',
        ],
        order="alternating",
        initial="glorot",
        learning_rate=1e-4,
        beta1=0.5,
        epsilon=1e-7,
        data_range=(0.0, 1.0),
    ),
}
