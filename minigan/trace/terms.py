"""What the numbers of a convolution add up from: the very numbers of its first sample, of as many channels as take
little room."""

from __future__ import annotations

import base64

import numpy as np

from minigan.backend import Array, to_numpy
from minigan.functions.convolution import Conv2d, ConvTranspose2d
from minigan.kernels.geometry import Geometry
from minigan.trace.schema import Numbers, Terms

CHANNELS = 16  # of the source, as many as a picture shows
SOURCE, WEIGHTS, TARGET = 3136, 1024, 1024  # numbers of each that are kept, at most

CONVOLUTIONS = (Conv2d, ConvTranspose2d)


def terms_of(
    geometry: Geometry, source: Array, kernels: Array, target: Array, gathers: bool, bias: Array | None = None
) -> Terms:
    """The terms of `target`, the first sample's (N, T, …), in `source` (N, K, …).

    kernels: (small, large, KH, KW), of the small image's channels and the large one's. gathers: whether the target is
    the small image, each number of which adds up a window of the large one; else each number of the target adds up
    the stamps that lie over it.
    """
    height, width = source.shape[2:]
    k = max(1, min(CHANNELS, source.shape[1], SOURCE // (height * width)))
    by_target = kernels if gathers else kernels.swapaxes(0, 1)
    size = k * kernels.shape[2] * kernels.shape[3]
    t = max(1, min(CHANNELS, target.shape[1], WEIGHTS // size, TARGET // (target.shape[2] * target.shape[3])))
    return Terms(
        gathers, source.shape[1], geometry.stride, geometry.pad, numbers(source[0, :k]), numbers(by_target[:t, :k]),
        numbers(target[0, :t]), None if bias is None else numbers(bias[:t]),
    )  # fmt: skip


def numbers(array: Array) -> Numbers:
    """An array's numbers as float32."""
    host = to_numpy(array).astype("<f4")
    return Numbers(tuple(host.shape), base64.b64encode(np.ascontiguousarray(host).tobytes()).decode())
