"""`prefetch`: batches on the device, each sent there while the one before it is at work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from minigan import backend
from minigan.backend import Device, cupy_backend
from minigan.data.batch import Batch


def prefetch(batches: Iterable[Batch], device: Device) -> Iterator[Batch]:
    """The batches, on `device`. On a CPU each is made when it is asked for; for a GPU one more is made and sent.
    Nothing waits on the host. A batch is copied on a stream of its own, from page-locked memory (CuPy puts a host array
    there first, and keeps it there until the copy is done)."""
    if device == backend.CPU:
        yield from batches
        return
    batches = iter(batches)
    coming = _send(next(batches, None), device)
    while coming is not None:
        batch, arrival = coming
        cupy_backend.ready(device.index).cuda.get_current_stream().wait_event(arrival)
        coming = _send(next(batches, None), device)
        yield batch


def _send(batch: Batch | None, device: Device) -> tuple[Batch, object] | None:
    """The batch, and the event of its arrival.
    CuPy gives memory out again as soon as it is let go on the host, in the order of the stream that it was taken on: it
    may still be read on another. So the copy waits for all that was asked for before it, which is up to the last step
    that could have read a batch in the same memory."""
    if batch is None:
        return None
    cupy = cupy_backend.ready(device.index)
    asked_for = cupy.cuda.get_current_stream().record()
    with _stream(device) as stream:
        stream.wait_event(asked_for)
        return batch.map(cupy.asarray), stream.record()


@cache
def _stream(device: Device) -> Any:
    """The device's stream for batches. One for good: CuPy keeps memory aside for every stream there was."""
    return cupy_backend.ready(device.index).cuda.Stream(non_blocking=True)
