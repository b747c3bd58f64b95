"""The VAE: its bound in closed form where everything is Gaussian or constant, and its number on MNIST."""

from __future__ import annotations

from itertools import product, repeat

import numpy as np
import pytest
from devices import host

import minigan as mg
from minigan import backend, nn
from minigan import functions as F
from minigan.algorithms import GMMN, VAE
from minigan.algorithms.vae import kl_divergence
from minigan.data import Batch, DataError, DataInfo, Loader, load

RNG = np.random.default_rng


def small(**options) -> VAE:
    device = backend.get_default_device()
    return VAE(hidden=5, z_dim=3, **options).build(DataInfo({"x": (1, 2, 3)}), dtype="float64", device=device)


def images(n: int = 4) -> mg.Tensor:
    return mg.Tensor(RNG(0).uniform(-1, 1, (n, 1, 2, 3)))


def test_the_divergence_is_the_integral_it_stands_for():
    """∫ q ln(q / p), by quadrature; 0 for N(0, 1) alone."""
    t = np.linspace(-30, 30, 20001)
    for mean, log_variance in [(0.0, 0.0), (1.5, 0.0), (0.0, -1.2), (-0.7, 0.9)]:
        q = np.exp(-((t - mean) ** 2) / (2 * np.exp(log_variance)) - log_variance / 2) / np.sqrt(2 * np.pi)
        log_ratio = -((t - mean) ** 2) / (2 * np.exp(log_variance)) - log_variance / 2 + t**2 / 2
        found = kl_divergence(mg.Tensor(np.full((2, 3), mean)), mg.Tensor(np.full((2, 3), log_variance))).item()
        assert found == pytest.approx(3 * np.trapezoid(q * log_ratio, t), abs=1e-8)
        assert found > 0 or mean == log_variance == 0


def test_of_linear_networks_the_optimum_is_probabilistic_pca(monkeypatch):
    """Tipping and Bishop, 1999: W = U (Λ − σ²)^½ and σ² the mean of the eigenvalues that are left. With the posterior,
    which is a Gaussian of independent codes, the bound is the log-likelihood, and no network has a gradient. The noise
    ±1 has the mean and the variance of the normal, which is all that a quadratic loss knows of it."""
    x, d, k = images(9), 6, 2
    t = host(x.data).reshape(-1, d) / 2 + 0.5
    eigenvalues, U = (part[..., ::-1] for part in np.linalg.eigh(np.cov(t.T, bias=True)))
    variance, λ = eigenvalues[k:].mean(), eigenvalues[:k]
    W = U[:, :k] * np.sqrt(λ - variance)

    def gaussian(mean: mg.Tensor, x: mg.Tensor, reduction: str) -> mg.Tensor:
        return F.sum((x - mean) ** 2) / (2 * variance) + 0.5 * x.size * np.log(2 * np.pi * variance)

    monkeypatch.setattr(F, "binary_cross_entropy_with_logits", gaussian)
    vae = small()
    vae.z_dim, encoder, decoder = k, nn.Dense(d, 2 * k), nn.Dense(k, d)
    encoder.to(vae.device, "float64"), decoder.to(vae.device, "float64")
    posterior = np.diag(1 / λ) @ W.T
    encoder.weight.data = np.concatenate([posterior, np.zeros((k, d))])
    encoder.bias.data = np.concatenate([-posterior @ t.mean(0), np.log(variance / λ)])
    decoder.weight.data, decoder.bias.data = W, t.mean(0)
    vae.networks = {
        "encoder": nn.Sequential(nn.Flatten(), encoder), "decoder": nn.Sequential(decoder, nn.Reshape(1, 2, 3)),
    }  # fmt: skip
    noises = [mg.Tensor(np.tile(signs, (len(t), 1))) for signs in product((-1.0, 1.0), repeat=k)]
    loss = sum(sum(vae.terms(x, noise)) for noise in noises) / len(noises)
    C = W @ W.T + variance * np.eye(d)
    distance = np.trace(np.linalg.solve(C, np.cov(t.T, bias=True)))
    log_likelihood = -(d * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + distance) / 2
    assert loss.item() == pytest.approx(-log_likelihood, abs=1e-10)
    loss.backward()
    for network in vae.networks.values():
        assert max(abs(host(p.grad.data)).max() for p in network.parameters()) < 1e-9


