"""Pieces of work on several threads: each done once, errors passed on, BLAS left as it was found."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from minigan.kernels import cook_toom, parallel, updates
from minigan.kernels.geometry import Geometry


class Blas:
    """Stands for OpenBLAS' thread count."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def set(self, threads: int) -> None:
        self.threads = threads


@pytest.fixture
def blas(monkeypatch) -> Blas:
    blas = Blas(2)
    monkeypatch.setattr(parallel, "blas_threads", lambda: (lambda: blas.threads, blas.set))
    return blas


def test_every_piece_is_done_once_by_two_threads_with_blas_on_one(blas):
    done, seen, both = [], set(), threading.Barrier(2, timeout=10)

    def task(index: int) -> None:
        if index < 2:
            both.wait()  # passes only when two threads are at work
        seen.add((threading.get_ident(), blas.threads))
        done.append(index)

    parallel.each(np, task, 20)
    assert sorted(done) == list(range(20))
    assert len({thread for thread, _ in seen}) == 2 and {threads for _, threads in seen} == {1}
    assert blas.threads == 2


@pytest.mark.parametrize("wrong", [0, 7])
def test_an_error_in_a_piece_reaches_the_caller_and_the_next_call_works(blas, wrong):
    def task(index: int) -> None:
        if index == wrong:
            raise ArithmeticError("a piece failed")

    with pytest.raises(ArithmeticError, match="a piece failed"):
        parallel.each(np, task, 8)
    assert blas.threads == 2
    done = []
    parallel.each(np, done.append, 8)
    assert sorted(done) == list(range(8))


def test_pieces_within_a_piece_are_done_by_its_thread(blas):
    inner = []
    parallel.each(np, lambda i: parallel.each(np, lambda j: inner.append((i, j)), 3), 4)
    assert sorted(inner) == [(i, j) for i in range(4) for j in range(3)]


def test_what_numpy_shall_not_warn_of_it_does_not_in_any_thread(blas, recwarn):
    both = threading.Barrier(2, timeout=10)

    def overflow(index: int) -> None:
        both.wait()
        np.full(9, 1e30, "float32") ** 2

    with np.errstate(all="ignore"):
        parallel.each(np, overflow, 2)
    assert not recwarn.list


def test_two_threads_step_as_one_does_to_the_bit(blas):
    shape = (updates.WORTH_THREADS * updates.SLICE_ELEMENTS + 5,)
    start = [np.random.default_rng(i).random(shape, "float32") for i in range(4)]
    found = []
    for threads in (1, 2):
        blas.threads = threads
        arrays = [[a.copy()] for a in start]
        updates.adam_update(*arrays, (0.5, 0.999), 1e-3, 1.0, 1e-8)
        found.append(arrays)
    for (one,), (two,) in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(found[0][0][0], start[0])


def test_two_threads_compute_what_one_does_to_the_bit(monkeypatch):
    rng = np.random.default_rng(0)
    geometry = Geometry.of_conv((14, 14), 5, 2, "same")
    x = rng.standard_normal((96, 64, 14, 14)).astype("float32")
    w = rng.standard_normal((64, 64, 5, 5)).astype("float32")
    dy = rng.standard_normal((96, 64, 7, 7)).astype("float32")

    def results() -> list[bytes]:
        y = cook_toom.conv_forward(x, w, geometry)
        return [a.tobytes() for a in (y, cook_toom.conv_weight_grad(x, dy, geometry))]

    before = parallel.blas_threads()
    if before is None:
        pytest.skip("this NumPy has a BLAS whose threads cannot be set")
    threads = before[0]()
    try:
        before[1](1)
        alone = results()
        before[1](2)
        assert results() == alone
    finally:
        before[1](threads)
