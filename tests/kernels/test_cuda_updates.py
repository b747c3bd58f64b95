"""Updates of many arrays in one launch, against the same updates on the host, array by array."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.kernels.cuda.updates import ELEMENTS, ROWS
from minigan.kernels.layout import PIXELS_FIRST
from minigan.kernels.updates import adam_update, average_update

TOLERANCE = {"float32": 1e-6, "float64": 1e-14}
SHAPES = [(), (0,), (1,), (5, 3), (0, 4), (4, 3, 5, 5), (ELEMENTS,), (ELEMENTS + 1,), (3 * ELEMENTS - 1,), (7,)]
ADAM = (0.5, 0.99), 0.01, 1.25, 1e-3


def drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def plain(a: np.ndarray) -> np.ndarray:
    return a


def native(a: np.ndarray) -> np.ndarray:
    """The same numbers, images with their pixels first in memory."""
    return np.ascontiguousarray(a.transpose(PIXELS_FIRST)).transpose(PIXELS_FIRST) if a.ndim == 4 else a


def gappy(a: np.ndarray) -> np.ndarray:
    """The same numbers with gaps between them."""
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype) if a.ndim else a
    wide[..., ::2] = a
    return wide[..., ::2] if a.ndim else a


def sent(cupy, a: np.ndarray):
    """On the device with the same strides (a transfer alone would close gaps)."""
    if a.base is None or not a.ndim:
        return cupy.asarray(a)
    there = cupy.asarray(a.base)
    return cupy.lib.stride_tricks.as_strided(there, a.shape, a.strides)


def adam_rows(shapes, dtypes, lays):
    rng = np.random.default_rng(0)
    for i, shape in enumerate(shapes):
        p, m, v, g = (drawn(rng, shape, dtypes[i % len(dtypes)]) for _ in range(4))
        yield [lay(a) for lay, a in zip(lays, (p, m, np.abs(v), g), strict=True)]


@pytest.mark.parametrize("dtypes", [["float32"], ["float64"], ["float32", "float64"], ["float32", "float16"]], ids=str)
@pytest.mark.parametrize(
    "lays",
    [[plain] * 4, [native] * 4, [native, native, native, plain], [plain, native, plain, native], [gappy] * 4],
    ids=["C order", "native", "gradient in C order", "moment in another order", "gaps"],
)
def test_adam(cupy, dtypes, lays):
    shapes = [shape for shape in SHAPES if shape and (gappy not in lays or shape[-1])]
    laid = list(adam_rows(shapes, dtypes, lays))
    here, there = [[a.copy() for a in row] for row in laid], [[sent(cupy, a) for a in row] for row in laid]
    assert all(a.strides == b.strides for pair in zip(laid, there, strict=True) for a, b in zip(*pair, strict=True))
    for rows in (here, there):
        for _ in range(2):
            adam_update(*map(list, zip(*rows, strict=True)), *ADAM)
    for row, other in zip(here, there, strict=True):
        for name, a, b in zip("pmvg", row, other, strict=True):
            tolerance = TOLERANCE.get(a.dtype.name, 2e-3)
            np.testing.assert_allclose(b.get(), a, rtol=tolerance, atol=tolerance, err_msg=f"{name} {a.shape}")


def test_adam_of_more_arrays_than_a_table_has_rows(cupy):
    here = list(adam_rows([(i % 7,) for i in range(2 * ROWS + 3)], ["float32"], [plain] * 4))
    there = [[cupy.asarray(a) for a in row] for row in here]
    for rows in (here, there):
        adam_update(*map(list, zip(*rows, strict=True)), *ADAM)
    for row, other in zip(here, there, strict=True):
        np.testing.assert_allclose(other[0].get(), row[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("lays", [(plain, plain), (native, plain), (gappy, plain), (plain, gappy)])
def test_average(cupy, dtype, lays):
    rng = np.random.default_rng(0)
    laid = [[lay(drawn(rng, shape, dtype)) for lay in lays] for shape in SHAPES if shape]
    here, there = [[a.copy() for a in row] for row in laid], [[sent(cupy, a) for a in row] for row in laid]
    for rows in (here, there):
        average_update(*map(list, zip(*rows, strict=True)), 0.9)
    for (a, _), (b, _) in zip(here, there, strict=True):
        tolerance = TOLERANCE.get(dtype, 2e-3)
        np.testing.assert_allclose(b.get(), a, rtol=tolerance, atol=tolerance)