def test_the_loss_is_summed_over_pixels_and_averaged_over_images():
    """With an encoder that knows nothing and a decoder of one logit a pixel, by hand."""
    vae, x = small(), images()
    for network in vae.networks.values():
        for p in network.parameters():
            p.data = p.data * 0.0
    *_, last = [m for m in vae.networks["decoder"].modules() if isinstance(m, nn.Dense)]
    last.bias.data = np.full(6, 0.8)
    reconstruction, kl = vae.terms(x, mg.Tensor(RNG(1).standard_normal((4, 3))))
    p, target = 1 / (1 + np.exp(-0.8)), (x.numpy() + 1) / 2
    by_hand = -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum() / 4
    assert reconstruction.item() == pytest.approx(by_hand) and kl.item() == 0
    # All that is not seen of the code costs nothing, and twice the images cost as much.
    twice = mg.Tensor(np.concatenate([x.numpy()] * 2)), mg.Tensor(np.zeros((8, 3)))
    assert vae.terms(*twice)[0].item() == pytest.approx(by_hand)


def test_a_code_is_drawn_with_its_standard_deviation():
    """z = μ + σε: of ln σ² = 2 ln 3, three times the noise."""
    vae, x = small(), images()
    mean, noise = RNG(1).standard_normal((2, 4, 3))
    vae.encode = lambda _: (mg.Tensor(mean), mg.Tensor(np.full((4, 3), 2 * np.log(3.0))))
    seen = []
    decoder = vae.networks["decoder"]
    vae.networks["decoder"] = lambda z: seen.append(z.numpy()) or decoder(z)
    vae.terms(x, mg.Tensor(noise))
    np.testing.assert_allclose(seen[0], mean + 3 * noise)


def test_the_encoder_too_sees_images_in_0_to_1():
    """In [−1, 1] the loss on MNIST is 2 higher after seven epochs."""
    vae, x = small(), images()
    seen, encode = [], vae.encode
    vae.encode = lambda images: seen.append(images.numpy()) or encode(images)
    vae.terms(x, mg.Tensor(np.zeros((4, 3))))
    np.testing.assert_allclose(seen[0], (x.numpy() + 1) / 2)


def test_a_step_is_down_the_gradient_of_both_networks_by_differences():
    vae, x, noise = small(), images(), mg.Tensor(RNG(1).standard_normal((4, 3)))

    def loss() -> mg.Tensor:
        return sum(vae.terms(x, noise))

    loss().backward()
    for network in vae.networks.values():
        p = network.parameters()[0]
        direction = RNG(2).standard_normal(p.shape)
        slope, at, eps = (p.grad.numpy() * direction).sum(), p.numpy().copy(), 1e-5
        values = []
        for sign in (1, -1):
            p.data = at + sign * eps * direction
            values.append(loss().item())
        p.data = at
        assert slope == pytest.approx((values[0] - values[1]) / (2 * eps), rel=1e-6)


@pytest.mark.parametrize("algorithm", [VAE, GMMN])
def test_it_is_for_images(algorithm):
    with pytest.raises(DataError, match=r"^images x needed, but this data has samples {'x': \(2,\)}: name other data$"):
        algorithm().build(DataInfo({"x": (2,)}))


def test_a_step_moves_every_weight_of_both_networks():
    vae = small()
    before = [p.numpy().copy() for network in vae.networks.values() for p in network.parameters()]
    vae(repeat(Batch(x=images())))
    after = [p.numpy() for network in vae.networks.values() for p in network.parameters()]
    assert len(after) == 8 and all((a != b).any() for a, b in zip(after, before, strict=True))


def test_it_learns_and_draws():
    """One image: samples become that image."""
    vae, image = small(lr=0.05), np.array([[[[1.0, -1, 1], [-1, -1, 1]]]])
    losses = [vae(repeat(Batch(x=mg.Tensor(image.repeat(4, 0)))))["loss"].item() for _ in range(40)]
    assert losses[-1] < 0.2 * losses[0]
    drawn = vae.generate(20)
    assert drawn.shape == (20, 1, 2, 3) and drawn.std(0).max() > 1e-4
    assert (np.sign(drawn) == image).all() and 0.7 < np.abs(drawn).mean() and np.abs(drawn).max() <= 1


@pytest.mark.slow
def test_the_loss_on_mnists_test_digits_after_seven_epochs():
    """106.66 is what PyTorch's example printed at this point; seeds and noise make about ±0.5."""
    data, test = load("mnist"), load("mnist", split="test")
    vae = VAE().build(data.info, device=backend.get_default_device())
    loader = Loader(data, 128, 0, vae.reads, vae.device)
    batches = iter(loader)
    while loader.epoch < 7:
        vae(batches)
    total = 0.0
    with mg.no_grad():
        for k in range(0, 10_000, 500):
            x = vae.tensor(test[slice(k, k + 500)].x)
            total += sum(vae.terms(x, vae.tensor(RNG(k).standard_normal((500, 20), "float32")))).item() / 20
    assert total == pytest.approx(106.66, abs=0.8)
