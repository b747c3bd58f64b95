"""Data-parallel training: one process a device, every batch shared out among them.

    mpiexec -n 2 minigan train --data-parallel

The order of the images, the noise and the dropout masks are drawn for the whole batch from the one
seed, and each process takes its contiguous share. Before an optimiser's step its gradients are
averaged over the processes by the images each has seen, so that all of them take the step that one
process would take with the whole batch, and hold the same weights ever after. Two things differ
from one process: sums are rounded in another order; and BatchNorm normalises each share by itself
unless its statistics are synchronised (`functions.synchronised_batch_norm`).

How the processes find each other, and end together, is in `training.mpi`.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from minigan import backend, gpu, nn
from minigan.autograd import Tensor
from minigan.backend import Array, Device
from minigan.kernels.parallel import set_blas_threads
from minigan.kernels.runs import memory_order
from minigan.optim import Optimizer
from minigan.training.config import ConfigError
from minigan.training.errors import TrainingError
from minigan.training.progress import program
from minigan.training.steps import Players


class Team:
    """The processes that train one run together, and this one's place among them.

    comm: an MPI communicator of mpi4py's; None for a team of one, which needs no MPI. neighbours: one of the
    processes on this machine. on_gpu: whether MPI takes arrays that lie on a GPU; else they go by way of the host.
    """

    def __init__(self, comm: Any = None, neighbours: Any = None, on_gpu: bool = False) -> None:
        self.comm, self.neighbours, self.on_gpu = comm, neighbours, on_gpu
        self.rank, self.size = (comm.rank, comm.size) if comm else (0, 1)
        self.whole = self.own = 1  # images in the batch at hand, and of these in this process' share
        self.start = 0  # where in the batch the share begins

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes the run's folder and speaks."""
        return self.rank == 0

    @property
    def weight(self) -> float:
        """How much this process' means count in the mean over the whole batch."""
        return self.own / self.whole

    def employ(self, players: Players, device: Device, sync_batch_norm: bool) -> None:
        """Have the players' gradients, dropout masks, and BatchNorm's statistics if asked, go by the whole batch."""
        if self.size == 1:
            return
        self.places = self.comm.allgather(_place(device))
        for optimizer in (players.opt_G, players.opt_D):
            optimizer.register_step_pre_hook(self.average_gradients)
        for module in (*players.G.modules(), *players.D.modules()):
            if isinstance(module, nn.Dropout) or (sync_batch_norm and isinstance(module, nn.BatchNorm)):
                module.team = self

    def check_enough(self, n: int, sync_batch_norm: bool) -> None:
        """Raise unless a batch of n images, the smallest, has some for every process."""
        least = 1 if sync_batch_norm else 2
        if self.size > 1 and n < least * self.size:
            why = "" if sync_batch_norm else " (one has no variance; with --sync-batch-norm it would do)"
            raise ConfigError(
                f"an epoch's smallest batch has {n} images, but {self.size} processes need {least} or more each{why}: "
                "use another --batch-size, or fewer processes"
            )

    def describe(self, batch_size: int, sync_batch_norm: bool) -> list[str]:
        """The team in a few lines, for people."""
        if self.comm is None:
            return []
        if self.size == 1:
            return ["one process: mpiexec -n 2 minigan train --data-parallel … would start two, to share each batch"]
        statistics = "the whole batch" if sync_batch_norm else "each process' own share"
        share = f"{batch_size // self.size}{' or one more' if batch_size % self.size else ''}"
        lines = [
            f"{self.size} processes with {share} images of a batch each; BatchNorm normalises by {statistics}",
            "  on " + ", ".join(f"{machine} {device}" for machine, device, _ in self.places),
        ]
        cards = [(machine, card) for machine, _, card in self.places if card]
        if len(set(cards)) < len(cards):
            lines.append("  some of them share a GPU: one process a GPU is faster")
        return lines

    def command(self, arguments: str) -> str:
        """`minigan train` with these arguments, as it is called for as many processes."""
        if self.size == 1:
            return f"{program()} train {arguments}"
        return f"mpiexec -n {self.size} {program()} train --data-parallel {arguments}"

    # Shares.

    def share(self, n: int) -> slice:
        """Which of n images are this process': shares follow each other and differ by one image at most."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def begin(self, n: int) -> slice:
        """Begin a step on a batch of n images; this process' share of it."""
        share = self.share(n)
        self.start, self.whole, self.own = share.start, n, share.stop - share.start
        return share

    def part(self, n: int) -> tuple[int, slice]:
        """Of how many samples n, those of the step at hand here, are a part, and which part: for draws."""
        if n != self.own:
            raise ValueError(f"{n} samples are to be drawn for, but this process' share of the batch is {self.own}")
        return self.whole, slice(self.start, self.start + n)

    # Sums over all processes. Every process must ask for the same ones, in the same order.

    def sum(self, array: Array) -> Array:
        """Σ of the array over the processes, in place, on every one of them. It must be contiguous."""
        if self.size > 1:
            self._add_up(array)
        return array

    def average_gradients(self, optimizer: Optimizer, args: tuple = (), kwargs: Any = None) -> None:
        """g ← Σ n/N · g over the processes, n of the batch's N images being one's own: a pre-step hook.

        All gradients of one dtype travel in one piece of memory, each in its parameter's order.
        """
        if self.size == 1:
            return
        moving = [p for p in optimizer.params if p.grad is not None]
        for dtype in dict.fromkeys(p.dtype for p in moving):
            params = [p for p in moving if p.dtype == dtype]
            xp = backend.get_array_module(params[0].data)
            flat = xp.empty(sum(p.size for p in params), dtype)
            at = 0
            for p in params:
                mean = _shaped_as(p.data, flat[at : at + p.size])
                xp.multiply(p.grad.data, self.weight, out=mean)
                p.grad = Tensor._of(mean)
                at += p.size
            self._add_up(flat)

    def average_figures(self, figures: np.ndarray, weights: list[float], norms: list[int]) -> np.ndarray:
        """Rows of means over the shares of some batches → means over the whole batches.

        weights: of this process in each batch. norms: the columns that hold not means but norms of
        gradients of the share's mean loss: ‖g‖ = √Σ (n/N ‖g‖)².
        """
        if self.size == 1:
            return figures
        figures = figures.astype("float64") * np.array(weights)[:, None]
        figures[:, norms] **= 2
        self.sum(figures)
        figures[:, norms] **= 0.5
        return figures

    def _add_up(self, array: Array) -> None:
        if backend.is_on_gpu(array) and not self.on_gpu:
            host = backend.to_numpy(array)
            self._add_up(host)
            array.set(host)
            return
        if backend.is_on_gpu(array):  # MPI knows nothing of streams
            gpu.import_cupy().cuda.get_current_stream().synchronize()
        self.comm.Allreduce(_in_place(), array)

    # Agreements.

    def any(self, flag: bool) -> bool:
        """Whether the flag is true on any process."""
        return flag if self.size == 1 else bool(self.sum(np.array(flag, "int32")))

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.size > 1:
            self.comm.Barrier()

    def from_first(self, make: Callable[[], Any]) -> Any:
        """What `make` returns on the first process, on all of them; it is called there only."""
        if self.size == 1:
            return make()
        return self.comm.bcast(make() if self.leads else None)

    def check_same(self, facts: dict[str, Any]) -> None:
        """Raise unless all processes have the same facts, given by their names."""
        if self.size == 1:
            return
        for rank, other in enumerate(self.comm.allgather(facts)):
            for name, value in facts.items():
                if other[name] != value:
                    mine, theirs = (value, other[name]) if self.rank < rank else (other[name], value)
                    ranks = sorted((self.rank, rank))
                    raise TrainingError(
                        f"processes {ranks[0]} and {ranks[1]} differ in {name}: {mine} and {theirs}; all must be "
                        "given the same"
                    )

    def own_device(self, spec: str) -> str:
        """Of a machine's GPUs each process takes its own, from the one asked for on; if they are few, round again.

        What stays as it is asked for is left to `backend.choose_device`: the first process' device, no device, and
        "auto" where one's own GPU does not compute.
        """
        asked = (os.environ.get("MINIGAN_DEVICE") or spec) if spec == "auto" else spec
        with suppress(ValueError, gpu.NoGPU):
            first = Device("gpu") if asked == "auto" else backend.parse_device(asked)
            count = gpu.count() if self.size > 1 and first.kind == "gpu" else 0
            if first.index < count:
                own = (first.index + self.neighbours.rank) % count
                if own != first.index:
                    if asked == "auto":
                        gpu.ready(own)
                    return f"gpu:{own}"
        return spec

    def share_cores(self) -> None:
        """Have each process' products run on its part of the machine's cores; what the user set stays."""
        if self.size == 1:
            return
        mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
        sharers = sum(not mine.isdisjoint(other) for other in self.neighbours.allgather(mine))
        if "OPENBLAS_NUM_THREADS" not in os.environ:
            set_blas_threads(max(1, len(mine) // sharers))

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Meanwhile this process works without the others: to look for the cause of what befell it alone."""
        size, self.size = self.size, 1
        try:
            yield
        finally:
            self.size = size

    def __deepcopy__(self, memo: dict) -> Team:
        return self  # a copied layer works in the same team


ALONE = Team()


def _place(device: Device) -> tuple[str, str, str]:
    """The machine, the device, and what tells its card from others, whatever its number is."""
    card = ""
    if device.kind == "gpu":
        with suppress(Exception):  # of CuPy's own classes; what cannot be told is not told
            card = gpu.import_cupy().cuda.runtime.deviceGetPCIBusId(device.index)
    return platform.node(), str(device), card


def _shaped_as(array: Array, flat: Array) -> Array:
    """A view of flat memory with the array's shape and its order of axes in memory."""
    order = memory_order(array)
    shaped = flat.reshape([array.shape[axis] for axis in order])
    return shaped.transpose([order.index(axis) for axis in range(array.ndim)])


def _in_place() -> Any:
    from mpi4py import MPI

    return MPI.IN_PLACE
