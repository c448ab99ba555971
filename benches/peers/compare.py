"""Times dcgan-gpu beside PyTorch and burn: equal losses first, then blocks A-B-A-B on an otherwise idle machine.

    python benches/peers/compare.py --presets pytorch tf-tutorial --engines dcgan-gpu@cpu pytorch@cpu burn@flex
    python benches/peers/compare.py --engines dcgan-gpu@llvmpipe burn@llvmpipe --warmup 5 --blocks 3
    python benches/peers/compare.py --engines dcgan-gpu@auto pytorch@cuda:tf32 pytorch@cuda:graph --group 10

An engine is NAME@DEVICE or, for PyTorch, NAME@DEVICE:MODE. Needs Python 3.11, torch, numpy and safetensors,
`cargo build --release` here and, for burn, in benches/peers/burn. benches/README.md says what is equal between them.
Exit code: 0 done, 1 an engine failed and was left out, 2 the losses disagree (or the command line is wrong).
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch

from agreement import Disagreement, Reference
from start import PRESETS
from worker import ROOT, Block, Engine, EngineError, LossRows, Setting, open_engine


class Comparison:
    """All engines on one preset."""

    def __init__(self, setting: Setting, options: argparse.Namespace) -> None:
        self.setting, self.options = setting, options
        self.engines: dict[str, Engine] = {}
        self.failures: dict[str, str] = {}
        for name in options.engines:
            self.attempt(name, lambda: self.engines.update({name: open_engine(name, setting)}))

    def attempt(self, name: str, action) -> None:
        """Does it; an engine that fails is reported and left out."""
        try:
            action()
        except EngineError as error:
            self.failures[name] = f"{error}"
            print(f"{name} is left out: {error}", file=sys.stderr)
            if engine := self.engines.pop(name, None):
                engine.close()

    def check_losses(self) -> dict[str, LossRows]:
        """The first losses of all engines.

        Raises Disagreement where one lies outside the reference's bounds.
        """
        losses: dict[str, LossRows] = {}
        reference = Reference.of(self.setting.preset, self.setting.batch, self.setting.steps)
        for name, engine in list(self.engines.items()):
            print(f"{self.setting.preset}: losses of {name} …", file=sys.stderr)
            self.attempt(name, lambda: losses.update({name: engine.losses(self.setting.steps)}))
        print(reference.table(f"`{self.setting.preset}`, batch {self.setting.batch}", losses), flush=True)
        for name, rows in losses.items():
            reference.check(name, rows)
        return losses

    def time(self) -> dict[str, list[Block]]:
        """The blocks of each engine, measured in turn."""
        options, samples = self.options, {}
        warmup = math.ceil(options.warmup / options.blocks)
        for name, engine in list(self.engines.items()):
            self.attempt(name, lambda: samples.update({name: self.samples(engine.time(1, 1, options.group))}))
        blocks: dict[str, list[Block]] = {name: [] for name in self.engines}
        for number in range(options.blocks):
            for name, engine in list(self.engines.items()):
                print(f"{self.setting.preset}: block {number + 1}/{options.blocks} of {name} …", file=sys.stderr)
                self.attempt(name, lambda: blocks[name].append(engine.time(warmup, samples[name], options.group)))
        return {name: blocks[name] for name in self.engines}

    def samples(self, first: Block) -> int:
        """Samples of a block that lasts about as long as wished."""
        wished = self.options.block_seconds / (first.median * self.options.group)
        return min(max(round(wished), self.options.min_samples), 500)

    def close(self) -> None:
        for engine in self.engines.values():
            engine.close()


def summary(blocks: list[Block], batch: int) -> dict:
    """The numbers of one engine."""
    medians = [block.median for block in blocks]
    return {
        "median_s": statistics.median(medians),
        "fastest_block_s": min(medians),
        "slowest_block_s": max(medians),
        "min_s": min(block.minimum for block in blocks),
        "images_per_s": batch / statistics.median(medians),
        "blocks": [asdict(block) for block in blocks],
    }


def time_table(setting: Setting, engines: dict[str, dict], blocks: int) -> str:
    """The times as a Markdown table; speeds are relative to the first engine."""
    first = next(iter(engines))
    lines = [
        f"\n`{setting.preset}`, batch {setting.batch}, {setting.threads} threads: medians of {blocks} blocks in turn\n",
        f"| engine | s a step | fastest to slowest block | images/s | speed of {first} = 1 |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, numbers in engines.items():
        span = f"{numbers['fastest_block_s']:.5f} to {numbers['slowest_block_s']:.5f}"
        ratio = engines[first]["median_s"] / numbers["median_s"]
        lines.append(f"| {name} | {numbers['median_s']:.5f} | {span} | {numbers['images_per_s']:.0f} | {ratio:.3g} |")
    return "\n".join(lines)


def compare(preset: str, folder: Path, options: argparse.Namespace) -> dict:
    """Checks and times one preset."""
    batch = options.batch_size or (32 if preset == "keras" else 128)
    paths = {"folder": folder, "binary": options.binary, "burn": options.burn}
    setting = Setting(preset, batch, options.threads, options.check_steps, **paths)
    comparison = Comparison(setting, options)
    try:
        result = {"preset": preset, "batch_size": batch, "threads": options.threads}
        result["losses"] = comparison.check_losses()
        blocks = {} if options.check_only else comparison.time()
        result["engines"] = {
            name: {"identity": comparison.engines[name].identity, **summary(values, batch)}
            for name, values in blocks.items()
        }
        if blocks:
            print(time_table(setting, result["engines"], options.blocks), flush=True)
        return {**result, "failures": comparison.failures}
    finally:
        comparison.close()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=["pytorch", "tf-tutorial"])
    parser.add_argument("--engines", nargs="+", default=["dcgan-gpu@cpu", "pytorch@cpu"], help="NAME@DEVICE[:MODE]")
    parser.add_argument("--batch-size", type=int, help="by default 128, and 32 for keras")
    parser.add_argument("--threads", type=int, default=2, help="of every engine")
    parser.add_argument("--check-steps", type=int, default=3, help="steps whose losses are compared")
    parser.add_argument("--check-only", action="store_true", help="compare losses, time nothing")
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=20, help="steps of an engine that are not measured, in all")
    parser.add_argument("--block-seconds", type=float, default=3.0, help="what a block lasts, about")
    parser.add_argument("--min-samples", type=int, default=3, help="of a block, however long they take")
    parser.add_argument("--group", type=int, default=1, help="steps of a sample: one wait at its end (GPUs: 10)")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/dcgan-gpu", help="dcgan-gpu")
    burn = ROOT / "benches/peers/burn/target/release/burn-step"
    parser.add_argument("--burn", type=Path, default=burn, help="the binary of benches/peers/burn")
    parser.add_argument("--json", type=Path, help="writes all numbers to this file")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    results = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            for preset in options.presets:
                results.append(compare(preset, Path(folder), options))
    except Disagreement as disagreement:
        print(f"{disagreement}; nothing more is timed", file=sys.stderr)
        sys.exit(2)
    finally:
        if options.json:
            options.json.write_text(json.dumps(results, indent=1) + "\n")
    sys.exit(1 if any(result["failures"] for result in results) else 0)


if __name__ == "__main__":
    main()
