"""Convolution with fewer products: evaluate at points, multiply there, interpolate.

    conv(x, w) = A [(B x) ⊙ (C w)]        dx = Bᵀ [(Aᵀ dy) ⊙ (C w)]        dw = Cᵀ [(B x) ⊙ (Aᵀ dy)]

One factorisation of a trilinear form gives the forward pass and both gradients. Along one axis, m outputs of an r-tap
correlation are the coefficients of a polynomial product (transposed), which its values at m + r − 1 points determine:
F(m, r) takes m + r − 1 products where the sum takes m·r. A long row is cut into tiles of m outputs, a strided
convolution into S phases of the pixels (each a stride-1 convolution with every S-th tap); stacking the matrices of all
tiles and phases gives A (OH × R), B (R × H), C (R × KH) for the whole axis, padding and unread pixels included. In two
dimensions the axes nest: A = Ah ⊗ Aw and so on, and ⊙ is, at each of the Rh·Rw points, an ordinary (N × C) · (C × O)
matrix product over the channels. For NumPy's arrays: on a GPU it is not used.

Cook 1966; Toom 1963; Winograd, Arithmetic Complexity of Computations, 1980; Lavin & Gray, Fast Algorithms for
Convolutional Neural Networks, 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from minigan.backend import Array
from minigan.kernels.geometry import Geometry, Pair
from minigan.kernels.layout import PIXELS_FIRST, pixels_first, taps_first, weight_of
from minigan.kernels.parallel import each
from minigan.kernels.workspace import scratch

# The points, best first: rounding errors grow with the spread of their powers. Infinity (the
# leading coefficient) is always used too. Eight points in all keep float32 within 2e-5 of the maximum.
POINTS = tuple(map(Fraction, ("0", "1", "-1", "1/2", "-2", "2", "-1/2")))
MAX_POINTS = len(POINTS) + 1

BLOCK_BYTES = 2 << 20  # of evaluated values that one core works on at a time: about its cache
STRIP = 4096  # values of the long axis that a transform works on at a time
BAND_ROWS = 12  # least height of the blocks that a transform's matrix is cut into

Matrix = list[list[Fraction]]


# --- one tile: exact matrices of F(m, r) -----------------------------------------------------------


def tile_matrices(m: int, r: int) -> tuple[Matrix, Matrix, Matrix]:
    """A (m × P), B (P × P), C (P × r), P = m + r − 1, with Σ_q d[i+q]·w[q] = (A [(B d) ⊙ (C w)])[i].

    Polynomials with coefficients g and w have the values V_m g and V_r w at the points a_j, V_k[j, i] = a_j^i; their
    product has the coefficients V_P⁻¹ [(V_m g) ⊙ (V_r w)], whose inner product with d is the trilinear form: A = V_mᵀ,
    B = V_P⁻ᵀ, C = V_r. The denominators Π(a_j − a_k) of V_P⁻¹ are moved from B to C: A and B are without rounding.
    """
    one, zero = Fraction(1), Fraction(0)
    size = m + r - 1
    if m == 1 or r == 1:  # nothing to save: the products of the plain sum
        identity = [[one if i == j else zero for j in range(size)] for i in range(size)]
        return ([[one] * size], identity, identity) if m == 1 else (identity, identity, [[one]] * size)
    points = POINTS[: size - 1]
    a_rows = [[p**i for i in range(m)] for p in points] + [[zero] * (m - 1) + [one]]
    others = [points[:j] + points[j + 1 :] for j in range(len(points))]
    denominators = [prod((p - q for q in roots), start=one) for p, roots in zip(points, others, strict=True)]
    b_rows = [_polynomial(roots) + [zero] for roots in others] + [_polynomial(points)]
    c_rows = [[p**i / d for i in range(r)] for p, d in zip(points, denominators, strict=True)]
    c_rows += [[zero] * (r - 1) + [one]]
    return [list(column) for column in zip(*a_rows, strict=True)], b_rows, c_rows


def _polynomial(roots: tuple[Fraction, ...]) -> list[Fraction]:
    """The coefficients of Π (t − root), constant first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *coefficients], [root * c for c in coefficients] + [Fraction(0)]
        coefficients = [s - t for s, t in zip(shifted, scaled, strict=True)]
    return coefficients


# --- one axis: all tiles of all phases --------------------------------------------------------------


