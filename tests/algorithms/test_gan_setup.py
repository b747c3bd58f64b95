"""The networks, optimisers, losses and penalties that a GAN's options ask for."""

from __future__ import annotations

import numpy as np
import pytest
from small_gans import Critic, Generator, make

from minigan import backend, optim
from minigan.algorithms import GAN
from minigan.data import Batch, DataInfo
from minigan.objectives import OBJECTIVES
from minigan.penalties import PENALTIES


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_lies_on_the_device_in_the_dtype(dtype):
    device = backend.get_default_device()
    gan = GAN(model="mlp").build(DataInfo({"x": (3, 28, 28)}), device=device, dtype=dtype)
    gan(iter([Batch(x=np.zeros((2, 3, 28, 28), "float32"))]))
    for name, network in gan.networks.items():
        optimizer = gan.optimizers[name]
        assert [id(p) for p in optimizer.params] == [id(p) for p in network.parameters()]
        assert {(p.device, p.dtype) for p in network.parameters()} == {(device, np.dtype(dtype))}
        moments = [array for state in optimizer.state for array in state.values()]
        assert {(backend.device_of(a), a.dtype) for a in moments} == {(device, np.dtype(dtype))}
    assert gan.generate(2).dtype == dtype


@pytest.mark.parametrize("channels", [1, 3])
def test_the_networks_are_for_the_channels_of_the_data(channels):
    gan = GAN(model="quick28").build(DataInfo({"x": (channels, 28, 28)}))
    G, D = gan.networks["G"], gan.networks["D"]
    assert D.parameters()[0].shape[1] == channels and gan.generate(1).shape == (1, channels, 28, 28)
    assert {p.dtype for p in (*G.parameters(), *D.parameters())} == {np.dtype("float32")}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_objective_is_the_one_that_was_named(objective):
    assert type(GAN(objective=objective).loss) is OBJECTIVES[objective]


def test_penalties_have_their_papers_weights_or_the_named_ones():
    gan = GAN(penalties=("gradient", "r1:2.5", "drift"))
    found = {name: (type(p), p.weight) for name, p in gan._penalties.items()}
    assert found == {
        "gradient": (PENALTIES["gradient"], 10.0), "r1": (PENALTIES["r1"], 2.5), "drift": (PENALTIES["drift"], 0.001)
    }  # fmt: skip


def test_networks_of_ones_own_get_optimisers_of_their_own():
    gan = make(optimizer="rmsprop")
    before = dict(gan.optimizers)
    G, D = Generator(), Critic()
    assert gan.use(G, D) is gan and gan.networks == {"G": G, "D": D}
    assert all(type(o) is optim.RMSprop and o is not before[name] for name, o in gan.optimizers.items())
    assert gan.optimizers["D"].params == D.parameters() and gan.optimizers["D"].lr == gan.lr_D
