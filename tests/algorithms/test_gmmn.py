"""The squared MMD in closed form, and a generator that learns by it alone."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import pytest

import minigan as mg
from minigan import backend, nn
from minigan.algorithms import GMMN
from minigan.algorithms.gmmn import SIGMAS, NearlyUniform, squared_mmd
from minigan.data import Batch, DataInfo
from minigan.testing import gradcheck


def points(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def mmd(x: np.ndarray, y: np.ndarray, *sigmas: float) -> float:
    return squared_mmd(mg.Tensor(x), mg.Tensor(y), sigmas).item()


def test_it_is_the_mean_over_all_pairs_of_all_bandwidths():
    x, y = points(4, 1, 2, 3), points(6, 1, 2, 3, seed=1)

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        d = ((a.reshape(len(a), 1, -1) - b.reshape(1, len(b), -1)) ** 2).sum(2)
        return np.mean([np.exp(-d / (2 * s**2)) for s in (0.5, 2.0)]) * 2

    assert mmd(x, y, 0.5, 2.0) == pytest.approx(kernel(x, x) + kernel(y, y) - 2 * kernel(x, y))


def test_equal_samples_have_none_and_their_order_is_nothing():
    x, y = points(5, 3), points(7, 3, seed=1)
    assert mmd(x, x, 1.0, 3.0) == pytest.approx(0, abs=1e-12)
    assert mmd(x, x[::-1], 1.0, 3.0) == pytest.approx(0, abs=1e-12)
    assert mmd(x[::-1], y[[3, 1, 0, 2, 6, 5, 4]], 1.0) == pytest.approx(mmd(x, y, 1.0)) and mmd(x, y, 1.0) > 0


def test_two_points_a_wide_kernel_and_a_mean_apart():
    """Of two points 2 (1 − exp(−d² / 2σ²)); as σ grows, σ² MMD² becomes the squared distance of the means."""
    assert mmd(np.zeros((1, 2)), np.array([[3.0, 4.0]]), 2.0) == pytest.approx(2 - 2 * np.exp(-25 / 8))
    x, y = points(50, 2), points(40, 2, seed=1) + [3.0, -1.0]
    assert 1e6 * mmd(x, y, 1e3) == pytest.approx(((x.mean(0) - y.mean(0)) ** 2).sum(), rel=1e-3)


def test_of_two_gaussians_it_is_as_computed():
    """E k(x, y) = (σ² / (σ² + 2s²))^(d/2) exp(−‖μ‖² / 2(σ² + 2s²)); a pair of a sample with itself has k = 1."""
    n, d, s, sigma, shift = 100, 2, 0.7, 1.5, np.array([1.0, -0.5])
    wide = sigma**2 + 2 * s**2
    apart = (sigma**2 / wide) ** (d / 2)
    expected = 2 * (1 / n + (1 - 1 / n) * apart) - 2 * apart * np.exp(-(shift @ shift) / (2 * wide))
    found = [mmd(s * points(n, d, seed=2 * k), s * points(n, d, seed=2 * k + 1) + shift, sigma) for k in range(20)]
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / np.sqrt(20))
    assert np.std(found) < 0.3 * expected


def test_its_gradient():
    gradcheck(lambda x, y: squared_mmd(x, y, (0.8, 2.0)), [points(3, 2), points(4, 2, seed=1)], order=1)


def test_a_step_compares_images_and_samples_in_the_same_range():
    """Both in [0, 1]: the first loss is the root of what is between these and the images."""
    gmmn = GMMN().build(DataInfo({"x": (1, 2, 2)}), device=backend.get_default_device())
    other = GMMN().build(DataInfo({"x": (1, 2, 2)}), device=backend.get_default_device())
    batch = Batch(x=mg.Tensor(np.tanh(points(8, 1, 2, 2)).astype("float32")))
    loss = gmmn(repeat(batch))["loss"].item()
    fake = other.networks["G"](other.normal(batch, 10)).numpy()
    assert loss == pytest.approx(np.sqrt(mmd(batch.x.numpy() / 2 + 0.5, fake, *SIGMAS)), rel=1e-3)
    drawn = gmmn.generate(50)
    assert drawn.shape == (50, 1, 2, 2) and -1 <= drawn.min() < 0 < drawn.max() <= 1


def test_it_learns_two_kinds_of_images(monkeypatch):
    monkeypatch.setattr("minigan.algorithms.gmmn.SIGMAS", (0.5, 1.0, 2.0))  # the images are small,
    monkeypatch.setattr("minigan.algorithms.gmmn.WIDTHS", (16, 16))  # and so is the network
    gmmn = GMMN(lr=0.02).build(DataInfo({"x": (1, 2, 2)}), device=backend.get_default_device())
    kinds = np.array([[-1, -1, 1, 1], [1, 1, -1, -1]], "float32").reshape(2, 1, 2, 2)
    batch = Batch(x=mg.Tensor(kinds[np.arange(32) % 2]))
    losses = [gmmn(repeat(batch))["loss"].item() for _ in range(80)]
    assert losses[-1] < 0.5 * losses[0]
    drawn = gmmn.generate(100).reshape(100, 4)
    assert 25 < (drawn[:, 0] > 0).sum() < 75 and ((drawn[:, 0] > 0) != (drawn[:, 2] > 0)).mean() > 0.9


def test_pixels_that_are_black_everywhere_leave_no_subnormal_gradients():
    """They would make the products of the backward pass several times as slow."""
    gmmn = GMMN().build(DataInfo({"x": (1, 28, 28)}), device=backend.get_default_device())
    *_, last = [m for m in gmmn.networks["G"].modules() if isinstance(m, nn.Dense)]
    last.bias.data[:100] = -85.0  # σ is 1e-37, and its slope times a small gradient is subnormal
    gmmn(repeat(Batch(x=points(16, 1, 28, 28).astype("float32").clip(-1, 1))))
    grad = abs(backend.to_numpy(last.bias.grad.data))
    assert not grad[:100].any() and (grad[100:] > np.finfo("float32").tiny).all()


def test_noise_becomes_nearly_uniform():
    u = np.sort(backend.to_numpy(NearlyUniform()(mg.Tensor(points(20_000))).data))
    assert abs(u).max() < 1 and abs((u + 1) / 2 - np.linspace(0, 1, len(u))).max() < 0.03
