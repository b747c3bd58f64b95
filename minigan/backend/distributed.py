"""The processes that train one run together, and this one's place among them.

    mpiexec -n 2 minigan train --data-parallel

Every batch is shared out: its order, noise and dropout masks are drawn for the whole batch from the one seed, and
each process takes its contiguous share. Before an optimiser's step the gradients are averaged, weighed by the shares,
so that all take the step that one process would take with the whole batch. Three things differ from one process: sums
are rounded in another order; BatchNorm normalises each share by itself unless its statistics are synchronised; and
the groups of MinibatchStd are of samples of one share. A loss that is no mean over samples is computed of the whole
batch's: see `functions.distributed`.
How processes find each other, and end together, is in `training.launch`.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from minigan.backend import cupy_backend
from minigan.backend.arrays import Array, get_array_module, is_on_gpu, memory_order, to_numpy
from minigan.backend.devices import Device, device_of, parse_device, to_device
from minigan.backend.host import set_blas_threads


class ProcessGroupError(RuntimeError):
    """Processes that cannot work together."""


T = TypeVar("T")


class Communicator(Protocol):
    """What of an MPI communicator is used, as mpi4py has it."""

    rank: int
    size: int

    def Allreduce(self, sendbuf: object, recvbuf: Array, /) -> None: ...
    def Barrier(self) -> None: ...
    def bcast(self, obj: object, /) -> Any: ...
    def allgather(self, sendobj: T, /) -> list[T]: ...


class ProcessGroup:
    """The processes that train together. With one process no method sends anything.

    comm: an MPI communicator of mpi4py's; None for one process, which needs no MPI. local_comm: one of the processes
    on this machine (None: all are). on_gpu: whether MPI takes arrays that lie on a GPU; else they go by way of the
    host.
    """

    def __init__(
        self, comm: Communicator | None = None, local_comm: Communicator | None = None, on_gpu: bool = False
    ) -> None:
        self.has_mpi, self.on_gpu = comm is not None, on_gpu
        # One process asks nothing of a communicator.
        self.comm, self.local_comm = cast(Communicator, comm), cast(Communicator, local_comm or comm)
        self.rank, self.size = (0, 1) if comm is None else (comm.rank, comm.size)
        self.global_size = self.local_size = 1  # samples in the batch at hand, and of these in this process' share
        self.start = 0  # where in the batch the share begins
        self.multiple = 1  # that every share is a multiple of, as every batch is
        self._alone = False

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes the run's folder and speaks."""
        return self.rank == 0

    # Shares of a batch.

    def share(self, n: int) -> slice:
        """Which of n samples are this process': shares follow each other and differ by one sample at most, or by
        `multiple`."""
        packs = n // self.multiple
        start, stop = (packs * rank // self.size * self.multiple for rank in (self.rank, self.rank + 1))
        return slice(start, stop)

    def begin_batch(self, n: int) -> slice:
        """Note that the batch at hand is now one of n samples; this process' share of it."""
        share = self.share(n)
        self.start, self.global_size, self.local_size = share.start, n, share.stop - share.start
        return share

    @property
    def batch_fraction(self) -> float:
        """n/N: which part of the batch at hand is here, and so how much this process' means count in that of all."""
        return 1.0 if self._alone else self.local_size / self.global_size

    def samples_to_draw(self, n: int) -> tuple[int, slice]:
        """How many samples to draw for, and which of them are for the n samples here.

        n is this process' share of the batch at hand, or a multiple of it (reals and fakes in one array): all draw for
        as many whole batches, so that their random streams stay at one place. Or `multiple` samples are judged as one.
        """
        if self.local_size == self.global_size:
            return n, slice(0, n)
        if n * self.multiple == self.local_size:
            start = self.start // self.multiple
            return self.global_size // self.multiple, slice(start, start + n)
        batches = -(-n // self.local_size)
        return batches * self.global_size, slice(batches * self.start, batches * self.start + n)

    # Sums over all processes. Every process must ask for the same ones, in the same order.

    @property
    def communicates(self) -> bool:
        """Whether there are others to work with."""
        return self.size > 1 and not self._alone

    def all_reduce(self, array: Array) -> Array:
        """Σ of the array over the processes, in place, on every one of them. It must be contiguous."""
        if not self.communicates:
            return array
        if is_on_gpu(array) and not self.on_gpu:
            total = self.all_reduce(to_numpy(array))
            array[...] = to_device(total, device_of(array))
            return array
        if is_on_gpu(array):  # MPI knows nothing of streams
            cupy_backend.import_cupy().cuda.get_current_stream().synchronize()
        self.comm.Allreduce(_in_place(), array)
        return array

    def mean(self, array: Array, weight: float | None = None) -> Array:
        """Σ n/N · array over the processes, in float64: of means over the shares, the mean over the whole batch, as a
        new array; with one process the array itself. weight: n/N of another batch than the one at hand."""
        if not self.communicates:
            return array
        wide = get_array_module(array).result_type(array.dtype, "float64")
        total = get_array_module(array).array(array, wide, order="C")
        total *= self.batch_fraction if weight is None else weight
        return self.all_reduce(total).astype(array.dtype)

    def average(self, arrays: Sequence[Array], like: Sequence[Array]) -> list[Array]:
        """g ← Σ n/N · g over the processes: averaged gradients. All arrays of one dtype travel in one piece of memory,
        each in the order of axes of its array in `like`."""
        averaged: list[Array] = list(arrays)
        if not self.communicates:
            return averaged
        for dtype in dict.fromkeys(a.dtype for a in like):
            chosen = [i for i, a in enumerate(like) if a.dtype == dtype]
            xp = get_array_module(like[chosen[0]])
            flat = xp.empty(sum(like[i].size for i in chosen), dtype)
            at = 0
            for i in chosen:
                averaged[i] = _shaped_as(like[i], flat[at : at + like[i].size])
                xp.multiply(arrays[i], self.batch_fraction, out=averaged[i])
                at += like[i].size
            self.all_reduce(flat)
        return averaged

    def average_figures(self, figures: np.ndarray, weights: list[float], norms: list[int]) -> np.ndarray:
        """Rows of means over the shares of some batches → means over the whole batches.

        weights: of this process in each batch. norms: the columns that hold norms of gradients: √Σ (n/N ‖g‖)².
        """
        if not self.communicates:
            return figures
        figures = figures.astype("float64") * np.array(weights)[:, None]
        figures[:, norms] **= 2
        self.all_reduce(figures)
        figures[:, norms] **= 0.5
        return figures

    # Agreements.

    def any(self, flag: bool) -> bool:
        """Whether the flag is true on any process."""
        if not self.communicates:
            return flag
        return bool(self.all_reduce(np.array(flag, "int32")))

    def barrier(self) -> None:
        """Wait until all processes have come here."""
        if self.communicates:
            self.comm.Barrier()

    def broadcast(self, make: Callable[[], T]) -> T:
        """What `make` returns on the first process, on all of them; it is called there only."""
        if not self.communicates:
            return make()
        return self.comm.bcast(make() if self.is_main else None)

    def check_equal(self, facts: dict[str, object]) -> None:
        """Raise unless all processes have the same facts, given by their names."""
        if not self.communicates:
            return
        for rank, other in enumerate(self.comm.allgather(facts)):
            for name, value in facts.items():
                if other[name] != value:
                    mine, theirs = (value, other[name]) if self.rank < rank else (other[name], value)
                    ranks = sorted((self.rank, rank))
                    differ = f"processes {ranks[0]} and {ranks[1]} differ in {name}: {mine} and {theirs}"
                    raise ProcessGroupError(f"{differ}; all must be given the same")

    # Devices.

    def places(self, device: Device) -> list[tuple[str, str, str]]:
        """Of every process: its machine, its device, and what tells its card from others (empty on a CPU)."""
        return [_place(device)] if self.size == 1 else self.comm.allgather(_place(device))

    def own_device(self, spec: str) -> str:
        """Of a machine's GPUs each process takes its own, from the one asked for on; if they are few, round again. The
        first process' device, no device, and "auto" where one's own GPU does not compute, stay as asked for."""
        asked = (os.environ.get("MINIGAN_DEVICE") or spec) if spec == "auto" else spec
        with suppress(ValueError, cupy_backend.NoGPU):
            first = Device("gpu") if asked == "auto" else parse_device(asked)
            count = cupy_backend.count() if self.size > 1 and first.kind == "gpu" else 0
            if first.index < count:
                own = (first.index + self.local_comm.rank) % count
                if own != first.index:
                    if asked == "auto":
                        cupy_backend.ready(own)
                    return f"gpu:{own}"
        return spec

    def share_cores(self) -> None:
        """Have each process' products run on its part of the machine's cores; what the user set stays."""
        if self.size == 1:
            return
        mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
        sharers = sum(not mine.isdisjoint(other) for other in self.local_comm.allgather(mine))
        if "OPENBLAS_NUM_THREADS" not in os.environ:
            set_blas_threads(max(1, len(mine) // sharers))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Meanwhile this process works on its share without the others, which do not wait for it: a step that failed
        here is taken again. Its means are those of its share; what it draws is as before."""
        self._alone = True
        try:
            yield
        finally:
            self._alone = False

    def __deepcopy__(self, memo: dict[int, object]) -> ProcessGroup:
        return self  # a copied layer works in the same group


SINGLE_PROCESS = ProcessGroup()


def _place(device: Device) -> tuple[str, str, str]:
    card = ""
    if device.kind == "gpu":
        with suppress(Exception):  # of CuPy's own classes; what cannot be told is not told
            card = cupy_backend.import_cupy().cuda.runtime.deviceGetPCIBusId(device.index)
    return platform.node(), str(device), card


def _shaped_as(array: Array, flat: Array) -> Array:
    """A view of flat memory with the array's shape and its order of axes in memory."""
    order = memory_order(array)
    shaped = flat.reshape([array.shape[axis] for axis in order])
    return shaped.transpose([order.index(axis) for axis in range(array.ndim)])


def _in_place() -> object:
    from mpi4py import MPI

    return MPI.IN_PLACE
