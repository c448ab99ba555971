"""Writes objectives.json: ten steps of tiny GANs by PyTorch, one for each thing that [objective] and its like can say.

`config` of a case is the whole configuration, in the keys of a preset. As in steps.py, everything random comes from
dcgan-gpu's own generator; trainer.py says which stream is for what. Columns are those of the step's last repetition of
D's update, in float32 and float64: `d_loss` and `g_loss` without the other columns, penalties and LeCam with their
weight, `d_real` and `d_fake` the mean sigmoid or, where that means nothing, `logit_real` and `logit_fake` the mean
logit; `class.real`, `class.fake` and `class.g` are an auxiliary classifier's cross-entropies. `end` has the norm of all
parameters of a network after the last step, and of G's average, in float64. `drift` is the largest difference of any
column, of its largest value, or of any norm, between float64 and float32: by oneDNN's convolutions, by PyTorch's own,
and from initial parameters that are moved within float32's precision; one run alone may be lucky. `parameters` are
those of the layers after [classes] has rewritten them: sums of the initial values, and norms of the gradients that the
first update of each network takes.

Seeds are such that no ReLU comes near its kink, where rounding alone would decide its slope, and a penalty with it.

`--check` compares the gradients of penalties, LeCam and spectral norm with central differences, and writes nothing.
"""

import json
import sys
from copy import deepcopy
from itertools import count, product
from pathlib import Path
from typing import NamedTuple

import torch

from losses import Lecam
from passes import Network
from trainer import GENERATING, ON_FAKE, ON_REAL, Trainer

FILE = Path(__file__).with_name("objectives.json")
STEPS = 10
MARGIN = 2e-6


def conv(kind: str, channels: int, bias: bool = True, **more) -> dict:
    """A layer that halves or doubles the image."""
    return {"type": kind, "channels": channels, "kernel": 4, "stride": 2, "padding": 1, "bias": bias, **more}


def dense(bias: bool, **more) -> dict:
    """A dense layer."""
    return {"type": "dense", **more, "bias": bias}


NORM = {"type": "batch_norm", "epsilon": 1e-5, "momentum": 0.1, "per": "channel"}
RELU, TANH, LEAKY = {"type": "relu"}, {"type": "tanh"}, {"type": "leaky_relu", "slope": 0.2}
DROPOUT = {"type": "dropout", "rate": 0.3}


def generator(channels: int = 1, spectral: bool = False) -> dict:
    """G: 2×2×4 to 8×8."""
    more = {"spectral_norm": True} if spectral else {}
    return {
        "layers": [
            *(dense(False, shape=[2, 2, 4], **more), NORM, RELU),
            *(conv("conv_transpose", 3, **more), LEAKY),
            *(conv("conv_transpose", channels, **more), TANH),
        ]
    }


def discriminator(bias: bool = True, dropout: bool = True, spectral: bool = False) -> dict:
    """D: strided, transposed and dense layers with biases. The last layer has one if `bias`: where the gradients of
    both losses cancel in it, all that moves it is rounding, which Adam and RMSprop make as large as any gradient."""
    more = {"spectral_norm": True} if spectral else {}
    return {
        "layers": [
            *(conv("conv", 4, **more), LEAKY),
            *([DROPOUT] if dropout else []),
            *(conv("conv_transpose", 3, **more), LEAKY),
            dense(bias, units=1, **more),
        ]
    }


def adam(**other) -> dict:
    """An optimizer."""
    constant = {"kind": "constant"}
    return {"kind": "adam", "lr": 0.002, "beta1": 0.5, "beta2": 0.999, "epsilon": 1e-8, "schedule": constant, **other}


def rmsprop(lr: float) -> dict:
    """RMSprop, whose other numbers are PyTorch's."""
    return {"kind": "rmsprop", "lr": lr, "epsilon": 1e-8, "schedule": {"kind": "constant"}}


BASE = {
    "name": "golden",
    "seed": 42,
    "data": "strokes",
    "image": {"height": 8, "width": 8, "channels": 1},
    "latent": {"dim": 5},
    "training": {
        "order": "alternating",
        "batch_size": 6,
        "steps": STEPS,
        "label_real": 1.0,
        "label_fake": 0.0,
        "instance_noise": 0.0,
        "on_nan": "stop",
    },
    "objective": {"loss": "non-saturating", "d_steps": 1, "pack": 1},
    "adam": {"lr": 0.002, "beta1": 0.5, "beta2": 0.999, "epsilon": 1e-8},
    "init": {"weights": "normal", "std": 0.3},
    "output": {
        "sample_every": "10steps",
        "checkpoint_every": "10steps",
        "keep": 2,
        "log_every": 1,
        "rows": 1,
        "cols": 1,
        "gif": "golden.gif",
        "tensorboard": False,
    },
    "generator": generator() | {"optimizer": adam()},
    "discriminator": discriminator() | {"optimizer": adam()},
}


