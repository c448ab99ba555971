"""Whether engines do the same work: their first losses against those of PyTorch in float64 from the same start."""

import math
from dataclasses import dataclass

import torch

import start
from start import PRESETS, SEED
from training import Gan
from worker import LossRows

TOLERANCE = 1e-4
"""Difference of a loss that is allowed in any case; relative where the loss is above 1."""
ROUNDING = 4.0
"""How many times PyTorch's own float32 may be missed where rounding alone leaves the tolerance."""
REDUCED_PRECISION = (":tf32", ":amp")
"""Modes that round products to fewer bits."""
REDUCED_TOLERANCE = 0.05
LOSSES = ("d_loss", "g_loss")


class Disagreement(Exception):
    """Engines whose losses differ do not do the same work."""


@dataclass(frozen=True)
class Reference:
    """What PyTorch computes in float64, and how far from it each step may lie.

    The bound of a step is 1e-4, or four times what PyTorch's own float32 strays up to that step where this is more: the
    first updates of Adam are ±lr even for gradients at the rounding level, so steps part (docs/decisions.md).
    """

    rows: LossRows
    bounds: list[float]

    @staticmethod
    def of(preset: str, batch: int, steps: int) -> "Reference":
        """Trains the preset's networks for some steps in both precisions."""
        rows = losses(preset, batch, steps, torch.float64)
        drifts = differences(losses(preset, batch, steps, torch.float32), rows)
        bounds = [max(TOLERANCE, ROUNDING * max(drifts[: step + 1])) for step in range(steps)]
        return Reference(rows, bounds)

    def check(self, name: str, rows: LossRows) -> None:
        """Raises Disagreement where the losses of an engine lie outside the bounds."""
        reduced = name.endswith(REDUCED_PRECISION)
        for step, (difference, bound) in enumerate(zip(differences(rows, self.rows), self.bounds)):
            bound = REDUCED_TOLERANCE if reduced else bound
            if not difference <= bound:
                raise Disagreement(f"step {step} of {name} is {difference:.1e} off, allowed is {bound:.1e}")

    def table(self, title: str, engines: dict[str, LossRows]) -> str:
        """The losses as a Markdown table."""
        steps = len(self.rows)
        allowed = ", ".join(f"{bound:.1e}" for bound in self.bounds)
        lines = [
            f"\n{title}: losses of D and G in the first {steps} steps, dropout off; allowed differences {allowed}\n",
            "| engine | " + " | ".join(f"D {step} | G {step}" for step in range(steps)) + " | largest difference |",
            "|---|" + "---:|" * (2 * steps + 1),
        ]
        for name, rows in {"reference: PyTorch in float64": self.rows, **engines}.items():
            cells = " | ".join(f"{row[key]:.6f}" for row in rows for key in LOSSES)
            lines.append(f"| {name} | {cells} | {max(differences(rows, self.rows)):.1e} |")
        return "\n".join(lines)


def losses(preset: str, batch: int, steps: int, dtype: torch.dtype) -> LossRows:
    """The first losses of PyTorch on the processor, dropout off."""
    description = PRESETS[preset]
    gan = Gan(description, *(network.to(dtype) for network in description.build(SEED, dropout=False)))
    real, rows = start.real_images(description, batch).to(dtype), []
    for step in range(steps):
        result = gan.step(real, start.latents(description, batch, step).to(dtype))
        rows.append({key: getattr(result, key).item() for key in LOSSES})
    return rows


def differences(rows: LossRows, reference: LossRows) -> list[float]:
    """The larger difference of both losses in each step; infinite where one is not a number."""
    largest = []
    for row, other in zip(rows, reference, strict=True):
        pair = [abs(row[key] - other[key]) / max(1.0, abs(other[key])) for key in LOSSES]
        largest.append(max(pair) if all(map(math.isfinite, pair)) else math.inf)
    return largest
