"""Writes layers.safetensors: the forward and backward of small layers, computed by PyTorch in float64.

Tensors are named `CASE/x, w, b, y, dy, dx, dw, db` (batch norm: `scale, shift, dscale, dshift` and, after one update
from 0 and 1, `running_mean, running_var`; bce: `logits, targets, loss, dlogits`) and lie in dcgan-gpu's layouts:
activations [pixel][batch][channel], weights [tap][c_in][c_out]. The metadata key `cases` describes each case in JSON.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from networks import BatchNorm, build_layer, pack, unpack
from philox import Draws

SEED = 42
STREAM = 0x8000
"""First stream of the tensors here: one for each case; the step counts the tensors of a case."""

# Case, input [height, width, channels], batch, layer.
CASES = [
    ("dense_vector", [1, 1, 7], 5, 'type = "dense", units = 3, bias = true'),
    ("dense_vector_aligned", [1, 1, 16], 8, 'type = "dense", units = 12, bias = false'),
    ("dense_to_grid", [1, 1, 10], 3, 'type = "dense", shape = [3, 3, 5], bias = true'),
    ("dense_to_grid_aligned", [1, 1, 12], 8, 'type = "dense", shape = [2, 3, 8], bias = false'),
    ("dense_from_grid", [3, 3, 4], 8, 'type = "dense", units = 1, bias = true'),
    ("dense_from_grid_odd", [2, 3, 5], 7, 'type = "dense", units = 3, bias = true'),
    ("conv_4x4_s2", [6, 6, 3], 5, 'type = "conv", channels = 5, kernel = 4, stride = 2, padding = 1, bias = true'),
    (
        "conv_4x4_s2_aligned", [4, 4, 8], 8,
        'type = "conv", channels = 12, kernel = 4, stride = 2, padding = 1, bias = false',
    ),
    ("conv_3x3_s1_wide", [5, 7, 3], 3, 'type = "conv", channels = 7, kernel = 3, stride = 1, padding = 1, bias = true'),
    (
        "conv_5x5_s2_same", [6, 8, 3], 4,
        'type = "conv", channels = 5, kernel = 5, stride = 2, padding = "same", bias = true',
    ),
    (
        "conv_5x5_s2_same_odd", [7, 5, 2], 3,
        'type = "conv", channels = 3, kernel = 5, stride = 2, padding = "same", bias = false',
    ),
    (
        "conv_3x5_s2x1", [7, 6, 3], 5,
        'type = "conv", channels = 4, kernel = [3, 5], stride = [2, 1], padding = [1, 0, 2, 1], bias = true',
    ),
    (
        "conv_7x7_to_pixel", [7, 7, 4], 4,
        'type = "conv", channels = 1, kernel = 7, stride = 1, padding = 0, bias = false',
    ),
    (
        "conv_7x7_to_pixel_odd", [7, 7, 3], 3,
        'type = "conv", channels = 5, kernel = 7, stride = 1, padding = 0, bias = true',
    ),
    (
        "conv_upsample", [4, 3, 5], 3,
        'type = "conv", channels = 3, kernel = 3, stride = 1, padding = 1, upsample = 2, bias = true',
    ),
    (
        "conv_1_channel_in", [8, 8, 1], 4,
        'type = "conv", channels = 8, kernel = 4, stride = 2, padding = 1, bias = true',
    ),
    (
        "conv_3_channels_in", [6, 6, 3], 4,
        'type = "conv", channels = 8, kernel = 5, stride = 2, padding = "same", bias = false',
    ),
    (
        "conv_1_channel_out", [6, 6, 8], 4,
        'type = "conv", channels = 1, kernel = 5, stride = 1, padding = "same", bias = true',
    ),
    (
        "conv_transpose_4x4_s2", [3, 4, 5], 3,
        'type = "conv_transpose", channels = 3, kernel = 4, stride = 2, padding = 1, bias = true',
    ),
    (
        "conv_transpose_4x4_s2_aligned", [2, 2, 12], 8,
        'type = "conv_transpose", channels = 8, kernel = 4, stride = 2, padding = 1, bias = false',
    ),
    (
        "conv_transpose_5x5_s2_same", [3, 4, 4], 5,
        'type = "conv_transpose", channels = 3, kernel = 5, stride = 2, padding = "same", bias = true',
    ),
    (
        "conv_transpose_5x5_s1_same", [5, 5, 3], 4,
        'type = "conv_transpose", channels = 4, kernel = 5, stride = 1, padding = "same", bias = false',
    ),
    (
        "conv_transpose_7x7_from_pixel", [1, 1, 5], 8,
        'type = "conv_transpose", channels = 4, kernel = 7, stride = 1, padding = 0, bias = false',
    ),
    (
        "conv_transpose_output_padding", [3, 4, 3], 5,
        'type = "conv_transpose", channels = 2, kernel = 3, stride = 2, padding = 1, output_padding = 1, bias = true',
    ),
    (
        "conv_transpose_3x5_s2x1", [3, 5, 2], 3,
        'type = "conv_transpose", channels = 3, kernel = [3, 5], stride = [2, 1], padding = [1, 0, 1, 2], bias = true',
    ),
    (
        "conv_transpose_1_channel_out", [5, 5, 8], 4,
        'type = "conv_transpose", channels = 1, kernel = 4, stride = 2, padding = 1, bias = false',
    ),
    ("batch_norm_channel", [3, 5, 7], 5, 'type = "batch_norm", epsilon = 1e-5, momentum = 0.1, per = "channel"'),
    (
        "batch_norm_channel_aligned", [2, 3, 12], 8,
        'type = "batch_norm", epsilon = 1e-3, momentum = 0.01, per = "channel"',
    ),
    ("batch_norm_feature", [2, 3, 5], 7, 'type = "batch_norm", epsilon = 1e-3, momentum = 0.01, per = "feature"'),
    (
        "batch_norm_feature_aligned", [2, 2, 8], 8,
        'type = "batch_norm", epsilon = 1e-5, momentum = 0.1, per = "feature"',
    ),
    ("relu", [3, 3, 5], 3, 'type = "relu"'),
    ("leaky_relu", [3, 3, 5], 3, 'type = "leaky_relu", slope = 0.3'),
    ("tanh", [3, 3, 5], 3, 'type = "tanh"'),
    ("sigmoid", [3, 3, 5], 3, 'type = "sigmoid"'),
    ("bce_soft", [1, 1, 1], 13, 'type = "bce"'),
]


class Random:
    """The inputs of one case: float32 values, held in float64."""

    def __init__(self, case: int) -> None:
        self.case, self.tensors = case, 0

    def __call__(self, *shape: int, mean: float = 0.0, std: float = 1.0) -> Tensor:
        normal = Draws(SEED, STREAM + self.case, self.tensors).normal(*shape)
        self.tensors += 1
        return torch.from_numpy(normal).mul_(std).add_(mean).double()


def layer_case(random: Random, grid: list[int], batch: int, description: str) -> dict[str, Tensor]:
    """Forward and backward of one layer with a random upstream gradient."""
    layer, output = build_layer(description, grid)
    norm = isinstance(layer, BatchNorm)
    names = {"weight": "scale", "bias": "shift"} if norm else {"weight": "w", "bias": "b"}
    x = unpack(random(grid[0] * grid[1], batch, grid[2], mean=0.7 * norm, std=1.0 + norm), grid).requires_grad_()
    tensors = {"x": pack(x)}
    parameters = getattr(layer, "layouts", {})
    for name, layout in parameters.items():
        values = random(*layout.shape, mean=float(norm and name == "weight"), std=0.3)
        getattr(layer, name).data = layout.unpack(values, getattr(layer, name).shape)
        tensors[names[name]] = values
    y = layer.double()(x)
    dy = unpack(random(output[0] * output[1], batch, output[2]), output)
    y.backward(dy)
    tensors |= {"y": pack(y), "dy": pack(dy), "dx": pack(x.grad)}
    for name, layout in parameters.items():
        tensors["d" + names[name]] = layout.pack(getattr(layer, name).grad)
    if norm:
        tensors |= {name: layer.layout.pack(getattr(layer, name)) for name in ("running_mean", "running_var")}
    return tensors


def bce_case(random: Random, batch: int) -> dict[str, Tensor]:
    """Mean binary cross-entropy of logits, some of them extreme, against soft targets, the first two hard."""
    logits = random(1, batch, 1, std=3.0)
    targets = random(1, batch, 1).sigmoid().float().double()
    logits[0, 2:6, 0] = torch.tensor([60.0, -60.0, 120.0, -120.0])
    targets[0, :6, 0] = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    logits.requires_grad_()
    loss = F.binary_cross_entropy_with_logits(logits, targets)
    loss.backward()
    return {"logits": logits, "targets": targets, "loss": loss.reshape(1), "dlogits": logits.grad}


def main() -> None:
    tensors, cases = {}, {}
    for number, (case, grid, batch, description) in enumerate(CASES):
        random = Random(number)
        made = bce_case(random, batch) if "bce" in description else layer_case(random, grid, batch, description)
        tensors |= {f"{case}/{name}": tensor.detach().float().contiguous() for name, tensor in made.items()}
        cases[case] = {"input": grid, "batch": batch, "layer": description}
    path = Path(__file__).with_name("layers.safetensors")
    save_file(tensors, path, metadata={"cases": json.dumps(cases)})
    path.chmod(0o644)
    print(f"{path.name}: {len(cases)} cases, {len(tensors)} tensors, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