def merged(base: dict, changes: dict) -> dict:
    """`base` with changes, key by key; whatever has a `kind` is changed as a whole."""
    result = deepcopy(base)
    for key, value in changes.items():
        is_part = isinstance(value, dict) and "kind" not in value
        result[key] = merged(result.get(key, {}), value) if is_part else value
    return result


def case(objective: dict | str, **changes) -> dict:
    """A configuration; a word is a loss."""
    objective = {"loss": objective} if isinstance(objective, str) else objective
    return merged(merged(BASE, {"objective": objective}), changes)


def penalised(kind: str, weight: float, loss: str = "non-saturating", **changes) -> dict:
    """A penalty for a loss."""
    return case({"loss": loss, "penalty": {"kind": kind, "weight": weight}}, **changes)


def conditional(g: str, d: str, objective: dict | None = None, **changes) -> dict:
    """Three classes in both networks."""
    embedding = {"embedding": 4} if g == "embedding" else {}
    classes = {"generator": g, "discriminator": d, **embedding, "names": ["a", "b", "c"]}
    return case({"loss": "non-saturating", **(objective or {})}, classes=classes, **changes)


def scheduled(kind: str, part: float, end: int, lr: float) -> dict:
    """An Adam whose rate goes to zero."""
    return {"optimizer": adam(lr=lr, schedule={"kind": kind, "from": part, "end": end})}


NO_BIAS, R1 = discriminator(bias=False), {"penalty": {"kind": "r1", "weight": 0.5}}
SPECTRAL = discriminator(bias=False, spectral=True)
COLOUR = {"image": {"channels": 3}, "generator": generator(3)}
JUDGES = ("projection", "planes", "auxiliary")
AUGMENT = {"mirror": True, "brightness": 0.5, "contrast": 0.5, "translation": 0.25, "cutout": 0.5}

CASES = {
    "non-saturating": case("non-saturating"),
    "label smoothing": case("non-saturating", training={"label_real": 0.9, "label_fake": 0.1}),
    "minimax": case("minimax"),
    "least-squares": case("least-squares"),
    "hinge": case("hinge", discriminator=NO_BIAS),
    "wasserstein, clip, d_steps 3, rmsprop": case(
        {"loss": "wasserstein", "clip": 0.25, "d_steps": 3},
        generator={"optimizer": rmsprop(5e-4)},
        discriminator=NO_BIAS | {"optimizer": rmsprop(1e-3)},
    ),
    "relativistic-pairing": case("relativistic-pairing", discriminator=NO_BIAS),
    "d_steps 2": case({"d_steps": 2}),
    "simultaneous": case("non-saturating", training={"order": "simultaneous"}),
    "colour": case("non-saturating", **COLOUR),
    "r1": penalised("r1", 0.5),
    "r2": penalised("r2", 0.5),
    "r1+r2, relativistic-pairing": penalised("r1+r2", 0.25, "relativistic-pairing", discriminator=NO_BIAS),
    "wgan-gp, d_steps 2": merged(
        penalised("wgan-gp", 10.0, "wasserstein", discriminator=NO_BIAS), {"objective": {"d_steps": 2}}
    ),
    "dragan": penalised("dragan", 10.0),
    "r1, least-squares, colour": penalised("r1", 0.5, "least-squares", **COLOUR),
    "r1, hinge, simultaneous": penalised(
        "r1", 0.5, "hinge", training={"order": "simultaneous"}, discriminator=NO_BIAS
    ),
    "r2, simultaneous": penalised("r2", 0.5, training={"order": "simultaneous"}),
    "spectral norm, hinge": case("hinge", discriminator=SPECTRAL),
    "spectral norm in both": case(
        "non-saturating", generator=generator(spectral=True), discriminator=discriminator(spectral=True)
    ),
    "spectral norm, r1, d_steps 2": case(
        {"d_steps": 2, **R1}, discriminator=discriminator(spectral=True, dropout=False)
    ),
    "linear and cosine": case(
        "non-saturating",
        discriminator=scheduled("linear", 0.25, 12, 0.004),
        generator=scheduled("cosine", 0.0, 8, 0.003),
    ),
    "cosine and linear": case(
        "non-saturating",
        discriminator=scheduled("cosine", 0.5, 10, 0.002),
        generator=scheduled("linear", 0.0, 10, 0.002),
    ),
    "rmsprop and adam": case("least-squares", discriminator={"optimizer": rmsprop(5e-4)}),
    "average": case("non-saturating", average={"half_life_images": 2.0}),
    "lecam": case({"lecam": 0.25}),
    "lecam, hinge, lecam_start 4": case(
        {"loss": "hinge", "lecam": 0.5, "lecam_start": 4}, discriminator=NO_BIAS
    ),
    "pack 2": case({"pack": 2}),
    "pack 3, r1, colour": merged(penalised("r1", 0.5, **COLOUR), {"objective": {"pack": 3}}),
    "pack 2, wgan-gp": case(
        {"loss": "wasserstein", "pack": 2, "penalty": {"kind": "wgan-gp", "weight": 10.0}}, discriminator=NO_BIAS
    ),
    "augment": case("non-saturating", augment=AUGMENT),
    "augment, r1, colour": penalised("r1", 0.5, augment=AUGMENT, **COLOUR),
    **{f"{g}, {d}": conditional(g, d) for g, d in product(("embedding", "batch_norm"), JUDGES)},
    "projection, r1": conditional("batch_norm", "projection", R1),
    "planes, r1, pack 2": conditional("embedding", "planes", {"pack": 2, **R1}),
    "auxiliary, r1, hinge": conditional("batch_norm", "auxiliary", {"loss": "hinge", **R1}),
}


