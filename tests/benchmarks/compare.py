"""minigan against other frameworks: the same training step, on the same CPU, in one run.

    python tests/benchmarks/compare.py                    every model, every peer that is installed
    python tests/benchmarks/compare.py --model mlp --rounds 5
    python tests/benchmarks/compare.py --keep             also keep the ratios in compare.json

Each engine runs in a process of its own (thread pools of two engines in one process get into each
other's way), and the processes take turns, round after round, so that a slow minute of the machine
hits all of them. Printed are the median and the fastest step, and the median over the rounds of the
ratio minigan / peer of the same round: below 1, minigan is faster. Memory is the peak resident size
of a process that does nothing but these steps; the time to import, of a fresh interpreter. At the end each ratio
stands beside the one in compare.json. With OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1 all engines have one thread,
and the ratios are kept under names of their own.

Peers: `pip install torch` (the CPU build) and `pip install tensorflow-cpu`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from results import keep, show_beside_kept

TESTS = Path(__file__).resolve().parents[1]
SEARCHED = os.pathsep.join([str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")])
BATCHES = {"dcgan28": 256, "mlp": 100, "dcgan64": 128, "critic": 64}
STEPS = {"dcgan28": 5, "mlp": 200, "dcgan64": 2, "critic": 10}  # timed in each round, after the warm-up
WARM_UP = {"dcgan28": 2, "mlp": 30, "dcgan64": 1, "critic": 3}
ONE_THREAD = os.environ.get("OMP_NUM_THREADS") == os.environ.get("OPENBLAS_NUM_THREADS") == "1"
# engine: (module that must be installed, models, options of its peer's make_step)
PEERS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "pytorch eager": ("torch", ("dcgan28", "mlp", "dcgan64", "critic"), {}),
    "pytorch channels-last": ("torch", ("dcgan28", "critic"), {"channels_last": True}),
    "tensorflow tf.function": ("tensorflow", ("dcgan28",), {}),
}


def minigan_step(model: str, batch: int) -> Any:
    """One training step of minigan's, as `minigan train` takes it, on images made beforehand; of "critic", the turn of
    a WGAN-GP's D alone."""
    import numpy as np

    from minigan import backend
    from minigan.data import Batch, DataInfo
    from minigan.training.config import Config

    backend.keep_freed_memory()  # as a run does
    if model == "critic":
        return critic_step(batch)
    algorithm = Config.for_model(model).make_algorithm()
    shape = (3 if model == "dcgan64" else 1, algorithm.image_size, algorithm.image_size)
    algorithm.build(DataInfo({"x": shape}))
    images = np.random.default_rng(0).uniform(-1, 1, (batch, *shape)).astype("float32")

    def step() -> None:
        algorithm(iter([Batch(x=images)]))

    return step


def critic_step(batch: int) -> Any:
    """D's turn of a WGAN-GP: three 5×5 stride-2 convolutions (64-128-256) on 28×28 images, as pytorch_critic's."""
    import numpy as np

    from minigan import nn
    from minigan.algorithms import GAN
    from minigan.data import Batch

    class Turn(GAN):
        def step(self, batches):
            batch = next(batches)
            return self.discriminator_turn(batch, batch.fake)

    layers: list[Any] = []
    for channels, out_channels in ((1, 64), (64, 128), (128, 256)):
        layers += [nn.Conv2d(channels, out_channels, 5, 2, 2), nn.LeakyReLU(0.2)]
    critic = nn.Sequential(*layers, nn.Flatten(), nn.Dense(256 * 4 * 4, 1))
    options = {"objective": "wasserstein", "penalties": ("gradient",), "lr_D": 1e-4, "betas": (0.5, 0.9)}
    algorithm = Turn(model="critic28", **options).use(nn.Dense(1, 1), critic)
    real, fake = np.random.default_rng(0).uniform(-1, 1, (2, batch, 1, 28, 28)).astype("float32")
    return lambda: algorithm(iter([Batch(x=real, fake=fake)]))


