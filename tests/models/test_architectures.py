"""Every model: what goes in and comes out, and what its weights start from."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import models, nn
from minigan.options import ConfigError


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


OF_IMAGES = [name for name, module in models.MODELS.items() if module.Generator.image_size is not None]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", OF_IMAGES)
def test_models_draw_images_and_give_logits(name, channels):
    mg.manual_seed(0)
    G, D = models.build(name, channels, classes=3)
    z = mg.Tensor(np.random.default_rng(0).standard_normal((2, G.z_dim)).astype(np.float32))
    y = (mg.Tensor([2, 0], dtype="int64"),) if getattr(G, "conditional", False) else ()
    fake = G(z, *y)
    assert fake.shape == (2, channels, G.image_size, G.image_size) and fake.dtype == np.float32
    assert np.abs(G.eval()(z, *y).numpy()).max() <= 1
    G.train()
    logits = D(fake, *y)
    assert logits.shape == (2, 1)
    (border,) = mg.grad(logits, [fake], [np.ones((2, 1), np.float32)], retain_graph=True)
    assert np.abs(border.numpy()).max() > 0
    logits.backward(np.ones((2, 1), np.float32))
    smaller = ("G.to_rgb.", "D.from_rgb.") if name == "pggan" else ()  # layers for the images of its lower levels
    used = [p for p in (*G.parameters(), *D.parameters()) if "_rgb.3." in p.name or not p.name.startswith(smaller)]
    assert all(p.grad is not None and p.grad.shape == p.shape for p in used)
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


def test_plane_is_as_its_papers_code_has_it():
    """Two hidden layers of 128, tanh, orthogonal weights of gain 1.4, outputs without bounds."""
    mg.manual_seed(0)
    G, D = models.build("plane", 2)
    assert [p.shape for p in G.parameters() if p.ndim == 2] == [(128, 256), (128, 128), (2, 128)]
    assert [p.shape for p in D.parameters() if p.ndim == 2] == [(128, 2), (128, 128), (1, 128)]
    for network in (G, D):
        kinds = [type(layer).__name__ for layer in network.main]
        assert kinds == ["Dense", "Tanh", "Dense", "Tanh", "Dense"]
        for w in (p.numpy() for p in network.parameters() if p.ndim == 2):
            w = w if len(w) <= w.shape[1] else w.T
            np.testing.assert_allclose(w @ w.T, 1.96 * np.eye(len(w)), atol=1e-5)
        assert all((p.numpy() == 0).all() for p in network.parameters() if p.ndim == 1)
    assert models.build("plane", 3)[0](mg.Tensor(np.zeros((4, 256), "float32"))).shape == (4, 3)
    assert models.build("plane", 3)[1](mg.Tensor(np.zeros((4, 3), "float32"))).shape == (4, 1)


def test_models_of_points_and_of_images_are_not_mistaken_for_each_other():
    models.check_shape("plane", (2,))
    models.check_shape("quick28", (1, 28, 28))
    with pytest.raises(ConfigError, match="^the model quick28 draws images, but .* are points of 2 numbers: .* plane$"):
        models.check_shape("quick28", (2,))
    with pytest.raises(ConfigError, match="^the model plane draws points, but .* are images 28×32: .* as quick28$"):
        models.check_shape("plane", (1, 28, 32))
    with pytest.raises(ConfigError, match="^size is 28, but must be left out for the model plane"):
        models.check_size("plane", 28)
    assert models.sizes("plane") == ()


# --- told a label ----------------------------------------------------------------------------------

CONDITIONAL = list(filter(models.is_conditional, models.MODELS))


def tables(network: nn.Module, divided: bool = True) -> list[mg.Tensor]:
    """All of a network that has a row for each label. divided: with those of a SpectralNorm, whose u has rows, too."""
    found = []
    for m in network.modules():
        if isinstance(m, nn.ConditionalBatchNorm):
            found += [m.weight, m.bias]
        elif isinstance(m, nn.SpectralNorm) and isinstance(m.module, nn.Embedding):
            found += [m.u, m.module.weight] if divided else []
    under = {id(m.module) for m in network.modules() if isinstance(m, nn.SpectralNorm)}
    found += [m.weight for m in network.modules() if isinstance(m, nn.Embedding) and id(m) not in under]
    return found


def pair(name: str, classes: int = 4) -> tuple[nn.Module, nn.Module]:
    """(G, D) in float64, with labels' rows as large as what they are added to."""
    mg.manual_seed(0)
    G, D = (network.to(dtype="float64") for network in models.build(name, 1, classes))
    rng = np.random.default_rng(5)
    for table in (*tables(G), *tables(D)):
        table.copy_(rng.standard_normal(table.shape))
    return G, D


