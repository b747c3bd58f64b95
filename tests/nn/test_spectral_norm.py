"""`SpectralNorm`: after enough steps of power iteration the weight's largest singular value is 1."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.functions import sum as sum_
from minigan.testing import gradcheck

LAYERS = {
    "dense": (lambda: nn.Dense(6, 4), (3, 6), lambda w: w),
    "square": (lambda: nn.Dense(4, 4), (3, 4), lambda w: w),
    "conv": (lambda: nn.Conv2d(3, 4, 3, padding=1), (2, 3, 5, 5), lambda w: w.reshape(4, -1)),
    "transposed": (lambda: nn.ConvTranspose2d(3, 4, 3), (2, 3, 5, 5), lambda w: w.transpose(1, 0, 2, 3).reshape(4, -1)),
}


@pytest.fixture(params=LAYERS)
def case(request):
    mg.manual_seed(0)
    make, shape, matrix = LAYERS[request.param]
    layer = make()
    layer.weight.data = 3 * layer.weight.data
    x = mg.Tensor(np.random.default_rng(0).standard_normal(shape))
    return nn.SpectralNorm(layer).to(dtype="float64"), layer, x, matrix


def test_the_weight_used_has_largest_singular_value_one(case):
    """50 steps bring σ to SVD's, as close as the second singular value allows: the error falls by its square."""
    norm, layer, x, matrix = case
    for _ in range(50):
        y = norm(x)
    sigma = np.linalg.svd(matrix(layer.weight.numpy()), compute_uv=False)[0]
    plain = layer(x).numpy()
    bias = layer.bias.numpy().reshape(-1, *(1,) * (y.ndim - 2))
    np.testing.assert_allclose(y.numpy() - bias, (plain - bias) / sigma, rtol=1e-6, atol=1e-9)


def test_one_call_is_one_step_of_power_iteration(case):
    norm, layer, x, matrix = case
    w, u = matrix(layer.weight.numpy()), norm.u.numpy().copy()
    assert u.shape == (4,) and np.linalg.norm(u) == pytest.approx(1, abs=1e-6)
    y = norm(x).numpy()
    v = w.T @ u / np.linalg.norm(w.T @ u)
    u = w @ v / np.linalg.norm(w @ v)
    np.testing.assert_allclose(norm.u.numpy(), u, rtol=1e-9)
    bias = layer.bias.numpy().reshape(-1, *(1,) * (y.ndim - 2))
    np.testing.assert_allclose(y - bias, (layer(x).numpy() - bias) / (u @ w @ v), rtol=1e-9, atol=1e-12)


def test_evaluation_does_not_advance(case):
    norm, _, x, _ = case
    norm(x)
    norm.eval()
    u = norm.u.numpy().copy()
    first, second = norm(x).numpy(), norm(x).numpy()
    np.testing.assert_array_equal(norm.u.numpy(), u)
    np.testing.assert_array_equal(first, second)


def test_the_gradient_passes_through_w_in_both_places(case):
    """u and v constant: they are σ's maximisers once the iteration has converged, so that it is exact."""
    norm, layer, x, matrix = case
    for _ in range(500):
        norm(x)
    norm.eval()

    def with_weight(w: mg.Tensor) -> mg.Tensor:
        parameter = layer.weight
        object.__setattr__(layer, "weight", w)
        try:
            return norm(x)
        finally:
            object.__setattr__(layer, "weight", parameter)

    gradcheck(with_weight, [layer.weight.numpy().copy()], order=1, rtol=1e-5)
    sum_(norm(x)).backward()
    assert abs((layer.weight.grad.numpy() * layer.weight.numpy()).sum()) < 1e-9, "scaling W changes nothing"


def test_the_gradient_takes_u_and_v_as_constants(case):
    norm, layer, x, matrix = case
    probe = np.random.default_rng(1).standard_normal(norm(x).shape)
    norm.u.copy_(np.random.default_rng(2).standard_normal(4))
    norm.u.copy_(norm.u.data / np.linalg.norm(norm.u.data))
    norm.eval()
    w, u = matrix(layer.weight.numpy()), norm.u.numpy()
    v = w.T @ u / np.linalg.norm(w.T @ u)
    (dw,) = mg.grad(norm(x), [layer.weight], [probe])
    (plain,) = mg.grad(layer(x), [layer.weight], [probe])
    sigma = u @ w @ v
    wanted = matrix(plain.numpy()) / sigma - (matrix(plain.numpy()) * w).sum() / sigma**2 * np.outer(u, v)
    np.testing.assert_allclose(matrix(dw.numpy()), wanted, rtol=1e-9, atol=1e-12)


def test_the_layer_keeps_its_own_weight(case):
    norm, layer, x, _ = case
    weight, values = layer.weight, layer.weight.numpy().copy()
    norm(x)
    assert layer.weight is weight and isinstance(weight, nn.Parameter)
    np.testing.assert_array_equal(weight.numpy(), values)
    with pytest.raises(ValueError):
        norm(mg.Tensor(np.ones((2, 17))))
    assert layer.weight is weight


def test_two_calls_before_one_backward(case):
    """D(real), D(fake), then backward: u has moved between, and the first graph is not stale."""
    norm, layer, x, _ = case
    (sum_(norm(x)) + sum_(norm(x))).backward()
    assert layer.weight.grad is not None and norm.u.grad is None


