"""Activations by CUDA kernels, and by their twins in NumPy."""

import sys

import numpy as np
import pytest

from minigan.kernels import activation
from minigan.kernels.layout import to_native

SLOPES = [0.0, 0.2, 1.0, 1.5, -0.5]
SHAPES = [(), (1,), (0, 3), (1000, 3), (2, 3, 5, 4)]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 90.0, -90.0, 800.0, -800.0]
RTOL = {"float32": 1e-6, "float64": 1e-14}


def draw(shape, dtype):
    """Numbers of all sizes; images in the kernels' own order."""
    x = (4 * np.random.default_rng(0).standard_normal(shape)).astype(dtype)
    x = np.asarray(x)
    flat = x.reshape(-1)
    flat[: min(flat.size, len(SPECIAL))] = SPECIAL[: flat.size]
    return to_native(x) if x.ndim == 4 else x


def put(cupy, a):
    """On the device, in memory as it lies here."""
    order = sorted(range(a.ndim), key=lambda i: -a.strides[i])
    return cupy.asarray(np.ascontiguousarray(a.transpose(order))).transpose(np.argsort(order).tolist())


def assert_same(there, here, rtol=0.0):
    assert there.dtype == here.dtype
    np.testing.assert_allclose(there.get(), here, rtol=rtol)


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("slope", SLOPES)
def test_leaky_relu_and_its_gate(cupy, slope, shape, dtype):
    x = draw(shape, dtype)
    there = put(cupy, x)
    with np.errstate(invalid="ignore"):
        (y, mask), gated = (
            activation.leaky_relu_forward(x, slope),
            activation.leaky_relu_backward(x, np.asarray(x < 1), slope),
        )
    y_there, mask_there = activation.leaky_relu_forward(there, slope)
    assert_same(y_there, np.asarray(y))
    assert_same(mask_there, np.asarray(mask))
    assert_same(activation.leaky_relu_backward(there, put(cupy, x < 1), slope), gated)
    assert y_there.strides == there.strides
    assert activation.leaky_relu_forward(there, slope, with_mask=False)[1] is None


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["sigmoid_forward", "softplus_forward"])
def test_smooth_ones(cupy, name, shape, dtype):
    x, function = draw(shape, dtype), getattr(activation, name)
    there = put(cupy, x)
    with np.errstate(all="ignore"):
        wanted = np.asarray(function(x))
    assert_same(function(there), wanted, RTOL[dtype])
    assert function(there).strides == there.strides


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_tanh_backward(cupy, shape, dtype):
    """1 − t² has few digits where t is near 1: there the card, which rounds once less, differs from the host."""
    g = draw(shape, dtype)
    g[~np.isfinite(g)] = 1
    t = np.asarray(np.tanh(g[..., ::-1] if g.ndim == 1 else g))
    found = activation.tanh_backward(put(cupy, g), put(cupy, t))
    assert found.dtype == g.dtype and found.strides == put(cupy, t).strides
    error = np.abs(found.get() - activation.tanh_backward(g, t))
    assert (error <= 4 * np.finfo(dtype).eps * np.abs(g)).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
def test_what_no_kernel_suits(cupy, dtype):
    """Other dtypes, gaps in memory, and a mask that lies otherwise than x."""
    x = draw((40, 6), "float32")[6:].astype(dtype)
    x = np.where(np.isfinite(x), x, 0).astype(dtype)
    gaps, mask = cupy.asarray(x)[:, ::2], cupy.asarray(np.asfortranarray(x[:, ::2] > 0), order="F")
    for slope in (0.0, 0.2, 1.5):
        assert_same(activation.leaky_relu_forward(gaps, slope)[0], activation.leaky_relu_forward(x[:, ::2], slope)[0])
        assert_same(
            activation.leaky_relu_backward(gaps, mask, slope),
            activation.leaky_relu_backward(x[:, ::2], x[:, ::2] > 0, slope),
        )
        whole = activation.leaky_relu_backward(cupy.ascontiguousarray(gaps), mask, slope)
        assert_same(whole, activation.leaky_relu_backward(x[:, ::2], x[:, ::2] > 0, slope))
    other = cupy.asarray(np.asfortranarray(x[:, ::2]), order="F")
    assert_same(activation.tanh_backward(other, gaps), activation.tanh_backward(x[:, ::2], x[:, ::2]), 2e-3)
    if dtype != "complex64":
        assert_same(activation.sigmoid_forward(gaps), activation.sigmoid_forward(x[:, ::2]), 2e-3)
        assert_same(activation.softplus_forward(gaps), activation.softplus_forward(x[:, ::2]), 2e-3)


def test_each_is_one_launch(cupy):
    if "cusim" not in sys.modules:
        pytest.skip("a card does not count them, a simulator does")
    counters = sys.modules["cusim"].counters
    x = put(cupy, draw((2, 3, 5, 4), "float32"))
    _, mask = activation.leaky_relu_forward(x, 0.2)
    calls = [
        lambda: activation.leaky_relu_forward(x, 0.2),
        lambda: activation.leaky_relu_backward(x, mask, 0.2),
        lambda: activation.tanh_backward(x, x),
        lambda: activation.sigmoid_forward(x),
        lambda: activation.softplus_forward(x),
    ]
    for call in calls:
        call()
        before = counters()["launch"]
        call()
        assert counters()["launch"] == before + 1
