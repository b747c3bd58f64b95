"""How fast a device trains, beside the CPU."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from minigan import backend
from minigan.backend import Device, cupy_backend
from minigan.data import Batch, DataInfo
from minigan.formatting import one_line
from minigan.training.config import Config

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
            yield f"  {where}: not measured ({type(error).__name__}: {one_line(error)})"
            continue
        speeds.append(batch / seconds)
        step = f"{seconds * 1e3:.2f} ms a step of {batch} images, median of {steps}"
        yield f"  {where!s:<6} {batch / seconds:9.1f} images/s  ({step})"
        if where != backend.CPU:
            yield f"         the host has asked for all of it after {queued * 1e3:.2f} ms, and is free until it is done"
            if cupy_backend.has_tf32(where.index):
                yield f"         {_beside_tf32(where, batch, steps, seconds)}"
    if len(speeds) == 2:
        yield f"  {device} is {speeds[0] / speeds[1]:.2f} times as fast as the CPU"


def _beside_tf32(device: Device, batch: int, count: int, seconds: float) -> str:
    """What TF32 gains, where a step takes so long in float32, and what it costs in exactness."""
    try:
        with backend.products_in_tf32(device, True):
            with_tf32 = float(np.median([step for step, _ in _steps(device, batch, 1 + count)[1:]]))
        difference = _rounding(device)
    except Exception as error:
        return f"with TF32: not measured ({type(error).__name__}: {one_line(error)})"
    gain = f"{with_tf32 * 1e3:.2f} ms a step, {seconds / with_tf32:.2f} times as fast"
    return f"with TF32: {gain}; a product of matrices then differs by {difference:.0e} of its largest value"


def _rounding(device: Device) -> float:
    """By how much TF32 changes a product of random matrices at most, of its largest value."""
    rng = np.random.default_rng(0)
    a, b = (backend.to_device(rng.standard_normal((512, 512), "float32"), device) for _ in range(2))
    products = []
    for on in (False, True):
        with backend.products_in_tf32(device, on):
            products.append(backend.to_numpy(a @ b))
    plain, rounded = products
    return float(abs(rounded - plain).max() / abs(plain).max())


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
        except Exception as error:
            if batch <= small or not cupy_backend.is_out_of_memory(error):
                raise
            batch //= 2


def _steps(device: Device, batch: int, count: int) -> list[tuple[float, float]]:
    """What each of so many steps takes, from the first on, in seconds: until the device is done, and until the host
    has asked for all of it. If the two are alike, the device waits for the host's launches, or the host for it."""
    images = np.tanh(np.random.default_rng(0).standard_normal((batch, 1, 28, 28), "float32"))
    algorithm = Config.for_model(MODEL).make_algorithm().build(DataInfo({"x": images.shape[1:]}), 0, device)
    x, times = algorithm.tensor(images), []
    for _ in range(count):
        device.wait()
        began = time.perf_counter()
        algorithm(iter([Batch(x=x)]))
        queued = time.perf_counter() - began
        device.wait()
        times.append((time.perf_counter() - began, queued))
    return times
