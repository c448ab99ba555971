"""Tests of the comparison itself: `python -m unittest discover benches/peers`."""

import argparse
import contextlib
import io
import json
import struct
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import torch
from safetensors import safe_open
from torch.nn import functional as F

import agreement
import compare
import start
from worker import Block, EngineError, Setting

ROWS = [{"d_loss": 1.4, "g_loss": 0.7}, {"d_loss": 1.3, "g_loss": 0.8}]


class Fake:
    """An engine that says what it is told to say, and counts what it is asked."""

    identity = "a fake"

    def __init__(self, shift: float = 0.0, seconds: float = 0.1) -> None:
        self.shift, self.seconds, self.asked = shift, seconds, []

    def losses(self, steps):
        return [{key: value + self.shift for key, value in row.items()} for row in ROWS[:steps]]

    def time(self, warmup, samples, group):
        self.asked.append((warmup, samples, group))
        return Block(self.seconds, self.seconds / 2)

    def close(self):
        pass


class Broken(Fake):
    """An engine that cannot time."""

    def time(self, warmup, samples, group):
        raise EngineError("no")


def reference(dtype: torch.dtype) -> list[dict[str, float]]:
    """PyTorch's losses, where float32 rounds the second step's by 1e-4."""
    error = 1e-4 if dtype == torch.float32 else 0.0
    return [ROWS[0], {key: value + error for key, value in ROWS[1].items()}]


def run(engines: dict[str, Fake]) -> tuple[dict, str]:
    """The result of comparing these engines, and what is printed."""
    options = argparse.Namespace(
        engines=list(engines), batch_size=4, threads=1, check_steps=2, check_only=False, blocks=3,
        warmup=20, block_seconds=1.0, min_samples=3, group=1, binary=Path("none"), burn=Path("none"),
    )
    printed = io.StringIO()
    with (
        mock.patch.object(compare, "open_engine", lambda name, setting: engines[name]),
        mock.patch.object(agreement, "losses", lambda preset, batch, steps, dtype: reference(dtype)),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        return compare.compare("pytorch", Path("none"), options), printed.getvalue()


class Comparing(unittest.TestCase):
    def test_times_in_turn_after_enough_warm_up(self):
        first, second = Fake(5e-5), Fake(seconds=0.2)
        result, printed = run({"a@cpu": first, "b@cpu": second})
        self.assertEqual(first.asked, [(1, 1, 1), (7, 10, 1), (7, 10, 1), (7, 10, 1)])
        self.assertEqual(second.asked[1:], [(7, 5, 1)] * 3)
        self.assertEqual(result["engines"]["b@cpu"]["median_s"], 0.2)
        self.assertIn("| b@cpu | 0.20000 | 0.20000 to 0.20000 | 20 | 0.5 |", printed)

    def test_ends_where_losses_differ(self):
        for shift in (2e-4, -2e-4, float("nan")):
            with self.assertRaises(agreement.Disagreement):
                run({"a@cpu": Fake(), "b@cpu": Fake(shift)})

    def test_gives_fewer_bits_a_wider_bound(self):
        run({"a@cpu": Fake(), "b@cuda:tf32": Fake(0.01)})
        with self.assertRaises(agreement.Disagreement):
            run({"a@cpu": Fake(), "b@cuda:amp": Fake(0.2)})

    def test_allows_later_steps_what_rounding_does(self):
        rounding = agreement.Reference([*ROWS], [1e-4, 4e-4])
        rounding.check("a@cpu", [ROWS[0], Fake(3e-4).losses(2)[1]])
        with self.assertRaises(agreement.Disagreement):
            rounding.check("a@cpu", [Fake(3e-4).losses(1)[0], ROWS[1]])
        with mock.patch.object(agreement, "losses", lambda preset, batch, steps, dtype: reference(dtype)):
            bounds = agreement.Reference.of("pytorch", 4, 2).bounds
        self.assertEqual(bounds[0], 1e-4)
        self.assertAlmostEqual(bounds[1], 4e-4, places=6)

    def test_leaves_out_an_engine_that_fails(self):
        result, _ = run({"a@cpu": Fake(), "b@cpu": Broken()})
        self.assertEqual(list(result["engines"]), ["a@cpu"])
        self.assertEqual(result["failures"], {"b@cpu": "no"})


class Starting(unittest.TestCase):
    def test_bundle_holds_the_same_networks(self):
        """Runs tf-tutorial's generator from the bundle alone, against the module it was written from."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "start.safetensors"
            start.write_bundle(path, "tf-tutorial", 3, 1)
            bundle = safe_open(path, "pt")
            layers = json.loads(bundle.metadata()["gan"])["generator"]
            x = bundle.get_tensor("latents")[0].view(3, -1, 1, 1)
            for number, layer in enumerate(layers):
                x = apply(layer, lambda key: bundle.get_tensor(f"generator.{number}.{key}"), x)
        preset = start.PRESETS["tf-tutorial"]
        generator, _ = preset.build(start.SEED, dropout=True)
        torch.testing.assert_close(x, generator(start.latents(preset, 3, 0)), rtol=1e-4, atol=1e-5)

    def test_idx_file_holds_the_images(self):
        preset = start.PRESETS["keras"]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "images"
            start.write_idx(path, preset, 2)
            data = path.read_bytes()
        self.assertEqual(struct.unpack(">4I", data[:16]), (0x0803, 2, 28, 28))
        images = torch.frombuffer(bytearray(data[16:]), dtype=torch.uint8).view(2, 1, 28, 28) / 255
        torch.testing.assert_close(images, start.real_images(preset, 2))

    def test_setting_gives_all_engines_the_same_threads(self):
        setting = Setting("pytorch", 4, 3, 1, *[Path("none")] * 3)
        names = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "LP_NUM_THREADS")
        self.assertEqual({setting.environment[name] for name in names}, {"3"})


def apply(layer: dict, parameter, x: torch.Tensor) -> torch.Tensor:
    """One layer of a bundle on [batch, channel, row, column], without biases."""
    match layer["type"]:
        case "dense":
            height, width, channels = layer["output"]
            return (x.flatten(1) @ parameter("weight")).view(-1, channels, height, width)
        case "conv_transpose":
            sizes = (layer["stride"], layer["padding"], layer["output_padding"])
            y = F.conv_transpose2d(x, parameter("weight"), None, *sizes)
            return y[:, :, : layer["output"][0], : layer["output"][1]]
        case "batch_norm":
            y = x.flatten(1) if layer["per_feature"] else x
            y = F.batch_norm(y, None, None, parameter("weight"), parameter("bias"), True, 0, layer["epsilon"])
            return y.view(x.shape)
        case "leaky_relu":
            return F.leaky_relu(x, layer["slope"])
        case "tanh":
            return x.tanh()
    raise AssertionError(layer)


if __name__ == "__main__":
    unittest.main()
