"""Where a convolution reads: sizes, strides and padding, reduced to one small hashable value.

    y[n, o, i, j] = Σ_{c, kh, kw} x[n, c, i·SH + kh − top, j·SW + kw − left] · w[o, c, kh, kw]

with zeros outside x. Only the padding *before* the image appears in it: what comes after the output's size implies.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

Pair = tuple[int, int]


def normalize_pair(value: Any, name: str) -> Pair:
    """`3` -> `(3, 3)`, `(2, 3)` -> `(2, 3)`; `name` is what an error calls the value."""
    try:
        first, second = value if isinstance(value, (tuple, list)) else (value, value)
        return operator.index(first), operator.index(second)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an int or a pair of ints, not {value!r}") from None


def _explicit_padding(padding: Any) -> tuple[Pair, Pair]:
    """An int, (ph, pw) or ((top, bottom), (left, right)) as the last of the three."""
    try:
        rows, columns = padding if isinstance(padding, (tuple, list)) else (padding, padding)
        pairs = normalize_pair(rows, "padding"), normalize_pair(columns, "padding")
    except ValueError:
        forms = "an int, (ph, pw), ((top, bottom), (left, right)) or 'same'"
        raise ValueError(f"padding must be {forms}, not {padding!r}") from None
    if min(*pairs[0], *pairs[1]) < 0:
        raise ValueError(f"padding must not be negative: {padding!r}")
    return pairs


def normalize_padding(padding: Any, size: Pair, kernel: Pair, stride: Pair) -> tuple[Pair, Pair]:
    """A convolution's padding as ((top, bottom), (left, right)).

    "same" is TensorFlow's rule: the output has ceil(H/S) pixels, the padding is
    max((ceil(H/S) − 1)·S + K − H, 0) in all, and the smaller half comes before.
    """
    if not isinstance(padding, str) or padding != "same":
        return _explicit_padding(padding)
    totals = (max((-(-h // s) - 1) * s + k - h, 0) for h, k, s in zip(size, kernel, stride, strict=True))
    rows, columns = ((total // 2, total - total // 2) for total in totals)
    return rows, columns


def normalize_crop(padding: Any, kernel: Pair, stride: Pair) -> tuple[Pair, Pair]:
    """What a transposed convolution crops from its full output, as ((top, bottom), (left, right)).

    "same" makes the output H·S pixels: it crops K − S in all, max(K − S, 0) // 2 of them before.
    Where S > K the crop after is negative: the output is extended with zeros.
    """
    if not isinstance(padding, str) or padding != "same":
        return _explicit_padding(padding)
    totals = (k - s for k, s in zip(kernel, stride, strict=True))
    rows, columns = ((max(total, 0) // 2, total - max(total, 0) // 2) for total in totals)
    return rows, columns


def _by(size: Pair) -> str:
    return f"{size[0]}x{size[1]}"


class Tap(NamedTuple):
    """One kernel tap: the outputs it reaches from inside the image, the pixels those read, and the rest."""

    kh: int
    kw: int
    outputs: tuple[slice, slice]
    inputs: tuple[slice, slice]
    outside: tuple[tuple[slice, slice], ...]  # boxes of outputs for which this tap reads padding


@dataclass(frozen=True)
class Geometry:
    """A convolution from an H×W image to an OH×OW image; `pad` is (top, left)."""

    in_size: Pair
    out_size: Pair
    kernel: Pair
    stride: Pair
    pad: Pair

    @classmethod
    def of_conv(cls, in_size: Pair, kernel: Any, stride: Any = 1, padding: Any = 0) -> Geometry:
        """The geometry of conv2d on images of `in_size`: OH = floor((H + top + bottom − KH)/SH) + 1."""
        kernel, stride = _kernel_and_stride(kernel, stride)
        pads = normalize_padding(padding, in_size, kernel, stride)
        room = tuple(h + sum(p) - k for h, p, k in zip(in_size, pads, kernel, strict=True))
        if min(in_size) < 1 or min(room) < 0:
            image = f"an image of {_by(in_size)} pixels with padding {pads}"
            raise ValueError(f"a {_by(kernel)} kernel does not fit {image}")
        out_size = room[0] // stride[0] + 1, room[1] // stride[1] + 1
        return cls((in_size[0], in_size[1]), out_size, kernel, stride, (pads[0][0], pads[1][0]))

    @classmethod
    def of_conv_transpose(
        cls, in_size: Pair, kernel: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0
    ) -> Geometry:
        """The geometry whose *input gradient* is conv_transpose2d on images of `in_size`: its `in_size` is the large
        image, (H − 1)·SH − top − bottom + KH + output_padding, and its `out_size` the small one given here."""
        kernel, stride = _kernel_and_stride(kernel, stride)
        crops = normalize_crop(padding, kernel, stride)
        extra = normalize_pair(output_padding, "output_padding")
        if not all(0 <= e < s for e, s in zip(extra, stride, strict=True)):
            raise ValueError(f"output_padding {extra} must be at least 0 and less than the stride {stride}")
        axes = zip(in_size, stride, crops, kernel, extra, strict=True)
        large = tuple((h - 1) * s - sum(crop) + k + e for h, s, crop, k, e in axes)
        if min(in_size) < 1 or min(large) < 1:
            raise ValueError(
                f"a transposed convolution of {_by(in_size)} pixels with a {_by(kernel)} kernel, "
                f"stride {stride} and padding {crops} leaves {_by(large)} pixels"
            )
        return cls(large, (in_size[0], in_size[1]), kernel, stride, (crops[0][0], crops[1][0]))

    @property
    def is_pointwise(self) -> bool:
        """Whether every output reads the one pixel at its own place: a product over the channels."""
        return self == Geometry(self.out_size, self.out_size, (1, 1), (1, 1), (0, 0))

    def rows(self, start: int, stop: int) -> Geometry:
        """The part that computes the output rows start … stop − 1 (its `pad` may be negative)."""
        out_size, (top, left) = (stop - start, self.out_size[1]), self.pad
        return Geometry(self.in_size, out_size, self.kernel, self.stride, (top - start * self.stride[0], left))


def _kernel_and_stride(kernel: Any, stride: Any) -> tuple[Pair, Pair]:
    kernel, stride = normalize_pair(kernel, "kernel size"), normalize_pair(stride, "stride")
    if min(kernel) < 1:
        raise ValueError(f"the kernel size must be at least 1, not {_by(kernel)}")
    if min(stride) < 1:
        raise ValueError(f"the stride must be at least 1, not {stride}")
    return kernel, stride


def reach(size: int, out_size: int, stride: int, before: int, k: int) -> tuple[slice, slice]:
    """The outputs i for which pixel i·S + k − before lies in the image, and those pixels."""
    start = min(max(-((k - before) // stride), 0), out_size)  # the ceiling of (before − k)/S
    stop = max(min((size - 1 + before - k) // stride + 1, out_size), start)
    if start == stop:
        return slice(start, stop), slice(0, 0)
    first, last = (i * stride + k - before for i in (start, stop - 1))
    return slice(start, stop), slice(first, last + 1, stride)


@lru_cache(maxsize=4096)
def taps(geometry: Geometry) -> tuple[Tap, ...]:
    """Every kernel tap in order (kh outer, kw inner), with the boxes of pixels it connects."""
    oh, ow = geometry.out_size
    found = []
    for kh in range(geometry.kernel[0]):
        rows, in_rows = reach(geometry.in_size[0], oh, geometry.stride[0], geometry.pad[0], kh)
        for kw in range(geometry.kernel[1]):
            columns, in_columns = reach(geometry.in_size[1], ow, geometry.stride[1], geometry.pad[1], kw)
            boxes = (
                (slice(0, rows.start), slice(0, ow)),
                (slice(rows.stop, oh), slice(0, ow)),
                (rows, slice(0, columns.start)),
                (rows, slice(columns.stop, ow)),
            )
            outside = tuple(box for box in boxes if all(s.stop > s.start for s in box))
            found.append(Tap(kh, kw, (rows, columns), (in_rows, in_columns), outside))
    return tuple(found)
