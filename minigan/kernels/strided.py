"""Strided convolutions as sums of products of blocks: no columns are made.

An image cut into blocks of SH×SW pixels, each block's pixels lying together, is a smaller image B (H/SH, W/SW, N, K) of
K = SH·SW·C channels, and a convolution of stride (SH, SW) is one of stride 1 over it, by a kernel of (KH/SH)×(KW/SW)
blocks, filled up with zeros where the stride does not divide it. With few taps i, j left, each is a product of its own:

    y = Σᵢⱼ B[i:, j:] · Wᵢⱼ        dB[i:, j:] += dy · Wᵢⱼᵀ        dWᵢⱼ = B[i:, j:]ᵀ · dy

Rows of a shifted B lie in one piece in memory, so products read them where they are, where im2col writes each pixel of
an image KH·KW/(SH·SW) times and reads it again. For NumPy's arrays: on a GPU it is not used.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minigan.backend import Array
from minigan.kernels.geometry import Geometry, Pair, reach
from minigan.kernels.layout import PIXELS_FIRST, TAPS_FIRST, pixels_first, weight_of
from minigan.kernels.parallel import each
from minigan.kernels.workspace import scratch

PIECE_BYTES = 1 << 20  # of blocks at a time: a part of a core's cache
LEAST_PIECES = 2  # so that two cores have work


def conv_forward(x: Array, w: Array, geometry: Geometry) -> Array:
    """y of x (N, C, H, W) and w (O, C, KH, KW), (N, O, OH, OW)."""
    image, weight, (o, c) = pixels_first(x), block_weight(w, geometry.stride), w.shape[:2]
    (oh, ow), n = geometry.out_size, len(x)
    y = np.empty((oh, ow, n, o), x.dtype)
    pieces = _pieces(oh, geometry, n * c * x.itemsize)

    def multiply(index: int) -> None:
        rows = pieces[index]
        blocks, total = _blocks(image, geometry, rows), y[rows].reshape(-1, ow * n, o)
        product = scratch(np, "product", total.shape, x.dtype)
        for number, (i, j, tap) in enumerate(_taps(weight)):
            np.matmul(_shifted(blocks, i, j, total), tap, out=product if number else total)
            if number:
                total += product

    each(np, multiply, len(pieces))
    return y.transpose(PIXELS_FIRST)


def conv_input_grad(dy: Array, w: Array, geometry: Geometry) -> Array:
    """dx of dy (N, O, OH, OW) and w (O, C, KH, KW), (N, C, H, W)."""
    gradient, weight, (o, c) = pixels_first(dy), block_weight(w, geometry.stride), w.shape[:2]
    (oh, ow), n, (bh, bw) = geometry.out_size, len(dy), weight.shape[:2]
    dx = np.zeros((*geometry.in_size, n, c), dy.dtype)  # pixels that no window reads stay 0
    pieces = _pieces(oh + bh - 1, geometry, n * c * dy.itemsize)

    def add_up(index: int) -> None:
        rows = pieces[index]  # of blocks: each has all that comes to it from one piece, and is written by one alone
        height = rows.stop - rows.start
        blocks = scratch(np, "blocks", (height, ow + bw - 1, n, weight.shape[2]), dy.dtype)
        blocks[...] = 0
        for i, j, tap in _taps(weight):
            of_dy = slice(max(0, rows.start - i), min(oh, rows.stop - i))
            if of_dy.start >= of_dy.stop:
                continue
            part = gradient[of_dy].reshape(-1, ow * n, o)
            product = scratch(np, "product", (*part.shape[:2], weight.shape[2]), dy.dtype)
            np.matmul(part, tap.T, out=product)
            at = of_dy.start + i - rows.start
            blocks[at : at + len(part), j : j + ow] += product.reshape(-1, ow, n, weight.shape[2])
        for block, pixels in _places(geometry, rows, blocks):
            dx[pixels] = block

    each(np, add_up, len(pieces))
    return dx.transpose(PIXELS_FIRST)


def conv_weight_grad(x: Array, dy: Array, geometry: Geometry) -> Array:
    """dw of x (N, C, H, W) and dy (N, O, OH, OW), (O, C, KH, KW)."""
    image, gradient, (n, c), o = pixels_first(x), pixels_first(dy), x.shape[:2], dy.shape[1]
    (oh, ow), (kh, kw), (sh, sw) = geometry.out_size, geometry.kernel, geometry.stride
    bh, bw = _in_blocks(geometry)
    pieces = _pieces(oh, geometry, n * c * x.itemsize)
    sums = np.empty((len(pieces), bh, bw, sh * sw * c, o), x.dtype)

    def multiply(index: int) -> None:
        rows = pieces[index]
        blocks, by_row = _blocks(image, geometry, rows), gradient[rows].reshape(-1, ow * n, o)
        for i in range(bh):
            for j in range(bw):
                np.sum(_shifted(blocks, i, j, by_row).swapaxes(1, 2) @ by_row, axis=0, out=sums[index, i, j])

    each(np, multiply, len(pieces))
    dw = sums.sum(0).reshape(bh, bw, sh, sw, c, o).transpose(0, 2, 1, 3, 4, 5).reshape(bh * sh, bw * sw, c, o)
    return weight_of(np.ascontiguousarray(dw[:kh, :kw]))


def block_weight(w: Array, stride: Pair) -> Array:
    """w (O, C, KH, KW) as (⌈KH/SH⌉, ⌈KW/SW⌉, SH·SW·C, O), with zeros where the stride does not divide it."""
    (o, c, kh, kw), (sh, sw) = w.shape, stride
    bh, bw = -(-kh // sh), -(-kw // sw)
    whole = np.zeros((bh * sh, bw * sw, c, o), w.dtype)
    whole[:kh, :kw] = w.transpose(TAPS_FIRST)
    return whole.reshape(bh, sh, bw, sw, c, o).transpose(0, 2, 1, 3, 4, 5).reshape(bh, bw, sh * sw * c, o)


def _in_blocks(geometry: Geometry) -> Pair:
    """A kernel's size in blocks."""
    (kh, kw), (sh, sw) = geometry.kernel, geometry.stride
    return -(-kh // sh), -(-kw // sw)


def _taps(weight: Array) -> Iterator[tuple[int, int, Array]]:
    """The taps (i, j) of a weight of blocks, and their matrices (K, O)."""
    for i, row in enumerate(weight):
        for j, tap in enumerate(row):
            yield i, j, tap


def _shifted(blocks: Array, i: int, j: int, outputs: Array) -> Array:
    """What tap (i, j) reads for rows of outputs (R, OW·N, O): (R, OW·N, K), a view."""
    height, width, n, k = blocks.shape
    rows = blocks.reshape(height, width * n, k)
    return rows[i : i + len(outputs), j * n : j * n + outputs.shape[1]]


def _blocks(image: Array, geometry: Geometry, rows: slice) -> Array:
    """The blocks that rows of outputs read, padding included: (R + KH/SH − 1, OW + KW/SW − 1, N, SH·SW·C)."""
    bh, bw = _in_blocks(geometry)
    n, c = image.shape[2:]
    height, width = rows.stop - rows.start + bh - 1, geometry.out_size[1] + bw - 1
    blocks = scratch(np, "blocks", (height, width, n, geometry.stride[0] * geometry.stride[1] * c), image.dtype)
    blocks[...] = 0
    for block, pixels in _places(geometry, slice(rows.start, rows.start + height), blocks):
        block[...] = image[pixels]
    return blocks


def _places(geometry: Geometry, rows: slice, blocks: Array) -> Iterator[tuple[Array, tuple[slice, slice]]]:
    """For each pixel of a block: where it is in these rows of blocks, (R, B, N, C), and where in the image."""
    (height, width, n, k), (sh, sw), (top, left) = blocks.shape, geometry.stride, geometry.pad
    by_pixel = blocks.reshape(height, width, n, sh, sw, k // (sh * sw))
    for a in range(sh):
        inside, image_rows = reach(geometry.in_size[0], height, sh, top - rows.start * sh, a)
        for b in range(sw):
            columns, image_columns = reach(geometry.in_size[1], width, sw, left, b)
            yield by_pixel[inside, columns, :, a, b], (image_rows, image_columns)


def _pieces(rows: int, geometry: Geometry, bytes_per_pixel: int) -> list[slice]:
    """Rows in pieces as equal as can be, whose blocks fit a cache."""
    (sh, sw), (_, bw) = geometry.stride, _in_blocks(geometry)
    row = (geometry.out_size[1] + bw - 1) * sh * sw * bytes_per_pixel
    count = min(rows, max(LEAST_PIECES, -(-rows * row // PIECE_BYTES)))
    return [slice(i * rows // count, (i + 1) * rows // count) for i in range(count)]
