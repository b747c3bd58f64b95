"""Every model: what goes in and comes out, and what its weights start from."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigan as mg
from minigan import models, nn


def test_models_start_as_their_tutorials_do():
    mg.manual_seed(0)
    G, D = models.build("dcgan64", 3)
    for network in (G, D):
        for m in network.modules():
            if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
                assert m.bias is None
                assert m.weight.numpy().std() == pytest.approx(0.02, rel=0.05)
                assert abs(m.weight.numpy().mean()) < 0.002
            if isinstance(m, nn.BatchNorm):
                assert m.weight.numpy().mean() == pytest.approx(1, abs=0.01)
                assert m.weight.numpy().std() == pytest.approx(0.02, rel=0.3)
                assert np.all(m.bias.numpy() == 0)
    G, D = models.build("dcgan28")
    for network in (G, D):
        for m in network.modules():
            if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) or (isinstance(m, nn.Dense) and m.weight.size > 10_000):
                bound = math.sqrt(6 / sum(nn.init.fans(m.weight.shape)))
                assert 0.99 * bound < np.abs(m.weight.numpy()).max() <= bound * (1 + 1e-6)
                assert m.weight.numpy().std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
            if getattr(m, "bias", None) is not None:
                assert np.all(m.bias.numpy() == 0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", models.MODELS)
def test_models_draw_images_and_give_logits(name, channels):
    mg.manual_seed(0)
    G, D = models.build(name, channels)
    z = mg.Tensor(np.random.default_rng(0).standard_normal((2, G.z_dim)).astype(np.float32))
    fake = G(z)
    assert fake.shape == (2, channels, G.image_size, G.image_size) and fake.dtype == np.float32
    assert np.abs(fake.numpy()).max() <= 1
    logits = D(fake)
    assert logits.shape == (2, 1)
    (border,) = mg.grad(logits, [fake], [np.ones((2, 1), np.float32)], retain_graph=True)
    assert np.abs(border.numpy()).max() > 0
    logits.backward(np.ones((2, 1), np.float32))
    assert all(p.grad is not None and p.grad.shape == p.shape for p in (*G.parameters(), *D.parameters()))
    assert all(p.name.startswith("G.") for p in G.parameters()) and D.parameters()[0].name.startswith("D.")


def test_build_is_repeatable_and_refuses_what_it_does_not_know():
    def weights() -> list[bytes]:
        mg.manual_seed(1)
        return [a.tobytes() for network in models.build("mlp") for a in network.state_dict().values()]

    assert weights() == weights()
    with pytest.raises(ValueError, match="model 'gan' is not known: choose from quick28, "):
        models.build("gan")
    with pytest.raises(ValueError, match=r"1 channel \(grey\) or 3 \(colour\), not 2"):
        models.build("mlp", 2)
