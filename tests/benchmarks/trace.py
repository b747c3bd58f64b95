"""What recording a training step costs: python tests/benchmarks/trace.py [--model dcgan28] [--batch 64]

Recorded and unrecorded steps are taken in turns, so that what else the machine does meets both. The
ratio is the median of the pairs'; that of the processor's time is the calmer one on a busy machine.
It must stay below 2.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

import minigan as mg
from minigan import backend, models, optim
from minigan.objectives import NonSaturating
from minigan.trace import step_recorder
from minigan.training.steps import STEPS, Players


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="dcgan28", choices=list(models.MODELS))
    parser.add_argument("--step", default="alternating", choices=list(STEPS))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=12)
    arguments = parser.parse_args()
    backend.keep_freed_memory()
    G, D = models.build(arguments.model)
    players = Players(G, D, optim.Adam(G.parameters()), optim.Adam(D.parameters()), NonSaturating())
    rng = np.random.default_rng(0)
    x = mg.Tensor(np.tanh(rng.standard_normal((arguments.batch, 1, G.image_size, G.image_size), "float32")))
    z = mg.Tensor(rng.standard_normal((arguments.batch, G.z_dim), "float32"))
    take_step, ratios, work, plain = STEPS[arguments.step], [], [], []
    for pair in range(-2, arguments.pairs):  # the first two warm up
        began, began_work = time.perf_counter(), time.process_time()
        take_step(players, x, z)
        middle, middle_work = time.perf_counter(), time.process_time()
        with step_recorder(players, x, z) as recorder:
            take_step(players, x, z, recorder.name, watched=True)
        end, end_work = time.perf_counter(), time.process_time()
        if pair >= 0:
            plain.append(middle - began)
            ratios.append((end - middle) / (middle - began))
            work.append((end_work - middle_work) / (middle_work - began_work))
    size = len(recorder.trace.to_json())
    milliseconds = statistics.median(plain) * 1e3
    print(f"{arguments.model}, {arguments.step}, batch {arguments.batch}: {milliseconds:.0f} ms a step")
    print(f"recorded: {statistics.median(ratios):.2f} times that ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"of the processor's time: {statistics.median(work):.2f} times")
    print(f"as JSON: {size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
