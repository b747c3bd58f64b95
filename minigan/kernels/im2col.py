"""Convolution as one matrix product: lay out every window of the image as a column, then multiply.

    y = Wᵀ · cols(x)        dx = colsᵀ(W · dy)        dw = cols(x) · dyᵀ

`cols` copies each pixel to every (tap, output) that reads it; its transpose adds those copies up
again. The matrix has KH·KW·C rows and OH·OW·N columns, KH·KW/S² times the image, so it is made for
a band of output rows at a time, small enough to stay in cache.

On a GPU the columns are gathered, and added up again, by one CUDA kernel each (`cuda/im2col.cu`), and a
band is as good as always the whole: a convolution is one such kernel, one product, and one copy that
puts the weight's axes in order (none where C or O is 1).

Chellapilla, Puri & Simard, High Performance Convolutional Neural Networks for Document Processing, 2006.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import numpy as np

from minigan.backend import Array, get_array_module
from minigan.kernels import cuda
from minigan.kernels.geometry import Geometry
from minigan.kernels.layout import PIXELS_FIRST, pixels_first
from minigan.kernels.parallel import each
from minigan.kernels.workspace import scratch

BAND_BYTES = {"numpy": 4 << 20, "cupy": 256 << 20}  # of columns at a time: a cache, part of a GPU
FEW_CHANNELS = 8  # below this, runs of N pixels copy faster than runs of C channels
IMAGES = 64  # whose input gradient is one piece of work
STRUCT = np.dtype([(name, "i8") for name in "H W OH OW KH KW SH SW top left".split()])  # Geometry in im2col.cu


def conv_forward(x: Array, w: Array, geometry: Geometry) -> Array:
    """y = Wᵀ · cols(x) of x (N, C, H, W) and w (O, C, KH, KW), (N, O, OH, OW)."""
    xp = get_array_module(x)
    image, weight = pixels_first(x), _weight_matrix(w)
    (oh, ow), n, o = geometry.out_size, len(x), len(w)
    y = xp.empty((oh, ow, n, o), x.dtype)
    bands = _bands(geometry, n * len(weight) * x.itemsize, xp)

    def multiply(index: int) -> None:
        rows, band = bands[index]
        xp.matmul(_columns(image, band).T, weight, out=y[rows].reshape(-1, o))

    _each(image, multiply, len(bands))
    return y.transpose(PIXELS_FIRST)


def conv_input_grad(dy: Array, w: Array, geometry: Geometry) -> Array:
    """dx = colsᵀ(W · dy) of dy (N, O, OH, OW) and w (O, C, KH, KW), (N, C, H, W)."""
    if geometry.is_pointwise:
        return conv_forward(dy, w.swapaxes(0, 1), geometry)
    xp = get_array_module(dy)
    gradient, weight = pixels_first(dy), _weight_matrix(w)
    n, (o, c) = len(dy), w.shape[:2]
    dx = xp.empty((*geometry.in_size, n, c), dy.dtype)
    images = IMAGES if xp.__name__ == "numpy" else max(1, n)
    bands = _bands(geometry, min(n, images) * len(weight) * dy.itemsize, xp)

    def products(piece: slice) -> Iterator[tuple[Array, Array]]:
        for rows, band in bands:
            part = gradient[rows, :, piece]
            taps, columns = _column_buffer(xp, band, part.shape[2], c, dy.dtype)
            _multiply(weight, part.reshape(-1, o).T, columns)
            yield taps, columns

    def scatter(index: int) -> None:  # bands overlap in the image, so a piece is some images, not some bands
        piece = slice(index * images, (index + 1) * images)
        _add_up([band for _, band in bands], products(piece), dx[:, :, piece])

    _each(dx, scatter, -(-n // images))
    return dx.transpose(PIXELS_FIRST)


def conv_weight_grad(x: Array, dy: Array, geometry: Geometry) -> Array:
    """dw = cols(x) · dyᵀ of x (N, C, H, W) and dy (N, O, OH, OW), (O, C, KH, KW)."""
    xp = get_array_module(x)
    image, gradient = pixels_first(x), pixels_first(dy)
    (n, c), o = x.shape[:2], dy.shape[1]
    kh, kw = geometry.kernel
    bands = _bands(geometry, n * c * kh * kw * x.itemsize, xp)
    parts = xp.empty((len(bands), o, kh * kw * c), x.dtype)
    if c == 1 and cuda.suits(x):  # the result's own order already: a launch less
        parts = parts.reshape(len(bands), -1, o).swapaxes(1, 2)

    def multiply(index: int) -> None:
        rows, band = bands[index]
        _multiply(gradient[rows].reshape(-1, o).T, _columns(image, band).T, parts[index])

    _each(image, multiply, len(bands))
    dw = parts.sum(0) if len(bands) > 1 else parts[0]
    dw = dw.reshape(o, kh, kw, c)
    return xp.ascontiguousarray(dw.transpose(1, 2, 0, 3)).transpose(PIXELS_FIRST)


def _each(image: Array, task: Callable[[int], None], count: int) -> None:
    """The pieces on several threads where copying is most of the work, for an image (H, W, N, C) of few
    channels; else one by one, for then most is in the products, which BLAS spreads over the cores."""
    if image.shape[3] < FEW_CHANNELS:
        each(get_array_module(image), task, count)
    else:
        for index in range(count):
            task(index)


def _bands(geometry: Geometry, bytes_per_pixel: int, xp) -> list[tuple[slice, Geometry]]:
    """Bands of output rows and their geometries, each with columns of about `BAND_BYTES`, or one row."""
    oh, ow = geometry.out_size
    rows = oh if geometry.is_pointwise else max(1, BAND_BYTES[xp.__name__] // max(1, ow * bytes_per_pixel))
    starts = range(0, oh, rows)
    return [(slice(i, min(i + rows, oh)), geometry.rows(i, min(i + rows, oh))) for i in starts]


def _weight_matrix(w: Array) -> Array:
    """w (O, C, KH, KW) as a (KH·KW·C, O) matrix."""
    return w.transpose(2, 3, 1, 0).reshape(-1, len(w))


def _multiply(a: Array, b: Array, out: Array) -> None:
    """out = a · b, or outᵀ = bᵀ · aᵀ if it is outᵀ whose rows are contiguous: CuPy writes only to such."""
    if out.flags.c_contiguous:
        get_array_module(out).matmul(a, b, out=out)
    else:
        get_array_module(out).matmul(b.T, a.T, out=out.T)


def _column_buffer(xp, geometry: Geometry, n: int, c: int, dtype) -> tuple[Array, Array]:
    """Scratch for the columns, twice: as (KH, KW, OH, OW, N, C), and as the matrix (KH·KW·C, OH·OW·N).

    Either the rows or the columns of the matrix are contiguous, whichever lets long runs be copied
    (a matrix product takes both).
    """
    (kh, kw), (oh, ow) = geometry.kernel, geometry.out_size
    if c < FEW_CHANNELS:
        buffer = scratch(xp, "columns", (kh, kw, c, oh, ow, n), dtype)
        return buffer.transpose(0, 1, 3, 4, 5, 2), buffer.reshape(kh * kw * c, -1)
    buffer = scratch(xp, "columns", (oh, ow, n, kh, kw, c), dtype)
    return buffer.transpose(3, 4, 0, 1, 2, 5), buffer.reshape(-1, kh * kw * c).T


def _columns(image: Array, geometry: Geometry) -> Array:
    """The matrix (KH·KW·C, OH·OW·N) of an image (H, W, N, C)."""
    n, c = image.shape[2:]
    if geometry.is_pointwise:
        return image.reshape(-1, c).T
    xp = get_array_module(image)
    taps, columns = _column_buffer(xp, geometry, n, c, image.dtype)
    if cuda.suits(image):
        oh, ow = geometry.out_size
        _launch("im2col", oh * ow * n * c, image, columns, geometry)
        return columns
    for tap in geometry.taps():
        target = taps[tap.kh, tap.kw]
        target[tap.outputs] = image[tap.inputs]
        for box in tap.outside:
            target[box] = 0
    return columns


def _add_up(bands: list[Geometry], columns: Iterable[tuple[Array, Array]], image: Array) -> None:
    """Write to an image (H, W, N, C) at each pixel the sum of its copies in the columns of all bands.

    bands: from the top down. columns: of each band, twice as `_column_buffer` makes them.
    """
    height, width, n, c = image.shape
    if cuda.suits(image):
        written = 0
        for band, (_, matrix) in zip(bands, columns, strict=True):
            first, stop = _rows_read(band)
            first, stop = min(first, written), height if band is bands[-1] else max(stop, written)
            _launch("col2im", (stop - first) * width * n * c, image, matrix, band, first, stop, written)
            written = stop
        return
    total = image
    if c < FEW_CHANNELS:
        total = scratch(get_array_module(image), "image", (c, height, width, n), image.dtype).transpose(1, 2, 3, 0)
    total[...] = 0
    for band, (taps, _) in zip(bands, columns, strict=True):
        for tap in band.taps():
            total[tap.inputs] += taps[tap.kh, tap.kw][tap.outputs]
    if total is not image:
        image[...] = total


def _rows_read(band: Geometry) -> tuple[int, int]:
    """The first of the image's rows that a band's windows read, and the one behind the last."""
    height, first = band.in_size[0], -band.pad[0]
    stop = first + (band.out_size[0] - 1) * band.stride[0] + band.kernel[0]
    return min(max(first, 0), height), min(max(stop, 0), height)


def _launch(kernel: str, threads: int, image: Array, columns: Array, geometry: Geometry, *more: int) -> None:
    """`im2col` or `col2im` on a GPU, between an image (H, W, N, C) and the matrix (KH·KW·C, OH·OW·N)."""
    row_step, column_step = (step // columns.itemsize for step in columns.strides)
    arguments = image, columns, row_step, column_step, *image.shape[2:], _struct(geometry), *more
    cuda.launch("im2col", kernel, threads, *arguments, dtype=image.dtype)


@lru_cache(maxsize=4096)
def _struct(geometry: Geometry) -> np.ndarray:
    """A geometry as the CUDA kernels take it."""
    g = geometry
    return np.array((*g.in_size, *g.out_size, *g.kernel, *g.stride, *g.pad), STRUCT)
