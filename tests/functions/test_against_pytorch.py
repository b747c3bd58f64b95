"""Values, first and second derivatives of every function, equal to PyTorch's in float64 on random configurations.

The only file of this folder that needs PyTorch; without it, it is skipped.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigan import functions as F

from .derivatives import torch_values_and_gradients, values_and_gradients
from .strategies import distinct, full_shapes, normal, positive, seeds, shape_pairs, sides

torch = pytest.importorskip("torch")
TF = torch.nn.functional


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads cost far more than they save on arrays this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def assert_same(ours, theirs, arrays):
    results, expected = values_and_gradients(ours, arrays), torch_values_and_gradients(theirs, arrays)
    for result, reference in zip(results, expected, strict=True):
        assert result.shape == reference.shape
        np.testing.assert_allclose(result, reference, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(reference).max(initial=0)))


def probability(seed, *shapes):
    return [np.random.default_rng(seed).uniform(0.02, 0.98, shape) for shape in shapes]


ELEMENTWISE = {
    "neg": (F.neg, torch.neg, normal),
    "exp": (F.exp, torch.exp, normal),
    "log": (F.log, torch.log, positive),
    "sqrt": (F.sqrt, torch.sqrt, positive),
    "abs": (F.abs, torch.abs, distinct),
    "power": (lambda x: F.power(x, 2.5), lambda x: x**2.5, positive),
    "relu": (F.relu, TF.relu, distinct),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), lambda x: TF.leaky_relu(x, 0.2), distinct),
    "leaky_relu, slope by default": (F.leaky_relu, TF.leaky_relu, distinct),
    "tanh": (F.tanh, torch.tanh, normal),
    "sigmoid": (F.sigmoid, torch.sigmoid, normal),
    "softplus": (F.softplus, TF.softplus, normal),
    "softmax": (F.softmax, lambda x: torch.softmax(x, -1), normal),
    "log_softmax": (lambda x: F.log_softmax(x, 0), lambda x: torch.log_softmax(x, 0), normal),
    "sum": (lambda x: F.sum(x, -1), lambda x: x.sum(-1), normal),
    "mean": (F.mean, torch.mean, normal),
    "max": (lambda x: F.max(x, 0), lambda x: x.amax(0), distinct),
    "min": (lambda x: F.min(x, -1, keepdims=True), lambda x: x.amin(-1, keepdim=True), distinct),
    "reshape": (lambda x: F.reshape(x, (-1, 1)), lambda x: x.reshape(-1, 1), normal),
    "transpose": (F.transpose, lambda x: x.permute(*reversed(range(x.ndim))), normal),
    "getitem": (lambda x: F.getitem(x, [0, -1, 0]), lambda x: x[[0, -1, 0]], normal),
    "broadcast_to": (lambda x: F.broadcast_to(x, (3, *x.shape)), lambda x: x.expand(3, *x.shape), normal),
    "sum_to": (lambda x: F.sum_to(x, x.shape[1:]), lambda x: x.sum(0), normal),
}
BINARY = {
    "add": (F.add, torch.add, normal),
    "sub": (F.sub, torch.sub, normal),
    "mul": (F.mul, torch.mul, normal),
    "div": (F.div, torch.div, positive),
    "maximum": (F.maximum, torch.maximum, distinct),
    "minimum": (F.minimum, torch.minimum, distinct),
}
LOSSES = {
    "binary_cross_entropy": (F.binary_cross_entropy, TF.binary_cross_entropy, probability),
    "binary_cross_entropy_with_logits": (
        F.binary_cross_entropy_with_logits, TF.binary_cross_entropy_with_logits, normal,
    ),
    "mse_loss": (F.mse_loss, TF.mse_loss, normal),
    "l1_loss": (F.l1_loss, TF.l1_loss, distinct),
}  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
@given(full_shapes, seeds)
def test_of_one_array(name, shape, seed):
    ours, theirs, draw = ELEMENTWISE[name]
    assert_same(ours, theirs, draw(seed, shape))


@pytest.mark.parametrize("name", BINARY)
@given(shape_pairs, seeds)
def test_of_two_arrays(name, pair, seed):
    ours, theirs, draw = BINARY[name]
    assert_same(ours, theirs, draw(seed, *pair))


@pytest.mark.parametrize("name", BINARY)
def test_ties(name):
    ours, theirs, _ = BINARY[name]
    assert_same(ours, theirs, [np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])])


@pytest.mark.parametrize("name", ["max", "min", "abs", "relu", "leaky_relu"])
def test_ties_and_kinks(name):
    ours, theirs, _ = ELEMENTWISE[name]
    assert_same(ours, theirs, [np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 2.0]])])


@pytest.mark.parametrize("name", LOSSES)
@given(full_shapes, st.sampled_from(["mean", "sum", "none"]), seeds)
def test_losses(name, shape, reduction, seed):
    ours, theirs, draw = LOSSES[name]
    target = probability(seed + 1, shape)[0] if draw is not distinct else None
    if target is None:
        x, target = distinct(seed, shape, shape)
    else:
        (x,) = draw(seed, shape)
    t = torch.tensor(target)
    assert_same(lambda a: ours(a, target, reduction), lambda a: theirs(a, t, reduction=reduction), [x])


def test_binary_cross_entropy_where_its_logarithms_are_held():
    p, target = np.array([0.0, 0.0, 1.0, 1.0, 1e-50, 1e-14]), np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    results = values_and_gradients(lambda a: F.binary_cross_entropy(a, target, "none"), [p])
    reference = torch_values_and_gradients(
        lambda a: TF.binary_cross_entropy(a, torch.tensor(target), reduction="none"), [p]
    )
    for result, expected in list(zip(results, reference, strict=True))[:2]:  # the value and its gradient
        np.testing.assert_allclose(result, expected, rtol=1e-8)  # PyTorch's 1e-12 is a float32


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from(["mean", "sum", "none"]), seeds)
def test_cross_entropy(n, k, reduction, seed):
    labels = np.random.default_rng(seed).integers(0, k, n)
    t = torch.tensor(labels)
    assert_same(
        lambda x: F.cross_entropy(x, labels, reduction),
        lambda x: TF.cross_entropy(x, t, reduction=reduction),
        normal(seed, (n, k)),
    )


@given(sides, sides, sides, st.booleans(), seeds)
def test_dense_and_matmul(n, c, o, has_bias, seed):
    x, w, b = normal(seed, (n, c), (o, c), (o,))
    assert_same(F.dense, TF.linear, [x, w, b] if has_bias else [x, w])
    assert_same(F.matmul, torch.matmul, normal(seed, (2, n, c), (c, o)))


@settings(max_examples=40)
@given(sides, sides, sides, st.tuples(sides, sides), st.tuples(sides, sides), st.booleans(), seeds, st.data())
def test_conv2d(n, c, o, kernel, stride, has_bias, seed, data):
    padding = data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    x, w, b = normal(seed, (n, c, kernel[0] + 2, kernel[1] + 1), (o, c, *kernel), (o,))
    options = {"stride": stride, "padding": padding}
    inputs = [x, w, b] if has_bias else [x, w]
    assert_same(lambda *ts: F.conv2d(*ts, **options), lambda *ts: TF.conv2d(*ts, **options), inputs)


@settings(max_examples=40)
@given(sides, sides, sides, st.tuples(sides, sides), st.tuples(sides, sides), st.booleans(), seeds, st.data())
def test_conv_transpose2d(n, c, o, kernel, stride, has_bias, seed, data):
    size = (3, 2)
    room = [(h - 1) * s + k for h, s, k in zip(size, stride, kernel, strict=True)]
    padding = tuple(data.draw(st.integers(0, (r - 1) // 2)) for r in room)
    extra = tuple(data.draw(st.integers(0, s - 1)) for s in stride)
    options = {"stride": stride, "padding": padding, "output_padding": extra}
    x, w, b = normal(seed, (n, c, *size), (c, o, *kernel), (o,))
    inputs = [x, w, b] if has_bias else [x, w]
    assert_same(lambda *ts: F.conv_transpose2d(*ts, **options), lambda *ts: TF.conv_transpose2d(*ts, **options), inputs)


@given(st.integers(3, 5), sides, st.none() | st.tuples(sides, sides), st.sampled_from([1e-5, 1e-3]), seeds)
def test_batch_norm(n, c, size, eps, seed):
    x, gamma, beta, mean = normal(seed, (n, c, *(size or ())), (c,), (c,), (c,))
    ours, theirs = (mean.copy(), mean**2 + 0.1), (torch.tensor(mean), torch.tensor(mean**2 + 0.1))
    F.batch_norm(x, gamma, beta, *ours, momentum=0.3, eps=eps)
    TF.batch_norm(torch.tensor(x), *theirs, torch.tensor(gamma), torch.tensor(beta), True, 0.3, eps)
    np.testing.assert_allclose(ours[0], theirs[0].numpy(), rtol=1e-10)
    np.testing.assert_allclose(ours[1], theirs[1].numpy(), rtol=1e-10)
    for training in (True, False):
        assert_same(
            lambda x, g, b, t=training: F.batch_norm(x, g, b, *(r.copy() for r in ours), training=t, eps=eps),
            lambda x, g, b, t=training: TF.batch_norm(x, *(r.clone() for r in theirs), g, b, t, 0.1, eps),
            [x, gamma, beta],
        )


@given(sides, st.lists(st.integers(2, 3), min_size=1, max_size=3).map(tuple), seeds)
def test_layer_norm(n, shape, seed):
    assert_same(F.layer_norm, lambda x, g, b: TF.layer_norm(x, shape, g, b), normal(seed, (n, *shape), shape, shape))


@given(sides, sides, seeds)
def test_instance_norm(n, c, seed):
    inputs = normal(seed, (n, c, 3, 2), (c,), (c,))
    assert_same(F.instance_norm, lambda x, g, b: TF.instance_norm(x, weight=g, bias=b), inputs)


@given(sides, sides, seeds)
def test_pixel_norm(n, c, seed):
    assert_same(
        F.pixel_norm, lambda x: x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt(), normal(seed, (n, c, 2, 2))
    )


@given(st.tuples(sides, sides), st.tuples(sides, sides), seeds, st.data())
def test_pooling(kernel, stride, seed, data):
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    (x,) = distinct(seed, (2, 1, kernel[0] + 2, kernel[1] + 1))
    for name in ("avg_pool2d", "max_pool2d"):
        ours, theirs = getattr(F, name), getattr(TF, name)
        assert_same(
            lambda t, f=ours: f(t, kernel, stride, padding), lambda t, f=theirs: f(t, kernel, stride, padding), [x]
        )


@given(sides, seeds)
def test_upsampling_padding_and_concatenation(scale, seed):
    x, y = normal(seed, (2, 1, 2, 3), (2, 2, 2, 3))
    assert_same(lambda t: F.upsample_nearest2d(t, scale), lambda t: TF.interpolate(t, scale_factor=scale), [x])
    assert_same(lambda t: F.pad2d(t, ((1, 2), (0, scale))), lambda t: TF.pad(t, (0, scale, 1, 2)), [x])
    assert_same(lambda *ts: F.concatenate(ts, 1), lambda *ts: torch.cat(ts, 1), [x, y])


@pytest.mark.parametrize("target", [1.0, -1.0])
@given(full_shapes, seeds)
def test_hinge_loss(target, shape, seed):
    logits = distinct(seed, shape)[0] + target
    assert_same(lambda x: F.hinge_loss(x, target), lambda x: TF.relu(1 - target * x).mean(), [logits])
