"""The players that a configuration asks for."""

from __future__ import annotations

import numpy as np
import pytest

from minigan import backend
from minigan.objectives import OBJECTIVES
from minigan.training import Config
from minigan.training.players import players_of


def test_the_players_are_as_the_configuration_has_them():
    rates = {"lr_G": 0.1, "lr_D": 0.2, "betas": (0.3, 0.4), "eps": 0.5, "epsilon_hat": True}
    config = Config.for_model("tiny", channels=3, objective="least-squares", **rates)
    players = players_of(config, backend.get_default_device(), "float64")
    for network, optimizer, lr in ((players.G, players.opt_G, 0.1), (players.D, players.opt_D, 0.2)):
        assert [id(p) for p in optimizer.params] == [id(p) for p in network.parameters()]
        assert {p.dtype for p in optimizer.params} == {np.dtype("float64")}
        assert {p.device for p in optimizer.params} == {backend.get_default_device()}
        assert (optimizer.lr, optimizer.betas, optimizer.eps, optimizer.epsilon_hat) == (lr, (0.3, 0.4), 0.5, True)
    assert players.D[0].weight.shape[1] == 3
    assert isinstance(players.objective, OBJECTIVES["least-squares"])


@pytest.mark.parametrize("channels", [None, 1])
def test_where_channels_are_left_open_images_are_grey(channels):
    players = players_of(Config.for_model("tiny", channels=channels), backend.CPU)
    assert players.D[0].weight.shape[1] == 1 and players.D[0].weight.dtype == "float32"
