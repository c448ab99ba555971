"""The engines that compare.py times, each behind the same three calls: `losses`, `time`, `close`.

PyTorch and burn are long-lived processes that answer one JSON object a line, so that compiling and autotuning happen
once: `{"do": "losses", "steps": 3}` is answered with `{"losses": [{"d_loss": …, "g_loss": …}, …]}` and
`{"do": "time", "warmup": 4, "samples": 10, "group": 1}` with `{"seconds": [seconds of a step, …]}`. Their first line is
`{"engine": …, "device": …}`. dcgan-gpu is run as its users run it: `train` for the losses, `bench` for the times.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import start
from start import PRESETS, SEED

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

LossRows = list[dict[str, float]]
"""`d_loss` and `g_loss` of each step."""


class EngineError(Exception):
    """An engine that cannot be run, with its last words."""


@dataclass(frozen=True)
class Setting:
    """What is equal for all engines of a comparison."""

    preset: str
    batch: int
    threads: int
    steps: int
    """Steps whose losses are compared."""
    folder: Path
    """Scratch files."""
    binary: Path
    """dcgan-gpu."""
    burn: Path
    """The binary of benches/peers/burn."""

    @property
    def environment(self) -> dict[str, str]:
        """The same number of threads for rayon, OpenMP and lavapipe."""
        names = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "LP_NUM_THREADS")
        return {**os.environ, **{name: str(self.threads) for name in names}}

    @property
    def bundle(self) -> Path:
        """The start for engines that do not read tests/golden, written once."""
        path = self.folder / f"{self.preset}-{self.batch}.safetensors"
        if not path.exists():
            start.write_bundle(path, self.preset, self.batch, self.steps)
        return path


@dataclass(frozen=True)
class Block:
    """What one block measured, in seconds of a step."""

    median: float
    minimum: float


class Engine(Protocol):
    """One engine on one device."""

    identity: str

    def losses(self, steps: int) -> LossRows:
        """The losses of the first steps, without dropout."""

    def time(self, warmup: int, samples: int, group: int) -> Block:
        """Times `samples` groups of steps after `warmup` steps, with dropout."""

    def close(self) -> None:
        """Ends it."""


class Worker:
    """An engine in a process of its own that answers requests."""

    def __init__(self, command: list[str], setting: Setting) -> None:
        self.command = command
        self.words = tempfile.TemporaryFile("w+")
        try:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=setting.environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.words,
            )
        except OSError as error:
            raise EngineError(f"{command[0]}: {error}") from error
        hello = self.answer()
        self.identity = f"{hello['engine']} on {hello['device']}"

    def losses(self, steps: int) -> LossRows:
        return self.ask({"do": "losses", "steps": steps})["losses"]

    def time(self, warmup: int, samples: int, group: int) -> Block:
        seconds = self.ask({"do": "time", "warmup": warmup, "samples": samples, "group": group})["seconds"]
        return Block(statistics.median(seconds), min(seconds))

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def ask(self, request: dict) -> dict:
        """The answer to a request."""
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `answer` reports what the process said.
        return self.answer()

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.words.seek(0)
            raise EngineError(f"{' '.join(self.command)} ended:\n{self.words.read()[-2000:].strip()}")
        return json.loads(line)


class DcganGpu:
    """dcgan-gpu: a fresh process for each call, as its users start it."""

    def __init__(self, device: str, setting: Setting) -> None:
        self.device, self.setting = device, setting
        version = self.run(["--version"]).split()[-1]
        self.identity = f"dcgan-gpu {version} on {device}"

    def losses(self, steps: int) -> LossRows:
        setting = self.setting
        with tempfile.TemporaryDirectory(dir=setting.folder) as folder:
            config, data, out = (Path(folder) / name for name in ("config.toml", "data", "run"))
            config.write_text(self.config_without_dropout())
            data.mkdir()
            start.write_idx(data / "train-images-idx3-ubyte", PRESETS[setting.preset], setting.batch)
            files = ["--config", f"{config}", "--data", f"{data}", "--out", f"{out}"]
            counts = ["--steps", f"{steps}", "--batch-size", f"{setting.batch}", "--seed", f"{SEED}"]
            self.run(["train", *files, *counts, "--log-every", "1", "--device", self.device, "--quiet"])
            return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]

    def time(self, warmup: int, samples: int, group: int) -> Block:
        setting = self.setting
        counts = ["--batch-size", f"{setting.batch}", "--steps", f"{samples * group}", "--warmup", f"{warmup}"]
        where = ["--preset", setting.preset, "--device", self.device]
        answer = self.run(["bench", *where, *counts, "--steps-only", "--json"])
        result = json.loads(answer)
        return Block(result["median_s"], result["min_s"])

    def close(self) -> None:
        pass

    def config_without_dropout(self) -> str:
        """The preset's TOML without the lines of dropout layers."""
        lines = self.run(["presets", "show", self.setting.preset]).splitlines()
        text = "\n".join(line for line in lines if '"dropout"' not in line) + "\n"
        config = tomllib.loads(text)
        preset, kept = PRESETS[self.setting.preset], config["generator"]["layers"] + config["discriminator"]["layers"]
        expected = [line for line in preset.generator + preset.discriminator if "dropout" not in line]
        if len(kept) != len(expected):
            name = self.setting.preset
            raise EngineError(f"preset {name} has {len(kept)} layers here, {len(expected)} in tests/golden")
        return text

    def run(self, arguments: list[str]) -> str:
        """What the program prints."""
        command = [f"{self.setting.binary}", *arguments]
        try:
            done = subprocess.run(command, cwd=ROOT, env=self.setting.environment, capture_output=True, text=True)
        except OSError as error:
            raise EngineError(f"{command[0]}: {error}") from error
        if done.returncode != 0:
            raise EngineError(f"{' '.join(command)} failed:\n{done.stderr[-2000:].strip()}")
        return done.stdout


def open_engine(name: str, setting: Setting) -> Engine:
    """Starts ENGINE@DEVICE, or ENGINE@DEVICE:MODE."""
    engine, _, place = name.partition("@")
    device, _, mode = place.partition(":")
    match engine:
        case "dcgan-gpu":
            return DcganGpu(place, setting)
        case "burn":
            return Worker([f"{setting.burn}", "--bundle", f"{setting.bundle}", "--device", place], setting)
        case "pytorch":
            what = ["--preset", setting.preset, "--batch-size", f"{setting.batch}", "--threads", f"{setting.threads}"]
            where = ["--device", device, "--mode", mode or "eager", "--serve"]
            return Worker([sys.executable, f"{HERE / 'pytorch_step.py'}", *what, *where], setting)
    raise EngineError(f"no engine {engine}; there are dcgan-gpu, pytorch and burn")
