"""Times dcgan-gpu beside PyTorch on the processor: A-B-A-B on an otherwise idle machine, medians and ratios.

    python benches/peers/compare.py --presets pytorch tf-tutorial --blocks 5

Each block is a fresh process of each engine (`dcgan-gpu bench` and `pytorch_step.py`) with the same networks,
batch, losses, update order and optimizer. Other machines' load changes results by several times: trust ratios.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAM = ROOT / "target" / "release" / "dcgan-gpu"


def run(command: list[str], threads: int) -> float:
    """The median seconds per step that a benchmark prints."""
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])["median_s"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", default=["pytorch", "tf-tutorial"])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="measured steps of a block")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--devices", nargs="+", default=["cpu"], help="devices of dcgan-gpu")
    options = parser.parse_args()
    common = ["--batch-size", str(options.batch_size), "--warmup", str(options.warmup)]
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True)
    for preset in options.presets:
        base = [*common, "--preset", preset, "--steps", str(options.steps)]
        engines = {
            "PyTorch": [sys.executable, str(HERE / "pytorch_step.py"), *base, "--threads", str(options.threads), "--json"],
            **{
                f"dcgan-gpu on {device}": [str(PROGRAM), "bench", *base, "--device", device, "--steps-only", "--json"]
                for device in options.devices
            },
        }
        seconds: dict[str, list[float]] = {name: [] for name in engines}
        for _ in range(options.blocks):
            for name, command in engines.items():
                seconds[name].append(run(command, options.threads))
        reference = statistics.median(seconds["PyTorch"])
        for name, values in seconds.items():
            median = statistics.median(values)
            print(f"{preset} at batch {options.batch_size}, {name}: {median:.4f} s a step "
                  f"({min(values):.4f} to {max(values):.4f}), {median / reference:.2f} times PyTorch's")


if __name__ == "__main__":
    main()
