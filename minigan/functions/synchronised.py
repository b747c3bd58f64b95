"""Batch normalisation by a batch that several processes share, and the sum over processes it is made of.

Each process r has n of the batch's N images, and a loss that is the mean over them; the loss of all is
L = Σ n/N L_r, and the gradients that a process works with are those of L_r. So what comes back from
another process counts n/N there, and N/n here: that is all that a derivative has to know of it.

A `process_group` (`distributed.ProcessGroup`) has `all_reduce(array)`, the sum over the processes in place, and
`weight`, n/N. Every process must make the same calls in the same order: also those of a backward pass.
"""

from __future__ import annotations

from math import prod
from typing import Any

from minigan.autograd import Function, Tensor
from minigan.functions.arithmetic import power
from minigan.functions.reduction import sum as _sum
from minigan.kernels.normalization import Axes, Statistics
from minigan.kernels.synchronised import (
    all_reduce_copy,
    sync_batch_norm_backward,
    sync_batch_norm_forward,
    whole_count,
)


class AllReduceSum(Function):
    """y = Σ x over the processes, on each of them        dx = N/n · Σ n/N · dy"""

    def __init__(self, process_group: Any) -> None:
        self.process_group, self.weight = process_group, process_group.weight

    def forward(self, x):
        return all_reduce_copy(x, self.process_group)

    def backward(self, dy):
        return AllReduceSum(self.process_group)(dy * self.weight) * (1 / self.weight)


class SyncBatchNorm(Function):
    """y = γ x̂ + β,  x̂ = (x − μ) r,  r = 1/√(v + ε)
    dx = γ r (dy − N/n · (Σdy + x̂ Σ(dy·x̂))/M)        dγ = Σ dy·x̂        dβ = Σ dy

    μ, v: mean and biased variance of x over `axes` and over all processes, M numbers; the sums of dx go over
    all processes too, each dy counting n/N; those of dγ and dβ over this process' share, as of any weight.
    After a call, `statistics` holds the whole batch's.
    """

    def __init__(self, axes: Axes, eps: float, process_group: Any) -> None:
        self.axes, self.eps, self.process_group, self.weight = axes, float(eps), process_group, process_group.weight

    def forward(self, x, gamma, beta):
        y, self.statistics = sync_batch_norm_forward(x, gamma, beta, self.axes, self.eps, self.process_group)
        self.save_for_backward(x, gamma)
        self.save_constants(self.statistics)
        return y

    def backward(self, dy):
        x, gamma = self.saved_tensors
        return SyncBatchNormBackward(self, *self.saved_constants)(dy, x, gamma)


class SyncBatchNormBackward(Function):
    """(dx, dγ, dβ) of `SyncBatchNorm` as a function of (dy, x, γ).

    As `BatchNormBackward`, with means over all processes, g = n/N · dy, and cotangents of x and γ N/n times
    what they are there. (dx is N/n times the gradient of L, so its cotangent u counts as one of L.)
    """

    def __init__(self, node: SyncBatchNorm, statistics: Statistics) -> None:
        self.axes, self.eps, self.process_group, self.weight = node.axes, node.eps, node.process_group, node.weight
        self.statistics: Statistics | None = statistics

    def forward(self, dy, x, gamma):
        self.save_for_backward(dy, x, gamma)
        gradients = sync_batch_norm_backward(dy, x, gamma, self.statistics, self.axes, self.process_group, self.weight)
        self.statistics = None
        return gradients

    def backward(self, u, p, q):
        dy, x, gamma = self.saved_tensors
        count = whole_count(prod(x.shape[a] for a in self.axes), self.weight)

        def mean(t: Tensor) -> Tensor:
            return AllReduceSum(self.process_group)(_sum(t, self.axes, keepdims=True)) * (1 / count)

        g = dy * self.weight
        centred = x - mean(x)
        r = power(mean(centred * centred) + self.eps, -0.5)
        normal = centred * r

        def project(t: Tensor) -> Tensor:
            return t - mean(t) - normal * mean(t * normal)

        along_g = project(g)
        curvature = normal * mean(u * along_g) + project(u * mean(g * normal) + g * mean(u * normal))
        dg = gamma * r * project(u) + p * normal + q
        dx = (r * project(p * g) - gamma * r * r * curvature) * (1 / self.weight)
        dgamma = r * _sum(u * along_g, self.axes, keepdims=True) * (1 / self.weight)
        return dg, dx, dgamma
