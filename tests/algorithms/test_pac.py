"""PacGAN's packing: D judges several samples as one, and all that is of D's input is of them together."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import pytest
from devices import host

import minigan as mg
from minigan import backend, nn
from minigan import functions as F
from minigan.algorithms import GAN, SimultaneousGAN
from minigan.data import Batch
from minigan.models import build
from minigan.options import ConfigError
from minigan.training import Config, prepare

N = 6


class G(nn.Module):
    """z (N, 2) → z + a shift."""

    z_dim = 2

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(np.array([[0.5, -1.0]]))

    def forward(self, z: mg.Tensor) -> mg.Tensor:
        return z + self.shift


class D(nn.Module):
    """w · x, whatever is in x; it notes its inputs."""

    def __init__(self, weight: list[float]) -> None:
        super().__init__()
        self.weight, self.seen = nn.Parameter(np.array([weight])), []

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        self.seen.append(host(x.data).copy())
        return F.dense(x, self.weight)


def step(algorithm: type[GAN], weight: list[float], **options) -> tuple[GAN, np.ndarray, dict[str, float]]:
    gan = algorithm(optimizer="sgd", pac=3, **options).use(G(), D(weight))
    gan.dtype, gan.device = "float64", backend.get_default_device()
    x = np.random.default_rng(0).standard_normal((N, 2))
    figures = gan(repeat(Batch(x=mg.Tensor(x))))
    return gan, x, {name: figure.item() for name, figure in figures.items()}


@pytest.mark.parametrize("algorithm", [GAN, SimultaneousGAN])
def test_neighbours_are_judged_together(algorithm):
    gan, x, _ = step(algorithm, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    real, *fakes = gan.networks["D"].seen
    np.testing.assert_array_equal(real, [x[:3].ravel(), x[3:].ravel()])
    assert all(fake.shape == (2, 6) for fake in fakes)


@pytest.mark.parametrize("algorithm", [GAN, SimultaneousGAN])
def test_the_gradient_comes_to_each_sample_from_its_own_place(algorithm):
    """Under Wasserstein's loss the slope at a sample is that of its place, over the number of packs; G sums them."""
    weight = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    gan, _, figures = step(algorithm, weight, objective="wasserstein", lr_G=1.0, lr_D=1e-9)
    moved = gan.networks["G"].shift.numpy() - [[0.5, -1.0]]
    np.testing.assert_allclose(moved, [[1 + 3 + 5, 2 + 4 + 6]], rtol=1e-6)
    assert figures["border_norm"] == pytest.approx(np.sqrt((weight**2).sum() / 2), rel=1e-6)


def test_a_penalty_is_on_the_slope_at_all_of_them_together():
    """Of a linear critic λ (‖w‖ − 1)², the norm being over the whole of what D is given."""
    weight = [0.3, -0.2, 0.5, 1.0, 0.1, -0.4]
    _, _, figures = step(GAN, weight, objective="wasserstein", penalties=("gradient:3", "r1:2"))
    squared = np.square(weight).sum()
    assert figures["penalty_gradient"] == pytest.approx(3 * (np.sqrt(squared) - 1) ** 2)
    assert figures["penalty_r1"] == pytest.approx(squared)


def test_what_lies_between_real_samples_and_fakes_has_one_share_for_all_that_are_judged_together():
    gan, x, _ = step(GAN, [1.0] * 6, objective="wasserstein", penalties=("gradient",))
    real, fake, between, _ = gan.networks["D"].seen
    share = (between - fake) / (real - fake)
    np.testing.assert_allclose(share, share[:, :1].repeat(6, 1))
    assert abs(share[0, 0] - share[1, 0]) > 1e-3 and 0 < share.min() and share.max() < 1


def test_d_is_made_for_as_many_channels():
    mg.manual_seed(0)
    made_G, made_D = build("mlp", 1, pac=2)
    fakes = made_G(mg.Tensor(np.zeros((4, made_G.z_dim), "float32")))
    assert fakes.shape == (4, 1, 28, 28)
    assert made_D(GAN(pac=2).packed(fakes)).shape == (2, 1)


def test_what_it_says_of_bad_input(tmp_path):
    with pytest.raises(ConfigError, match="^pac is 4, but a batch has 6 samples, no multiple of it: see --batch-size$"):
        GAN(pac=4).packed(mg.Tensor(np.zeros((6, 2))))
    with pytest.raises(ConfigError, match="^pac is 2, but cgan28, which takes labels, judges samples one by one"):
        GAN(model="cgan28", pac=2).use(*build("cgan28", 1, 3))
    for batch_size, size in ((64, 64), (99, 10)):  # an epoch's last batch has 10
        with pytest.raises(
            ConfigError, match=f"^a batch of {size} samples is no multiple of 3, as GAN .* --batch-size$"
        ):
            prepare(Config.choose(model="plane", pac=3, batch_size=batch_size, device="cpu"))
