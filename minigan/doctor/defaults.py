"""The program's defaults, its random generator and its device, for the time of a check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from minigan import backend
from minigan.backend import Device


@contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Meanwhile the default generator (weights, dropout) draws from `seed`; then it goes on as if nothing had been."""
    bits = backend.default_rng().bit_generator
    state = bits.state
    backend.manual_seed(seed)
    try:
        yield
    finally:
        bits.state = state


@contextmanager
def made_on(device: Device) -> Iterator[None]:
    """Meanwhile it is the default device."""
    before = backend.get_default_device()
    backend.set_default_device(device)
    try:
        yield
    finally:
        backend.set_default_device(before)