def given(labels: list[int], z_dim: int = 64) -> tuple[mg.Tensor, mg.Tensor, mg.Tensor]:
    """(z, images, y): the same noise and image for every label."""
    rng = np.random.default_rng(1)
    z, x = rng.standard_normal((1, z_dim)), np.tanh(rng.standard_normal((1, 1, 28, 28)))
    n = len(labels)
    return mg.Tensor(z.repeat(n, 0)), mg.Tensor(x.repeat(n, 0)), mg.Tensor(labels, dtype="int64")


@pytest.mark.parametrize("name", CONDITIONAL)
def test_labels_matter_by_their_rows_alone(name):
    """Other rows, other images and logits; equal rows, the same."""
    G, D = pair(name)
    z, x, y = given([0, 1, 2, 3])
    images, logits = G.eval()(z, y).numpy(), D.eval()(x, y).numpy()
    for a in range(4):
        for b in range(a):
            assert np.abs(images[a] - images[b]).max() > 0.01 and abs(logits[a] - logits[b]) > 1e-3
    for table in (*tables(G), *tables(D)):
        table.copy_(table.numpy()[[1, 1, 1, 1]])
    np.testing.assert_allclose(G(z, y).numpy(), images[[1, 1, 1, 1]], atol=1e-12)
    logits = D(x, y).numpy()
    np.testing.assert_allclose(logits, logits[[1, 1, 1, 1]], atol=1e-12)


@pytest.mark.parametrize("name", CONDITIONAL)
def test_classes_and_rows_renamed_together_change_nothing(name):
    G, D = pair(name)
    z, x, y = given([0, 1, 2, 3])
    images, logits = G.eval()(z, y).numpy(), D.eval()(x, y).numpy()
    new_name = np.array([2, 0, 3, 1])
    for table in (*tables(G), *tables(D)):
        table.copy_(table.numpy()[np.argsort(new_name)])
    renamed = mg.Tensor(new_name, dtype="int64")
    np.testing.assert_allclose(G(z, renamed).numpy(), images, atol=1e-12)
    np.testing.assert_allclose(D(x, renamed).numpy(), logits, atol=1e-12)


@pytest.mark.parametrize("name", CONDITIONAL)
def test_a_labels_row_learns_from_its_own_samples_alone(name):
    G, D = pair(name)
    z, x, y = given([2, 0, 2])
    rng = np.random.default_rng(0)
    x.data, z.data = x.numpy() * rng.random((3, 1, 28, 28)), rng.standard_normal(z.shape)
    D(x, y).backward(np.ones((3, 1)))
    G(z, y).backward(rng.standard_normal((3, 1, 28, 28)))
    for table in (*tables(G, divided=False), *tables(D, divided=False)):
        reached = np.abs(table.grad.numpy()).max(axis=1) > 0
        assert reached.tolist() == [True, False, True, False]


def test_cgan28s_embedding_is_a_one_hot_label_beside_z():
    G, _ = pair("cgan28")
    z, _, y = given([3, 1])
    beside = F.concatenate([z, mg.Tensor(np.eye(4)[[3, 1]])], axis=1)
    weight = F.concatenate([G.noise.weight, F.transpose(G.label.weight)], axis=1)
    np.testing.assert_allclose((G.noise(z) + G.label(y)).numpy(), F.dense(beside, weight).numpy(), atol=1e-12)
    assert G(z, y).numpy().tobytes() == G.main(G.noise(z) + G.label(y)).numpy().tobytes()


def test_cgan28s_discriminator_projects():
    """l(x, y) − l(x, y′) = ⟨V_y − V_y′, φ(x)⟩."""
    _, D = pair("cgan28")
    _, x, y = given([3, 1])
    rows = D.label.weight.numpy()
    logits = D.eval()(x, y).numpy()
    assert logits[0] - logits[1] == pytest.approx(D.features(x).numpy()[0] @ (rows[3] - rows[1]), rel=1e-10)


