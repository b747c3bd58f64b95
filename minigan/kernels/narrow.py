"""Stride-1 convolutions of few channels: windows that overlap in memory as they do in the image.

A pixel of few channels is a short run of memory. im2col copies one for every tap of every output, which costs far more
than the products. Here a tile of the image is turned once into planes (H, C, W, N). The windows of an output row are
then a matrix that lies there already, one row of planes further down for each row of outputs, but for the KW taps
along the row. Those are folded into the side that has fewer channels:

    C ≤ O: the planes KW times, each shifted:      yᵢ = windowsᵢ(KH·KW·C, OW·N)ᵀ · W         dw = Σᵢ windowsᵢ · dyᵢ
    O < C: a product for each tap, added shifted:  yᵢ = Σ_kw (Wᵀ · windowsᵢ(KH·C, (OW+KW−1)·N))[kw], shifted by kw

The input gradient is the convolution of dy with the mirrored weight. Where O < C the weight gradient is the mirrored
one of the two images exchanged. For NumPy's arrays: on a GPU it is not used.
"""

from __future__ import annotations

import numpy as np

from minigan.backend import Array
from minigan.kernels.geometry import Geometry, reach
from minigan.kernels.im2col import weight_matrix
from minigan.kernels.layout import PIXELS_FIRST, pixels_first, taps_first, weight_of
from minigan.kernels.parallel import each
from minigan.kernels.workspace import scratch

TILE_BYTES = 2 << 20  # of planes at a time: about a core's cache
TILE_ROWS = 14  # most rows of outputs in a tile
SMALL = 500_000  # multiply-adds of one product up to which OpenBLAS does not copy its matrices first
SHORTEST = 128  # columns of a product below which it is not cut for that

Tile = tuple[slice, slice, Geometry]  # rows and columns of outputs, and the geometry that computes them


def conv_forward(x: Array, w: Array, geometry: Geometry) -> Array:
    """y of x (N, C, H, W) and w (O, C, KH, KW), (N, O, OH, OW)."""
    image, (o, c, kh, kw), n = pixels_first(x), w.shape, len(x)
    y = np.empty((*geometry.out_size, n, o), x.dtype)
    tiles = _tiles(geometry, n * c * x.itemsize * (kw if c <= o else 1))
    by_window = weight_matrix(w)
    by_tap = w.transpose(3, 0, 2, 1).reshape(kw * o, kh * c)

    def convolve(index: int) -> None:
        rows, columns, tile = tiles[index]
        if c <= o:
            _multiply_windows(image, by_window, tile, y[rows, columns])
        else:
            _add_taps(image, by_tap, tile, y[rows, columns])

    each(np, convolve, len(tiles))
    return y.transpose(PIXELS_FIRST)


def conv_input_grad(dy: Array, w: Array, geometry: Geometry) -> Array:
    """dx of dy (N, O, OH, OW) and w (O, C, KH, KW), (N, C, H, W)."""
    return conv_forward(dy, w[:, :, ::-1, ::-1].swapaxes(0, 1), _mirrored(geometry))


def conv_weight_grad(x: Array, dy: Array, geometry: Geometry) -> Array:
    """dw of x (N, C, H, W) and dy (N, O, OH, OW), (O, C, KH, KW)."""
    (n, c), o, (kh, kw) = x.shape[:2], dy.shape[1], geometry.kernel
    if o < c:
        dw = conv_weight_grad(dy, x, _mirrored(geometry))[:, :, ::-1, ::-1].swapaxes(0, 1)
        return weight_of(taps_first(dw))
    image, gradient = pixels_first(x), pixels_first(dy)
    tiles = _tiles(geometry, n * kw * c * x.itemsize)
    sums = np.zeros((len(tiles), kh * kw * c, o), x.dtype)

    def multiply(index: int) -> None:
        rows, columns, tile = tiles[index]
        windows, by_row = _windows(image, tile), gradient[rows, columns].reshape(tile.out_size[0], -1, o)
        for piece in _pieces(windows.shape[2], kh * kw * c * o):
            sums[index] += (windows[:, :, piece] @ by_row[:, piece]).sum(0)

    each(np, multiply, len(tiles))
    return weight_of(sums.sum(0).reshape(kh, kw, c, o))


def _mirrored(g: Geometry) -> Geometry:
    """The convolution that a stride-1 convolution's input gradient is."""
    (kh, kw), (top, left) = g.kernel, g.pad
    return Geometry(g.out_size, g.in_size, g.kernel, g.stride, (kh - 1 - top, kw - 1 - left))


