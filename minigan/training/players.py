"""`players_of`: the two networks of a configuration, each with its optimiser, ready to train."""

from __future__ import annotations

from minigan import models
from minigan.backend import Device
from minigan.nn import Module
from minigan.objectives import OBJECTIVES
from minigan.optim import Adam
from minigan.training.config import Config
from minigan.training.steps import Players


def players_of(config: Config, device: Device, dtype: str = "float32") -> Players:
    """The players as the configuration has them, on a device; where it leaves the channels open, of grey images.

    Their weights are drawn from minigan's default generator.
    """

    def adam(network: Module, lr: float) -> Adam:
        return Adam(network.parameters(), lr, config.betas, config.eps, config.epsilon_hat)

    G, D = models.build(config.model, config.channels or 1)
    G.to(device, dtype), D.to(device, dtype)
    return Players(G, D, adam(G, config.lr_G), adam(D, config.lr_D), OBJECTIVES[config.objective]())
