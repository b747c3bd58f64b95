"""What Python does in a training step: python tests/benchmarks/calls.py [--steps 200] [ring mlp …]

Small networks are bound by it, not by arithmetic. Of each recipe: the calls of Python functions in a step, the calls
of C functions from them, the nodes that were made, and the fastest step in processor time (set OPENBLAS_NUM_THREADS=1:
a second thread's waiting counts, too). `--profile` shows where the calls and the time go.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

RECIPES = "ring", "mlp", "quick28", "plane-gp"
PLANE_GP = {"objective": "wasserstein", "penalties": ("gradient",), "n_critic": 5}  # WGAN-GP on points of the plane


def training_step(name: str, batch: int | None = None) -> Callable[[], Any]:
    """A step of a recipe on the CPU, on data made beforehand; batch: another size than its own."""
    from minigan import backend
    from minigan.data import Batch, DataInfo
    from minigan.training.config import Config

    backend.keep_freed_memory()  # as a run does
    config = Config.choose(recipe="ring", **PLANE_GP) if name == "plane-gp" else Config.choose(recipe=name)
    algorithm = config.make_algorithm()
    shape = (2,) if algorithm.image_size is None else (1, algorithm.image_size, algorithm.image_size)
    algorithm.build(DataInfo({"x": shape}))
    x = np.random.default_rng(0).uniform(-1, 1, (batch or config.batch_size, *shape)).astype("float32")
    return lambda: algorithm(iter([Batch(x=x)] * algorithm.batches_per_step))


def count(step: Callable[[], Any]) -> Counter[str]:
    """The calls that one step makes."""
    from minigan.autograd import Function

    counts: Counter[str] = Counter()

    def see(frame: Any, event: str, argument: Any) -> None:
        counts[event] += 1
        if event == "call" and frame.f_code is Function.__call__.__code__:
            counts["nodes"] += 1

    sys.setprofile(see)
    try:
        step()
    finally:
        sys.setprofile(None)
    return counts


def fastest(step: Callable[[], Any], steps: int) -> float:
    """Processor time of the fastest of some steps, in seconds."""
    times = []
    for _ in range(steps):
        began = time.process_time()
        step()
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    """Count and time what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, help="another batch size: of 2, little is left but Python")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    print(f"{'':12}{'nodes':>8}{'Python calls':>14}{'C calls':>10}{'ms':>9}")
    for name in arguments.recipes:
        step = training_step(name, arguments.batch)
        for _ in range(3):
            step()
        counts = count(step)
        shown = f"{counts['nodes']:>8}{counts['call']:>14}{counts['c_call']:>10}"
        print(f"{name:12}{shown}{fastest(step, arguments.steps) * 1e3:>9.2f}", flush=True)
        if arguments.profile:
            with cProfile.Profile() as profile:
                for _ in range(100):
                    step()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
