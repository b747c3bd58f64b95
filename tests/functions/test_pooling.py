"""Pooling and upsampling, against windows cut out one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck

from .strategies import distinct, normal, per_side, seeds

pair = st.tuples(st.integers(1, 3), st.integers(1, 3))


def pooled(x, kernel, stride, padding, fill, reduce):
    """`reduce` over each window of x, padded with `fill`."""
    x = np.pad(x, ((0, 0), (0, 0), *per_side(padding)), constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
    return reduce(windows[:, :, :: stride[0], :: stride[1]], axis=(4, 5))


@st.composite
def windows(draw):
    """(image size, kernel, stride, padding), the padding smaller than the kernel."""
    kernel, stride = draw(pair), draw(pair)
    padding = tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in kernel)
    return tuple(draw(st.integers(k, 6)) for k in kernel), kernel, stride, padding


@settings(max_examples=40)
@given(windows(), seeds)
def test_avg_pool2d(window, seed):
    size, kernel, stride, padding = window
    (x,) = normal(seed, (2, 2, *size))
    expected = pooled(x, kernel, stride, padding, 0, np.mean)
    np.testing.assert_allclose(F.avg_pool2d(x, kernel, stride, padding).numpy(), expected, rtol=1e-12, atol=1e-14)
    gradcheck(lambda t: F.avg_pool2d(t, kernel, stride, padding), x)


@settings(max_examples=40)
@given(windows(), seeds)
def test_max_pool2d(window, seed):
    size, kernel, stride, padding = window
    (x,) = distinct(seed, (2, 2, *size))
    expected = pooled(x, kernel, stride, padding, -np.inf, np.max)
    np.testing.assert_array_equal(F.max_pool2d(x, kernel, stride, padding).numpy(), expected)
    gradcheck(lambda t: F.max_pool2d(t, kernel, stride, padding), x)


@pytest.mark.parametrize("function", [F.avg_pool2d, F.max_pool2d])
def test_the_stride_defaults_to_the_window(function):
    (x,) = normal(0, (1, 1, 6, 6))
    np.testing.assert_array_equal(function(x, (2, 3)).numpy(), function(x, (2, 3), stride=(2, 3)).numpy())
    assert function(x, 4, 3, "same").shape == (1, 1, 2, 2)


def test_the_first_of_equal_pixels_is_taken():
    x = mg.Tensor(np.ones((1, 1, 2, 4)), requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.numpy().tolist() == [[[[1, 0, 1, 0], [0, 0, 0, 0]]]]


def test_padding_is_never_the_maximum():
    assert F.max_pool2d(np.full((1, 1, 2, 2), -5.0), 2, 2, 1).numpy().tolist() == [[[[-5, -5], [-5, -5]]]]


@given(st.integers(1, 3), seeds)
def test_upsample_nearest2d(scale, seed):
    (x,) = normal(seed, (2, 1, 2, 3))
    expected = x.repeat(scale, axis=2).repeat(scale, axis=3)
    np.testing.assert_allclose(F.upsample_nearest2d(x, scale).numpy(), expected, rtol=1e-14)
    gradcheck(lambda t: F.upsample_nearest2d(t, scale), x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: F.avg_pool2d(x[0], 2), r"avg_pool2d: x must be images \(N, C, H, W\), but has shape \(1, 4, 4\)"),
        (lambda x: F.max_pool2d(x[0], 2), r"max_pool2d: x must be images \(N, C, H, W\), but has shape \(1, 4, 4\)"),
        (lambda x: F.avg_pool2d(x, 5), "avg_pool2d: a 5x5 kernel does not fit an image of 4x4"),
        (lambda x: F.max_pool2d(x, 5), "max_pool2d: a 5x5 kernel does not fit an image of 4x4"),
        (lambda x: F.max_pool2d(x, 2.5), "max_pool2d: kernel_size must be an int or a pair of ints, not 2.5"),
        (lambda x: F.max_pool2d(x, 2, padding=2), "max_pool2d: .*the padding must be smaller than the window"),
        (lambda x: F.upsample_nearest2d(x[0]), r"upsample_nearest2d: x must be images .* has shape \(1, 4, 4\)"),
        (lambda x: F.upsample_nearest2d(x, 0), "upsample_nearest2d: scale is a whole number of 1 or more, not 0"),
        (lambda x: F.upsample_nearest2d(x, 1.5), "upsample_nearest2d: scale is a whole number"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(mg.Tensor(np.ones((1, 1, 4, 4))))
