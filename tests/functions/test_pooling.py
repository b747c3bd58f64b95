"""Pooling and upsampling, against windows cut out one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.kernels.layout import is_native, to_native
from minigan.testing import gradcheck
from minigan.testing.strategies import arrays, calls

from .conventions import padding_of, pair
from .fixed import normal

more = settings(max_examples=2 * settings().max_examples)


def pooled(x, kernel_size, stride, padding, fill, reduce):
    """`reduce` over each window of x, padded with `fill`."""
    kernel = pair(kernel_size)
    stride = kernel if stride is None else pair(stride)
    x = np.pad(x, ((0, 0), (0, 0), *padding_of(padding, x.shape[2:], kernel, stride)), constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
    return reduce(windows[:, :, :: stride[0], :: stride[1]], axis=(4, 5))


@more
@given(calls("avg_pool2d"))
def test_avg_pool2d(call):
    (x,) = call.inputs
    expected = pooled(x, **call.options, fill=0, reduce=np.mean)
    np.testing.assert_allclose(call(x).numpy(), expected, rtol=1e-12, atol=1e-14)
    gradcheck(call, x)


@more
@given(calls("max_pool2d"))
def test_max_pool2d(call):
    (x,) = call.inputs
    np.testing.assert_array_equal(call(x).numpy(), pooled(x, **call.options, fill=-np.inf, reduce=np.max))
    gradcheck(call, x)


@pytest.mark.parametrize("function", [F.avg_pool2d, F.max_pool2d])
def test_the_stride_defaults_to_the_window(function):
    (x,) = normal((1, 1, 6, 6))
    np.testing.assert_array_equal(function(x, (2, 3)).numpy(), function(x, (2, 3), stride=(2, 3)).numpy())
    assert function(x, 4, 3, "same").shape == (1, 1, 2, 2)


def test_the_first_of_equal_pixels_is_taken():
    x = mg.Tensor(np.ones((1, 1, 2, 4)), requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.numpy().tolist() == [[[[1, 0, 1, 0], [0, 0, 0, 0]]]]


def test_padding_is_never_the_maximum():
    assert F.max_pool2d(np.full((1, 1, 2, 2), -5.0), 2, 2, 1).numpy().tolist() == [[[[-5, -5], [-5, -5]]]]


@given(arrays((2, 1, 2, 3)), st.integers(1, 3))
def test_upsample_nearest2d(x, scale):
    expected = x.repeat(scale, axis=2).repeat(scale, axis=3)
    np.testing.assert_allclose(F.upsample_nearest2d(x, scale).numpy(), expected, rtol=1e-14)
    gradcheck(lambda t: F.upsample_nearest2d(t, scale), x)


@pytest.mark.host_only("CuPy's functions give arrays in C order")
@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
@pytest.mark.parametrize("window", [1, 2, 3])
def test_pooled_images_have_memory_of_their_own_and_lie_in_it_as_before(pool, window):
    """So that a convolution after it, or before it, copies nothing; a window of 3 is padded."""
    x = mg.Tensor(to_native(np.random.default_rng(0).random((3, 4, 6, 6), "float32")), requires_grad=True)
    y = pool(x, window, padding=window // 3)
    y.backward(to_native(np.ones(y.shape, "float32")))
    assert not np.shares_memory(y.array, x.array)
    assert is_native(y.array) and is_native(x.grad.array)


@pytest.mark.parametrize("nan", [(0,), (1,), (3,), (1, 2), (0, 1, 2, 3)])
def test_a_nan_is_taken_and_the_first_of_several_has_the_gradient(nan):
    x = np.array([3.0, 1.0, 4.0, 2.0])
    x[list(nan)] = np.nan
    t = mg.Tensor(x.reshape(1, 1, 2, 2), requires_grad=True)
    y = F.max_pool2d(t, 2)
    y.backward(np.full((1, 1, 1, 1), 5.0))
    assert np.isnan(y.item())
    assert t.grad.numpy().ravel().tolist() == [5.0 * (i == nan[0]) for i in range(4)]


@pytest.mark.host_only("CuPy has no longer floats")
@pytest.mark.parametrize("dtype", ["float32", "float64", "longdouble"])
def test_max_pooling_keeps_every_floating_dtype(dtype):
    x = mg.Tensor(np.arange(16, dtype=dtype).reshape(1, 1, 4, 4), requires_grad=True)
    y = F.max_pool2d(x, 2)
    assert y.dtype == np.dtype(dtype) and y.numpy().ravel().tolist() == [5, 7, 13, 15]
    F.sum(y).backward()
    assert x.grad.dtype == np.dtype(dtype) and np.flatnonzero(x.grad.numpy()).tolist() == [5, 7, 13, 15]
