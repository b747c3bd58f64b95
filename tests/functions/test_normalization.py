"""Normalisation: by definition, its derivatives, and the running statistics."""

import numpy as np
import pytest
from devices import host, on_device
from hypothesis import given
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.functions.normalization import BatchNorm
from minigan.testing import gradcheck
from minigan.testing.cases import CASES
from minigan.testing.strategies import array_shapes, arrays, calls, several_arrays

from .fixed import normal


def standardised(x, axes, eps):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@given(calls("batch_norm"))
def test_batch_norm(call):
    x, *scale = call.inputs
    axes, along = ((0, 2, 3), (-1, 1, 1)) if x.ndim == 4 else ((0,), (-1,))
    gamma, beta = (a.reshape(along) for a in scale) if scale else (1, 0)
    expected, slope = standardised(x, axes, call.options["eps"]) * gamma + beta, call.options["negative_slope"]
    expected = expected if slope is None else np.where(expected > 0, expected, slope * expected)
    np.testing.assert_allclose(call(*call.inputs).numpy(), expected, rtol=1e-9, atol=1e-11)
    # The tiny eps of nearly equal samples makes a function too curved for difference quotients.
    gradcheck(lambda *ts: F.batch_norm(*ts, eps=0.3), call.inputs)


def test_batch_norm_to_third_order():
    def gradient(x, gamma, beta, dy):
        return mg.grad(F.batch_norm(x, gamma, beta), [x, gamma, beta], dy, create_graph=True)

    gradcheck(gradient, normal((4, 2, 2, 2), (2,), (2,), (4, 2, 2, 2)), order=2)


@pytest.mark.parametrize("axes", [(0,), (1,), (2, 3), (1, 2, 3), (0, 2, 3), (0, 1, 2, 3)])
def test_standardising_over_any_axes(axes):
    along = [1 if a in axes else n for a, n in enumerate((3, 4, 2, 2))]
    x, gamma, beta = normal((3, 4, 2, 2), along, along)
    expected = standardised(x, axes, 1e-5) * gamma + beta
    np.testing.assert_allclose(BatchNorm(axes, 1e-5)(x, gamma, beta).numpy(), expected, rtol=1e-9, atol=1e-11)
    gradcheck(lambda *ts: BatchNorm(axes, 1e-5)(*ts), [x, gamma, beta])


@pytest.mark.parametrize("offset", [1e4, -3e3])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 0, 1), (0, 2, 3, 1)], ids=str)
@pytest.mark.parametrize("axes", [(0,), (2, 3), (1, 2, 3), (0, 2, 3)], ids=str)
def test_float32_keeps_its_digits_beside_an_offset_over_any_axes_in_any_order_of_memory(axes, order, offset):
    x = (np.random.default_rng(0).standard_normal((20, 6, 5, 8)) + offset).astype("float32")
    x = x.transpose(order).copy().transpose(np.argsort(order))
    along = [1 if a in axes else n for a, n in enumerate(x.shape)]
    ones, zeros = np.ones(along, "float32"), np.zeros(along, "float32")
    wide = standardised(x.astype("float64"), axes, 1e-5)
    np.testing.assert_allclose(
        BatchNorm(axes, 1e-5)(x, ones, zeros).numpy(), wide, rtol=0, atol=3e-6 + abs(offset) * 6e-8
    )


def test_the_gradient_of_beta_over_very_many_rows_is_not_one_sum_in_float32():
    """Which would be off in the third digit."""
    x, dy = (
        np.random.default_rng(0).standard_normal((1 << 20, 2)).astype("float32"),
        np.full((1 << 20, 2), 0.1, "float32"),
    )
    beta = mg.Tensor(np.zeros(2, "float32"), requires_grad=True)
    F.batch_norm(x, None, beta).backward(dy)
    np.testing.assert_allclose(beta.grad.numpy(), 0.1 * len(x), rtol=5e-4)


