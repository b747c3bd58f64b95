"""Convolution by gathering kernels on a device, against the sums that define it and against the host."""

from __future__ import annotations

import sys
from unittest.mock import patch

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from test_convolution import KERNELS, arguments, as_weights_lie, lies_as_the_kernels_read_it, problems, scale

from minigan.kernels import convolution, cook_toom, cuda
from minigan.kernels.cuda import convolution as on_device
from minigan.kernels.geometry import Geometry
from minigan.kernels.layout import pixels_first, to_native

ORDERS = {
    "native": to_native,
    "weights": as_weights_lie,
    "rows": lambda a: a,
    "columns": lambda a: a.transpose(3, 2, 1, 0).copy().transpose(3, 2, 1, 0),
    "every second": lambda a: a.repeat(2, axis=3)[..., ::2],
    "backwards": lambda a: a[..., ::-1].copy()[..., ::-1],
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 2e-6), (np.float64, 1e-12)])
@given(problem=problems(), band=st.sampled_from((1, 2000, 1 << 28)), order=st.sampled_from(sorted(ORDERS)))
def test_agrees_with_the_direct_sums(cupy, kernel, dtype, tolerance, problem, band, order):
    """In one band of output rows, in some, and in as many as there are rows."""
    geometry, *arrays = problem
    arrays = [a.astype(dtype).astype(np.float64) for a in arrays]  # what the dtype can represent
    there = [ORDERS[order](cupy.asarray(a, dtype)) for a in arguments(kernel, *arrays)]
    with patch.object(on_device, "BAND_BYTES", band):
        result = getattr(on_device, kernel)(*there, geometry)
    expected = getattr(reference, kernel)(*arguments(kernel, *arrays), geometry)
    assert result.dtype == dtype and result.shape == expected.shape and lies_as_the_kernels_read_it(kernel, result)
    assert np.abs(result.get() - expected).max() <= tolerance * scale(kernel, geometry, *arrays)


# As layers have them: one channel and many, strides and taps on two axes apart, and one pixel.
LAYERS = [
    (Geometry.of_conv((14, 9), 5, 2, "same"), 33, 16, 12),
    (Geometry.of_conv_transpose((5, 7), (4, 3), (2, 3), "same"), 9, 3, 8),
    (Geometry.of_conv((12, 12), 5, 2, "same"), 17, 1, 16),
    (Geometry.of_conv((6, 6), 3), 4, 9, 1),
    (Geometry.of_conv((6, 6), 1), 4, 9, 3),
    (Geometry.of_conv((6, 6), 1, 2), 4, 9, 3),
]


def layer(case, dtype):
    """(geometry, x, w, dy), drawn."""
    geometry, n, c, o = case
    rng = np.random.default_rng(0)
    shapes = (n, c, *geometry.in_size), (o, c, *geometry.kernel), (n, o, *geometry.out_size)
    arrays = [rng.standard_normal((*shape, 2)) @ (1, 1j if np.dtype(dtype).kind == "c" else 1) for shape in shapes]
    return geometry, *(to_native(a.astype(dtype)) for a in arrays)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "dtype, tolerance", [("float32", 2e-6), ("float64", 1e-14), ("complex128", 1e-14), ("complex64", 2e-6)]
)
@pytest.mark.parametrize("case", LAYERS)
def test_layers_agree_with_the_host(cupy, kernel, dtype, tolerance, case):
    """Complex numbers too, which take the way of array functions."""
    geometry, *arrays = layer(case, dtype)
    here = arguments(kernel, *arrays)
    there = [cupy.asarray(a) for a in here]
    expected, result = (getattr(convolution, kernel)(*inputs, geometry) for inputs in (here, there))
    assert result.dtype == dtype and lies_as_the_kernels_read_it(kernel, result)
    assert all(np.array_equal(a.get(), b) for a, b in zip(there, here, strict=True))
    assert np.abs(result.get() - expected).max() <= 8 * tolerance * np.abs(expected).max()