def test_state():
    norm = nn.SpectralNorm(nn.Dense(3, 2))
    assert list(norm.state_dict()) == ["module.weight", "module.bias", "u"]
    assert [name for name, _ in norm.named_parameters()] == ["module.weight", "module.bias"]
    assert norm.u.dtype == np.float32
    other = nn.SpectralNorm(nn.Dense(3, 2))
    other.load_state_dict(norm.state_dict())
    x = mg.Tensor(np.ones((1, 3), np.float32))
    np.testing.assert_array_equal(norm(x).numpy(), other(x).numpy())


def test_epsilon_keeps_u_and_v_from_unit_length():
    norm = nn.SpectralNorm(nn.Dense(3, 2, bias=False), eps=0.5).to(dtype="float64")
    w, u = norm.module.weight.numpy(), norm.u.numpy().copy()
    norm(mg.Tensor(np.ones((1, 3))))
    v = w.T @ u / (np.linalg.norm(w.T @ u) + 0.5)
    np.testing.assert_allclose(norm.u.numpy(), w @ v / (np.linalg.norm(w @ v) + 0.5), rtol=1e-12)


def test_an_averaged_u_which_is_shorter_divides_by_the_same_sigma():
    """An average of weights averages u, too."""
    norm = nn.SpectralNorm(nn.Dense(3, 2)).eval()
    x = mg.Tensor(np.ones((1, 3), np.float32))
    before = norm(x).numpy()
    norm.u.copy_(norm.u.data * 0.5)
    np.testing.assert_allclose(norm(x).numpy(), before, rtol=1e-6)


# --- every layer of a network, and u held ----------------------------------------------------------


def network() -> nn.Sequential:
    mg.manual_seed(0)
    inner = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.SelfAttention(8), nn.ConvTranspose2d(8, 2, 2))
    return nn.Sequential(inner, nn.BatchNorm(2), nn.SpectralNorm(nn.Conv2d(2, 2, 3)), nn.Flatten(), nn.Dense(18, 3))


def test_every_layer_with_a_matrix_is_divided_once():
    plain, model = network(), network()
    assert nn.with_spectral_norm(model) is model
    named = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.SpectralNorm)]
    kinds = {name: type(module.module).__name__ for name, module in named}
    attention = {f"0.2.{name}": "Conv2d" for name in ("theta", "phi", "g", "o")}
    assert kinds == {"0.0": "Conv2d", "0.3": "ConvTranspose2d", "2": "Conv2d", "4": "Dense"} | attention
    assert not any(isinstance(module.module, nn.SpectralNorm) for _, module in named)
    assert isinstance(nn.with_spectral_norm(nn.ModuleList([nn.Embedding(2, 2)]))[0], nn.SpectralNorm)
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    x = mg.Tensor(np.random.default_rng(0).standard_normal((2, 1, 4, 4)).astype("float32"))
    assert np.abs(model(x).numpy() - plain(x).numpy()).max() > 1e-3
    assert isinstance(model[0][2].theta, nn.SpectralNorm), "the attribute is what is called"


def all_u(model: nn.Module) -> list[bytes]:
    return [module.u.numpy().tobytes() for module in model.modules() if isinstance(module, nn.SpectralNorm)]


def test_u_is_held_within_a_block_and_goes_on_behind_it():
    model, x = nn.with_spectral_norm(network()), mg.Tensor(np.ones((2, 1, 4, 4), np.float32))
    model(x)
    before = all_u(model)
    with pytest.raises(ZeroDivisionError), nn.holding_u(model):
        with nn.holding_u(model[0], model[4]):
            model(x).sum().backward()
        first, second = model(x).numpy(), model(x).numpy()
        assert all_u(model) == before, "the inner block ends without an end to the outer one"
        raise ZeroDivisionError
    np.testing.assert_array_equal(first, second)
    assert all(p.grad is not None for p in model.parameters()), "only u is held"
    model(x)
    # of one row, as θ and φ of 8 channels have, u is ±1 and stays
    assert [a != b for a, b in zip(all_u(model), before, strict=True)] == [len(u) > 4 for u in before]


def test_u_stays_in_what_is_frozen():
    model, x = nn.with_spectral_norm(network()), mg.Tensor(np.ones((2, 1, 4, 4), np.float32))
    before = all_u(model)
    with nn.frozen(model):
        model(x)
    assert all_u(model) == before and model.parameters()[0].requires_grad
    model(x)
    assert all_u(model) != before


def test_only_what_is_named_is_held():
    model, x = nn.with_spectral_norm(network()), mg.Tensor(np.ones((2, 1, 4, 4), np.float32))
    before = all_u(model)
    with nn.holding_u(model[0]):
        model(x)
    changed = [a != b for a, b in zip(all_u(model), before, strict=True)]
    assert changed == [False] * 6 + [True] * 2


def test_the_weights_length_changes_nothing_once_u_has_converged():
    """⟨∂L/∂W, W⟩ = 0, for every layer of a network."""
    model = nn.with_spectral_norm(network()).to(dtype="float64")
    model[0][2].gamma.data = np.array(0.5)
    x = mg.Tensor(np.random.default_rng(0).standard_normal((2, 1, 4, 4)))
    for _ in range(300):
        model(x)
    with nn.holding_u(model):
        F.sum(model(x) ** 3).backward()
    for module in model.modules():
        if isinstance(module, nn.SpectralNorm):
            weight = module.module.weight
            assert np.abs(weight.grad.numpy()).max() > 1e-6
            assert abs((weight.grad.numpy() * weight.numpy()).sum()) < 1e-9 * np.abs(weight.grad.numpy()).sum()
