"""Writes steps.json: the losses of ten training steps by PyTorch, in float32 and in float64.

Initial parameters, images and latents come from dcgan-gpu's own generator, so a test can repeat the steps exactly:
parameter tensor n of network k (0 generator, 1 discriminator) from stream 0x1000 + 256 k + n, latents from stream 1,
image number i is the bytes of the first 196 words of (stream 0x7777, step i). Dropout is off. The
float64 losses are the reference; how far float32 strays from them is what rounding does to PyTorch itself.
"""

import json
from pathlib import Path

import numpy as np
import torch

from networks import PRESETS, Preset
from philox import LATENTS, Draws
from training import Gan

SEED, BATCH, STEPS = 42, 16, 10
IMAGES = 0x7777
"""Stream of the images."""


def image_batch(step: int) -> torch.Tensor:
    """The real images of a step, [batch, 1, 28, 28] in (-1, 1): bytes / 127.5 - 1 in float32."""
    numbers = range(step * BATCH, (step + 1) * BATCH)
    pixels = np.stack([Draws(SEED, IMAGES, number).words(196).astype("<u4").view(np.uint8) for number in numbers])
    return torch.from_numpy(pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)).view(BATCH, 1, 28, 28)


def latent_batch(preset: Preset, step: int) -> torch.Tensor:
    """The latents of a step, [batch, latent, 1, 1]."""
    return torch.from_numpy(Draws(SEED, LATENTS, step).normal(BATCH, preset.latent, 1, 1))


def build(preset: Preset, dtype: torch.dtype) -> Gan:
    """The networks with their initial parameters, and their Adams."""
    return Gan(preset, *(network.to(dtype) for network in preset.build(SEED, dropout=False)))


def train(preset: Preset, gan: Gan, steps: int, dtype: torch.dtype) -> list[dict[str, float]]:
    """The losses of each step."""
    rows = []
    for step in range(steps):
        losses = gan.step(image_batch(step).to(dtype), latent_batch(preset, step).to(dtype))
        rows.append({name: value.item() for name, value in losses._asdict().items()})
    return rows


def parameters(preset: Preset) -> list[dict]:
    """For each parameter in dcgan-gpu's layout: its initial values, and its gradient in step 0 (in float64)."""
    initial, stepped = build(preset, torch.float64), build(preset, torch.float64)
    train(preset, stepped, 1, torch.float64)
    rows = []
    for network in ("generator", "discriminator"):
        number = 0
        for before, after in zip(getattr(initial, network), getattr(stepped, network)):
            for name, layout in getattr(before, "layouts", {}).items():
                value, gradient = layout.pack(getattr(before, name).detach()), layout.pack(getattr(after, name).grad)
                rows.append({
                    "network": network,
                    "number": number,
                    "name": f"{type(before).__name__}.{name}",
                    "shape": list(layout.shape),
                    "first": value.flatten()[:4].tolist(),
                    "sum": value.sum().item(),
                    "gradient_first": gradient.flatten()[:4].tolist(),
                    "gradient_norm": gradient.norm().item(),
                })
                number += 1
    return rows


def record(preset: Preset) -> dict:
    """All that steps.json says of a preset."""
    return {
        "order": preset.order,
        "latent": preset.latent,
        "generator": preset.generator,
        "discriminator": [layer for layer in preset.discriminator if "dropout" not in layer],
        "adam": {
            "learning_rate": preset.learning_rate,
            "beta1": preset.beta1,
            "beta2": 0.999,
            "epsilon": preset.epsilon,
        },
        "first_latents": latent_batch(preset, 0).flatten()[:4].tolist(),
        "first_pixels": image_batch(0).flatten()[:4].tolist(),
        "parameters": parameters(preset),
        "float32": train(preset, build(preset, torch.float32), STEPS, torch.float32),
        "float64": train(preset, build(preset, torch.float64), STEPS, torch.float64),
    }


def main() -> None:
    torch.set_num_threads(2)
    presets = {name: record(PRESETS[name]) for name in ("pytorch", "tf-tutorial")}
    path = Path(__file__).with_name("steps.json")
    path.write_text(json.dumps({"seed": SEED, "batch": BATCH, "steps": STEPS, "presets": presets}, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")
    for name, preset in presets.items():
        for step, (single, double) in enumerate(zip(preset["float32"], preset["float64"])):
            drift = max(abs(single[key] - double[key]) for key in single)
            print(f"{name} {step}: " + " ".join(f"{key} {single[key]:.6f}" for key in single) + f" | drift {drift:.1e}")


if __name__ == "__main__":
    main()
