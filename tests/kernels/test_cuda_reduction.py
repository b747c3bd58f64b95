"""Reductions to one number on the device, against the host."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from minigan.kernels.cuda import BLOCK
from minigan.kernels.cuda.reduction import MOST_BLOCKS, SMALL
from minigan.kernels.reduction import mean, mean_sigmoid, norm

TOLERANCE = {"float32": 1e-6, "float64": 1e-14, "complex128": 1e-14}
SHAPES = [(), (1,), (7, 1), (256,), (257, 3), (SMALL,), (SMALL + 1,), (2 * 256 * MOST_BLOCKS + 17,)]


def drawn(shape, dtype):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype) * 3 + 1


def check(there, here, dtype):
    assert there.shape == here.shape and there.dtype == dtype
    np.testing.assert_allclose(there.get(), here, rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_of_all_numbers(cupy, shape, dtype):
    x = drawn(shape, dtype)
    there = cupy.asarray(x)
    check(mean(there, None, False, 1 / x.size), np.asarray(mean(x, None, False, 1 / x.size)), dtype)
    if dtype != "complex128":
        check(mean_sigmoid(there), np.asarray(mean_sigmoid(x)), dtype)
        check(norm(there), np.asarray(norm(x)), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_in_any_order_of_memory_and_with_gaps(cupy, dtype):
    x = drawn((6, 4, 10), dtype)
    there = cupy.asarray(x)
    for view in (lambda a: a.transpose(2, 0, 1), lambda a: a[:, ::2], lambda a: a[::-1], lambda a: a[:0]):
        check(norm(view(there)), np.asarray(norm(view(x))), dtype)
        if view(x).size:
            for function in (mean_sigmoid, lambda a: mean(a, None, False, 1 / a.size)):
                check(function(view(there)), np.asarray(function(view(x))), dtype)


@pytest.mark.parametrize(("axis", "keepdims"), [((1,), False), ((0, 2), True), (None, True), ((), False)])
def test_over_some_axes(cupy, axis, keepdims):
    x = drawn((6, 4, 10), "float32")
    check(mean(cupy.asarray(x), axis, keepdims, 0.25), np.asarray(mean(x, axis, keepdims, 0.25)), "float32")


def test_one_block_is_asked_for_no_more_than_it_does_in_a_launchs_time(cupy):
    """Its rounds wait for each other; of more numbers many blocks make parts, and one their sum."""
    assert SMALL <= 16 * BLOCK
    if "cusim" not in sys.modules:
        pytest.skip("a card does not count launches, a simulator does")
    counters = sys.modules["cusim"].counters
    for size, launches in (SMALL, 1), (SMALL + 1, 2), (1 << 18, 2):
        x = cupy.ones(size, "float32")
        for function in (mean_sigmoid, lambda a: mean(a, None, False, 1 / a.size)):
            function(x)
            before = counters()["launch"]
            function(x)
            assert counters()["launch"] == before + launches, size


@pytest.mark.parametrize("ends", [[np.inf], [-np.inf], [np.nan], [np.inf, -np.inf]], ids=str)
def test_of_what_is_not_finite(cupy, ends):
    x = drawn((3 * SMALL,), "float32")
    x[: len(ends)] = ends
    with np.errstate(invalid="ignore"):
        for function in (mean_sigmoid, norm, lambda a: mean(a, None, False, 1 / a.size)):
            check(function(cupy.asarray(x)), np.asarray(function(x)), "float32")