@lru_cache(maxsize=1024)
def axis_matrices(size: int, out_size: int, kernel: int, stride: int, before: int) -> tuple[np.ndarray, ...]:
    """A (OH × R), B (R × H), C (R × KH) in float64 for one axis of a geometry."""
    a_columns, b_rows, c_rows = [], [], []
    for start, stop, phase in _tiles(out_size, kernel, stride):
        a, b, c = tile_matrices(stop - start, len(range(phase, kernel, stride)))
        for point in range(len(b)):
            b_row = np.zeros(size)
            for d, value in enumerate(b[point]):
                pixel = (start + d) * stride + phase - before
                if 0 <= pixel < size:
                    b_row[pixel] = float(value)
            if not b_row.any():
                continue  # this product reads only padding
            a_column, c_row = np.zeros(out_size), np.zeros(kernel)
            a_column[start:stop] = [float(row[point]) for row in a]
            c_row[phase::stride] = [float(value) for value in c[point]]
            a_columns.append(a_column)
            b_rows.append(b_row)
            c_rows.append(c_row)
    if not b_rows:  # the kernel sees nothing but padding: one product with zero
        return np.zeros((out_size, 1)), np.zeros((1, size)), np.zeros((1, kernel))
    return np.array(a_columns).T.copy(), np.array(b_rows), np.array(c_rows)


