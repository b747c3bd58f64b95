"""An array in a few numbers and a small picture."""

from __future__ import annotations

import base64
import math
import weakref
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from minigan import backend
from minigan.autograd import Tensor
from minigan.autograd.tensor import owner_of
from minigan.backend import Array, get_array_module

BINS = 24  # of a histogram
DRAWN = 4096  # numbers that a histogram looks at, spread over the array
SIDE = 28  # of a tile of a picture, at most
TILES = 16  # channels shown
SAMPLES = 4  # shown of images that have one channel
BLOCK = 1 << 14  # numbers looked at in one go: they stay in the cache


@dataclass(frozen=True)
class Histogram:
    """How many of the drawn numbers lie in each of the equal bins from low to high."""

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Picture:
    """Tiles of numbers, each a byte: value = byte · scale / 127; a byte of −128 stands for NaN or ±Inf.

    of: what a tile is: "channels" (of the first sample), "samples" (the first ones, of one channel), "features" (of
    the first sample) or "numbers"; the last two are folded to a near-square, row by row, the last row filled up with
    zeros. shape: (tiles, rows, columns). every: only each so-many-th row and column is shown. data: bytes in base64.
    """

    of: str
    shape: tuple[int, int, int]
    every: int
    scale: float
    data: str


@dataclass(frozen=True)
class ArraySummary:
    """A summary of an array. All numbers are of its finite elements; the others are counted. norm: √Σx².
    std: √E(x − mean)². zeros: the share of elements that are exactly 0. nans, infs: how many. histogram: from low to
    high, for gradients from −max|x| to max|x|."""

    shape: tuple[int, ...]
    dtype: str
    norm: float
    mean: float
    std: float
    min: float
    max: float
    zeros: float
    nans: int
    infs: int
    histogram: Histogram
    picture: Picture | None

    @property
    def finite(self) -> bool:
        """Whether no element is NaN or infinite."""
        return not (self.nans or self.infs)

    @property
    def dimensions(self) -> str:
        """The shape in words, "5×18"."""
        return "×".join(map(str, self.shape)) or "a number"


def summarize(array: Array, signed: bool = False, picture: bool = True) -> ArraySummary:
    """The summary of an array. signed: its histogram is symmetric about 0, as for gradients."""
    xp = get_array_module(array)
    flat = array.ravel(order="K") if xp is np else array.ravel()  # as it lies in memory: no copy
    if flat.dtype.kind != "f":
        flat = flat.astype("float64")
    size, nans, infs = flat.size, 0, 0
    finite = flat
    with np.errstate(over="ignore", invalid="ignore"):
        square, total, low, high, zeros = _moments(xp, flat)
    if not math.isfinite(square):  # (or so large that its square is not)
        nans, infs = int(xp.isnan(flat).sum()), int(xp.isinf(flat).sum())
        finite = flat[xp.isfinite(flat)].astype("float64")
        square, total, low, high, zeros = _moments(xp, finite)
    n = max(1, finite.size)
    mean = total / n
    variance = square / n - mean * mean
    if variance < 1e-9 * mean * mean:  # little is left of the difference: take it the exact way
        variance = float(xp.square(finite.astype("float64") - mean).mean())
    reach = max(-low, high)
    histogram = _histogram(xp, finite, *((-reach, reach) if signed else (low, high)))
    tiles = _picture(array) if picture and size else None
    numbers = math.sqrt(square), mean, math.sqrt(max(0.0, variance)), low, high, zeros / max(1, size)
    norm, mean, std, low, high, share = map(_short, numbers)
    shape, dtype = tuple(array.shape), str(array.dtype)
    return ArraySummary(shape, dtype, norm, mean, std, low, high, share, nans, infs, histogram, tiles)


class TensorSummaries:
    """Summaries of tensors. Each memory is read once, however many tensors show it."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[weakref.ref[Array], ArraySummary]] = {}

    def __call__(self, t: Tensor, signed: bool = False, picture: bool = True) -> ArraySummary:
        """The summary of a tensor, as `summarize` makes it."""
        array = t.array
        owner = whole if (whole := owner_of(array)).size == array.size else array  # a part is known by itself only
        key = id(owner), t.shape, array.strides, t.version, signed, picture
        memory, summary = self._known.get(key, (None, None))
        if memory is None or summary is None or memory() is not owner:
            summary = summarize(array, signed, picture)
            self._known[key] = weakref.ref(owner), summary
        return summary


def _short(x: float) -> float:
    """Nine digits tell any float32; more would only take up room."""
    return float(f"{x:.9g}")


def _moments(xp: ModuleType, flat: Array) -> tuple[float, float, float, float, int]:
    """Σx², Σx, min, max and how many are 0, in one pass through memory. The sums are float64's: the same numbers
    lying in another order have the same norm, to all digits shown."""
    if not flat.size:
        return 0.0, 0.0, 0.0, 0.0, 0
    square = total = 0.0
    low, high, zeros = math.inf, -math.inf, 0
    block = BLOCK if xp is np else flat.size
    for start in range(0, flat.size, block):
        part = flat[start : start + block]
        wide = part.astype("float64")
        square += float(wide @ wide)
        total += float(wide.sum())
        low, high = min(low, float(part.min())), max(high, float(part.max()))
        zeros += int(xp.count_nonzero(part == 0))
    return square, total, low, high, zeros


def _histogram(xp: ModuleType, flat: Array, low: float, high: float) -> Histogram:
    step = max(1, flat.size // DRAWN) | 1  # odd, so as not to keep meeting the same channels
    drawn = flat[::step]
    width = (high - low) or 1.0
    bins = ((drawn - low) * (BINS / width)).astype("int32").clip(0, BINS - 1)
    counts = backend.to_numpy(xp.bincount(bins, minlength=BINS))
    return Histogram(_short(low), _short(high), tuple(int(n) for n in counts))


def _picture(array: Array) -> Picture:
    """A picture of an array that is not empty."""
    every = 1
    if array.ndim == 4:
        of, tiles = ("samples", array[:SAMPLES, 0]) if array.shape[1] == 1 else ("channels", array[0, :TILES])
        every = math.ceil(max(tiles.shape[1:]) / SIDE)
        tiles = backend.to_numpy(tiles[:, ::every, ::every])
    elif array.ndim >= 2 and array[0].size > 1:
        of, tiles = "features", _folded(array[0])
    else:
        of, tiles = "samples" if array.ndim == 2 else "numbers", _folded(array)
    tiles = tiles.astype("float64")
    finite = np.where(np.isfinite(tiles), tiles, 0.0)
    scale = _short(float(np.abs(finite).max(initial=0.0)))
    levels = np.where(np.isfinite(tiles), np.rint(finite * (127 / (scale or 1.0))), -128)
    count, rows, columns = tiles.shape
    return Picture(of, (count, rows, columns), every, scale, base64.b64encode(levels.astype("int8").tobytes()).decode())


def _folded(numbers: Array) -> Array:
    """The first numbers as one tile, near to a square."""
    vector = backend.to_numpy(numbers.ravel()[: SIDE * SIDE])
    columns = math.ceil(math.sqrt(vector.size))
    return np.pad(vector, (0, -vector.size % columns)).reshape(1, -1, columns)


def pixels(picture: Picture) -> Array:
    """The numbers of a picture (tiles, rows, columns), float32, NaN where they were not finite."""
    levels = np.frombuffer(base64.b64decode(picture.data), "int8").reshape(picture.shape)
    return np.where(levels == -128, np.float32("nan"), levels * np.float32(picture.scale / 127))
