"""The state that every engine starts from: initial parameters, images and latents, all from dcgan-gpu's own generator.

PyTorch builds its networks from the layer descriptions of tests/golden; burn gets the same through one file, which
`write_bundle` makes; dcgan-gpu draws the parameters and the latents itself, from the same seed, and gets the images as
an IDX file. Nothing here is drawn by the engines' own generators.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "golden"))
from networks import PRESETS, BatchNorm, Conv, ConvTranspose, Dense, Layer, Preset
from philox import LATENTS, Draws

SEED = 42
IMAGES = 0x7777
"""Stream of the images: image number i is the first bytes of (stream 0x7777, step i)."""


def image_bytes(preset: Preset, batch: int) -> np.ndarray:
    """The one batch of images, uint8 [batch, height, width, channels]: it is the whole data set."""
    height, width, channels = preset.image
    count = height * width * channels
    words = (Draws(SEED, IMAGES, number).words(-(-count // 4)) for number in range(batch))
    pixels = np.stack([row.astype("<u4").view(np.uint8)[:count] for row in words])
    return pixels.reshape(batch, height, width, channels)


def real_images(preset: Preset, batch: int) -> Tensor:
    """The same batch in the preset's range, float32 [batch, channel, row, column]."""
    low, high = preset.data_range
    scale = np.float32((high - low) / 255)
    pixels = image_bytes(preset, batch).astype(np.float32) * scale + np.float32(low)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def latents(preset: Preset, batch: int, step: int) -> Tensor:
    """The latents of a step, [batch, latent, 1, 1]."""
    return torch.from_numpy(Draws(SEED, LATENTS, step).normal(batch, preset.latent)).view(batch, preset.latent, 1, 1)


def write_idx(path: Path, preset: Preset, batch: int) -> None:
    """The images as a file that dcgan-gpu reads: IDX, bytes [batch, row, column]."""
    images = image_bytes(preset, batch)
    if images.shape[3] != 1:
        raise ValueError(f"IDX files hold one channel, and these images have {images.shape[3]}")
    header = np.array([0x0803, *images.shape[:3]], dtype=">u4").tobytes()
    path.write_bytes(header + images.tobytes())


def write_bundle(path: Path, name: str, batch: int, steps: int) -> None:
    """The start as one safetensors file for engines that do not read tests/golden.

    Tensors: `images` [batch, channel, row, column]; `latents` [steps, batch, latent]; `generator.N.weight` and so on,
    where N is the layer's number, in PyTorch's layouts except that a dense layer's weight is [in, out] and that
    features of a grid are ordered channel, row, column. The metadata key `gan` describes the networks in JSON.
    """
    preset = PRESETS[name]
    tensors = {
        "images": real_images(preset, batch),
        "latents": torch.stack([latents(preset, batch, step).flatten(1) for step in range(steps)]),
    }
    networks = {}
    for kind, network in zip(("generator", "discriminator"), preset.build(SEED, dropout=True)):
        networks[kind] = [describe(layer) for layer in network]
        for number, layer in enumerate(network):
            for key, value in parameters(layer).items():
                tensors[f"{kind}.{number}.{key}"] = value.detach().contiguous()
    adam = {"lr": preset.learning_rate, "beta1": preset.beta1, "beta2": 0.999, "epsilon": preset.epsilon}
    gan = {"preset": name, "order": preset.order, "latent": preset.latent, "adam": adam, **networks}
    save_file(tensors, path, {"gan": json.dumps(gan)})


def describe(layer: nn.Module) -> dict:
    """What an engine must know of a layer besides its parameters."""
    match layer:
        case Dense():
            return {"type": "dense", "output": layer.output}
        case Conv(upsample=1):
            return {"type": "conv", "stride": layer.stride, "padding": layer.padding}
        case ConvTranspose():
            # The output is cropped to `output` where padding before and after differ.
            extra = [max(e, 0) for e in layer.extra]
            sizes = {"stride": layer.stride, "padding": layer.before, "output_padding": extra}
            return {"type": "conv_transpose", **sizes, "output": layer.output}
        case BatchNorm():
            sizes = {"epsilon": layer.epsilon, "momentum": layer.momentum}
            return {"type": "batch_norm", **sizes, "per_feature": layer.per_feature}
        case nn.LeakyReLU():
            return {"type": "leaky_relu", "slope": layer.negative_slope}
        case nn.Dropout():
            return {"type": "dropout", "rate": layer.p}
        case nn.ReLU() | nn.Tanh() | nn.Sigmoid():
            return {"type": type(layer).__name__.lower()}
    raise ValueError(f"{layer} has no description for other engines")


def parameters(layer: nn.Module) -> dict[str, Tensor]:
    """The layer's parameters in the bundle's layouts."""
    values = dict(layer.named_parameters()) if isinstance(layer, Layer) else {}
    if isinstance(layer, Dense):
        q, c_out, p, c_in = layer.layouts["weight"].split
        values["weight"] = values["weight"].reshape(q, c_out, p, c_in).permute(3, 2, 1, 0).reshape(c_in * p, c_out * q)
        if "bias" in values:
            values["bias"] = values["bias"].reshape(q, c_out).T.flatten()
    if isinstance(layer, BatchNorm) and layer.per_feature:
        pixels, channels = layer.layout.shape
        values = {key: value.reshape(pixels, channels).T.flatten() for key, value in values.items()}
    return values
