"""Summaries of arrays against NumPy's own numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigan.trace import pixels, summarize
from minigan.trace.summary import BINS, BLOCK, SIDE, TILES


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    shape=st.lists(st.integers(1, 9), max_size=4).map(tuple),
    seed=st.integers(0, 99),
    shift=st.sampled_from([0.0, 1.0, -300.0]),
    dtype=st.sampled_from(["float32", "float64"]),
    order=st.sampled_from("CF"),
)
def test_numbers(shape, seed, shift, dtype, order):
    rng = np.random.default_rng(seed)
    x = np.asarray(rng.standard_normal(shape) * (rng.random(shape) < 0.7) + shift, dtype, order=order)
    s, exact = summarize(x), x.astype("float64")
    assert (s.shape, s.dtype, s.nans, s.infs, s.finite) == (shape, dtype, 0, 0, True)
    assert s.norm == pytest.approx(np.linalg.norm(exact.ravel()), rel=1e-5)
    assert s.mean == pytest.approx(exact.mean(), rel=1e-5, abs=1e-6)
    assert s.std == pytest.approx(exact.std(), rel=1e-3, abs=1e-5)
    assert (s.min, s.max) == pytest.approx((exact.min(), exact.max()), rel=1e-8)
    assert s.zeros == pytest.approx((x == 0).mean())
    assert sum(s.histogram.counts) == x.size and len(s.histogram.counts) == BINS


def test_an_array_of_many_blocks():
    x = np.arange(3 * BLOCK + 5, dtype="float64").reshape(-1, 1) - 7
    s = summarize(x)
    assert s.norm == pytest.approx(np.linalg.norm(x)) and s.zeros == pytest.approx(1 / x.size)
    assert (s.min, s.max) == (-7, x.max())


def test_what_is_not_finite_is_counted_and_left_out():
    x = np.array([[3.0, np.nan, -4.0], [np.inf, 0.0, -np.inf]], "float32")
    s = summarize(x)
    assert (s.nans, s.infs, s.finite, s.norm, s.min, s.max) == (1, 2, False, 5.0, -4.0, 3.0)
    assert s.zeros == pytest.approx(1 / 6) and sum(s.histogram.counts) == 3
    shown = pixels(s.picture)[0].ravel()[:3]
    assert np.isnan(shown[1]) and shown[[0, 2]] == pytest.approx([3, -4], abs=0.02)
    nothing = summarize(np.full((2, 2), np.nan))
    assert (nothing.norm, nothing.mean, nothing.nans) == (0.0, 0.0, 4)


def test_large_numbers_do_not_overflow():
    s = summarize(np.full((10,), 1e30, "float32"))
    assert s.finite and s.norm == pytest.approx(1e30 * 10**0.5) and s.std == pytest.approx(0, abs=1e25)


def test_no_numbers_at_all_and_integers():
    assert summarize(np.zeros((0, 3), "float32")).norm == 0
    s = summarize(np.array([3, 4]))
    assert (s.dtype, s.norm) == ("int64", 5.0)


def test_a_gradients_histogram_has_0_in_the_middle():
    counts = summarize(np.array([-1.0, 0.5, 4.0]), signed=True).histogram
    assert (counts.low, counts.high) == (-4, 4)
    assert [i for i, n in enumerate(counts.counts) if n] == [int((v + 4) * BINS / 8) for v in (-1, 0.5)] + [BINS - 1]


@pytest.mark.parametrize(
    ("shape", "of", "picture"),
    [
        ((8, 1, 28, 28), "samples", (4, 28, 28)),
        ((8, 40, 7, 7), "channels", (TILES, 7, 7)),
        ((2, 3, 64, 64), "channels", (3, 22, 22)),
        ((2, 3, 20, 64), "channels", (3, 7, 22)),
        ((2, 1, 64, 20), "samples", (2, 22, 7)),
        ((5, 100), "features", (1, 10, 10)),
        ((5, 12544), "features", (1, SIDE, SIDE)),
        ((6, 1), "samples", (1, 2, 3)),
        ((7,), "numbers", (1, 3, 3)),
        ((), "numbers", (1, 1, 1)),
    ],
)
def test_pictures(shape, of, picture):
    x = np.random.default_rng(0).standard_normal(shape)
    shown = summarize(x).picture
    assert (shown.of, shown.shape) == (of, picture)
    values, every = pixels(shown), shown.every
    assert values.shape == picture
    if len(shape) == 4:
        tiles = x[: picture[0], 0] if of == "samples" else x[0, : picture[0]]
        expected = tiles[:, ::every, ::every]
    else:
        row = np.atleast_1d(x) if of != "features" else x[0]
        expected = np.zeros(picture)
        n = min(row.size, expected.size)
        expected.ravel()[:n] = row.ravel()[:n]
    np.testing.assert_allclose(values, expected, atol=np.abs(expected).max() / 254 + 1e-6)
