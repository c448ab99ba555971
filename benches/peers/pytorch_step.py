"""Times one training step of a preset in PyTorch: both updates, dropout on, a batch already in memory.

    python benches/peers/pytorch_step.py --preset pytorch --batch-size 128 --threads 2 --steps 20 --json

The networks, the update orders and the initial parameters are those of the golden files in tests/golden.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "golden"))
from networks import PRESETS
from training import Gan


def time_steps(options: argparse.Namespace) -> list[float]:
    """Seconds of each measured step."""
    preset, device = PRESETS[options.preset], torch.device(options.device)
    memory_format = torch.channels_last if options.channels_last else torch.contiguous_format
    networks = [n.to(device, memory_format=memory_format) for n in preset.build(seed=42, dropout=True)]
    gan = Gan(preset, *networks)
    height, width, channels = preset.image
    real = torch.empty(options.batch_size, channels, height, width, device=device).uniform_(*preset.data_range)
    real = real.to(memory_format=memory_format)
    seconds = []
    for _ in range(options.warmup + options.steps):
        start = time.perf_counter()
        gan.step(real, torch.randn(options.batch_size, preset.latent, 1, 1, device=device))
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return seconds[options.warmup :]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="pytorch")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--steps", type=int, default=20, help="steps to measure")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the measured ones")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--channels-last", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    seconds = time_steps(options)
    median = statistics.median(seconds)
    result = {
        "peer": f"pytorch {torch.__version__}",
        **vars(options),
        "median_s": median,
        "min_s": min(seconds),
        "images_per_s": options.batch_size / median,
    }
    if options.json:
        print(json.dumps(result))
    else:
        rate = f"{result['images_per_s']:.0f} images/s"
        print(f"{options.preset}: median {median:.4f} s, min {min(seconds):.4f} s, {rate}")


if __name__ == "__main__":
    main()
