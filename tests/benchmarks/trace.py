"""What recording a training step costs: python tests/benchmarks/trace.py [--model dcgan28] [--batch 64]

Recorded and unrecorded steps are taken in turns, so that what else the machine does meets both. The
ratio is the median of the pairs'; that of the processor's time is the calmer one on a busy machine.
It must stay below 2. Comparing objectives (six backward passes more) is not in it, and told for itself.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from minigan import backend, models
from minigan.algorithms import ALGORITHMS, GAN
from minigan.data import Batch, DataInfo
from minigan.trace import StepRecorder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="dcgan28", choices=list(models.MODELS))
    parser.add_argument("--algorithm", default="gan", choices=list(ALGORITHMS))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=12)
    arguments = parser.parse_args()
    backend.keep_freed_memory()
    size = models.MODELS[arguments.model].Generator.image_size
    x = np.tanh(np.random.default_rng(0).standard_normal((arguments.batch, 1, size, size), "float32"))
    batch = Batch(x=x, y=np.arange(arguments.batch) % 10)
    gan: GAN = ALGORITHMS[arguments.algorithm](model=arguments.model).build(DataInfo({"x": (1, size, size)}, 10))

    def recorded(comparisons: bool) -> str:
        if not comparisons:
            gan.losses_to_compare = dict
        with StepRecorder(gan) as recorder:
            gan(iter([batch]))
        vars(gan).pop("losses_to_compare", None)
        return recorder.trace.to_json()

    steps = [lambda: gan(iter([batch])), lambda: recorded(False), lambda: recorded(True)]
    times, work = ([[] for _ in steps] for _ in range(2))
    for pair in range(-2, arguments.pairs):  # the first two warm up
        for n, take in enumerate(steps):
            began, began_work = time.perf_counter(), time.process_time()
            text = take()
            if pair >= 0:
                times[n].append(time.perf_counter() - began)
                work[n].append(time.process_time() - began_work)

    def ratios(measured: list[list[float]], n: int) -> list[float]:
        return [a / b for a, b in zip(measured[n], measured[0], strict=True)]

    milliseconds = statistics.median(times[0]) * 1e3
    print(f"{arguments.model}, {arguments.algorithm}, batch {arguments.batch}: {milliseconds:.0f} ms a step")
    for n, what in ((1, "recorded"), (2, "with objectives compared")):
        found = ratios(times, n)
        print(f"{what}: {statistics.median(found):.2f} times that ({min(found):.2f} to {max(found):.2f})")
        print(f"of the processor's time: {statistics.median(ratios(work, n)):.2f} times")
    print(f"as JSON: {len(text) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
