"""Layers that know each sample's class, and how [classes] puts them into networks."""

import torch
import torch.nn.functional as F
from torch import Tensor

from networks import Grid, Layer, Layout, make_layer


class Embedding(Layer):
    """[x, table[label]]: a learned vector of the class beside the latents."""

    def __init__(self, grid: Grid, *, classes: int, size: int) -> None:
        super().__init__()
        self.output = (*grid[:2], grid[2] + size)
        self.add("table", (classes, size), Layout.plain(classes, size))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return torch.cat([x, self.table[labels][:, :, None, None]], dim=1)


class ClassAffine(Layer):
    """(1 + gain[label]) · x + shift[label], channel by channel: behind a batch norm with neither of its own."""

    def __init__(self, grid: Grid, *, classes: int) -> None:
        super().__init__()
        self.output = grid
        for name in ("gain", "shift"):
            self.add(name, (classes, grid[2]), Layout.plain(classes, grid[2]))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        gain, shift = (table[labels][:, :, None, None] for table in (self.gain, self.shift))
        return (1 + gain) * x + shift


class Projection(Layer):
    """layer(x) + ⟨classes[label], Σ over pixels of x⟩ (Miyato, Koyama 2018)."""

    def __init__(self, grid: Grid, *, classes: int, layer: dict) -> None:
        super().__init__()
        inner, self.output = make_layer(layer, grid)
        # In a list it is no submodule, so that its parameters are counted once: as this layer's.
        self.inner, self.layouts = [inner], inner.layouts
        for name in inner.layouts:
            self.register_parameter(name, getattr(inner, name))
        self.add("classes", (classes, grid[2]), Layout.plain(classes, grid[2]))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.inner[0](x) + (self.classes[labels] * x.sum((2, 3))).sum(1)[:, None, None, None]


class LabelPlanes(Layer):
    """Constant channels behind those of each image of a pack: 1 in the plane of its class, 0 in the others."""

    def __init__(self, grid: Grid, *, classes: int, pack: int) -> None:
        super().__init__()
        self.classes = classes
        self.output = (*grid[:2], grid[2] + classes * pack)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        images = x.reshape(len(labels), -1, *x.shape[2:])
        planes = F.one_hot(labels, self.classes).to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return torch.cat([images, planes], dim=1).reshape(len(x), -1, *x.shape[2:])
