"""Convolution and transposed convolution, against their definitions, for every form of padding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck

from .strategies import normal, paddings, per_side, seeds

strides = st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3))
small = st.integers(1, 3)


def as_pair(value):
    return (value, value) if isinstance(value, int) else value


def tensorflow_same(size, kernel, stride):
    """What TensorFlow's SAME adds to one axis of a convolution's input: (before, after)."""
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def conv_by_definition(x, w, b, stride, padding):
    """Pad, cut out each window, multiply, add up."""
    kh, kw = w.shape[2:]
    sh, sw = as_pair(stride)
    if padding == "same":
        padding = tensorflow_same(x.shape[2], kh, sh), tensorflow_same(x.shape[3], kw, sw)
    x = np.pad(x, ((0, 0), (0, 0), *per_side(padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))[:, :, ::sh, ::sw]
    return np.einsum("ncijhw,ochw->noij", windows, w) + b.reshape(-1, 1, 1)


def conv_transpose_by_definition(x, w, b, stride, padding, output_padding=0):
    """Stamp the kernel, times the pixel, into a zero image at each pixel's place, then crop."""
    (n, _, h, wd), (_, o, kh, kw) = x.shape, w.shape
    (sh, sw), (eh, ew) = as_pair(stride), as_pair(output_padding)
    full = np.zeros((n, o, (h - 1) * sh + max(kh, sh) + eh, (wd - 1) * sw + max(kw, sw) + ew))
    for i in range(h):
        for j in range(wd):
            full[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw] += np.einsum("nc,cohw->nohw", x[:, :, i, j], w)
    if padding == "same":
        top, left = max(kh - sh, 0) // 2, max(kw - sw, 0) // 2
        height, width = h * sh, wd * sw
    else:
        (top, bottom), (left, right) = per_side(padding)
        height, width = (h - 1) * sh + kh + eh - top - bottom, (wd - 1) * sw + kw + ew - left - right
    return full[:, :, top : top + height, left : left + width] + b.reshape(-1, 1, 1)


@settings(max_examples=60)
@given(small, small, small, st.tuples(small, small), strides, paddings(2), st.booleans(), seeds, st.data())
def test_conv2d(n, c, o, kernel, stride, padding, has_bias, seed, data):
    size = data.draw(st.integers(kernel[0], 6)), data.draw(st.integers(kernel[1], 6))
    x, w, b = normal(seed, (n, c, *size), (o, c, *kernel), (o,))
    inputs = [x, w, b] if has_bias else [x, w]

    def call(*tensors):
        return F.conv2d(*tensors, stride=stride, padding=padding)

    expected = conv_by_definition(x, w, b if has_bias else 0 * b, stride, padding)
    assert call(*inputs).shape == expected.shape
    np.testing.assert_allclose(call(*inputs).numpy(), expected, rtol=1e-11, atol=1e-12)
    gradcheck(call, inputs)