# --- one tile ---------------------------------------------------------------------------------------


def _multiply_windows(image: Array, weight: Array, tile: Geometry, y: Array) -> None:
    """y (OH, OW, N, O) of a weight (KH·KW·C, O)."""
    windows, out = _windows(image, tile), y.reshape(len(y), -1, y.shape[-1])
    for piece in _pieces(windows.shape[2], weight.size):
        np.matmul(windows[:, :, piece].swapaxes(1, 2), weight, out=out[:, piece])


def _windows(image: Array, tile: Geometry) -> Array:
    """The windows of an image (H, W, N, C): (OH, KH·KW·C, OW·N)."""
    planes, kw, ow = _planes(image, tile), tile.kernel[1], tile.out_size[1]
    rows, c, _, n = planes.shape
    shifted = scratch(np, "shifted planes", (rows, kw, c, ow, n), image.dtype)
    for k in range(kw):
        shifted[:, k] = planes[:, :, k : k + ow]
    return _overlapping(shifted.reshape(rows, kw * c, ow * n), tile.kernel[0])


def _add_taps(image: Array, weight: Array, tile: Geometry, y: Array) -> None:
    """y (OH, OW, N, O) of a weight (KW·O, KH·C)."""
    planes, (kh, kw), (oh, ow), o = _planes(image, tile), tile.kernel, tile.out_size, y.shape[-1]
    rows, c, width, n = planes.shape
    windows = _overlapping(planes.reshape(rows, c, width * n), kh)
    products = scratch(np, "products", (oh, kw * o, width * n), image.dtype)
    for piece in _pieces(width * n, weight.size):
        np.matmul(weight, windows[:, :, piece], out=products[:, :, piece])
    taps = products.reshape(oh, kw, o, width, n)
    total = taps[:, 0, :, :ow]
    for k in range(1, kw):
        total += taps[:, k, :, k : k + ow]
    for channel in range(o):  # so the long axes are the inner loops
        y[..., channel] = total[:, channel]


def _planes(image: Array, tile: Geometry) -> Array:
    """What a tile reads of an image (H, W, N, C), padding included: (OH + KH − 1, C, OW + KW − 1, N)."""
    height, width = (out + k - 1 for out, k in zip(tile.out_size, tile.kernel, strict=True))
    n, c = image.shape[2:]
    planes = scratch(np, "planes", (height, c, width, n), image.dtype)
    (rows, image_rows), (columns, image_columns) = (
        reach(size, length, 1, before, 0)
        for size, length, before in zip(tile.in_size, (height, width), tile.pad, strict=True)
    )
    planes[: rows.start] = 0
    planes[rows.stop :] = 0
    planes[rows, :, : columns.start] = 0
    planes[rows, :, columns.stop :] = 0
    planes[rows, :, columns] = image[image_rows, image_columns].transpose(0, 3, 1, 2)
    return planes


def _overlapping(planes: Array, kh: int) -> Array:
    """For each row of outputs, the matrix of the KH rows of planes (H, C, L) that it reads: (OH, KH·C, L), a view."""
    rows, c, length = planes.shape
    return np.lib.stride_tricks.as_strided(planes, (rows - kh + 1, kh * c, length), planes.strides, writeable=False)


# --- how the work is cut -----------------------------------------------------------------------------


def _tiles(geometry: Geometry, bytes_per_pixel: int) -> list[Tile]:
    """The outputs, cut into tiles whose planes fit a cache."""
    (oh, ow), (kh, _), (top, left) = geometry.out_size, geometry.kernel, geometry.pad
    tiles = []
    for rows in _parts(oh, TILE_ROWS):
        height = rows.stop - rows.start
        for columns in _parts(ow, max(4, TILE_BYTES // ((height + kh - 1) * bytes_per_pixel))):
            size, pad = (height, columns.stop - columns.start), (top - rows.start, left - columns.start)
            tiles.append((rows, columns, Geometry(geometry.in_size, size, geometry.kernel, geometry.stride, pad)))
    return tiles


def _pieces(length: int, size: int) -> list[slice]:
    """A long axis in pieces whose products with a matrix of `size` numbers are small, or whole."""
    return _parts(length, SMALL // size if SMALL // size >= SHORTEST else length)


def _parts(length: int, most: int) -> list[slice]:
    """An axis cut into parts as equal as can be, of `most` at most."""
    count = -(-length // most)
    return [slice(i * length // count, (i + 1) * length // count) for i in range(count)]