def test_large_batches_are_worked_on_in_slices(monkeypatch):
    from minigan.kernels import normalization as kernel

    x, gamma, beta, dy = normal((7, 3), (3,), (3,), (7, 3))
    whole = F.batch_norm(x, gamma, beta).numpy()
    monkeypatch.setattr(kernel, "SLICE_ELEMENTS", 6)  # two rows at a time, and one left over
    np.testing.assert_allclose(F.batch_norm(x, gamma, beta).numpy(), whole, rtol=1e-12, atol=1e-13)
    gradcheck(F.batch_norm, [x, gamma, beta])


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0, 1.5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_with_a_slope_it_is_leaky_relu_after_it_to_the_bit(slope, dtype, monkeypatch):
    from minigan.kernels import normalization as kernel

    monkeypatch.setattr(kernel, "SLICE_ELEMENTS", 40)
    shapes = (4,), (4,), (4,), (4,), (25, 4), (25, 4), (3, 5, 6, 4), (3, 5, 6, 4)
    gamma, beta, mean, var, *rows_and_images = (a.astype(dtype) for a in normal(*shapes))
    rows, dy_of_rows, native, dy = (a.transpose(2, 3, 0, 1) if a.ndim == 4 else a for a in rows_and_images)
    elsewhere = [np.ascontiguousarray(a) for a in (native, dy)]

    def derivatives(function, x, dy):
        tensors = [mg.Tensor(t, requires_grad=True) for t in (x, gamma, beta)]
        y = function(*tensors)
        dx, *others = mg.grad(y, tensors, dy, create_graph=True)
        second = mg.grad(dx, tensors, dy, allow_unused=True)
        return [t.numpy() for t in (y, dx, *others)], [t.numpy() for t in second if t is not None]

    for x, dy_of_x in ((native, dy), (rows, dy_of_rows), elsewhere, (native, elsewhere[1])):
        one, second = derivatives(lambda *t: F.batch_norm(*t, negative_slope=slope), x, dy_of_x)
        two, second_of_two = derivatives(lambda *t: F.leaky_relu(F.batch_norm(*t), slope), x, dy_of_x)
        assert [a.tobytes() for a in one] == [a.tobytes() for a in two]
        for a, b in zip(second, second_of_two, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
        y = F.batch_norm(x, gamma, beta, mean, var**2, training=False)
        one = F.batch_norm(x, gamma, beta, mean, var**2, training=False, negative_slope=slope)
        np.testing.assert_array_equal(one.numpy(), F.leaky_relu(y, slope).numpy())


@pytest.mark.parametrize("slope", [-0.1, "0.2"])
def test_slopes_that_there_are_not(slope):
    with pytest.raises((TypeError, ValueError), match="batch_norm: negative_slope must be a number"):
        F.batch_norm(np.ones((3, 2)), negative_slope=slope)


def test_what_is_running_is_seen_to_change():
    x, gamma, beta, mean, var = (mg.Tensor(a, requires_grad=i < 3) for i, a in enumerate(normal((4, 2), *[(2,)] * 4)))
    batches = mg.Tensor(np.array(6))
    y = F.batch_norm(x, gamma, beta, mean, var * var, training=False)
    F.batch_norm(x, gamma, beta, mean, var, num_batches_tracked=batches)
    assert batches.item() == 7
    with pytest.raises(mg.StaleTensorError, match="last by batch_norm's running average"):
        y.backward(np.ones((4, 2)))


@pytest.mark.parametrize("kind", [on_device, mg.Tensor])
@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 2, 4)])
@pytest.mark.parametrize(("unbiased", "momentum"), [(True, 0.1), (False, 0.01)])
def test_running_statistics(kind, shape, unbiased, momentum):
    (x,) = normal(shape)
    axes = (0, *range(2, len(shape)))
    mean, var = kind(np.array([1.0, 2.0, 3.0])), kind(np.array([0.5, 1.0, 2.0]))
    F.batch_norm(x, np.ones(3), np.zeros(3), mean, var, momentum=momentum, unbiased=unbiased)
    old = 1 - momentum
    np.testing.assert_allclose(host(mean), old * np.array([1, 2, 3]) + momentum * x.mean(axes), rtol=1e-12)
    np.testing.assert_allclose(
        host(var), old * np.array([0.5, 1, 2]) + momentum * x.var(axes, ddof=int(unbiased)), rtol=1e-12
    )


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_without_gamma_or_beta(training):
    x, gamma, beta = normal((4, 3, 2, 2), (3,), (3,))
    running = (None, None) if training else (np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, 2.0]))

    def call(x, gamma=None, beta=None):
        return F.batch_norm(x, gamma, beta, *running, training=training, eps=0.3)

    for g, b in ((None, None), (gamma, None), (None, beta)):
        full = call(x, np.ones(3) if g is None else g, np.zeros(3) if b is None else b)
        np.testing.assert_array_equal(call(x, g, b).numpy(), full.numpy())
        gradcheck(lambda t, g=g, b=b: call(t, g, b), x)


