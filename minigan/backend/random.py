"""Random streams. All draws are NumPy's, made on the host and moved (dropout's masks are made again to the bit where
they are used), so that runs with one seed see the same numbers on every device."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

Generator = np.random.Generator

_default_rng = np.random.default_rng(0)


class _Draws(threading.local):
    rng: np.random.Generator | None = None  # see `drawing_from`


_draws = _Draws()


def default_rng() -> np.random.Generator:
    """The generator that layers use when they are given none (initial weights, dropout)."""
    return _draws.rng or _default_rng


def manual_seed(seed: int) -> None:
    """Restart the default generator from `seed`."""
    default_rng().bit_generator.state = np.random.default_rng(seed).bit_generator.state


@contextmanager
def drawing_from(rng: np.random.Generator) -> Iterator[None]:
    """Make `rng` the default generator of this thread while the block runs."""
    before, _draws.rng = _draws.rng, rng
    try:
        yield
    finally:
        _draws.rng = before


_STREAMS = {"weights": (), "noise": (0, 1), "samples": (0, 2)}


def new_rng(seed: int, stream: str) -> np.random.Generator:
    """The random stream of this name: a generator of its own, so that no use of one disturbs another."""
    return np.random.default_rng([seed, *_STREAMS.get(stream, (0, zlib.crc32(stream.encode())))])