# --- SAGAN -----------------------------------------------------------------------------------------


def test_sagan28_has_spectral_norm_on_every_layer_and_attention_on_the_14_by_14_maps(monkeypatch):
    """On attention's four convolutions, too, and on the table of labels; G's γ_y and β_y are left alone."""
    shapes, forward = [], nn.SelfAttention.forward
    monkeypatch.setattr(nn.SelfAttention, "forward", lambda self, x: shapes.append(x.shape[1:]) or forward(self, x))
    G, D = models.build("sagan28", 1, 4)
    for network, count in ((G, 8), (D, 9)):
        divided = {id(m.module) for m in network.modules() if isinstance(m, nn.SpectralNorm)}
        matrices = [p for name, p in network.named_parameters() if p.ndim > 1]
        of_labels = tables(network, divided=False)
        layers = [m for m in network.modules() if id(m) in divided]
        assert set(map(id, matrices)) == {id(m.weight) for m in layers} | set(map(id, of_labels))
        assert sum(isinstance(m, nn.SelfAttention) for m in network.modules()) == 1 and len(divided) == count
        biases = [m.bias.numpy() for m in layers if getattr(m, "bias", None) is not None]
        assert biases and not np.concatenate(biases).any()
    assert G.first[0].module.bias is None, "no norm holds a bias: it would outgrow what z adds"
    z, _, y = given([0, 1])
    D(G(mg.Tensor(z.numpy().astype("float32")), y), y)
    assert shapes == [(32, 14, 14), (32, 14, 14)]


def test_sagan28s_discriminator_projects_on_the_sums_over_all_places():
    """l(x, y) − l(x, y′) = ⟨V_y − V_y′, φ(x)⟩ / σ(V)."""
    _, D = pair("sagan28")
    _, x, y = given([3, 1])
    for _ in range(100):
        D(x, y)
    rows = D.label.module.weight.numpy() / np.linalg.svd(D.label.module.weight.numpy(), compute_uv=False)[0]
    logits, features = D.eval()(x, y).numpy(), D.features(x).numpy()[0].sum(axis=(1, 2))
    assert logits[0] - logits[1] == pytest.approx(features @ (rows[3] - rows[1]), rel=1e-5)


def test_sagan28_may_be_wider_and_do_without_attention():
    G, D = models.sagan28.Generator(1, 1, width=56, attention=False), models.sagan28.Discriminator(1, 1, False)
    z, y = mg.Tensor(np.ones((2, 64), np.float32)), mg.Tensor([0, 0], dtype="int64")
    images = G(z, y)
    assert images.shape == (2, 1, 28, 56) and D(images, y).shape == (2, 1)
    assert not any(isinstance(m, nn.SelfAttention) for network in (G, D) for m in network.modules())


@pytest.mark.host_only("nobody looks at labels on a GPU: it would have to be waited for")
@pytest.mark.parametrize("name", CONDITIONAL)
def test_labels_that_are_none(name):
    G, D = pair(name)
    for bad in (4, -1):
        z, x, y = given([0, bad])
        for call in (lambda z=z, y=y: G(z, y), lambda x=x, y=y: D(x, y)):
            with pytest.raises(ValueError, match=f"labels are {min(0, bad)} to {max(0, bad)}, but rows are 0 to 3"):
                call()
    with pytest.raises(TypeError, match="integer labels"):
        G(z, mg.Tensor([0.0, 1.0]))
    with pytest.raises(ConfigError, match=f"^the model {name} takes labels, but the data has none: name data that has"):
        models.build(name)


# --- a critic --------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_critic28s_critic_judges_each_sample_by_itself(channels):
    """Two together as each alone, in training mode: a gradient penalty is on each sample's own slope."""
    mg.manual_seed(0)
    _, D = (network.to(dtype="float64") for network in models.build("critic28", channels))
    x = np.tanh(np.random.default_rng(0).standard_normal((2, channels, 28, 28)))
    assert D.training and not list(D.named_buffers())
    alone = [D(mg.Tensor(x[i : i + 1])).numpy()[0] for i in range(2)]
    np.testing.assert_allclose(D(mg.Tensor(x)).numpy(), alone, rtol=1e-10)
    assert abs(alone[0] - alone[1]) > 1e-12
