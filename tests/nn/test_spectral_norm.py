"""`SpectralNorm`: after enough steps of power iteration the weight's largest singular value is 1."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import nn
from minigan.functions import sum as sum_
from minigan.testing import gradcheck

LAYERS = {
    "dense": (lambda: nn.Dense(6, 4), (3, 6), lambda w: w),
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
    norm, layer, x, matrix = case
    for _ in range(200):
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
