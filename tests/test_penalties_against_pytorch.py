"""Penalties of whole critics, and their gradients by every weight, of second order: equal to PyTorch's in float64.

A critic is two convolutions and a dense layer, with a layer of each kind between the convolutions.
"""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.penalties import PENALTIES, TINY

torch = pytest.importorskip("torch")
TF = torch.nn.functional
pytestmark = pytest.mark.usefixtures("one_thread_in_torch")

N, C = 4, 8  # samples, and channels of the maps that the layer is given, which are 6×6


def attention(x, w, of):
    """SAGAN's, as it is written with PyTorch: keys and values are max-pooled."""
    flat = [TF.conv2d(x, w[f"{name}.weight"]) for name in ("theta", "phi", "g")]
    theta, phi, g = flat[0].flatten(2), *(TF.max_pool2d(y, 2).flatten(2) for y in flat[1:])
    weights = torch.softmax(theta.transpose(1, 2) @ phi, dim=-1)
    seen = (g @ weights.transpose(1, 2)).reshape(x.shape[0], -1, *x.shape[2:])
    return x + w["gamma"] * TF.conv2d(seen, w["o.weight"])


def spectral_norm(x, w, of):
    """u and v are constants: one half-step of power iteration from the layer's u, as in evaluation."""
    weight, u = w["module.weight"], torch.tensor(of.u.numpy())
    matrix = weight.flatten(1)
    with torch.no_grad():
        v = TF.normalize(matrix.T @ u, dim=0)
    return TF.conv2d(x, weight / (u @ matrix @ v), w["module.bias"], padding=1)


def minibatch_std(x, w, of):
    """Samples 0 and 2 are a group, and 1 and 3."""
    s = [(x[i::2].var(dim=0, correction=0) + 1e-8).sqrt().mean() for i in (0, 1)]
    maps = torch.stack(s).repeat(2).reshape(4, 1, 1, 1).expand(-1, -1, *x.shape[2:])
    return torch.cat([x, maps], dim=1)


LAYERS = {
    "nothing": (lambda: nn.Identity(), lambda x, w, of: x),
    "convolution": (
        lambda: nn.Conv2d(C, C, 3, padding=1),
        lambda x, w, of: TF.conv2d(x, w["weight"], w["bias"], padding=1),
    ),
    "transposed": (
        lambda: nn.ConvTranspose2d(C, C, 3, padding=1),
        lambda x, w, of: TF.conv_transpose2d(x, w["weight"], w["bias"], padding=1),
    ),
    "layer norm": (
        lambda: nn.LayerNorm((C, 6, 6)),
        lambda x, w, of: TF.layer_norm(x, (C, 6, 6), w["weight"], w["bias"]),
    ),
    "instance norm": (
        lambda: nn.InstanceNorm(C),
        lambda x, w, of: TF.instance_norm(x, weight=w["weight"], bias=w["bias"]),
    ),
    "group norm": (lambda: nn.GroupNorm(2, C), lambda x, w, of: TF.group_norm(x, 2, w["weight"], w["bias"])),
    "pixel norm": (lambda: nn.PixelNorm(), lambda x, w, of: x * ((x**2).mean(1, keepdim=True) + 1e-8).rsqrt()),
    "attention": (lambda: nn.SelfAttention(C), attention),
    "spectral norm": (lambda: nn.SpectralNorm(nn.Conv2d(C, C, 3, padding=1)), spectral_norm),
    "equalised": (
        lambda: nn.EqualizedLR(nn.Conv2d(C, C, 3, padding=1)),
        lambda x, w, of: TF.conv2d(x, w["module.weight"] * (2 / (C * 9)) ** 0.5, w["module.bias"], padding=1),
    ),
    "minibatch std": (lambda: nn.MinibatchStd(2), minibatch_std),
    "max pooling": (lambda: nn.MaxPool2d(2, 1), lambda x, w, of: TF.max_pool2d(x, 2, 1)),
    "mean pooling": (lambda: nn.AvgPool2d(2, 1), lambda x, w, of: TF.avg_pool2d(x, 2, 1)),
}


