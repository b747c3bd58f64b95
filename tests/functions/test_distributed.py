"""Sums over processes, and batch normalisation of a batch that they share: here threads, which meet for every sum."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minigan import functions as F
from minigan.autograd import Tensor, grad
from minigan.backend import SINGLE_PROCESS, ProcessGroup

BATCH, CHANNELS = 7, 3
RNG = np.random.default_rng(0)


class Member(ProcessGroup):
    """A process with the images `mine` of the batch, and its sums over all of them."""

    def __init__(self, mine: slice, meeting: SimpleNamespace) -> None:
        super().__init__()
        self.mine, self.meeting = mine, meeting
        self.size, self.local_size, self.global_size = 2, mine.stop - mine.start, BATCH

    def all_reduce(self, array: Any) -> Any:
        self.meeting.brought.append(array.copy())
        self.meeting.gate.wait(20)
        total = sum(self.meeting.brought[1:], self.meeting.brought[0])
        self.meeting.gate.wait(20)
        self.meeting.brought.clear()
        self.meeting.gate.wait(20)
        array[...] = total
        return array


def together(shares: list[slice], work: Callable[[Member], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What the processes found: rows of images one after the other, and "mean …" averaged as gradients are."""
    meeting = SimpleNamespace(brought=[], gate=threading.Barrier(len(shares)))
    members = [Member(own, meeting) for own in shares]
    with ThreadPoolExecutor(len(shares)) as pool:
        found = list(pool.map(work, members))
    joined = {name: np.concatenate([f[name] for f in found]) for name in found[0] if not name.startswith("mean")}
    means = [name for name in found[0] if name.startswith("mean")]
    shares = [m.batch_fraction for m in members]
    return joined | {name: sum(f[name] * share for f, share in zip(found, shares, strict=True)) for name in means}


def alone(work: Callable[[Any], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return work(SINGLE_PROCESS)


def derivatives(shape: tuple[int, ...], slope: float | None) -> Callable[[Any], dict[str, np.ndarray]]:
    """Three orders of them. What is differentiated is a mean over images; ∂/∂x times their number is the same
    whoever has how many of them."""
    x, a, b, c = (RNG.standard_normal(shape) for _ in range(4))
    weights = RNG.standard_normal((2, CHANNELS))

    def work(process_group: ProcessGroup) -> dict[str, np.ndarray]:
        own = getattr(process_group, "mine", slice(0, BATCH))
        n = own.stop - own.start
        xs, gamma, beta = (Tensor(array, requires_grad=True) for array in (x[own], *weights))
        running = Tensor(np.zeros(CHANNELS)), Tensor(np.ones(CHANNELS))
        y = F.batch_norm(xs, gamma, beta, *running, negative_slope=slope, process_group=process_group)
        first = grad((y * y * a[own]).sum() * (1 / n), [xs, gamma, beta], create_graph=True)
        penalty = (first[0] * first[0] * b[own]).sum() * n + (first[1] * weights[1]).sum()
        second = grad(penalty, [xs, gamma], create_graph=True)
        third = grad((second[0] * second[0] * c[own]).sum() * n, [xs, gamma])
        found = {"y": y, "first": first[0] * n, "second": second[0] * n, "third": third[0] * n}
        found |= {"mean γ′": first[1], "mean β′": first[2], "mean γ″": second[1], "mean γ‴": third[1]}
        return {name: t.numpy() for name, t in (found | dict(zip(("mean μ", "mean v"), running, strict=True))).items()}

    return work


@pytest.mark.parametrize("slope", [None, 0.2])
@pytest.mark.parametrize("shape", [(BATCH, CHANNELS), (BATCH, CHANNELS, 2, 3)])
@pytest.mark.parametrize("shares", [[slice(0, 3), slice(3, 7)], [slice(0, 1), slice(1, 4), slice(4, 7)]])
def test_it_is_the_whole_batch_s_in_every_order(shares, shape, slope):
    work = derivatives(shape, slope)
    whole, shared = alone(work), together(shares, work)
    for name, expected in whole.items():
        np.testing.assert_allclose(shared[name], expected, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("shares", [[slice(0, 3), slice(3, 7)], [slice(0, 1), slice(1, 4), slice(4, 7)]])
def test_each_process_may_ask_something_else_of_its_gamma_s_gradient(shares):
    """Σ n/N (p · dγ) over the processes, each with its own p, against the same of x̂ in one process."""
    x, dy = RNG.standard_normal((2, BATCH, CHANNELS))
    p = RNG.standard_normal((len(shares), CHANNELS))

    def work(process: Member) -> dict[str, np.ndarray]:
        xs, gamma = Tensor(x[process.mine], requires_grad=True), Tensor(np.ones(CHANNELS), requires_grad=True)
        y = F.batch_norm(xs, gamma, process_group=process)
        (dgamma,) = grad(y, [gamma], dy[process.mine], create_graph=True)
        return {"dx": grad((dgamma * p[shares.index(process.mine)]).sum(), [xs])[0].numpy() * process.batch_fraction}

    whole = Tensor(x, requires_grad=True)
    products = F.batch_norm(whole) * dy
    of_each = [(products[s].sum(axis=0) * p[i]).sum() * ((s.stop - s.start) / BATCH) for i, s in enumerate(shares)]
    (expected,) = grad(sum(of_each[1:], of_each[0]), [whole])
    np.testing.assert_allclose(together(shares, work)["dx"], expected.numpy(), rtol=1e-9, atol=1e-11)
