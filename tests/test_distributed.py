"""The processes that share a batch: who has which samples, what is averaged, who takes which device."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_mpi import Twice
from fake_mpi import twice as make_twice

from minigan import backend
from minigan.backend import cupy_backend
from minigan.backend.distributed import SINGLE_PROCESS, ProcessGroup, ProcessGroupError


@pytest.fixture
def twice(monkeypatch: pytest.MonkeyPatch) -> ProcessGroup:
    """A group of two processes that have the same in mind; this is the first."""
    return make_twice(monkeypatch)


def group_of(size: int, rank: int) -> ProcessGroup:
    return ProcessGroup(SimpleNamespace(size=size, rank=rank))


# --- shares ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [7, 20, 64])
def test_shares_follow_each_other_and_differ_by_one(size, n):
    shares = [list(range(n))[group_of(size, rank).share(n)] for rank in range(size)]
    assert sum(shares, []) == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("times", [1, 2, 5])
def test_all_draw_for_as_many_whole_batches_and_take_rows_of_their_own(size, times):
    """Of a multiple of its samples too (reals and fakes in one array)."""
    taken = []
    for rank in range(size):
        group = group_of(size, rank)
        share = group.begin_batch(7)
        n = times * (share.stop - share.start)
        whole, part = group.samples_to_draw(n)
        assert whole == 7 * times and len(range(whole)[part]) == n
        taken += range(whole)[part]
    assert taken == list(range(7 * times))


def test_a_single_process_draws_for_what_it_has_whatever_the_batch_at_hand():
    group = ProcessGroup()
    group.begin_batch(7)
    assert group.samples_to_draw(9) == (9, slice(0, 9)) and group.batch_fraction == 1


# --- sums and means --------------------------------------------------------------------------------


def test_gradients_travel_in_one_piece_and_keep_their_shapes(twice):
    like = [np.zeros((2, 3)), np.zeros(()), np.zeros((2, 5, 4, 3)).transpose(2, 3, 0, 1)]  # as the kernels lay a weight
    gradients = [np.random.default_rng(i).standard_normal(a.shape) for i, a in enumerate(like)]
    before, sent = [g.copy() for g in gradients], []
    reduce = twice.comm.Allreduce
    twice.comm.Allreduce = lambda *given: sent.append(given) or reduce(*given)
    twice.begin_batch(7)
    averaged = twice.average(gradients, like)
    assert len(sent) == 1
    for a, g, unchanged in zip(averaged, gradients, before, strict=True):
        np.testing.assert_allclose(a, 2 * g * 3 / 7)
        np.testing.assert_array_equal(g, unchanged)
    assert averaged[2].strides == like[2].strides


def test_every_dtype_travels_as_it_is(twice):
    twice.begin_batch(8)
    gradients = [np.float32([1, 2]), np.float64([3]), np.float32([4])]
    averaged = twice.average(gradients, [np.zeros_like(g) for g in gradients])
    assert [(a.dtype.name, a.tolist()) for a in averaged] == [("float32", [1, 2]), ("float64", [3]), ("float32", [4])]


@pytest.mark.parametrize("value", [np.array(7.0), np.float32(7.0), np.arange(6.0).reshape(2, 3).T])
def test_a_mean_over_the_batch_is_weighed_by_shares(twice, value):
    """A single number too, of which NumPy makes a scalar that nobody can write to."""
    before = value.copy()
    twice.begin_batch(7)
    found = twice.mean(value)
    np.testing.assert_allclose(found, 2 * 3 / 7 * before, rtol=1e-6)
    np.testing.assert_array_equal(value, before)
    assert found.dtype == before.dtype


def test_figures_are_weighted_and_norms_add_up_as_squares(twice):
    mean = twice.average_figures(np.array([[1.0, 3.0], [5.0, 0.0]]), [3 / 7, 0.5], [1])
    np.testing.assert_allclose(mean, [[6 / 7, np.sqrt(2 * (9 / 7) ** 2)], [5.0, 0.0]])


def test_what_differs_is_said(monkeypatch):
    group = make_twice(monkeypatch, rank=1)
    group.check_equal({"the weather": "rain"})
    monkeypatch.setattr(group.comm, "allgather", lambda mine: [mine | {"the weather": "sun"}, mine])
    with pytest.raises(ProcessGroupError, match="^processes 0 and 1 differ in the weather: sun and rain; all must"):
        group.check_equal({"the time": 1, "the weather": "rain"})


def test_a_single_process_asks_nobody():
    group, array = SINGLE_PROCESS, np.ones(3)
    assert group.is_main and not group.communicates and group.batch_fraction == 1
    assert group.all_reduce(array) is array and group.mean(array) is array
    assert group.average([array], [array]) == [array]
    assert group.broadcast(lambda: "made") == "made" and group.any(True) and not group.any(False)
    group.barrier(), group.check_equal({"the weather": "rain"})


# --- alone -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [0, 1])
def test_alone_it_speaks_with_nobody_and_draws_as_before(rank):
    group = ProcessGroup(SimpleNamespace(size=2, rank=rank))  # which can do nothing
    share = group.begin_batch(7)
    drawn = group.samples_to_draw(len(range(7)[share]))
    with group.alone():
        array = np.ones(3)
        assert group.all_reduce(array) is array and group.mean(array) is array
        assert group.average([array], [array]) == [array]
        assert group.broadcast(lambda: rank) == rank and group.any(False) is False
        group.barrier(), group.check_equal({"rank": rank})
        assert group.batch_fraction == 1  # its means are those of its share
        assert group.begin_batch(7) == share and group.samples_to_draw(len(range(7)[share])) == drawn
    assert group.communicates and group.batch_fraction == len(range(7)[share]) / 7


def test_it_speaks_with_the_others_again_after_an_error(twice):
    with pytest.raises(ZeroDivisionError), twice.alone():
        raise ZeroDivisionError
    assert twice.communicates


def test_a_copied_layer_works_in_the_same_group(twice):
    assert copy.deepcopy({"group": twice})["group"] is twice


# --- devices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "variable", "count", "rank", "device"),
    [
        ("auto", "", 2, 1, "gpu:1"),
        ("auto", "", 2, 0, "auto"),  # the first process says why it is this one
        ("gpu:0", "", 4, 3, "gpu:3"),
        ("gpu:2", "", 4, 1, "gpu:3"),
        ("gpu:2", "", 4, 2, "gpu:0"),
        ("auto", "", 1, 1, "auto"),  # each process may have been shown a card of its own
        ("auto", "gpu:1", 4, 1, "gpu:2"),
        ("auto", "gpu:1", 4, 0, "auto"),
        ("auto", "", 0, 1, "auto"),
        ("auto", "cpu", 2, 1, "auto"),
        ("cpu", "", 2, 1, "cpu"),
        ("gpu:5", "", 2, 1, "gpu:5"),  # there is none: this is said elsewhere, as of "what?"
        ("auto", "what?", 2, 1, "auto"),
    ],
)
def test_each_process_of_a_machine_takes_its_own_gpu(monkeypatch, spec, variable, count, rank, device):
    monkeypatch.setenv("MINIGAN_DEVICE", variable)
    monkeypatch.setattr(cupy_backend, "count", lambda: count)
    monkeypatch.setattr(cupy_backend, "ready", lambda index: None)
    assert ProcessGroup(Twice(), SimpleNamespace(rank=rank)).own_device(spec) == device


@pytest.mark.parametrize("rank", [0, 1])
def test_by_auto_a_gpu_that_does_not_compute_is_not_taken(monkeypatch, rank):
    def ready(index: int = 0) -> Any:
        raise cupy_backend.NoGPU(f"gpu:{index} is out of breath", "let it rest")

    monkeypatch.delenv("MINIGAN_DEVICE", raising=False)
    monkeypatch.setattr(cupy_backend, "count", lambda: 2)
    monkeypatch.setattr(cupy_backend, "ready", ready)
    monkeypatch.setattr(cupy_backend, "driver_cuda", lambda: 0)
    group = ProcessGroup(Twice(), SimpleNamespace(rank=rank))
    assert backend.choose_device(group.own_device("auto")) == (backend.CPU, "gpu:0 is out of breath")
    with pytest.raises(cupy_backend.NoGPU, match=f"gpu:{rank} is out of breath"):
        backend.choose_device(group.own_device("gpu"))


# --- on a device -----------------------------------------------------------------------------------


def test_arrays_of_a_gpu_go_by_way_of_the_host(cupy, twice):
    """Where MPI takes none that lie there. `Twice` refuses them."""
    twice.begin_batch(7)
    like = [cupy.zeros((3, 2)).T, cupy.zeros(())]
    gradients = [cupy.arange(6.0).reshape(2, 3), cupy.asarray(5.0)]
    for a, g in zip(twice.average(gradients, like), gradients, strict=True):
        np.testing.assert_allclose(cupy.asnumpy(a), 2 * 3 / 7 * cupy.asnumpy(g))
    assert float(twice.mean(cupy.asarray(7.0))) == pytest.approx(6)