def smooth(config: dict) -> tuple[dict, float]:
    """The configuration with a seed for which no input of a ReLU comes as near to its kink as `MARGIN` of its layer's
    root mean square, and how near one comes: where it did, its slope, and a penalty with it, would depend on rounding.
    """
    for seed in count(config["seed"]):
        config = config | {"seed": seed}
        trainer = Trainer(config, torch.float64)
        for step in range(STEPS):
            trainer.step(step)
            margin = min(trainer.generator.margin, trainer.discriminator.margin)
            if margin < MARGIN:
                break
        else:
            return config, margin
    raise AssertionError("there are more seeds")


def parameters(config: dict) -> list[dict]:
    """For each parameter: its name, shape, the sum of its initial values and the norm of its first gradient."""
    trainer, rows = Trainer(config, torch.float64), {}

    def watch(network: Network) -> None:
        number = int(network is trainer.discriminator)
        rows.setdefault(number, [
            {
                "network": ("generator", "discriminator")[number],
                "name": name,
                "shape": list(value.shape),
                "sum": value.sum().item(),
                "gradient_norm": gradient.norm().item(),
            }
            for name, value, gradient in network.named()
        ])

    trainer.watched = watch
    trainer.step(0)
    return rows[0] + rows[1]


class Run(NamedTuple):
    """What ten steps leave."""

    columns: dict[str, list[float]]
    end: dict[str, float]
    """Norms."""

    def distance(self, reference: "Run") -> float:
        """The largest difference, of each column's largest value or of the norm."""
        pairs = [(self.columns[name], values) for name, values in reference.columns.items()]
        pairs += [([self.end[name]], [value]) for name, value in reference.end.items()]
        return max(max(abs(a - b) for a, b in zip(*pair)) / max(map(abs, pair[1])) for pair in pairs)


def train(config: dict, dtype: torch.dtype, nudge: int | None = None) -> Run:
    """Ten steps; with `nudge`, the initial parameters are moved by up to half of float32's precision."""
    trainer = Trainer(config, dtype)
    if nudge is not None:
        random = torch.Generator().manual_seed(nudge)
        with torch.no_grad():
            for parameter in (*trainer.generator.parameters(), *trainer.discriminator.parameters()):
                parameter *= 1 + (torch.rand(parameter.shape, generator=random) - 0.5) * 2.0**-23
    rows = [trainer.step(step) for step in range(STEPS)]
    end = {"generator": trainer.generator.norm(), "discriminator": trainer.discriminator.norm()}
    if "average" in config:
        end["average"] = trainer.average_norm()
    return Run({name: [row[name] for row in rows] for name in rows[0]}, end)


def record(config: dict) -> dict:
    """All that objectives.json says of a case."""
    double, single = (train(config, dtype) for dtype in (torch.float64, torch.float32))
    with torch.backends.mkldnn.flags(enabled=False):
        others = [train(config, torch.float32)]
    others += [train(config, torch.float32, nudge) for nudge in range(3)]
    return {
        "config": config,
        "parameters": parameters(config),
        "float32": single.columns,
        "float64": double.columns,
        "end": double.end,
        "drift": max(run.distance(double) for run in (single, *others)),
    }


