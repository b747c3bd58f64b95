"""Convolution as one matrix product: lay out every window of the image as a column, then multiply.

    y = Wᵀ · cols(x)        dx = colsᵀ(W · dy)        dw = cols(x) · dyᵀ

`cols` copies each pixel to every (tap, output) that reads it; its transpose adds those copies up again. The matrix
(KH·KW·C, OH·OW·N) is KH·KW/S² times the image, so it is made for a band of output rows at a time that fits a cache.
Chellapilla, Puri & Simard, High Performance Convolutional Neural Networks for Document Processing, 2006.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from minigan.backend import Array, get_array_module
from minigan.kernels.geometry import Geometry, taps
from minigan.kernels.layout import PIXELS_FIRST, pixels_first, taps_first, weight_of
from minigan.kernels.parallel import cores, each
from minigan.kernels.workspace import scratch

BAND_BYTES = 2 << 20  # of columns at a time: they fit a cache
FEW_CHANNELS = 8  # below this, runs of N pixels copy faster than runs of C channels
FEW_PRODUCTS = 128  # of each value of a column: up to here, copying it takes a good part of the time
IMAGES = 64  # whose input gradient is one piece of work

Columns = Callable[[Array, Geometry], Array]


def columns_of(image: Array, geometry: Geometry) -> Array:
    """The matrix (KH·KW·C, OH·OW·N) of an image (H, W, N, C)."""
    n, c = image.shape[2:]
    if geometry.is_pointwise:
        return image.reshape(-1, c).T
    xp = get_array_module(image)
    by_tap, columns = column_buffer(xp, geometry, n, c, image.dtype)
    for tap in taps(geometry):
        target = by_tap[tap.kh, tap.kw]
        target[tap.outputs] = image[tap.inputs]
        for box in tap.outside:
            target[box] = 0
    return columns


def conv_forward(
    x: Array, w: Array, geometry: Geometry, columns: Columns = columns_of, band_bytes: int = BAND_BYTES
) -> Array:
    """y = Wᵀ · cols(x) of x (N, C, H, W) and w (O, C, KH, KW), (N, O, OH, OW)."""
    xp = get_array_module(x)
    image, weight = pixels_first(x), weight_matrix(w)
    (oh, ow), (n, c), o = geometry.out_size, x.shape[:2], len(w)
    y = xp.empty((oh, ow, n, o), x.dtype)
    bands = bands_of(geometry, n * len(weight) * x.itemsize, band_bytes)

    def multiply(index: int) -> None:
        rows, band = bands[index]
        xp.matmul(columns(image, band).T, weight, out=y[rows].reshape(-1, o))

    _each(xp, multiply, len(bands), c, o)
    return y.transpose(PIXELS_FIRST)


def conv_input_grad(dy: Array, w: Array, geometry: Geometry) -> Array:
    """dx = colsᵀ(W · dy) of dy (N, O, OH, OW) and w (O, C, KH, KW), (N, C, H, W)."""
    if geometry.is_pointwise:
        product = pixels_first(dy).reshape(-1, len(w)) @ weight_matrix(w).T
        return product.reshape(*geometry.in_size, len(dy), w.shape[1]).transpose(PIXELS_FIRST)
    xp = get_array_module(dy)
    gradient, weight = pixels_first(dy), weight_matrix(w)
    n, (o, c) = len(dy), w.shape[:2]
    dx = xp.empty((*geometry.in_size, n, c), dy.dtype)
    bands = bands_of(geometry, min(n, IMAGES) * len(weight) * dy.itemsize, BAND_BYTES)

    def add_up(index: int) -> None:  # bands overlap in the image, so a piece is some images, not some bands
        piece = slice(index * IMAGES, (index + 1) * IMAGES)
        image = total = dx[:, :, piece]
        height, width, images, _ = image.shape
        if c < FEW_CHANNELS:
            total = scratch(xp, "image", (c, height, width, images), dy.dtype).transpose(1, 2, 3, 0)
        total[...] = 0
        for rows, band in bands:
            by_tap, columns = column_buffer(xp, band, images, c, dy.dtype)
            multiply_into(weight, gradient[rows, :, piece].reshape(-1, o).T, columns)
            for tap in taps(band):
                total[tap.inputs] += by_tap[tap.kh, tap.kw][tap.outputs]
        if total is not image:
            image[...] = total

    _each(xp, add_up, -(-n // IMAGES), c, o)
    return dx.transpose(PIXELS_FIRST)


def conv_weight_grad(
    x: Array, dy: Array, geometry: Geometry, columns: Columns = columns_of, band_bytes: int = BAND_BYTES
) -> Array:
    """dw = cols(x) · dyᵀ of x (N, C, H, W) and dy (N, O, OH, OW), (O, C, KH, KW)."""
    xp = get_array_module(x)
    image, gradient = pixels_first(x), pixels_first(dy)
    (n, c), o = x.shape[:2], dy.shape[1]
    kh, kw = geometry.kernel
    bands = bands_of(geometry, n * c * kh * kw * x.itemsize, band_bytes)
    parts = xp.empty((len(bands), kh * kw * c, o), x.dtype)

    def multiply(index: int) -> None:
        rows, band = bands[index]
        xp.matmul(columns(image, band), gradient[rows].reshape(-1, o), out=parts[index])

    _each(xp, multiply, len(bands), c, o)
    dw = parts.sum(0) if len(bands) > 1 else parts[0]
    return weight_of(dw.reshape(kh, kw, c, o))


def _each(xp: ModuleType, task: Callable[[int], None], count: int, c: int, o: int) -> None:
    """Side by side where much of the work is copying, and enough for all cores; else in turn, each product on all."""
    if c < FEW_CHANNELS or (o <= FEW_PRODUCTS and count >= cores(xp)):
        each(xp, task, count)
    else:
        for index in range(count):
            task(index)


def bands_of(geometry: Geometry, bytes_per_pixel: int, band_bytes: int) -> list[tuple[slice, Geometry]]:
    """Bands of output rows and their geometries, each with columns of about `band_bytes`, or one row."""
    oh, ow = geometry.out_size
    rows = oh if geometry.is_pointwise else max(1, band_bytes // max(1, ow * bytes_per_pixel))
    starts = range(0, oh, rows)
    return [(slice(i, min(i + rows, oh)), geometry.rows(i, min(i + rows, oh))) for i in starts]


def weight_matrix(w: Array) -> Array:
    """w (O, C, KH, KW) as a (KH·KW·C, O) matrix."""
    return taps_first(w).reshape(-1, len(w))


def multiply_into(a: Array, b: Array, out: Array) -> None:
    """out = a · b, or outᵀ = bᵀ · aᵀ if it is outᵀ whose rows are contiguous: CuPy writes only to such."""
    if out.flags.c_contiguous:
        get_array_module(out).matmul(a, b, out=out)
    else:
        get_array_module(out).matmul(b.T, a.T, out=out.T)


def column_buffer(xp: ModuleType, geometry: Geometry, n: int, c: int, dtype: Any) -> tuple[Array, Array]:
    """Scratch for the columns, twice: as (KH, KW, OH, OW, N, C), and as the matrix (KH·KW·C, OH·OW·N), of which the
    rows or the columns are contiguous, whichever lets long runs be copied."""
    (kh, kw), (oh, ow) = geometry.kernel, geometry.out_size
    if c < FEW_CHANNELS:
        buffer = scratch(xp, "columns", (kh, kw, c, oh, ow, n), dtype)
        return buffer.transpose(0, 1, 3, 4, 5, 2), buffer.reshape(kh * kw * c, -1)
    buffer = scratch(xp, "columns", (oh, ow, n, kh, kw, c), dtype)
    return buffer.transpose(3, 4, 0, 1, 2, 5), buffer.reshape(-1, kh * kw * c).T
