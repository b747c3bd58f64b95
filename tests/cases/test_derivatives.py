"""Values and derivatives at the places where people's networks broke: shut gates, NaN, offsets, windows."""

from __future__ import annotations

import numpy as np
import pytest

from minigan import Tensor, nn
from minigan import functions as F
from minigan.autograd import grad

GATES = {
    "relu": lambda x: F.relu(x),
    "leaky_relu of slope 0": lambda x: F.leaky_relu(x, 0.0),
    "maximum": lambda x: F.maximum(x, 0.0),
    "minimum": lambda x: -F.minimum(-x, 0.0),
    "maximum, 0 first": lambda x: F.maximum(np.zeros(1), x),
    "maximum of a Tensor": lambda x: F.maximum(x, Tensor(np.zeros_like(x.data), requires_grad=True)),
    "batch_norm and relu": lambda x: F.batch_norm(
        x[:, None], Tensor(np.ones(1)), Tensor(np.zeros(1)), negative_slope=0.0
    )[:, 0],
    "batch_norm and relu outside of training": lambda x: F.batch_norm(
        x[:, None], Tensor(np.ones(1)), Tensor(np.zeros(1)), np.zeros(1), np.ones(1), training=False,
        negative_slope=0.0,
    )[:, 0],
    "max_pool2d": lambda x: F.max_pool2d(F.reshape(x, (1, 1, 2, 2)), 2),
    "max": lambda x: F.max(x),
    "getitem": lambda x: x[x.data > 0],
}  # fmt: skip
X = np.array([-1.0, -0.5, -2.0, 4.0])


@pytest.mark.parametrize("root", [F.sqrt, F.log, lambda y: F.power(y, -1.0)], ids=["sqrt", "log", "1/y"])
@pytest.mark.parametrize("gate", GATES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_case_09_a_shut_gate_gives_zero_also_where_the_gradient_above_it_is_infinite(gate, root):
    """pytorch#52248, pytorch#4132: gates choose, they do not multiply (0 · ∞ is NaN)."""
    x = Tensor(X, requires_grad=True)
    (dx,) = grad(F.sum(root(GATES[gate](x))), [x], create_graph=True)
    if "batch_norm and relu" == gate:  # every input has a part in the mean: only NaN from 0 · ∞ must not be there
        gamma = Tensor(np.ones(1), requires_grad=True)
        y = F.batch_norm(x[:, None], gamma, Tensor(np.zeros(1)), negative_slope=0.0)
        (dgamma,) = grad(F.sum(root(y)), [gamma])
        assert np.isfinite(dgamma.numpy()).all()
        assert np.isfinite(dx.numpy()).all()
        return
    assert (dx.numpy()[:3] == 0).all() and np.isfinite(dx.numpy()[3]) and dx.numpy()[3] != 0
    if dx.requires_grad:
        (second,) = grad(F.sum(dx), [x], allow_unused=True)
        assert second is None or (second.numpy()[:3] == 0).all()


def test_case_09_an_open_gate_lets_infinity_pass():
    x = Tensor(X, requires_grad=True)
    (dx,) = grad(F.relu(x), [x], [Tensor(np.array([np.inf, np.nan, 1.0, np.inf]))])
    assert dx.numpy().tolist() == [0.0, 0.0, 0.0, np.inf]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("padding", [0, 1])
def test_case_10_max_pool2d_hands_on_a_nan_wherever_it_stands(place, padding):
    """pytorch#7645, Theano#3060."""
    x = np.array([3.0, 1.0, -2.0, 0.0])
    x[place] = np.nan
    x = Tensor(x.reshape(1, 1, 2, 2), requires_grad=True)
    y = F.max_pool2d(x, 2 if not padding else 4, padding=padding)
    assert np.isnan(y.numpy()).all()
    (dx,) = grad(F.sum(y), [x])
    assert dx.numpy().ravel()[place] == 1


@pytest.mark.host_only("nobody waits for a device to look at its numbers")
def test_case_11_binary_cross_entropy_wants_probabilities():
    """pytorch_GAN_zoo#82, ganhacks#67."""
    p, t = np.array([0.2, 0.7, 0.4]), np.array([1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match=r"-3.*2\.5.*\[0, 1\].*binary_cross_entropy_with_logits"):
        F.binary_cross_entropy(Tensor(np.array([2.5, -3.0, 0.4])), Tensor(t))
    for wrong in (np.array([1.0, -1.0, 0.0]), np.array([255.0, 0.0, 255.0])):
        for function in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
            with pytest.raises(ValueError, match=rf"target.*{wrong.min():g}.*{wrong.max():g}.*\[0, 1\]"):
                function(Tensor(p), Tensor(wrong))
    with pytest.raises(ValueError, match="nan"):
        F.binary_cross_entropy(Tensor(np.array([0.5, np.nan, 0.5])), Tensor(t))
    for edge in (np.zeros(3), np.ones(3)):
        assert np.isfinite(F.binary_cross_entropy(Tensor(edge), Tensor(t)).item())


@pytest.mark.parametrize("shape", [(64, 3), (16, 3, 9, 7)])
@pytest.mark.parametrize("offset", [0.0, 1e2, 1e4, -1e4])
def test_case_13_batch_norm_of_an_offset_keeps_its_digits(shape, offset):
    """The variance is a sum of squares of shifted values: E x² − (E x)² would lose what the offset takes."""
    x = (np.random.default_rng(0).standard_normal(shape) + offset).astype("float32")
    exact = x.astype("float64")
    axes = (0, *range(2, x.ndim))
    expected = (exact - exact.mean(axes, keepdims=True)) / np.sqrt(exact.var(axes, keepdims=True) + 1e-5)
    error = np.abs(F.batch_norm(Tensor(x)).numpy() - expected).max()
    # x itself is known to offset · 2⁻²⁴; the mean is a float32 too.
    assert error < 3e-6 + abs(offset) * 6e-8


def test_case_13_layers_keep_running_statistics_as_exact():
    x = (np.random.default_rng(0).standard_normal((256, 2, 4, 4)) + 1e4).astype("float32")
    layer = nn.BatchNorm(2, momentum=1.0)
    layer(Tensor(x))
    buffers = {name: b.numpy() for name, b in layer.named_buffers()}
    exact = x.astype("float64")
    np.testing.assert_allclose(buffers["running_var"], exact.var((0, 2, 3), ddof=1), rtol=1e-3)


def test_case_40_a_max_pool2d_window_of_any_size():
    """Windows above 127, of and above 256, and above 32,767 pixels."""
    for side in (12, 16, 17, 182):
        x = np.zeros((1, 1, side, side))
        x[0, 0, side - 1, side - 2] = 1.0
        t = Tensor(x, requires_grad=True)
        y = F.max_pool2d(t, side)
        (dx,) = grad(F.sum(y), [t])
        assert y.item() == 1.0
        np.testing.assert_array_equal(dx.numpy(), x)