class Critic(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        channels = C + 1 if isinstance(layer, nn.MinibatchStd) else C
        pixels = 4 if isinstance(layer, (nn.MaxPool2d, nn.AvgPool2d)) else 9
        self.first, self.layer = nn.Conv2d(2, C, 3), layer
        self.second, self.last = nn.Conv2d(channels, 3, 4, 2, 1), nn.Dense(3 * pixels, 1)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        x = self.layer(F.leaky_relu(self.first(x), 0.2))
        x = F.tanh(self.second(x))
        return self.last(F.reshape(x, (x.shape[0], -1)))


def in_pytorch(D: Critic, layer, w):
    """The critic as a function of PyTorch's, of the weights w."""
    of_layer = {name.removeprefix("layer."): p for name, p in w.items() if name.startswith("layer.")}

    def critic(x):
        x = layer(TF.leaky_relu(TF.conv2d(x, w["first.weight"], w["first.bias"]), 0.2), of_layer, D.layer)
        x = torch.tanh(TF.conv2d(x, w["second.weight"], w["second.bias"], 2, 1))
        return TF.linear(x.flatten(1), w["last.weight"], w["last.bias"])

    return critic


def penalty_in_pytorch(name, critic, real, fake, epsilon):
    """By the papers, with the small number under the root that minigan has there."""

    def squared(x):
        x = torch.tensor(x, requires_grad=True)
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return (slope**2).flatten(1).sum(1)

    x_hat = epsilon * real + (1 - epsilon) * fake
    if name == "gradient":
        return 10 * (((squared(x_hat) + TINY).sqrt() - 1) ** 2).mean()
    if name == "r1":
        return 5 * squared(real).mean()
    if name == "divergence":
        return (squared(real) ** 3).mean() + (squared(fake) ** 3).mean()
    if name == "divergence-between":
        return 10 * (squared(x_hat) ** 3).mean()
    return 0.001 * (critic(torch.tensor(real)) ** 2).mean()


@pytest.mark.parametrize("kind", LAYERS)
def test_of_a_critic_with(kind):
    make, layer = LAYERS[kind]
    mg.manual_seed(3)
    D = Critic(make()).to(dtype="float64").eval()
    rng = np.random.default_rng(7)
    for p in D.parameters():  # among them some that begin as 0 or 1, such as attention's γ
        p.data = p.numpy() + 0.3 * rng.standard_normal(p.shape)
    if kind == "spectral norm":
        D.layer.u.copy_(D.layer.u.numpy() / np.linalg.norm(D.layer.u.numpy()))
    real, fake = rng.standard_normal((2, N, 2, 8, 8))
    epsilon = rng.random((N, 1, 1, 1))
    for name, penalty in PENALTIES.items():
        D.zero_grad()
        x = mg.Tensor(real)
        value = penalty()(D, x, mg.Tensor(fake), D(x), lambda *shape: mg.Tensor(epsilon))
        value.backward()
        w = {key: torch.tensor(p.numpy().copy(), requires_grad=True) for key, p in D.named_parameters()}
        expected = penalty_in_pytorch(name, in_pytorch(D, layer, w), real, fake, epsilon)
        wanted = torch.autograd.grad(expected, list(w.values()), allow_unused=True)
        assert value.item() == pytest.approx(expected.item(), rel=1e-10), name
        found = {key: p.grad for key, p in D.named_parameters()}
        for key, reference in zip(w, wanted, strict=True):
            if reference is None or found[key] is None:
                assert not any(g is not None and g.numpy().any() for g in (reference, found[key])), (name, key)
                continue
            close = 1e-10 * max(1.0, np.abs(reference.numpy()).max())
            np.testing.assert_allclose(
                found[key].numpy(), reference.numpy(), rtol=0, atol=close, err_msg=f"{name} {key}"
            )
