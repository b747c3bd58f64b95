"""How fast a device trains, beside the CPU."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from minigan import backend
from minigan.autograd import Tensor
from minigan.backend import Device
from minigan.doctor.players import drawing_from, players_of
from minigan.training.config import Config
from minigan.training.steps import STEPS

MODEL, BATCHES = "dcgan28", (16, 256)  # the first to see how long the second would take
SECONDS = 10.0  # for the steps of one device, about
MOST_STEPS = 20


def report(device: Device) -> Iterator[str]:
    """The lines of the report."""
    yield f"speed: training steps of {MODEL}, of the same images time and again"
    speeds = []
    for where in (device, backend.CPU):
        try:
            batch, steps, seconds = _timed(where)
        except Exception as error:  # a figure that is lacking is no wrong result
            yield f"  {where}: not measured ({type(error).__name__}: {error})"
            continue
        speeds.append(batch / seconds)
        step = f"{seconds * 1e3:.2f} ms a step of {batch} images, median of {steps}"
        yield f"  {where!s:<6} {batch / seconds:9.1f} images/s  ({step})"
    if len(speeds) == 2:
        yield f"  {device} is {speeds[0] / speeds[1]:.2f} times as fast as the CPU"


def _timed(device: Device) -> tuple[int, int, float]:
    """The largest batch for which there is time and memory, how many steps were timed, and their median in seconds."""
    small, large = BATCHES
    seconds = _steps(device, small, 2)[-1]
    batch = large
    while batch > small and 4 * seconds * batch / small > SECONDS:
        batch //= 2
    while True:
        try:
            count = int(min(MOST_STEPS, max(2, SECONDS / (seconds * batch / small))))
            times = _steps(device, batch, 1 + count)[1:]
            return batch, count, float(np.median(times))
        except MemoryError:
            if batch <= small:
                raise
            batch //= 2


def _steps(device: Device, batch: int, count: int) -> list[float]:
    """What each of so many steps takes, from the first on, in seconds. The clock is read when the device is done."""
    config = Config.for_model(MODEL)
    rng = np.random.default_rng(0)
    with drawing_from(0):
        players = players_of(config, device)
        x = Tensor(np.tanh(rng.standard_normal((batch, 1, 28, 28), "float32")), device=device)
        z = Tensor(rng.standard_normal((batch, players.G.z_dim), "float32"), device=device)
        times = []
        for _ in range(count):
            device.wait()
            began = time.perf_counter()
            STEPS[config.step](players, x, z)
            device.wait()
            times.append(time.perf_counter() - began)
    return times
