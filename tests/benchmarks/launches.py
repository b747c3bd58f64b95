"""What a training step asks of a GPU: python tests/benchmarks/launches.py [--batch 64] [--algorithm gan] [dcgan28 …]

--recipes prints a line for each recipe.

Kernel launches, matrix products, copies between host and device, and waits for the device, by function
and in all, against the budget. A launch costs the host some microseconds, so that a step of many small
ones waits for the host; a copy to the host, or a wait, stops it altogether. At the end the counts stand beside
those in launches.json, which --keep writes.

They are counted by a simulator, tests/cusim (CuPy on a CPU; its README says what it needs). It counts
what CuPy asks of the CUDA runtime; what CuPy does otherwise on a real card (sums by CUB) it does not know.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from results import keep, show_beside_kept

COUNTED = {  # the simulator's names, and ours
    "launch": "launches", "gemm": "products", "h2d": "to device", "d2h": "to host", "d2d": "on it", "sync": "waits",
}  # fmt: skip
BUDGET = {"dcgan28": {"launch": 121, "gemm": 30, "h2d": 2, "d2h": 0, "sync": 0}}
MODELS = "mlp", "quick28", "dcgan28"


def training_step(recipe: str, batch: int, algorithm: str | None = None) -> Callable[[], Any]:
    """A step of a recipe, or a model, on the GPU, as it is trained; samples, labels and noise come from the host."""
    from minigan import backend
    from minigan.data import Batch, DataInfo
    from minigan.recipes import RECIPES
    from minigan.training.config import Config

    choices = {"recipe": recipe} if recipe in RECIPES else {"model": recipe}
    config = Config.choose(choices | ({"algorithm": algorithm} if algorithm else {}))
    trained, rng = config.make_algorithm(), np.random.default_rng(0)
    size = trained.image_size or 28
    shape = (2,) if config.data in ("ring", "grid") else (3 if recipe == "pggan-face" else 1, size, size)
    trained.build(DataInfo({"x": shape}, classes=10), device=backend.parse_device("gpu"))
    arrays = {"x": rng.random((batch, *shape), "float32"), "y": rng.integers(0, 10, batch)}
    data = Batch(**{name: arrays[name] for name in trained.reads})
    return lambda: trained(iter([data] * trained.batches_per_step))


def measure(model: str, batch: int, algorithm: str | None = None) -> dict[str, Counter]:
    """The counts of one step: by function, of the optimisers ("Adam"), of all else, and in all ("all")."""
    take_step = training_step(model, batch, algorithm)
    for _ in range(2):  # kernels are compiled, constants sent
        take_step()
    with by_function() as rows:
        before = counts()
        take_step()
        rows["all"] = counts() - before
    total = rows.pop("all")
    rest = {key: total[key] - sum(row[key] for row in rows.values()) for key in COUNTED}
    return rows | {"masks, report, cotangents": Counter(rest), "all": total}


def counts() -> Counter:
    """The simulator's counts so far."""
    import cusim

    return Counter(cusim.counters())


@contextmanager
def by_function() -> Iterator[dict[str, Counter]]:
    """Count every call of a function and every optimiser's step while this lasts."""
    from minigan.autograd import Function
    from minigan.optim import Optimizer

    rows: dict[str, Counter] = {}

    def counted(method: Callable) -> Callable:
        def call(self, *arguments):
            before = counts()
            result = method(self, *arguments)
            row = rows.setdefault(type(self).__name__, Counter())
            row.update(counts() - before)
            row["calls"] += 1
            return result

        return call

    originals = Function.__call__, Optimizer.step
    Function.__call__, Optimizer.step = map(counted, originals)
    try:
        yield rows
    finally:
        Function.__call__, Optimizer.step = originals


def show(model: str, batch: int, rows: dict[str, Counter]) -> None:
    """The counts as a table, the most launches first."""
    print(f"\n{model}, batch {batch}")
    print(f"{'':40}{'calls':>8}" + "".join(f"{title:>11}" for title in COUNTED.values()))
    *parts, total = rows.items()
    for name, row in [*sorted(parts, key=lambda part: -part[1]["launch"]), total]:
        if any(row[key] for key in COUNTED):
            print(f"{name:40}{row['calls'] or '':>8}" + "".join(f"{row[key] or '·':>11}" for key in COUNTED))
    if model in BUDGET:
        print(f"{'budget':40}{'':>8}" + "".join(f"{BUDGET[model].get(key, ''):>11}" for key in COUNTED))


def show_recipes(batch: int) -> None:
    """A line for each recipe: what a step of it asks for in all."""
    from minigan.recipes import RECIPES

    print(f"{f'a step of batch {batch}':24}" + "".join(f"{title:>11}" for title in COUNTED.values()))
    for name in RECIPES:
        total = measure(name, batch)["all"]
        print(f"{name:24}" + "".join(f"{total[key] or '·':>11}" for key in COUNTED), flush=True)


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, metavar="model", help=f"default: {' '.join(MODELS)}")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--algorithm", help="gan or simultaneous-gan; default: as the model is trained")
    parser.add_argument("--recipes", action="store_true", help="a line for each recipe")
    parser.add_argument("--keep", action="store_true", help="write the counts to launches.json")
    arguments = parser.parse_args()
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    import cusim

    try:
        cusim.install()
    except cusim.Unavailable as error:
        sys.exit(str(error))
    if arguments.recipes:
        show_recipes(arguments.batch)
        return
    figures = {}
    for model in arguments.models:
        rows = measure(model, arguments.batch, arguments.algorithm)
        show(model, arguments.batch, rows)
        name = f"{model}, batch {arguments.batch}{f', {arguments.algorithm}' if arguments.algorithm else ''}"
        figures[name] = {title: rows["all"][key] for key, title in COUNTED.items()}
    show_beside_kept(__file__, figures)
    if arguments.keep:
        keep(__file__, figures, "cupy-cuda13x", "cupy-cuda12x")


if __name__ == "__main__":
    main()