@given(calls("batch_norm outside of training"))
def test_outside_of_training_it_is_a_scale_and_a_shift(drawn):
    (x, gamma, beta), (mean, var, eps) = drawn.inputs, drawn.options.values()
    before = mean.copy(), var.copy()

    def call(*tensors):
        return F.batch_norm(*tensors, mean, var, training=False, eps=eps)

    along = (-1, 1, 1) if x.ndim == 4 else (-1,)
    m, v, g, b = (a.reshape(along) for a in (mean, var, gamma, beta))
    np.testing.assert_allclose(call(x, gamma, beta).numpy(), (x - m) / np.sqrt(v + eps) * g + b, rtol=1e-9, atol=1e-11)
    gradcheck(call, [x, gamma, beta])
    np.testing.assert_array_equal((mean, var), before)


@given(array_shapes(min_dims=2, min_side=2), st.booleans(), st.booleans(), st.data())
def test_layer_norm(shape, has_gamma, has_beta, data):
    x, gamma, beta = data.draw(several_arrays([shape, shape[1:], shape[1:]]))
    gamma, beta = gamma if has_gamma else None, beta if has_beta else None
    expected = standardised(x, tuple(range(1, x.ndim)), 0.3)
    expected = expected * (gamma if has_gamma else 1) + (beta if has_beta else 0)
    np.testing.assert_allclose(F.layer_norm(x, gamma, beta, eps=0.3).numpy(), expected, rtol=1e-9, atol=1e-11)
    gradcheck(lambda t: F.layer_norm(t, gamma, beta, eps=0.3), x)


@given(array_shapes(min_dims=4, min_side=2), st.booleans(), st.booleans(), st.data())
def test_instance_norm(shape, has_gamma, has_beta, data):
    x, gamma, beta = data.draw(several_arrays([shape, shape[1:2], shape[1:2]]))
    gamma, beta = gamma if has_gamma else None, beta if has_beta else None
    expected = standardised(x, (2, 3), 0.3)
    expected = expected * (gamma[:, None, None] if has_gamma else 1) + (beta[:, None, None] if has_beta else 0)
    np.testing.assert_allclose(F.instance_norm(x, gamma, beta, eps=0.3).numpy(), expected, rtol=1e-9, atol=1e-11)
    gradcheck(lambda t: F.instance_norm(t, gamma, beta, eps=0.3), x)


@given(st.integers(1, 3), st.integers(1, 2), array_shapes(max_dims=2), st.booleans(), st.booleans(), st.data())
def test_group_norm(groups, size, rest, has_gamma, has_beta, data):
    c = groups * size
    x, gamma, beta = data.draw(several_arrays([(2, c, *rest), (c,), (c,)]))
    along = (c, *(1 for _ in rest))
    expected = standardised(x.reshape(2, groups, -1), (2,), 0.3).reshape(x.shape)
    expected = expected * (gamma.reshape(along) if has_gamma else 1) + (beta.reshape(along) if has_beta else 0)
    gamma, beta = gamma if has_gamma else None, beta if has_beta else None
    np.testing.assert_allclose(F.group_norm(x, groups, gamma, beta, 0.3).numpy(), expected, rtol=1e-9, atol=1e-11)
    gradcheck(lambda t: F.group_norm(t, groups, gamma, beta, 0.3), x)


@given(arrays(array_shapes(min_dims=2)))
def test_pixel_norm(x):
    expected = x / np.sqrt((x * x).mean(1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(F.pixel_norm(x).numpy(), expected, rtol=1e-9, atol=1e-11)
    gradcheck(lambda t: F.pixel_norm(t, eps=0.3), x)


def test_the_backward_pass_of_the_register_is_batch_norms():
    call = CASES["BatchNormBackward"].draw(np.random.default_rng(0))
    dy, x, gamma = call.inputs
    image, scale = mg.Tensor(x, requires_grad=True), mg.Tensor(gamma.reshape(-1), requires_grad=True)
    options = {name: call.options[name] for name in ("eps", "negative_slope")}
    F.batch_norm(image, scale, call.options["beta"].reshape(-1), **options).backward(dy)
    dx, dgamma, _ = call(*map(mg.Tensor, (dy, x, gamma)))
    np.testing.assert_allclose(image.grad.numpy(), dx.numpy(), rtol=1e-10)
    np.testing.assert_allclose(scale.grad.numpy(), dgamma.numpy().reshape(-1), rtol=1e-10)


def test_two_calls_do_not_overwrite_each_other():
    """D(real), then D(fake), then one backward through both."""
    a, b, gamma, beta = (mg.Tensor(t, requires_grad=True) for t in normal((4, 2), (4, 2), (2,), (2,)))
    alone = mg.grad(F.batch_norm(a, gamma, beta)[0].sum(), a)[0].numpy()
    first, second = F.batch_norm(a, gamma, beta), F.batch_norm(b, gamma, beta)
    (first[0].sum() + second[0].sum()).backward()
    np.testing.assert_allclose(a.grad.numpy(), alone, rtol=1e-12)