@settings(max_examples=60)
@given(small, small, small, st.tuples(small, small), strides, paddings(1), st.booleans(), seeds, st.data())
def test_conv_transpose2d(n, c, o, kernel, stride, padding, has_bias, seed, data):
    size = data.draw(st.integers(2, 4)), data.draw(st.integers(2, 4))
    if padding != "same":  # leave at least one pixel after the crop
        padding = tuple(
            tuple(min(p, ((h - 1) * s + k - 1) // 2) for p in pair)
            for pair, h, s, k in zip(per_side(padding), size, as_pair(stride), kernel, strict=True)
        )
    extra = 0 if padding == "same" else tuple(data.draw(st.integers(0, s - 1)) for s in as_pair(stride))
    x, w, b = normal(seed, (n, c, *size), (c, o, *kernel), (o,))
    inputs = [x, w, b] if has_bias else [x, w]

    def call(*tensors):
        return F.conv_transpose2d(*tensors, stride=stride, padding=padding, output_padding=extra)

    expected = conv_transpose_by_definition(x, w, b if has_bias else 0 * b, stride, padding, extra)
    assert call(*inputs).shape == expected.shape
    np.testing.assert_allclose(call(*inputs).numpy(), expected, rtol=1e-11, atol=1e-12)
    gradcheck(call, inputs)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [4, 5, 7])
def test_same_gives_the_sizes_of_keras(size, stride, kernel):
    x, w = normal(0, (1, 2, size, size), (2, 2, kernel, kernel))
    assert F.conv2d(x, w, None, stride, "same").shape[2:] == (-(-size // stride),) * 2
    assert F.conv_transpose2d(x, w, None, stride, "same").shape[2:] == (size * stride,) * 2


def test_same_and_pytorchs_padding_are_one_pixel_apart_for_a_5x5_kernel_with_stride_2():
    x, w = normal(0, (1, 1, 4, 4), (1, 1, 5, 5))
    same = F.conv_transpose2d(x, w, None, 2, "same").numpy()
    as_pytorch = F.conv_transpose2d(x, w, None, 2, 2, output_padding=1).numpy()
    np.testing.assert_allclose(same[:, :, 1:, 1:], as_pytorch[:, :, :-1, :-1], rtol=1e-12)
    cropped = F.conv_transpose2d(x, w, None, 2, ((1, 2), (1, 2))).numpy()
    np.testing.assert_array_equal(same, cropped)


def test_transposed_convolution_with_same_is_the_gradient_of_convolution_with_same():
    x, w, dy = normal(0, (2, 3, 6, 8), (4, 3, 5, 4), (2, 4, 3, 4))
    image = mg.Tensor(x, requires_grad=True)
    F.conv2d(image, w, None, 2, "same").backward(dy)
    np.testing.assert_allclose(image.grad.numpy(), F.conv_transpose2d(dy, w, None, 2, "same").numpy(), atol=1e-12)


class CalledForward:
    def __init__(self):
        self.names = []

    def after_forward(self, node, inputs, outputs):
        self.names.append(node.name)

    def after_backward(self, node, cotangents, gradients):
        pass


@pytest.mark.parametrize("convolution", [F.conv2d, F.conv_transpose2d])
def test_a_frozen_kernel_costs_no_kernel_gradient(convolution):
    x, w = normal(0, (1, 2, 4, 4), (2, 2, 3, 3))
    for x_needs, w_needs in [(True, False), (False, True), (True, True)]:
        y = convolution(mg.Tensor(x, requires_grad=x_needs), mg.Tensor(w, requires_grad=w_needs)).sum()
        called = CalledForward()
        with mg.observe(called):
            y.backward()
        assert called.names.count("ConvWeightGrad") == w_needs
        assert sum(name in ("Conv2d", "ConvTranspose2d") for name in called.names) == x_needs


def test_the_gradient_at_the_image_alone_makes_no_kernel_gradient():
    x, w = (mg.Tensor(a, requires_grad=True) for a in normal(0, (1, 2, 4, 4), (2, 2, 3, 3)))
    called = CalledForward()
    with mg.observe(called):
        mg.grad(F.conv2d(x, w).sum(), x)
    assert "ConvWeightGrad" not in called.names


X, W = np.ones((2, 3, 4, 4)), np.ones((3, 3, 3, 3))


@pytest.mark.parametrize("convolution", [F.conv2d, F.conv_transpose2d])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X[0], W), r"x must be images \(N, C, H, W\), but has shape \(3, 4, 4\)"),
        ((X, W[0]), r"weight must be .*, but has shape \(3, 3, 3\)"),
        ((X[:, :2], W), r"x of shape \(2, 2, 4, 4\) has 2 channels, but weight .* takes 3"),
        ((X, W, np.ones(2)), r"bias has shape \(2,\), but must have \(3,\)"),
    ],
)
def test_shapes_that_do_not_fit(convolution, arguments, message):
    with pytest.raises(ValueError, match=f"{convolution.__name__}: {message}"):
        convolution(*arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.conv2d(X, np.ones((3, 3, 5, 5))), "5x5 kernel does not fit an image of 4x4 pixels"),
        (lambda: F.conv2d(X, W, stride=0), "stride must be at least 1"),
        (lambda: F.conv2d(X, W, stride=1.5), "stride must be an int or a pair of ints, not 1.5"),
        (lambda: F.conv2d(X, W, padding=-1), "padding must not be negative"),
        (lambda: F.conv2d(X, W, padding="valid"), "padding must be .* or 'same', not 'valid'"),
        (lambda: F.conv_transpose2d(X, W, stride=2, output_padding=2), "output_padding .* than the stride"),
        (lambda: F.conv_transpose2d(X, W, padding=3), "leaves 0x0 pixels"),
    ],
)
def test_geometry_that_cannot_be(call, message):
    with pytest.raises(ValueError, match=f"^conv(_transpose)?2d: .*{message}"):
        call()