@pytest.mark.parametrize("case", LAYERS)
def test_without_images(cupy, case):
    """No image has no output, and the gradient of no image is 0."""
    geometry, n, c, o = case
    x, w, dy = (cupy.asarray(a, "float32") for a in layer((geometry, 0, c, o), "float32")[1:])
    assert convolution.conv_forward(x, w, geometry).shape == dy.shape
    assert convolution.conv_input_grad(dy, w, geometry).shape == x.shape
    dw = convolution.conv_weight_grad(x, dy, geometry)
    assert dw.shape == w.shape and not dw.any()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("case", LAYERS)
def test_results_are_fresh(cupy, kernel, case):
    geometry, *arrays = layer(case, "float32")
    there = [to_native(cupy.asarray(a)) for a in arguments(kernel, *arrays)]
    call = getattr(on_device, kernel)
    first = call(*there, geometry)
    kept = first.copy()
    second = call(*(2 * a for a in there), geometry)
    assert cupy.array_equal(first, kept) and cupy.array_equal(second, 4 * kept)  # doubling is exact
    assert not any(cupy.shares_memory(pixels_first(first), pixels_first(a)) for a in there)


@pytest.mark.parametrize("kernel", KERNELS)
def test_never_by_points(cupy, kernel, monkeypatch):
    """Cook-Toom is not for a device, whatever would be quicker on the host."""
    monkeypatch.setattr(convolution, "algorithm", lambda *_: cook_toom)
    monkeypatch.setattr(cook_toom, kernel, None)
    geometry, *arrays = layer(LAYERS[0], "float32")
    there = [cupy.asarray(a) for a in arguments(kernel, *arrays)]
    assert lies_as_the_kernels_read_it(kernel, getattr(convolution, kernel)(*there, geometry))


# --- how many launches -----------------------------------------------------------------------------


@pytest.fixture
def counters(cupy):
    """The counters of a simulated device: where a real one answers there are none, and nothing to test."""
    if "cusim" not in sys.modules:
        pytest.skip("no simulator counts the launches")
    return sys.modules["cusim"].counters


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "case, launches",
    [
        *((case, 1) for case in LAYERS[:4]),  # the columns
        (LAYERS[4], 0),  # those of one pixel are the image
    ],
)
def test_launches(cupy, counters, dtype, kernel, case, launches):
    geometry, *arrays = layer(case, dtype)
    x, w, dy = (cupy.asarray(a) for a in arrays)
    there = arguments(kernel, to_native(x), as_weights_lie(w), to_native(dy))
    before = counters()
    getattr(convolution, kernel)(*there, geometry)
    made = {name: count - before[name] for name, count in counters().items() if name != "cudaMalloc"}
    assert made == {**dict.fromkeys(made, 0), "launch": launches, "gemm": 1}


def test_a_band_is_added_to_the_rows_that_it_reads(cupy, monkeypatch):
    """Not to the whole image, as often as there are bands; and every row is written to, read or not."""
    rows = []

    def launch(file, kernel, threads, *arguments, dtype):
        if kernel == "col2im":
            rows.append(tuple(arguments[-3:]))
            assert threads == (arguments[-2] - arguments[-3]) * 9 * 2 * 3, "W·N·C to a row"
        cuda.launch(file, kernel, threads, *arguments, dtype=dtype)

    monkeypatch.setattr(on_device, "launch", launch)
    for height, kernel, stride, expected in [
        (9, 3, 2, [(0, 3, 0), (2, 5, 3), (4, 7, 5), (6, 9, 7)]),
        (9, 1, 4, [(0, 1, 0), (1, 5, 1), (5, 9, 5)]),
        (10, 3, 3, [(0, 3, 0), (3, 6, 3), (6, 10, 6)]),
    ]:
        geometry = Geometry.of_conv((height, 9), kernel, stride)
        dy, w = np.ones((2, 4, *geometry.out_size), "float32"), np.ones((4, 3, kernel, kernel), "float32")
        rows.clear()
        with patch.object(on_device, "BAND_BYTES", 1):
            dx = on_device.conv_input_grad(cupy.asarray(dy), cupy.asarray(w), geometry)
        assert rows == expected
        np.testing.assert_array_equal(dx.get(), reference.conv_input_grad(dy, w, geometry))
