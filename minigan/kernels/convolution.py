"""The convolution triangle: forward pass, input gradient, weight gradient, by the quicker algorithm.

    y  = conv_forward(x, w, geometry)        x (N, C, H, W), w (O, C, KH, KW), y (N, O, OH, OW)
    dx = conv_input_grad(dy, w, geometry)    also the forward pass of a transposed convolution
    dw = conv_weight_grad(x, dy, geometry)

Each is linear in both arrays, and its derivatives are the other two. Results are in native memory order (`layout`),
of the inputs' dtype, and share memory with nothing.

im2col is the plain sum, and takes everything. `narrow` is for few channels at stride 1, `strided` for windows that
overlap at greater ones: the same products, of float32 numbers, added in another order. Cook-Toom's rounding is about
1e-5 of the largest value where those sums' is 3e-7. That is nothing to training, but between two engines it shows: a
pre-activation within it of 0 may fall on LeakyReLU's other side. So only what is both float32 and large goes there:
lessons, comparisons and gradient checks are plain sums.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from types import ModuleType

from minigan.backend import Array
from minigan.kernels import cook_toom, im2col, narrow, strided
from minigan.kernels.dispatch import has_cuda_kernel
from minigan.kernels.geometry import Geometry

# Costs are in multiply-adds of a large matrix product; the ratios were measured on a CPU.
VALUE_MOVED = 30  # one value written to memory and read again
VALUE_TURNED = 60  # one value copied from or to a place where its neighbours are apart
RUN_COPIED = 900  # a window's pixel, its channels lying together, beside its values
VALUE_TRANSFORMED = 80  # one value that Cook-Toom's transforms read or write in memory
VALUE_EVALUATED = 27  # one that stays in a core's cache between a transform and a product
SMALL_PRODUCT = 0.6  # a multiply-add in the transforms' matrices of few rows, beside their values
PRODUCT_OF_WINDOWS = 1.5  # a multiply-add of `narrow`
PRODUCT_OF_BLOCKS = 1.5  # and of `strided`
PRODUCT_ADDED = 30  # one value of a product that is added to another
NARROW_CHANNELS = 32  # of input or output, whichever are fewer: most for which `narrow` is considered
WORTH_A_CHOICE = 1e6  # multiply-adds of a plain sum from which another algorithm is considered
LARGE = 5e8  # and from which Cook-Toom is
REACH = 16  # at most about so many pixels go into one value of a transform


@has_cuda_kernel
def conv_forward(x: Array, w: Array, geometry: Geometry) -> Array:
    """y of x (N, C, H, W) and w (O, C, KH, KW), (N, O, OH, OW)."""
    return algorithm(geometry, *x.shape[:2], len(w), x.dtype.char, 1).conv_forward(x, w, geometry)


@has_cuda_kernel
def conv_input_grad(dy: Array, w: Array, geometry: Geometry) -> Array:
    """dx of dy (N, O, OH, OW) and w (O, C, KH, KW), (N, C, H, W)."""
    n, (o, c) = len(dy), w.shape[:2]
    return algorithm(geometry, n, c, o, dy.dtype.char, 2).conv_input_grad(dy, w, geometry)


@has_cuda_kernel
def conv_weight_grad(x: Array, dy: Array, geometry: Geometry) -> Array:
    """dw of x (N, C, H, W) and dy (N, O, OH, OW), (O, C, KH, KW)."""
    return algorithm(geometry, *x.shape[:2], dy.shape[1], x.dtype.char, 1).conv_weight_grad(x, dy, geometry)


@lru_cache(maxsize=4096)
def algorithm(geometry: Geometry, n: int, c: int, o: int, dtype: str, column_passes: int) -> ModuleType:
    """`im2col`, or what is quicker, for a float32 convolution that is worth a choice: `narrow`, `strided`, `cook_toom`.

    `column_passes` is how often im2col moves its columns: once, or twice to add them up again.
    """
    sums = plain_sum(geometry, n, c, o)
    if dtype != "f" or sums < WORTH_A_CHOICE:
        return im2col
    costs = {im2col: im2col_cost(geometry, n, c, o, column_passes)}
    if geometry.stride == (1, 1) and min(c, o) <= NARROW_CHANNELS and not geometry.is_pointwise:
        costs[narrow] = narrow_cost(geometry, n, c, o)
    if any(1 < s < k for s, k in zip(geometry.stride, geometry.kernel, strict=True)):
        costs[strided] = strided_cost(geometry, n, c, o)
    if sums >= LARGE:
        costs[cook_toom] = cook_toom_cost(geometry, n, c, o)
    return min(costs, key=costs.__getitem__)


def plain_sum(geometry: Geometry, n: int, c: int, o: int) -> int:
    """The multiply-adds of the sum that defines a convolution."""
    return prod(geometry.out_size) * prod(geometry.kernel) * n * c * o


def im2col_cost(geometry: Geometry, n: int, c: int, o: int, column_passes: int) -> float:
    """One product with the matrix of columns, and making it."""
    (h, w), (oh, ow), (kh, kw) = geometry.in_size, geometry.out_size, geometry.kernel
    runs = 0 if geometry.is_pointwise else oh * ow * kh * kw * n
    values = n * (h * w * c + oh * ow * o) + kh * kw * c * o
    copies = VALUE_TURNED * c if c < im2col.FEW_CHANNELS else RUN_COPIED + VALUE_MOVED * c
    return plain_sum(geometry, n, c, o) + column_passes * runs * copies + VALUE_MOVED * values


def narrow_cost(geometry: Geometry, n: int, c: int, o: int) -> float:
    """Its products, an image turned into planes, and the values of the side with fewer channels at every tap of a
    row."""
    (h, w), (oh, ow) = geometry.in_size, geometry.out_size
    image, out = n * h * w * c, n * oh * ow * o
    turned = image + (out if o < c else 0)
    by_tap = geometry.kernel[1] * min(image, out)
    return (
        PRODUCT_OF_WINDOWS * plain_sum(geometry, n, c, o)
        + VALUE_TURNED * turned
        + VALUE_MOVED / 2 * by_tap
        + VALUE_MOVED * out
    )


def strided_cost(geometry: Geometry, n: int, c: int, o: int) -> float:
    """Its products, with the zeros that fill up the kernel; the image in blocks; a product of the outputs' size for
    each tap of blocks."""
    (oh, ow), kernel, stride = geometry.out_size, geometry.kernel, geometry.stride
    bh, bw = (-(-k // s) for k, s in zip(kernel, stride, strict=True))
    filled_up = bh * bw * prod(stride) / prod(kernel)
    blocks = (oh + bh - 1) * (ow + bw - 1) * prod(stride) * n * c
    return (
        PRODUCT_OF_BLOCKS * filled_up * plain_sum(geometry, n, c, o)
        + VALUE_MOVED * blocks
        + PRODUCT_ADDED * bh * bw * oh * ow * n * o
    )


def cook_toom_cost(geometry: Geometry, n: int, c: int, o: int) -> float:
    """A product at every point, and the transforms of the two images and the weight, rows then columns."""
    rh, rw = cook_toom.points(geometry)
    cost = float(rh * rw * n * c * o)
    for (h, w), length in ((geometry.in_size, n * c), (geometry.out_size, n * o), (geometry.kernel, c * o)):
        arithmetic = SMALL_PRODUCT * (rh * min(h, REACH) * w + rh * rw * min(w, REACH))
        movement = VALUE_TRANSFORMED * (h * w + rh * w) + VALUE_EVALUATED * rh * rw
        cost += length * (arithmetic + movement)
    return cost
