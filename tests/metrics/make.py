"""Writes golden.json: distances between two sets of features by numpy, scipy and the package `prdc`, in f64.

The features follow from the numbers of a case, in exact arithmetic: tests/metrics/main.rs derives the same. Their
squared distances are exact in f64 too, however they are computed, so equal points are equal for everyone.

    pip install numpy scipy scikit-learn prdc
    python tests/metrics/make.py
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from prdc import compute_prdc
from scipy.linalg import sqrtm

FILE = Path(__file__).with_name("golden.json")
NEIGHBOURS = 5
DIRECTIONS = 40

# `scale`, `shift` and `clusters` are in 1/256. Rows `i % 7 == 3` repeat the row before with `duplicates`, and rows
# `i % 5 == 0` of the generated side are real ones with `copies`. Of each `flat` columns one is constant.
PLAIN = {"scale": [2, 2], "shift": 0, "clusters": 0, "duplicates": False, "copies": False, "flat": 0}
CASES = [
    {"name": "few, shifted", "count": [60, 60], "dim": 3, "shift": 200},
    {"name": "scaled", "count": [500, 500], "dim": 16, "scale": [2, 3]},
    {"name": "of one distribution", "count": [2000, 2000], "dim": 64},
    {"name": "clusters, other counts", "count": [300, 400], "dim": 8, "scale": [1, 1], "shift": 40, "clusters": 1500},
    {"name": "duplicates and copies", "count": [200, 200], "dim": 5, "duplicates": True, "copies": True},
    {"name": "fewer than dimensions", "count": [60, 50], "dim": 64, "shift": 30},
    {"name": "constant features", "count": [150, 150], "dim": 12, "scale": [2, 1], "shift": 100, "flat": 4},
    {"name": "far apart", "count": [100, 100], "dim": 4, "shift": 20000},
]


class Lcg:
    """The generator of Numerical Recipes; its upper bits."""

    def __init__(self, seed: int):
        self.state = seed

    def byte(self) -> int:
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state >> 24


def rows(lcg: Lcg, count: int, dim: int) -> np.ndarray:
    """Nearly normal integers, each correlated with its neighbour."""
    sums = np.array([[sum(lcg.byte() for _ in range(4)) - 510 for _ in range(dim)] for _ in range(count)])
    return 2 * sums + np.roll(sums, -1, axis=1)


def features(case: dict, seed: int) -> list[np.ndarray]:
    lcg, sides = Lcg(seed), []
    for side in range(2):
        count, dim = case["count"][side], case["dim"]
        x = rows(lcg, count, dim) * case["scale"][side] + case["shift"] * side
        i, j = np.arange(count)[:, None], np.arange(dim)[None, :]
        x = x + case["clusters"] * ((i % 3) * (j + 1) % 3 - 1)
        if case["flat"]:
            x[:, np.arange(dim) % case["flat"] == 0] = 256
        if case["copies"] and side == 1:
            x[::5] = (sides[0] * 256)[: count : 5]
        if case["duplicates"]:
            for row in range(3, count, 7):
                x[row] = x[row - 1]
        sides.append(x / 256)
    return sides


def frechet(x: np.ndarray, y: np.ndarray) -> dict:
    """Of covariances, as others do it, and of the centred data, whose singular values need no root of a zero."""
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    apart = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t)
    by_roots = apart - 2 * np.trace(sqrtm(s @ t).real)
    cross = (x - x.mean(0)) @ (y - y.mean(0)).T / np.sqrt((len(x) - 1) * (len(y) - 1))
    value = apart - 2 * np.linalg.svd(cross, compute_uv=False).sum()
    is_singular = any(np.linalg.matrix_rank(covariance) < len(covariance) for covariance in (s, t))
    print(f"  Fréchet {value:.9g}; by roots {by_roots / value - 1:+.1e}{', singular' if is_singular else ''}")
    assert is_singular or abs(by_roots / value - 1) < 1e-9
    return {"frechet": float(value), "frechet_by_roots": None if is_singular else float(by_roots)}


def kernel(x: np.ndarray, y: np.ndarray) -> float:
    k = lambda a, b: (a @ b.T / x.shape[1] + 1) ** 3
    off = lambda m: (m.sum() - np.trace(m)) / (len(m) * (len(m) - 1))
    return float(off(k(x, x)) + off(k(y, y)) - 2 * k(x, y).mean())


def directions(dim: int, seed: int) -> np.ndarray:
    lcg = Lcg(seed)
    d = np.array([[lcg.byte() - 127 for _ in range(dim)] for _ in range(DIRECTIONS)])
    return d / np.sqrt((d**2).sum(1, keepdims=True))


def sliced(x: np.ndarray, y: np.ndarray, d: np.ndarray) -> float:
    gaps = np.sort(x @ d.T, axis=0) - np.sort(y @ d.T, axis=0)
    return float(3 * x.shape[1] / (len(x) * len(d)) * (gaps**2).sum())


cases = []
for seed, case in enumerate(CASES, 1):
    case = {"name": case["name"], "seed": seed, **PLAIN, **case}
    print(case["name"])
    x, y = features(case, seed)
    found = {**frechet(x, y), "kernel": kernel(x, y)}
    found |= {name: float(value) for name, value in compute_prdc(x, y, NEIGHBOURS).items()}
    found["sliced"] = sliced(x, y, directions(case["dim"], 1000 + seed)) if len(x) == len(y) else None
    cases.append({"case": case, "expected": found})

versions = {name: version(name) for name in ["numpy", "scipy", "scikit-learn", "prdc"]}
FILE.write_text(json.dumps({"versions": versions, "directions": DIRECTIONS, "cases": cases}, indent=1) + "\n")
