"""The training step of a preset in PyTorch, to be timed beside dcgan-gpu: both updates, a batch already in memory.

    python benches/peers/pytorch_step.py --preset pytorch --batch-size 128 --threads 2 --steps 20 --json
    python benches/peers/pytorch_step.py --preset tf-tutorial --device cuda --mode graph --steps 200 --group 10

The networks, the update orders and the initial parameters are those of the golden files in tests/golden, dropout is on.
With `--serve` it answers the requests of worker.py instead. The CUDA modes have not been run on hardware yet.
"""

import argparse
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
import torch._functorch.config
from torch import Tensor

import start
from start import PRESETS, SEED
from training import Gan, Losses

MODES = {
    "cpu": ("eager", "channels-last", "compile"),
    "cuda": ("eager", "tf32", "amp", "compile", "graph"),
}
"""By device. Full float32, unless the mode's name says otherwise:

eager          operation by operation, cuDNN choosing its algorithms by timing them
channels-last  eager, activations and weights with the channel innermost
tf32           eager, products in TF32
amp            channels last, products in bfloat16 (torch.autocast), the rest in TF32
compile        torch.compile of both networks; on CUDA with mode="max-autotune", which brings CUDA graphs
graph          one CUDA graph of the whole step, both Adams included
"""

Step = Callable[[Tensor], Losses]


class Peer:
    """A preset in PyTorch on one device, in one mode."""

    def __init__(self, preset: str, batch: int, device: str, mode: str) -> None:
        if mode not in MODES[torch.device(device).type]:
            sys.exit(f"{device} has no mode {mode}; there are {', '.join(MODES[torch.device(device).type])}")
        self.preset, self.batch, self.device, self.mode = PRESETS[preset], batch, torch.device(device), mode
        self.memory_format = torch.channels_last if mode in ("amp", "channels-last") else torch.contiguous_format
        for backend in (torch.backends.cuda.matmul, torch.backends.cudnn):
            backend.allow_tf32 = mode in ("tf32", "amp")
        torch.backends.cudnn.benchmark = True
        self.real = start.real_images(self.preset, batch).to(self.device, memory_format=self.memory_format)
        self.timed: Step | None = None

    @property
    def name(self) -> str:
        """What the device is called."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else f"{self.device}"

    def losses(self, steps: int) -> list[dict[str, float]]:
        """The losses of the first steps without dropout, from the common start."""
        step, rows = self.build(dropout=False), []
        for number in range(steps):
            losses = step(start.latents(self.preset, self.batch, number).to(self.device))
            rows.append({"d_loss": losses.d_loss.item(), "g_loss": losses.g_loss.item()})
        return rows

    def time(self, warmup: int, samples: int, group: int) -> list[float]:
        """Seconds of a step with dropout, for each sample of `group` steps with one wait at its end."""
        self.timed = self.timed or self.build(dropout=True)
        self.run(warmup)
        seconds = []
        for _ in range(samples):
            begin = time.perf_counter()
            self.run(group)
            seconds.append((time.perf_counter() - begin) / group)
        return seconds

    def run(self, steps: int) -> None:
        """Steps with new latents, and a wait for the last one."""
        for _ in range(steps):
            self.timed(torch.randn(self.batch, self.preset.latent, 1, 1, device=self.device))
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def build(self, *, dropout: bool) -> Step:
        """The networks at their start, as a function from latents to losses."""
        networks = self.preset.build(SEED, dropout=dropout)
        networks = [network.to(self.device, memory_format=self.memory_format) for network in networks]
        # On the processor, torch 2.15's fused Adam gives wrong updates (docs/decisions.md), so it is left out there.
        # On CUDA it is the fastest one, and the comparison of losses checks it.
        options = {"fused": True, "capturable": self.mode == "graph"} if self.device.type == "cuda" else {}
        if self.mode == "compile":
            # The simultaneous order walks one graph twice, which must then keep its buffers.
            torch._functorch.config.donated_buffer = False
            mode = "max-autotune" if self.device.type == "cuda" else "default"
            networks = [torch.compile(network, mode=mode) for network in networks]
        gan = Gan(self.preset, *networks, **options)
        if self.mode == "amp":
            # autocast keeps the rounded weights for all of a step, and D's are new in the middle of it.
            gan.discriminator_adam.register_step_post_hook(lambda *_: torch.clear_autocast_cache())
        return self.captured(gan) if self.mode == "graph" else lambda latents: self.step(gan, latents)

    def step(self, gan: Gan, latents: Tensor) -> Losses:
        """One step, launched operation by operation."""
        if self.mode == "compile":
            torch.compiler.cudagraph_mark_step_begin()
        amp = torch.autocast(self.device.type, torch.bfloat16) if self.mode == "amp" else contextlib.nullcontext()
        with amp:
            return gan.step(self.real, latents)

    def captured(self, gan: Gan) -> Step:
        """The whole step as one CUDA graph, which starts from the initial parameters."""
        latents = torch.randn(self.batch, self.preset.latent, 1, 1, device=self.device)
        before = [value.clone() for value in state(gan)]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                gan.step(self.real, latents)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            losses = gan.step(self.real, latents)
        with torch.no_grad():
            for value, initial in zip(state(gan), before):
                value.copy_(initial)
            for adam in (gan.generator_adam, gan.discriminator_adam):
                for moments in adam.state.values():
                    for value in moments.values():
                        value.zero_()

        def step(new_latents: Tensor) -> Losses:
            latents.copy_(new_latents)
            graph.replay()
            return losses

        return step


def state(gan: Gan) -> list[Tensor]:
    """All parameters and running statistics."""
    networks = (gan.generator, gan.discriminator)
    return [value.detach() for network in networks for value in network.state_dict().values()]


def serve(peer: Peer) -> None:
    """Says who it is, then answers each line of stdin with a line on stdout."""
    print(json.dumps({"engine": f"pytorch {torch.__version__}", "device": peer.name}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        match request.pop("do"):
            case "losses":
                answer = {"losses": peer.losses(**request)}
            case "time":
                answer = {"seconds": peer.time(**request)}
            case other:
                sys.exit(f"unknown request {other}")
        print(json.dumps(answer), flush=True)


def summarise(peer: Peer, options: argparse.Namespace) -> dict:
    """Times steps; the summary says what was timed."""
    first = peer.losses(1)[0]
    seconds = peer.time(options.warmup, options.steps, options.group)
    median = statistics.median(seconds)
    return {
        "engine": f"pytorch {torch.__version__}",
        "device": peer.name,
        "mode": options.mode,
        "preset": options.preset,
        "batch_size": options.batch_size,
        "threads": options.threads,
        "median_s": median,
        "min_s": min(seconds),
        "images_per_s": options.batch_size / median,
        "first_losses": first,
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="pytorch")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--mode", default="eager", help=f"on the processor {MODES['cpu']}, on CUDA {MODES['cuda']}")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--steps", type=int, default=20, help="samples to measure")
    parser.add_argument("--group", type=int, default=1, help="steps of a sample, with one wait at its end")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the measured ones")
    parser.add_argument("--serve", action="store_true", help="answer requests on stdin")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    peer = Peer(options.preset, options.batch_size, options.device, options.mode)
    if options.serve:
        return serve(peer)
    result = summarise(peer, options)
    if options.json:
        print(json.dumps(result))
    else:
        rate = f"{result['images_per_s']:.0f} images/s"
        print(f"{options.preset}: median {result['median_s']:.4f} s, min {result['min_s']:.4f} s, {rate}")


if __name__ == "__main__":
    main()
