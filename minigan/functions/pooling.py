"""Pooling and its opposite, upsampling. Every one is linear once it is known which pixels were taken, and loops over
the taps of the window: for each, one strided slice of the padded image lies under every window."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from numbers import Integral
from typing import Any

from minigan.autograd import Function, Tensor
from minigan.backend import Array, get_array_module
from minigan.functions.arguments import as_floating, check_images, prefix_errors
from minigan.kernels.activation import where_or_zero
from minigan.kernels.geometry import Geometry, normalize_padding, normalize_pair
from minigan.renamed import renamed_in


class _Pooling(Function):
    def __init__(self, geometry: Geometry, *taken: Array) -> None:
        self.geometry = geometry
        self.save_constants(*taken)  # of each window, the number of the tap whose pixel it took

    def _taps(self) -> Iterator[tuple[slice, slice]]:
        """For each tap, where the pixels under it lie in the padded image, as row and column slices."""
        (oh, ow), (kh, kw), (sh, sw) = self.geometry.out_size, self.geometry.kernel, self.geometry.stride
        for i in range(kh):
            for j in range(kw):
                yield slice(i, i + (oh - 1) * sh + 1, sh), slice(j, j + (ow - 1) * sw + 1, sw)

    def _reach(self) -> tuple[int, int]:
        """The size of the padded image, as far as the windows reach."""
        g = self.geometry
        axes = zip(g.out_size, g.stride, g.kernel, g.in_size, g.pad, strict=True)
        height, width = (max((o - 1) * s + k, n + p) for o, s, k, n, p in axes)
        return height, width

    def _canvas(self, x: Any, fill: float) -> Any:
        """As many images as x has, as large as the windows reach over, full of one number, in memory as x is."""
        return get_array_module(x).full_like(x, fill, shape=(*x.shape[:2], *self._reach()))

    def _padded(self, x: Any, fill: float) -> Any:
        (h, w), (top, left) = self.geometry.in_size, self.geometry.pad
        if self._reach() == (h, w):  # of no padding
            return x
        y = self._canvas(x, fill)
        y[:, :, top : top + h, left : left + w] = x
        return y

    def _cropped(self, y: Any) -> Any:
        (h, w), (top, left) = self.geometry.in_size, self.geometry.pad
        if self._reach() == (h, w):
            return y
        return get_array_module(y).copy(y[:, :, top : top + h, left : left + w], order="K")


class AvgPool2d(_Pooling):
    """y = Σ x under the window / (KH·KW)        dx = dy / (KH·KW) at every pixel of the window"""

    def forward(self, x: Array) -> Array:
        padded = self._padded(x, 0)
        y = sum(padded[:, :, rows, cols] for rows, cols in self._taps())
        return y * x.dtype.type(1 / prod(self.geometry.kernel))

    def backward(self, dy: Tensor) -> Tensor:
        return AvgSpread2d(self.geometry)(dy)


class AvgSpread2d(_Pooling):
    """The transpose of AvgPool2d: y = x / (KH·KW) at every pixel of the window        dx = AvgPool2d(dy)"""

    def forward(self, x: Array) -> Array:
        share = x * x.dtype.type(1 / prod(self.geometry.kernel))
        y = self._canvas(x, 0)
        for rows, cols in self._taps():
            y[:, :, rows, cols] += share
        return self._cropped(y)

    def backward(self, dy: Tensor) -> Tensor:
        return AvgPool2d(self.geometry)(dy)


class MaxPool2d(_Pooling):
    """y = max x under the window, NaN if one is there        dx = dy at the pixel taken (the first of equals)"""

    def forward(self, x: Array) -> Array:
        xp = get_array_module(x)
        padded = self._padded(x, float("-inf"))
        first, *others = [padded[:, :, rows, cols] for rows, cols in self._taps()]
        y = xp.copy(first, order="K")
        for here in others:
            xp.maximum(y, here, out=y)
        # The number of the pixel taken is how many come before it: all that differ from y, and are no NaN.
        taken, earlier = xp.zeros_like(y, "uint8" if len(others) < 2**8 else "int32"), xp.ones_like(y, "bool")
        for here in (first, *others[:-1]):
            earlier &= (here != y) & (here == here)
            taken += earlier
        self.save_constants(taken)
        return y

    def backward(self, dy: Tensor) -> Tensor:
        return MaxUnpool2d(self.geometry, *self.saved_constants)(dy)


class MaxUnpool2d(_Pooling):
    """y = x added in at the pixel each window took        dx = dy at that pixel"""

    def forward(self, x: Array) -> Array:
        (taken,) = self.saved_constants
        y = self._canvas(x, 0)
        for tap, (rows, cols) in enumerate(self._taps()):
            y[:, :, rows, cols] += where_or_zero(taken == tap, x)
        return self._cropped(y)

    def backward(self, dy: Tensor) -> Tensor:
        return MaxTake2d(self.geometry, *self.saved_constants)(dy)


class MaxTake2d(_Pooling):
    """y = x at the pixel each window took, the transpose of MaxUnpool2d        dx = MaxUnpool2d(dy)"""

    def forward(self, x: Array) -> Array:
        (taken,) = self.saved_constants
        padded = self._padded(x, 0)
        y = get_array_module(x).zeros_like(taken, x.dtype)
        for tap, (rows, cols) in enumerate(self._taps()):
            y += where_or_zero(taken == tap, padded[:, :, rows, cols])
        return y

    def backward(self, dy: Tensor) -> Tensor:
        return MaxUnpool2d(self.geometry, *self.saved_constants)(dy)


# --- as one calls them ---------------------------------------------------------------------------


def _geometry(name: str, x: Tensor, kernel_size: Any, stride: Any, padding: Any) -> Geometry:
    check_images(name, x)
    kernel = prefix_errors(name, normalize_pair, kernel_size, "kernel_size")
    return prefix_errors(name, Geometry.of_conv, x.shape[2:], kernel, kernel if stride is None else stride, padding)


def avg_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Tensor:
    """The mean of each window of x (N, C, H, W), padding counted as zeros; stride defaults to the window."""
    x = as_floating("avg_pool2d", x)
    return AvgPool2d(_geometry("avg_pool2d", x, kernel_size, stride, padding))(x)


def max_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Tensor:
    """The largest of each window of x (N, C, H, W), padding never taken; stride defaults to the window."""
    x = as_floating("max_pool2d", x)
    geometry = _geometry("max_pool2d", x, kernel_size, stride, padding)
    pads = normalize_padding(padding, geometry.in_size, geometry.kernel, geometry.stride)
    if any(max(pad) >= k for pad, k in zip(pads, geometry.kernel, strict=True)):
        raise ValueError(
            f"max_pool2d: with padding {pads} around x of shape {x.shape}, a window {geometry.kernel} could hold no "
            "pixel: the padding must be smaller than the window"
        )
    return MaxPool2d(geometry)(x)


def upsample_nearest2d(x: Any, scale: int = 2) -> Tensor:
    """x (N, C, H, W) with every pixel repeated `scale` times in both directions.

    A pixel's gradient is the sum over its copies: scale² times an average pooling, of which this is the transpose.
    """
    x = as_floating("upsample_nearest2d", x)
    check_images("upsample_nearest2d", x)
    if not isinstance(scale, Integral) or scale < 1:
        raise ValueError(f"upsample_nearest2d: scale is a whole number of 1 or more, not {scale!r}")
    if 0 in x.shape[2:]:
        raise ValueError(f"upsample_nearest2d: x of shape {x.shape} has no pixels to repeat")
    scale = int(scale)
    large = (x.shape[2] * scale, x.shape[3] * scale)
    return AvgSpread2d(Geometry.of_conv(large, (scale, scale), scale, 0))(x) * float(scale * scale)


__getattr__ = renamed_in(__name__)
