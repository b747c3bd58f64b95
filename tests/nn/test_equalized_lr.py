"""`EqualizedLR` is the plain layer with the weight c·W, and what that makes of an optimiser's steps."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import nn, optim

GAIN = 1.3
LAYERS = {
    "dense": (lambda: nn.Dense(6, 4), (3, 6), 6),
    "conv": (lambda: nn.Conv2d(2, 4, 3, padding=1), (3, 2, 5, 4), 18),
    "no bias": (lambda: nn.Dense(6, 4, bias=False), (3, 6), 6),
}


@pytest.fixture(params=LAYERS)
def case(request):
    """An equalised layer, a plain one whose weight is c·W, x, and c."""
    mg.manual_seed(0)
    make, shape, fan_in = LAYERS[request.param]
    layer, plain, c = nn.EqualizedLR(make(), GAIN).to(dtype="float64"), make().to(dtype="float64"), 1.3 / fan_in**0.5
    plain.weight.data = layer.module.weight.data * c
    if plain.bias is not None:
        plain.bias.data = layer.module.bias.data = np.arange(4.0) / 3
    return layer, plain, mg.Tensor(np.random.default_rng(0).standard_normal(shape)), c


def learn(network: nn.Module, x: mg.Tensor, optimizer: optim.Optimizer) -> None:
    network.zero_grad()
    F.mean(network(x) ** 3).backward()
    optimizer.step()


def test_it_is_the_plain_layer_with_c_times_the_weight(case):
    layer, plain, x, _ = case
    np.testing.assert_allclose(layer(x).numpy(), plain(x).numpy(), rtol=1e-12, atol=1e-14)


def test_a_step_of_sgd_is_the_plain_layers_with_c_squared_times_the_rate(case):
    layer, plain, x, c = case
    learn(layer, x, optim.SGD([layer.module.weight], 0.1))
    learn(plain, x, optim.SGD([plain.weight], 0.1 * c**2))
    np.testing.assert_allclose(c * layer.module.weight.numpy(), plain.weight.numpy(), rtol=1e-12, atol=1e-14)


def test_a_step_of_adam_moves_the_weight_that_is_used_by_c_times_the_rate(case):
    """In its first step, each number by the rate itself; with PyTorch's ε of next to nothing."""
    layer, _, x, c = case
    before = c * layer.module.weight.numpy().copy()
    learn(layer, x, optim.Adam([layer.module.weight], 0.1, eps=1e-15))
    np.testing.assert_allclose(np.abs(c * layer.module.weight.numpy() - before), 0.1 * c, rtol=1e-9)


def test_what_it_begins_with():
    mg.manual_seed(0)
    layer = nn.EqualizedLR(nn.Conv2d(16, 32, 3))
    weight = layer.module.weight.numpy()
    assert weight.std() == pytest.approx(1, abs=0.03) and abs(weight.mean()) < 0.05
    assert not layer.module.bias.numpy().any() and layer.scale == pytest.approx(math.sqrt(2 / (16 * 9)))
    assert [name for name, _ in layer.named_parameters()] == ["module.weight", "module.bias"]
    x = mg.Tensor(np.ones((1, 16, 3, 3), "float32"))
    assert layer(x).dtype == np.float32 and layer.module.weight is layer.parameters()[0]


def test_the_layer_keeps_its_own_weight_after_an_error():
    layer = nn.EqualizedLR(nn.Dense(3, 2))
    weight = layer.module.weight
    with pytest.raises(ValueError):
        layer(mg.Tensor(np.ones((2, 17), "float32")))
    assert layer.module.weight is weight


@pytest.mark.parametrize("module", [nn.ReLU(), nn.ConvTranspose2d(2, 3, 4), 3], ids=["ReLU", "transposed", "number"])
def test_what_it_does_not_take(module):
    with pytest.raises(TypeError, match=f"^EqualizedLR takes a Dense or a Conv2d, not {type(module).__name__}$"):
        nn.EqualizedLR(module)
