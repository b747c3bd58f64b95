"""`Batches`: every image once an epoch, and resuming is just starting further on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigan.data import Batches, DataError

sizes = st.integers(1, 60)


@settings(derandomize=True, deadline=None)
@given(n=sizes, size=sizes, seed=st.integers(0, 2**40), e=st.integers(0, 1000))
def test_every_index_exactly_once_an_epoch(n, size, seed, e):
    batches = Batches(n, size, seed)
    got = list(batches.epoch(e))
    assert len(got) == len(batches) == -(-n // size)
    assert all(len(b) == size for b in got[:-1]) and 1 <= len(got[-1]) <= size
    assert sorted(np.concatenate(got).tolist()) == list(range(n))


@settings(derandomize=True, deadline=None)
@given(n=sizes, size=sizes, seed=st.integers(0, 99), e=st.integers(0, 9), data=st.data())
def test_start_equals_the_tail(n, size, seed, e, data):
    batches = Batches(n, size, seed)
    start = data.draw(st.integers(0, len(batches)))
    tail = list(Batches(n, size, seed).epoch(e, start))  # a new object: nothing is remembered
    whole = list(batches.epoch(e))[start:]
    assert [b.tolist() for b in tail] == [b.tolist() for b in whole]


@settings(derandomize=True, deadline=None)
@given(n=sizes, size=sizes)
def test_without_the_last_all_are_whole(n, size):
    if size > n:
        with pytest.raises(DataError, match=f"batch size: {size} found, at most {n} needed"):
            Batches(n, size, 0, keep_last=False)
        return
    batches = Batches(n, size, 0, keep_last=False)
    got = list(batches.epoch(3))
    kept = list(Batches(n, size, 0).epoch(3))
    assert len(got) == len(batches) == n // size
    assert [b.tolist() for b in got] == [b.tolist() for b in kept if len(b) == size]


def test_the_order_is_the_documented_one():
    """A checkpoint written today must go on the same way with tomorrow's minigan."""
    got = np.concatenate(list(Batches(10, 4, seed=7).epoch(2)))
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, np.random.default_rng([7, 2]).permutation(10))


def test_seeds_and_epochs_differ():
    orders = [next(Batches(1000, 1000, seed).epoch(e)).tolist() for seed in range(3) for e in range(3)]
    assert len({tuple(o) for o in orders}) == 9


def test_the_tutorials_count():
    batches = Batches(60000, 256, 0)
    sizes = [len(b) for b in batches.epoch(0)]
    assert len(batches) == len(sizes) == 235 and sizes[-1] == 96


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Batches(0, 4, 0), "0 images found, at least 1 needed"),
        (lambda: Batches(4, 0, 0), "batch size: 0 found, at least 1 needed"),
        (lambda: Batches(4, 2, -1), "seed: -1 found"),
        (lambda: Batches(4, 2, 0).epoch(-1), "epoch: -1 found"),
        (lambda: Batches(4, 2, 0).epoch(0, 3), "3 found, 0 to 2 needed"),
        (lambda: Batches(4, 2, 0).epoch(0, -1), "-1 found, 0 to 2 needed"),
    ],
)
def test_refused_at_the_call(make, message):
    with pytest.raises(DataError, match=message):
        make()
