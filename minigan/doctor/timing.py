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
            batch, steps, seconds, queued = _timed(where)
        except Exception as error:  # a figure that is lacking is no wrong result
            yield f"  {where}: not measured ({type(error).__name__}: {error})"
            continue
        speeds.append(batch / seconds)
        step = f"{seconds * 1e3:.2f} ms a step of {batch} images, median of {steps}"
        yield f"  {where!s:<6} {batch / seconds:9.1f} images/s  ({step})"
        if where != backend.CPU:
            yield f"         the host has asked for all of it after {queued * 1e3:.2f} ms, and is free until it is done"
    if len(speeds) == 2:
        yield f"  {device} is {speeds[0] / speeds[1]:.2f} times as fast as the CPU"


def _timed(device: Device) -> tuple[int, int, float, float]:
    """The largest batch for which there is time and memory, how many steps were timed, and as medians in seconds what
    one takes, and what of it the host."""
    small, large = BATCHES
    seconds = _steps(device, small, 2)[-1][0]
    batch = large
    while batch > small and 4 * seconds * batch / small > SECONDS:
        batch //= 2
    while True:
        try:
            count = int(min(MOST_STEPS, max(2, SECONDS / (seconds * batch / small))))
            times = _steps(device, batch, 1 + count)[1:]
            return batch, count, *np.median(times, axis=0).tolist()
        except MemoryError:
            if batch <= small:
                raise
            batch //= 2


def _steps(device: Device, batch: int, count: int) -> list[tuple[float, float]]:
    """What each of so many steps takes, from the first on, in seconds: until the device is done, and until the host
    has asked for all of it. If the two are alike, the device waits for the host's launches, or the host for it."""
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
            queued = time.perf_counter() - began
            device.wait()
            times.append((time.perf_counter() - began, queued))
    return times