def _tiles(out_size: int, kernel: int, stride: int) -> list[tuple[int, int, int]]:
    """(start, stop, phase) of every tile, from the first output to the last: the fewest that keep to `MAX_POINTS`."""
    tiles = []
    for phase in range(min(stride, kernel)):
        longest = max(1, MAX_POINTS + 1 - len(range(phase, kernel, stride)))
        tiles += [(tile.start, tile.stop, phase) for tile in _parts(out_size, -(-out_size // longest))]
    return sorted(tiles)


def _parts(length: int, count: int) -> list[slice]:
    """An axis cut into `count` parts as equal as can be."""
    return [slice(i * length // count, (i + 1) * length // count) for i in range(count)]


def points(geometry: Geometry) -> tuple[int, int]:
    """(Rh, Rw): how many points each axis is evaluated at."""
    rows, columns = (len(axis_matrices(*axis)[1]) for axis in _axes(geometry))
    return rows, columns


def _axes(geometry: Geometry) -> Iterator[tuple[int, ...]]:
    g = geometry
    return zip(g.in_size, g.out_size, g.kernel, g.stride, g.pad, strict=True)


# --- two axes, nested -------------------------------------------------------------------------------
#
# The rows' matrices are applied to whole images first and last. In between, every one of the Rh row points is a
# convolution along the columns that stays in a core's cache, and the Rh·Rw evaluated images never exist all at once.

Bands = tuple[tuple[slice, slice, Array], ...]


@lru_cache(maxsize=1024)
def _transforms(geometry: Geometry, dtype: str) -> tuple[tuple[Bands, Bands], ...]:
    """A, Aᵀ, B, Bᵀ, C, Cᵀ of a geometry, each for (rows, columns)."""
    axes = [axis_matrices(*axis) for axis in _axes(geometry)]
    pairs = [pair for m in zip(*axes, strict=True) for pair in (m, tuple(matrix.T for matrix in m))]
    return tuple((_bands(rows, dtype), _bands(columns, dtype)) for rows, columns in pairs)


def _bands(matrix: np.ndarray, dtype: str) -> Bands:
    """A matrix as (rows, columns, block) triples without the zeros left and right of each block, which are most of a
    long axis: a tile only touches pixels near it."""
    bands = []
    for rows in _parts(len(matrix), max(1, len(matrix) // BAND_ROWS)):
        used = [0] if not matrix[rows].any() else np.flatnonzero(matrix[rows].any(0)).tolist()
        columns = slice(used[0], used[-1] + 1)
        bands.append((rows, columns, np.ascontiguousarray(matrix[rows, columns], dtype)))
    return tuple(bands)


def _rows(transform: Bands, image: Array, out: Array) -> Array:
    """`transform` (R × H) applied to the first axis of `image` (H, …), written to `out` (R, …)."""
    image, flat = image.reshape(len(image), -1), out.reshape(len(out), -1)
    strips = _strips(image.shape[1])

    def apply(index: int) -> None:
        strip = strips[index]
        for rows, columns, block in transform:
            np.matmul(block, image[columns, strip], out=flat[rows, strip])

    each(np, apply, len(strips))
    return out


def _columns(transform: Bands, image: Array, out: Array) -> Array:
    """`transform` (R × W) applied to the second axis of `image` (H, W, …), written to `out` (H, R, …)."""
    image, flat = image.reshape(*image.shape[:2], -1), out.reshape(*out.shape[:2], -1)
    for strip in _strips(image.shape[2]):
        for rows, columns, block in transform:
            np.matmul(block, image[:, columns, strip], out=flat[:, rows, strip])
    return out


def _strips(length: int) -> list[slice]:
    """Strips of a transform's long axis: a product of so few rows is quickest in the innermost cache."""
    return [slice(i, i + STRIP) for i in range(0, length, STRIP)]


class _Stage(NamedTuple):
    """One of the three products of a factorisation: its matrices along rows and columns. scratch: what its memory is
    called, by what it goes from or to, so that the three convolutions share it."""

    scratch: str
    rows: Bands
    columns: Bands


def conv_forward(x: Array, w: Array, geometry: Geometry) -> Array:
    """y = A [(B x) ⊙ (C w)] of x (N, C, H, W) and w (O, C, KH, KW), (N, O, OH, OW)."""
    a, _, b, _, c, _ = _transforms(geometry, x.dtype.str)
    stages = _Stage("image", *b), _Stage("weight", *c), _Stage("out", *a)
    y = _through(geometry, pixels_first(x), taps_first(w), geometry.out_size, stages)
    return y.transpose(PIXELS_FIRST)


def conv_input_grad(dy: Array, w: Array, geometry: Geometry) -> Array:
    """dx = Bᵀ [(Aᵀ dy) ⊙ (C w)] of dy (N, O, OH, OW) and w (O, C, KH, KW), (N, C, H, W)."""
    _, at, _, bt, c, _ = _transforms(geometry, dy.dtype.str)
    stages = _Stage("image", *at), _Stage("weight", *c), _Stage("out", *bt)
    dx = _through(geometry, pixels_first(dy), taps_first(w), geometry.in_size, stages, right_transposed=True)
    return dx.transpose(PIXELS_FIRST)


def conv_weight_grad(x: Array, dy: Array, geometry: Geometry) -> Array:
    """dw = Cᵀ [(B x) ⊙ (Aᵀ dy)] of x (N, C, H, W) and dy (N, O, OH, OW), (O, C, KH, KW)."""
    _, at, b, _, _, ct = _transforms(geometry, x.dtype.str)
    stages = _Stage("image", *b), _Stage("out", *at), _Stage("weight", *ct)
    dw = _through(geometry, pixels_first(x), pixels_first(dy), geometry.kernel, stages, left_transposed=True)
    return weight_of(dw)


def _through(
    geometry: Geometry, left: Array, right: Array, out_size: Pair, stages: tuple[_Stage, _Stage, _Stage],
    left_transposed: bool = False, right_transposed: bool = False,
) -> Array:  # fmt: skip
    """back[(into left) ⊙ (weigh right)] of (H, W, I, J) and (H, W, J, K), as (*out_size, I, K); or of left
    (H, W, J, I) or right (H, W, K, J), whose matrices are transposed. stages: into, weigh and back."""
    into, weigh, back = stages
    dtype, (rh, rw) = left.dtype, points(geometry)
    (_, left_w, *m), (_, right_w, *n) = left.shape, right.shape
    out = m[left_transposed], n[not right_transposed]
    left_rows = _rows(into.rows, left, scratch(np, f"{into.scratch} rows", (rh, left_w, *m), dtype))
    right_rows = _rows(weigh.rows, right, scratch(np, f"{weigh.scratch} rows", (rh, right_w, *n), dtype))
    out_rows = scratch(np, f"{back.scratch} rows", (rh, out_size[1], *out), dtype)
    evaluated_bytes = rh * rw * (prod(m) + prod(n) + prod(out)) * dtype.itemsize
    blocks = _parts(rh, min(rh, max(1, evaluated_bytes // BLOCK_BYTES)))

    def convolve(index: int) -> None:
        rows = blocks[index]
        count = rows.stop - rows.start
        lefts = _columns(into.columns, left_rows[rows], scratch(np, into.scratch, (count, rw, *m), dtype))
        rights = _columns(weigh.columns, right_rows[rows], scratch(np, weigh.scratch, (count, rw, *n), dtype))
        products = scratch(np, back.scratch, (count, rw, *out), dtype)
        lefts = lefts.swapaxes(2, 3) if left_transposed else lefts
        np.matmul(lefts, rights.swapaxes(2, 3) if right_transposed else rights, out=products)
        _columns(back.columns, products, out_rows[rows])

    each(np, convolve, len(blocks))
    return _rows(back.rows, out_rows, np.empty((*out_size, *out), dtype))