def peer_step(engine: str, model: str, batch: int) -> Any:
    """One training step of a peer's."""
    module, _, options = PEERS[engine]
    kind = "keras" if module == "tensorflow" else "pytorch"
    peer = __import__(f"benchmarks.peers.{kind}_{model}", fromlist=["make_step"])
    return peer.make_step(batch, **options)


def child(engine: str, model: str, batch: int) -> None:
    """Run in a process of its own: times in seconds and the peak resident size, as JSON."""
    import resource

    step = minigan_step(model, batch) if engine == "minigan" else peer_step(engine, model, batch)
    for _ in range(WARM_UP[model]):
        step()
    times = []
    for _ in range(STEPS[model]):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"median": statistics.median(times), "min": min(times), "peak": peak}))


def measure(engine: str, model: str, batch: int) -> dict[str, float]:
    """One round of one engine."""
    command = [sys.executable, __file__, "--child", engine, "--model", model, "--batch", str(batch)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": SEARCHED})
    if done.returncode:
        raise SystemExit(f"{engine} failed on {model}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(model: str, batch: int, rounds: int) -> dict[str, dict[str, float]]:
    """Print one model's table; by what is compared, the ratio and both times."""
    installed = [e for e, (module, has, _) in PEERS.items() if model in has and importlib.util.find_spec(module)]
    results: dict[str, list[dict[str, float]]] = {engine: [] for engine in ("minigan", *installed)}
    for _ in range(rounds):
        for engine in results:
            results[engine].append(measure(engine, model, batch))
    print(f"\n{model}, batch {batch}, {rounds} rounds of {STEPS[model]} steps")
    print(f"  {'engine':<24}{'median ms':>11}{'fastest ms':>12}{'minigan / it':>14}{'peak MB':>10}")
    ours_ms, figures = statistics.median(r["median"] for r in results["minigan"]) * 1e3, {}
    for engine, found in results.items():
        pairs = zip(results["minigan"], found, strict=True)
        ratio = statistics.median(ours["median"] / theirs["median"] for ours, theirs in pairs)
        shown = "" if engine == "minigan" else f"{ratio:.2f}"
        median = statistics.median(r["median"] for r in found) * 1e3
        fastest = min(r["min"] for r in found) * 1e3
        peak = max(r["peak"] for r in found) / 1e6
        if engine != "minigan":
            name = f"{model}, batch {batch}, {engine}{', one thread' * ONE_THREAD}"
            figures[name] = {"ratio": round(ratio, 3), "minigan_ms": round(ours_ms, 1), "peer_ms": round(median, 1)}
        print(f"  {engine:<24}{median:>11.1f}{fastest:>12.1f}{shown:>14}{peak:>10.0f}", flush=True)
    return figures


def import_times() -> None:
    """Print how long `import minigan` takes, and whether it brings matplotlib along."""
    code = (
        "import time; t = time.perf_counter(); import minigan, sys; "
        "print(time.perf_counter() - t, 'matplotlib' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, capture_output=True, text=True, cwd=TESTS.parent) for _ in range(7)]
    seconds = [float(run.stdout.split()[0]) for run in runs]
    brings = runs[0].stdout.split()[1] == "True"
    print(f"\nimport minigan: median {statistics.median(seconds):.3f} s, fastest {min(seconds):.3f} s", end="")
    print(f", {'with' if brings else 'without'} matplotlib")


def main() -> None:
    """Compare what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=list(BATCHES), help="only this one")
    parser.add_argument("--batch", type=int, help="another batch size than the usual")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="write the ratios to compare.json")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.model, arguments.batch)
        return
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    figures: dict[str, dict[str, float]] = {}
    for model in [arguments.model] if arguments.model else BATCHES:
        figures |= compare(model, arguments.batch or BATCHES[model], arguments.rounds)
    import_times()
    show_beside_kept(__file__, figures)
    if arguments.keep:
        keep(__file__, figures, *{module for module, _, _ in PEERS.values()})


if __name__ == "__main__":
    main()
