"""Sums and products keep their first array's order of memory on the device, and are the host's."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from minigan.kernels import arithmetic
from minigan.kernels.layout import PIXELS_FIRST

OPERATIONS = {"add": operator.add, "multiply": operator.mul}


def drawn(*shape: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    return (9 * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def images(xp, dtype: str, seed: int = 0):
    """(N, C, H, W), pixels first in memory."""
    return xp.asarray(drawn(3, 4, 2, 5, dtype=dtype, seed=seed)).transpose(PIXELS_FIRST)


OTHERS = {
    "images": lambda xp, dtype: images(xp, dtype, 1),
    "C order": lambda xp, dtype: xp.asarray(drawn(2, 5, 3, 4, dtype=dtype)),
    "one a channel": lambda xp, dtype: xp.asarray(drawn(5, 1, 1, dtype=dtype)),
    "a broadcast number": lambda xp, dtype: xp.broadcast_to(xp.asarray(2, dtype), (2, 5, 3, 4)),
    "a number": lambda xp, dtype: 3,
    "a float": lambda xp, dtype: 0.1,
}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_of_images(cupy, name, other, dtype):
    here, there = (getattr(arithmetic, name)(images(xp, dtype), OTHERS[other](xp, dtype)) for xp in (np, cupy))
    assert there.dtype == here.dtype == dtype and there.shape == here.shape
    assert there.strides == images(np, dtype).strides
    np.testing.assert_allclose(there.get(), here, rtol=1e-14 if dtype == "complex128" else 0)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (drawn(4, 3).T, drawn(2, 3, 4)),  # the result is larger than the first
        (drawn(4, 3).T, drawn(4, 3, dtype="float64").T),
        (drawn(4, 3, dtype="int64").T, drawn(4, 3, dtype="int64").T),
        (drawn(4, 3, dtype="int64").T, 0.5),
        (drawn(4, 3).T, drawn(4, 3, dtype="complex64").T),
        (drawn(4, 3).T[:0], 2.0),
        (np.array(3.0), 2.0),
    ],
    ids=["broadcast", "wider", "integers", "integers and a float", "complex", "empty", "0-d"],
)
def test_what_is_unlike_the_first_is_as_on_the_host(cupy, name, a, b):
    operation = getattr(arithmetic, name)
    there = operation(cupy.asarray(a), cupy.asarray(b) if isinstance(b, np.ndarray) else b)
    wanted = OPERATIONS[name](a, b)
    assert there.dtype == wanted.dtype and there.shape == wanted.shape
    np.testing.assert_allclose(there.get(), wanted, rtol=1e-6)


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_does_not_broadcast_is_refused(cupy, name):
    with pytest.raises(ValueError):
        getattr(arithmetic, name)(cupy.ones((4, 3)).T, cupy.ones((2, 5)))
