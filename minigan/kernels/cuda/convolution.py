"""Convolution on a GPU: one kernel that gathers the columns (or adds them up again) and one product.

A band of output rows is nearly always the whole: a convolution is one kernel of im2col.cu and one product, of a
weight that lies as `layout` says. Cook-Toom's transforms would be some dozen small products with copies between them.
(A kernel of their own was not measured.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from minigan.backend import Array, get_array_module
from minigan.kernels import im2col
from minigan.kernels.cuda import launch, suits
from minigan.kernels.geometry import Geometry
from minigan.kernels.im2col import bands_of, column_buffer, multiply_into, weight_matrix
from minigan.kernels.layout import PIXELS_FIRST, pixels_first

BAND_BYTES = 256 << 20  # of columns at a time: a small part of a GPU's memory
STRUCT = np.dtype([(name, "i8") for name in "H W OH OW KH KW SH SW top left".split()])  # Geometry in im2col.cu


def conv_forward(x: Array, w: Array, geometry: Geometry) -> Array:
    """y = Wᵀ · cols(x) of x (N, C, H, W) and w (O, C, KH, KW), (N, O, OH, OW)."""
    return im2col.conv_forward(x, w, geometry, _columns, BAND_BYTES) if suits(x, w) else NotImplemented


def conv_input_grad(dy: Array, w: Array, geometry: Geometry) -> Array:
    """dx = colsᵀ(W · dy) of dy (N, O, OH, OW) and w (O, C, KH, KW), (N, C, H, W)."""
    if not suits(dy, w):
        return NotImplemented
    if geometry.is_pointwise:
        return im2col.conv_input_grad(dy, w, geometry)
    xp = get_array_module(dy)
    gradient, weight = pixels_first(dy), weight_matrix(w)
    (height, width), n, (o, c) = geometry.in_size, len(dy), w.shape[:2]
    dx = xp.empty((height, width, n, c), dy.dtype)
    bands, written = bands_of(geometry, n * len(weight) * dy.itemsize, BAND_BYTES), 0
    for rows, band in bands:
        _, columns = column_buffer(xp, band, n, c, dy.dtype)
        multiply_into(weight, gradient[rows].reshape(-1, o).T, columns)
        first, stop = _rows_read(band)
        first, stop = min(first, written), height if rows.stop == geometry.out_size[0] else max(stop, written)
        _launch("col2im", (stop - first) * width * n * c, dx, columns, band, first, stop, written)
        written = stop
    return dx.transpose(PIXELS_FIRST)


def conv_weight_grad(x: Array, dy: Array, geometry: Geometry) -> Array:
    """dw = cols(x) · dyᵀ of x (N, C, H, W) and dy (N, O, OH, OW), (O, C, KH, KW)."""
    return im2col.conv_weight_grad(x, dy, geometry, _columns, BAND_BYTES) if suits(x, dy) else NotImplemented


def _columns(image: Array, geometry: Geometry) -> Array:
    n, c = image.shape[2:]
    if geometry.is_pointwise:
        return image.reshape(-1, c).T
    _, columns = column_buffer(get_array_module(image), geometry, n, c, image.dtype)
    oh, ow = geometry.out_size
    _launch("im2col", oh * ow * n * c, image, columns, geometry)
    return columns


def _rows_read(band: Geometry) -> tuple[int, int]:
    """The first of the image's rows that a band's windows read, and the one behind the last."""
    height, first = band.in_size[0], -band.pad[0]
    stop = first + (band.out_size[0] - 1) * band.stride[0] + band.kernel[0]
    return min(max(first, 0), height), min(max(stop, 0), height)


def _launch(kernel: str, threads: int, image: Array, columns: Array, geometry: Geometry, *more: int) -> None:
    """`im2col` or `col2im` on a GPU, between an image (H, W, N, C) and the matrix (KH·KW·C, OH·OW·N)."""
    row_step, column_step = (step // columns.itemsize for step in columns.strides)
    arguments = image, columns, row_step, column_step, *image.shape[2:], _struct(geometry), *more
    launch("im2col", kernel, threads, *arguments, dtype=image.dtype)


@lru_cache(maxsize=4096)
def _struct(geometry: Geometry) -> np.ndarray:
    g = geometry
    return np.array((*g.in_size, *g.out_size, *g.kernel, *g.stride, *g.pad), STRUCT)
