"""PGGAN's networks: what a blend of two levels is, exactly, and what the layers are."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.models.pggan import Discriminator, Generator, blend

LEVELS = [1, 2, 3]


@pytest.fixture(scope="module")
def pair() -> tuple[Generator, Discriminator]:
    mg.manual_seed(0)
    return Generator(2), Discriminator(2)


@pytest.fixture(scope="module")
def z() -> mg.Tensor:
    return mg.Tensor(np.random.default_rng(0).standard_normal((4, 64)).astype("float32"))


def images(level: int) -> mg.Tensor:
    return mg.Tensor(np.random.default_rng(level).standard_normal((4, 2, 4 * 2**level, 4 * 2**level)).astype("float32"))


def test_each_level_has_images_of_its_size(pair, z):
    G, D = pair
    for level in range(4):
        fake = G(z, level)
        assert fake.shape == (4, 2, 4 * 2**level, 4 * 2**level) and fake.dtype == np.float32
        assert D(fake, level).shape == (4, 1)
    np.testing.assert_array_equal(G(z).numpy(), G(z, 3, 1.0).numpy())
    np.testing.assert_array_equal(D(images(3)).numpy(), D(images(3), 3, 1.0).numpy())


@pytest.mark.parametrize("level", LEVELS)
def test_at_alpha_0_the_level_below_is_enlarged(pair, z, level):
    """To the bit: a level that begins changes nothing."""
    G, D = pair
    lower, x = F.upsample_nearest2d(G(z, level - 1)), images(level)
    np.testing.assert_array_equal(G(z, level, 0.0).numpy(), lower.numpy())
    np.testing.assert_array_equal(D(x, level, 0.0).numpy(), D(F.avg_pool2d(x, 2), level - 1).numpy())


@pytest.mark.parametrize("level", LEVELS)
def test_halfway_is_the_mean_of_both(pair, z, level):
    """Of G's images; of D's features where its two paths meet."""
    G, D = pair
    lower, upper = G(z, level, 0.0).numpy(), G(z, level, 1.0).numpy()
    np.testing.assert_array_equal(G(z, level, 0.5).numpy(), lower * np.float32(0.5) + upper * np.float32(0.5))
    x = images(level)
    new, old = D.blocks[level](D.from_rgb[level](x)), D.from_rgb[level - 1](F.avg_pool2d(x, 2))
    met = (new + old) * 0.5
    for k in reversed(range(level)):
        met = D.blocks[k](met)
    np.testing.assert_allclose(D(x, level, 0.5).numpy(), met.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("level", LEVELS)
def test_at_alpha_1_nothing_of_the_lower_path_is_left(pair, z, level):
    """Its layer gets no gradient, and what it would give does not count; the blend at α = 1 is the new level alone."""
    G, D = pair
    for network in pair:
        network.zero_grad()
    F.sum(D(G(z, level), level)).backward()
    for rgb in (G.to_rgb, D.from_rgb):
        used = [all(p.grad is not None for p in layer.parameters()) for layer in rgb]
        assert used == [k == level for k in range(4)]
    a, b = images(1), images(2)[:, :, :8, :8]
    np.testing.assert_array_equal(blend(a, b, 1.0).numpy(), b.numpy())
    np.testing.assert_array_equal(blend(a, b, 0.0).numpy(), a.numpy())


def test_images_are_linear_in_the_last_layer(pair, z):
    """No tanh: twice the weights are images twice as bright, far beyond [−1, 1]; in evaluation they are clipped."""
    G, _ = pair
    before = G(z, 0).numpy()
    weight = G.to_rgb[0].module.weight
    start = weight.numpy().copy()
    try:
        weight.data = 32 * weight.data
        np.testing.assert_array_equal(G(z, 0).numpy(), 32 * before)
        assert before.min() < 0 and np.abs(32 * before).max() > 10
        np.testing.assert_array_equal(G.eval()(z, 0).numpy(), np.clip(32 * before, -1, 1))
    finally:
        weight.data = start
        G.train()


def test_every_layer_is_equalised_with_the_papers_gains(pair):
    G, D = pair
    wrapped = [m for network in pair for m in network.modules() if isinstance(m, nn.EqualizedLR)]
    plain = [m for network in pair for m in network.modules() if isinstance(m, (nn.Dense, nn.Conv2d))]
    assert {id(m.module) for m in wrapped} == {id(m) for m in plain} and len(wrapped) == 8 + 4 + 3 + 6 + 4
    gains = {m.module.weight.shape: m.gain for m in wrapped}
    ones = [*G.to_rgb, D.blocks[0][-1]]
    assert all(m.gain == 1 for m in ones) and gains[1024, 64] == pytest.approx(2**0.5 / 4)
    others = [m.gain for m in wrapped if m not in ones and m is not G.blocks[0][1]]
    assert others == [pytest.approx(2**0.5)] * len(others)


def test_no_scale_of_the_noise_passes(z):
    """z is normalised first, before a bias could tell its scale, and every pixel of the maps after each convolution."""
    mg.manual_seed(0)
    G = Generator(2, size=8)
    G.blocks[0][1].module.bias.data = np.ones(1024, "float32")
    np.testing.assert_allclose(G(z * 1000.0).numpy(), G(z).numpy(), atol=1e-4)
    maps = G.blocks[1](G.blocks[0](z)).numpy()
    np.testing.assert_allclose((maps**2).mean(axis=1), 1, rtol=1e-4)


def test_d_sees_how_much_the_samples_differ(pair):
    """Through the minibatch's standard deviation: a sample's score depends on the others of its group."""
    _, D = pair
    x = images(0)
    alike = mg.Tensor(np.repeat(x.numpy()[:1], 4, axis=0))
    assert abs(D(alike, 0).numpy()[0, 0] - D(x, 0).numpy()[0, 0]) > 1e-3
