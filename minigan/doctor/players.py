"""Two networks ready to train, for the doctor: the program keeps its random state and its default device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from minigan import backend, models, optim
from minigan.backend import Device
from minigan.objectives import OBJECTIVES
from minigan.training.config import Config
from minigan.training.steps import Players


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


def players_of(config: Config, device: Device, dtype: str = "float32") -> Players:
    """The configured model's players, on a device."""
    G, D = (network.to(device, dtype) for network in models.build(config.model))
    adams = (
        optim.Adam(network.parameters(), lr, config.betas, config.eps, config.epsilon_hat)
        for network, lr in ((G, config.lr_G), (D, config.lr_D))
    )
    return Players(G, D, *adams, OBJECTIVES[config.objective]())
