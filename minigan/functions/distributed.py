"""Sums over the processes of a group, all of which must make the same calls in the same order.

Each process has n of a batch's N images, and a loss that is the mean over them; the loss of all is L = Σ n/N L_r over
the processes r, and the gradients that a process works with are those of L_r. So what comes back from another process
counts n/N there, and N/n here.
"""

from __future__ import annotations

from minigan.autograd import Function, Tensor
from minigan.backend import Array, ProcessGroup, get_array_module
from minigan.functions.manipulation import concatenate


class AllReduceSum(Function):
    """y = Σ x over the processes, on each of them        dx = N/n · Σ n/N · dy"""

    def __init__(self, process_group: ProcessGroup) -> None:
        self.process_group, self.weight = process_group, process_group.batch_fraction

    def forward(self, x: Array) -> Array:
        return self.process_group.all_reduce(get_array_module(x).array(x, order="C"))

    def backward(self, dy: Tensor) -> Tensor:
        return AllReduceSum(self.process_group)(dy * self.weight) * (1 / self.weight)


def all_reduce_mean(x: Tensor, process_group: ProcessGroup) -> Tensor:
    """Σ n/N · x over the processes: of means over the shares, the mean over the batch. x itself for one process."""
    return AllReduceSum(process_group)(x * process_group.batch_fraction) if process_group.communicates else x


def all_gather(x: Tensor, process_group: ProcessGroup) -> Tensor:
    """The rows of all processes (N, …), of those here (n, …), one for each sample of the batch. x itself for one
    process. For a loss that is no mean over samples: each process computes it of them all."""
    if not process_group.communicates:
        return x
    others = process_group.global_size - len(x)
    zeros = get_array_module(x.data).zeros((others, *x.shape[1:]), x.dtype)
    before, after = zeros[: process_group.start], zeros[process_group.start :]
    return AllReduceSum(process_group)(concatenate([Tensor.from_array(before), x, Tensor.from_array(after)]))
