"""Writes features.safetensors, a feature network that PyTorch made, and features.json, what PyTorch
says of some images in f64.

    python tests/golden/features.py
"""

import json
import os

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "features.safetensors")


# The lines of docs/evaluation.md.
def load(path):
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["dcgan-gpu-features"])["network"]
        return about, {name: file.get_tensor(name) for name in file.keys()}


def look(about, tensors, x):  # x: [N, C, H, W]; black is about["black"], white is 1
    for n, layer in enumerate(about["layers"]):
        if n + 1 == len(about["layers"]):
            features = x.flatten(1)
        weight, bias = tensors.get(f"{n}.weight"), tensors.get(f"{n}.bias")
        if layer["type"] == "conv":
            x = F.conv2d(x, weight, bias, layer["stride"], layer["padding"])
        elif layer["type"] == "dense":
            x = F.linear(x.flatten(1), weight, bias)
        elif layer["type"] == "leaky_relu":
            x = F.leaky_relu(x, layer["slope"])
        else:
            x = getattr(torch, layer["type"])(x)
    return features, x  # features, logits


HEIGHT, WIDTH, CHANNELS = 6, 7, 3
LAYERS = [
    {"type": "conv", "channels": 4, "kernel": [3, 5], "stride": [2, 1], "padding": 1, "bias": True},
    {"type": "relu"},
    {"type": "conv", "channels": 5, "kernel": 2, "stride": 1, "padding": 0, "bias": False},
    {"type": "tanh"},
    {"type": "dense", "units": 6, "bias": True},
    {"type": "leaky_relu", "slope": 0.1},
    {"type": "dense", "units": 3, "bias": True},
]
SHAPES = {
    "0.weight": [4, 3, 3, 5], "0.bias": [4], "2.weight": [5, 4, 2, 2],
    "4.weight": [6, 5 * 2 * 4], "4.bias": [6], "6.weight": [3, 6], "6.bias": [3],
}

torch.manual_seed(1)
tensors = {name: torch.randn(shape) * 0.4 for name, shape in SHAPES.items()}
network = {
    "task": {"classes": ["a", "b", "c"]},
    "image": {"height": HEIGHT, "width": WIDTH, "channels": CHANNELS},
    "black": -1.0,
    "layers": LAYERS,
}
about = {"format_version": 1, "network": network}
save_file(tensors, FILE, {"dcgan-gpu-features": json.dumps(about)})

count = 5
# Bytes of [image][row][column][channel].
pixels = [i * 37 % 251 for i in range(count * HEIGHT * WIDTH * CHANNELS)]
x = torch.tensor(pixels, dtype=torch.float64).reshape(count, HEIGHT, WIDTH, CHANNELS)
x = (x / 255 * 2 - 1).permute(0, 3, 1, 2)
described, loaded = load(FILE)
features, logits = look(described, {name: tensor.double() for name, tensor in loaded.items()}, x)
with open(os.path.join(HERE, "features.json"), "w") as file:
    expected = {"torch": torch.__version__, "features": features.tolist(), "likely": logits.softmax(1).tolist()}
    json.dump(expected, file, indent=1)
    file.write("\n")