def compact(value, depth: int) -> str:
    """JSON, in lines down to a depth."""
    if depth == 0 or not isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"))
    lines = [compact(item, depth - 1) for item in (value.values() if isinstance(value, dict) else value)]
    if isinstance(value, dict):
        lines = [f"{json.dumps(key)}:{line}" for key, line in zip(value, lines)]
    return ",\n".join(lines).join(("{\n", "\n}") if isinstance(value, dict) else ("[\n", "\n]"))


def main() -> None:
    torch.set_num_threads(1)
    cases = {}
    for name, config in CASES.items():
        config, margin = smooth(config)
        cases[name] = record(config)
        print(f"{name}: seed {config['seed']}, margin {margin:.1e}, drift {cases[name]['drift']:.1e}")
        for column, values in cases[name]["float64"].items():
            print(f"  {column:14} {values[0]:9.5f} … {values[-1]:9.5f}")
    FILE.write_text(compact({"steps": STEPS, "cases": cases}, 4) + "\n")
    print(f"{FILE.name}: {len(cases)} cases, {FILE.stat().st_size} bytes")


def written() -> dict:
    """The cases of objectives.json."""
    return json.loads(FILE.read_text())["cases"]


def check(name: str) -> float:
    """The largest relative error, along random directions, of the gradient of a case's penalties and regularisers with
    respect to D's parameters, against central differences of their value; without any, of D's loss."""
    trainer = Trainer(written()[name]["config"], torch.float64)
    real, latents, how = trainer.inputs(0, 0)
    trainer.generator.iterate()
    fake = trainer.generator(latents, how.at(GENERATING)).detach().requires_grad_()
    real.requires_grad_()
    d, training = trainer.discriminator, trainer.config["training"]
    d.iterate()

    def value() -> torch.Tensor:
        r, f = trainer.judge(real, how.at(ON_REAL))[0], trainer.judge(fake, how.at(ON_FAKE))[0]
        terms = [term for _, term in trainer.penalties(real, fake, r, f, how)]
        if "lecam" in trainer.objective:
            terms.append(Lecam(trainer.objective["lecam"], 0)(r, f, 0))
        return sum(terms) if terms else trainer.loss.d(r, f, (training["label_real"], training["label_fake"]))

    parameters, worst = list(d.parameters()), 0.0
    # A bias may have no part in a penalty.
    gradients = torch.autograd.grad(value(), parameters, allow_unused=True)
    gradients = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients)]
    generator = torch.Generator().manual_seed(0)
    for parameter, gradient in zip(parameters, gradients):
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        direction *= 1e-6 / direction.norm()
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter += sign * direction
            values.append(value().item())
            with torch.no_grad():
                parameter -= sign * direction
        difference, expected = (values[0] - values[1]) / 2e-6, (gradient * direction).sum().item() / 1e-6
        scale = max(gradient.norm().item() for gradient in gradients)
        worst = max(worst, abs(difference - expected) / scale)
    return worst


def check_inner(name: str) -> float:
    """The relative error of a case's R1 against central differences of D's logit with respect to every pixel."""
    trainer = Trainer(written()[name]["config"], torch.float64)
    real, _, how = trainer.inputs(0, 0)
    squares = torch.zeros(len(real), dtype=torch.float64)
    with torch.no_grad():
        for pixel in range(real[0].numel()):
            shift = torch.zeros_like(real).flatten(1)
            shift[:, pixel] = 1e-6
            shift = shift.view_as(real)
            up, down = (trainer.judge(real + sign * shift, how.at(ON_REAL))[0] for sign in (1, -1))
            squares += ((up - down) / 2e-6).square()
    weight = trainer.objective["penalty"]["weight"]
    expected = weight / 2 * squares.mean().item()
    return abs(trainer.step(0)["penalty.r1"] - expected) / expected


def check_all() -> None:
    """Central differences of everything second order; D has strided, transposed and dense layers, biases, dropout."""
    errors = {name: check(name) for name, case in CASES.items() if is_second_order(case)}
    errors["R1 itself"] = check_inner("r1")
    errors["R1 itself, projection"] = check_inner("projection, r1")
    for name, error in errors.items():
        print(f"{name}: {error:.1e}")
    assert max(errors.values()) < 1e-6


def is_second_order(config: dict) -> bool:
    """Whether a case has gradients that autograd alone vouches for."""
    has_spectral = any("spectral_norm" in layer for layer in config["discriminator"]["layers"])
    return has_spectral or "penalty" in config["objective"] or "lecam" in config["objective"]


if __name__ == "__main__":
    if "--check" in sys.argv:
        check_all()
    else:
        main()
