"""Convolution and its two gradients, as the sums say. For reading and for testing: slow, and right.

The three are the partial derivatives of one trilinear form,

    T(g, x, w) = Σ g[n, o, i, j] · x[n, c, i·SH + kh − top, j·SW + kw − left] · w[o, c, kh, kw]

in g (the forward pass), in x (the input gradient, which is the transposed convolution) and in w
(the weight gradient).
"""

from __future__ import annotations

from collections.abc import Iterator

from minigan.backend import Array, get_array_module
from minigan.kernels.geometry import Geometry


def _terms(geometry: Geometry) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Every (i, j, kh, kw, h, w) of the sum whose pixel (h, w) lies inside the image."""
    (height, width), (top, left), (sh, sw) = geometry.in_size, geometry.pad, geometry.stride
    for i in range(geometry.out_size[0]):
        for j in range(geometry.out_size[1]):
            for kh in range(geometry.kernel[0]):
                for kw in range(geometry.kernel[1]):
                    h, w = i * sh + kh - top, j * sw + kw - left
                    if 0 <= h < height and 0 <= w < width:
                        yield i, j, kh, kw, h, w


def conv_forward(x: Array, w: Array, geometry: Geometry) -> Array:
    """y = ∂T/∂g: x (N, C, H, W), w (O, C, KH, KW) -> y (N, O, OH, OW)."""
    y = get_array_module(x).zeros((len(x), len(w), *geometry.out_size), x.dtype)
    for i, j, kh, kw, row, column in _terms(geometry):
        y[:, :, i, j] += x[:, :, row, column] @ w[:, :, kh, kw].T
    return y


def conv_input_grad(dy: Array, w: Array, geometry: Geometry) -> Array:
    """dx = ∂T/∂x: dy (N, O, OH, OW), w (O, C, KH, KW) -> dx (N, C, H, W)."""
    dx = get_array_module(dy).zeros((len(dy), w.shape[1], *geometry.in_size), dy.dtype)
    for i, j, kh, kw, row, column in _terms(geometry):
        dx[:, :, row, column] += dy[:, :, i, j] @ w[:, :, kh, kw]
    return dx


def conv_weight_grad(x: Array, dy: Array, geometry: Geometry) -> Array:
    """dw = ∂T/∂w: x (N, C, H, W), dy (N, O, OH, OW) -> dw (O, C, KH, KW)."""
    dw = get_array_module(x).zeros((dy.shape[1], x.shape[1], *geometry.kernel), x.dtype)
    for i, j, kh, kw, row, column in _terms(geometry):
        dw[:, :, kh, kw] += dy[:, :, i, j].T @ x[:, :, row, column]
    return dw
