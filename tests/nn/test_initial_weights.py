"""Initial weights: their distributions, their fans, their seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigan as mg
from minigan import nn
from minigan.backend import to_numpy
from minigan.nn import init


def tensor(*shape: int, dtype: str = "float32") -> mg.Tensor:
    return mg.Tensor(np.full(shape, 7.0, dtype))


def is_uniform(values: np.ndarray, bound: float) -> None:
    """Inside ±bound, reaching almost to it, with the standard deviation of a uniform distribution."""
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    assert np.abs(values).max() > 0.99 * bound
    assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert abs(values.mean()) < 0.05 * bound


def test_fans_count_the_taps():
    assert init.fans((5, 3)) == (3, 5)
    assert init.fans((5, 3, 4, 2)) == (24, 40)
    with pytest.raises(ValueError, match=r"shape \(5,\) has no fan-in"):
        init.fans((5,))


def test_normal_and_uniform():
    values = init.normal_(tensor(100, 100), 1.0, 0.02).numpy()
    assert values.mean() == pytest.approx(1, abs=1e-3) and values.std() == pytest.approx(0.02, rel=0.05)
    values = init.uniform_(tensor(100, 100), 2.0, 3.0).numpy()
    assert 2 <= values.min() < 2.01 and 2.99 < values.max() <= 3
    assert np.all(init.zeros_(tensor(3)).numpy() == 0) and np.all(init.ones_(tensor(3)).numpy() == 1)
    assert np.all(init.constant_(tensor(3), 4.0).numpy() == 4)


@pytest.mark.parametrize("shape", [(80, 120), (20, 30, 3, 5)])
def test_xavier_and_kaiming_bounds(shape):
    taps = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * taps, shape[0] * taps
    is_uniform(init.xavier_uniform_(tensor(*shape)).numpy(), math.sqrt(6 / (fan_in + fan_out)))
    is_uniform(init.xavier_uniform_(tensor(*shape), gain=2).numpy(), 2 * math.sqrt(6 / (fan_in + fan_out)))
    is_uniform(init.kaiming_uniform_(tensor(*shape)).numpy(), math.sqrt(6 / fan_in))
    is_uniform(init.kaiming_uniform_(tensor(*shape), 0.2).numpy(), math.sqrt(6 / (1.04 * fan_in)))


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (6, 2, 2, 2)])
def test_orthogonal(shape):
    w = init.orthogonal_(tensor(*shape, dtype="float64"), gain=2).numpy().reshape(shape[0], -1)
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_orthogonal_prefers_no_direction():
    """A bare QR decomposition makes the first entry negative every time."""
    signs = [np.sign(init.orthogonal_(tensor(3, 3)).numpy()[0, 0]) for _ in range(40)]
    assert {-1.0, 1.0} == set(signs)


@pytest.mark.parametrize(
    ("make", "fan_in"),
    [
        (lambda: nn.Dense(100, 400), 100),
        (lambda: nn.Conv2d(20, 400, 3), 180),
        (lambda: nn.ConvTranspose2d(40, 400, 3), 400 * 9),  # PyTorch reads (in, out, KH, KW) as (out, in, …) too
    ],
)
def test_layers_start_as_those_of_pytorch(make, fan_in):
    layer = make()
    is_uniform(layer.weight.numpy(), 1 / math.sqrt(fan_in))
    assert np.abs(layer.bias.numpy()).max() <= 1 / math.sqrt(fan_in)
    assert layer.bias.numpy().std() > 0.5 / math.sqrt(3 * fan_in)


def test_the_seed_decides_and_every_dtype_starts_alike():
    mg.manual_seed(3)
    a, b = init.normal_(tensor(50)).numpy(), init.normal_(tensor(50)).numpy()
    mg.manual_seed(3)
    wide = init.normal_(tensor(50, dtype="float64")).numpy()
    np.testing.assert_array_equal(wide.astype(np.float32), a)
    assert not np.array_equal(a, b)
    own = init.normal_(tensor(50), rng=np.random.default_rng(3)).numpy()
    np.testing.assert_array_equal(own, a)


@pytest.mark.parametrize(
    "fill", [init.normal_, init.uniform_, init.xavier_uniform_, init.kaiming_uniform_, init.orthogonal_]
)
def test_each_draws_from_the_generator_that_it_is_given_and_notes_the_change(fill):
    def drawn(seed: int) -> np.ndarray:
        return fill(tensor(4, 3), rng=np.random.default_rng(seed)).numpy()

    before = mg.backend.default_rng().bit_generator.state
    np.testing.assert_array_equal(drawn(1), drawn(1))
    assert not np.array_equal(drawn(1), drawn(2))
    assert mg.backend.default_rng().bit_generator.state == before
    assert fill(tensor(4, 3)).version == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Dense(4, 3), lambda: nn.Conv2d(2, 3, 2), lambda: nn.ConvTranspose2d(2, 3, 2),
        lambda: nn.Embedding(4, 3), lambda: nn.SpectralNorm(nn.Dense(4, 3)), lambda: nn.SelfAttention(8),
    ],
    ids=["Dense", "Conv2d", "ConvTranspose2d", "Embedding", "SpectralNorm", "SelfAttention"],
)  # fmt: skip
def test_each_array_that_is_drawn_is_another_for_another_seed(make):
    def drawn(seed: int) -> dict[str, np.ndarray]:
        mg.manual_seed(seed)
        return {name: to_numpy(array) for name, array in make().state_dict().items()}

    first, again, other = drawn(1), drawn(1), drawn(2)
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array)
        assert name == "gamma" or not np.array_equal(other[name], array), name


def test_an_embedding_starts_as_a_standard_normal_table():
    mg.manual_seed(0)
    values = nn.Embedding(100, 100).weight.numpy()
    assert values.mean() == pytest.approx(0, abs=0.03) and values.std() == pytest.approx(1, rel=0.03)
    assert np.abs(values).max() > 3
