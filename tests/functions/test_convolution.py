"""Convolution and transposed convolution, against their definitions, for every form of padding."""

import numpy as np
import pytest
from hypothesis import given, settings

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck
from minigan.testing.strategies import calls

from .conventions import crop_of, padding_of, pair
from .fixed import normal

more = settings(max_examples=3 * settings().max_examples)


def conv_by_definition(x, w, b, stride, padding):
    """Pad, cut out each window, multiply, add up."""
    kernel, (sh, sw) = w.shape[2:], pair(stride)
    x = np.pad(x, ((0, 0), (0, 0), *padding_of(padding, x.shape[2:], kernel, stride)))
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))[:, :, ::sh, ::sw]
    return np.einsum("ncijhw,ochw->noij", windows, w) + b.reshape(-1, 1, 1)


def conv_transpose_by_definition(x, w, b, stride, padding, output_padding):
    """Stamp the kernel, times the pixel, into a zero image at each pixel's place, then crop."""
    (n, _, h, wd), (_, o, kh, kw) = x.shape, w.shape
    (sh, sw), (eh, ew) = pair(stride), pair(output_padding)
    full = np.zeros((n, o, (h - 1) * sh + max(kh, sh) + eh, (wd - 1) * sw + max(kw, sw) + ew))
    for i in range(h):
        for j in range(wd):
            full[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw] += np.einsum("nc,cohw->nohw", x[:, :, i, j], w)
    (top, bottom), (left, right) = crop_of(padding, (kh, kw), stride)
    height, width = (h - 1) * sh + kh + eh - top - bottom, (wd - 1) * sw + kw + ew - left - right
    return full[:, :, top : top + height, left : left + width] + b.reshape(-1, 1, 1)


def check(call, definition, out_axis):
    x, w, *b = call.inputs
    expected = definition(x, w, b[0] if b else np.zeros(w.shape[out_axis]), **call.options)
    result = call(x, w, *b).numpy()
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-11, atol=1e-12)
    gradcheck(call, call.inputs)


@more
@given(calls("conv2d"))
def test_conv2d(call):
    check(call, conv_by_definition, out_axis=0)


@more
@given(calls("conv_transpose2d"))
def test_conv_transpose2d(call):
    check(call, conv_transpose_by_definition, out_axis=1)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [4, 5, 7])
def test_same_gives_the_sizes_of_keras(size, stride, kernel):
    x, w = normal((1, 2, size, size), (2, 2, kernel, kernel))
    assert F.conv2d(x, w, None, stride, "same").shape[2:] == (-(-size // stride),) * 2
    assert F.conv_transpose2d(x, w, None, stride, "same").shape[2:] == (size * stride,) * 2


def test_same_and_pytorchs_padding_are_one_pixel_apart_for_a_5x5_kernel_with_stride_2():
    x, w = normal((1, 1, 4, 4), (1, 1, 5, 5))
    same = F.conv_transpose2d(x, w, None, 2, "same").numpy()
    as_pytorch = F.conv_transpose2d(x, w, None, 2, 2, output_padding=1).numpy()
    np.testing.assert_allclose(same[:, :, 1:, 1:], as_pytorch[:, :, :-1, :-1], rtol=1e-12)
    cropped = F.conv_transpose2d(x, w, None, 2, ((1, 2), (1, 2))).numpy()
    np.testing.assert_array_equal(same, cropped)


def test_transposed_convolution_with_same_is_the_gradient_of_convolution_with_same():
    x, w, dy = normal((2, 3, 6, 8), (4, 3, 5, 4), (2, 4, 3, 4))
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
    x, w = normal((1, 2, 4, 4), (2, 2, 3, 3))
    for x_needs, w_needs in [(True, False), (False, True), (True, True)]:
        y = convolution(mg.Tensor(x, requires_grad=x_needs), mg.Tensor(w, requires_grad=w_needs)).sum()
        called = CalledForward()
        with mg.observe(called):
            y.backward()
        assert called.names.count("ConvWeightGrad") == w_needs
        assert sum(name in ("Conv2d", "ConvTranspose2d") for name in called.names) == x_needs


def test_the_gradient_at_the_image_alone_makes_no_kernel_gradient():
    x, w = (mg.Tensor(a, requires_grad=True) for a in normal((1, 2, 4, 4), (2, 2, 3, 3)))
    called = CalledForward()
    with mg.observe(called):
        mg.grad(F.conv2d(x, w).sum(), x)
    assert "ConvWeightGrad" not in called.names
