"""Values, first and second derivatives of every function, equal to PyTorch's in float64 on random configurations.

The only file of this folder that needs PyTorch; without it, it is skipped.
"""

import numpy as np
import pytest
from hypothesis import given, settings

from minigan import functions as F
from minigan.testing.cases import CASES
from minigan.testing.random_inputs import padding_per_side
from minigan.testing.strategies import calls

from .conventions import crop_of, padding_of, pair
from .derivatives import torch_values_and_gradients, values_and_gradients

torch = pytest.importorskip("torch")
TF = torch.nn.functional
pytestmark = pytest.mark.usefixtures("one_thread_in_torch")


def assert_same(ours, theirs, arrays):
    """To 1e-8 of the largest number of each array, or of 1."""
    results, expected = values_and_gradients(ours, arrays), torch_values_and_gradients(theirs, arrays)
    for result, reference in zip(results, expected, strict=True):
        assert result.shape == reference.shape
        np.testing.assert_allclose(result, reference, rtol=0, atol=1e-8 * max(1.0, np.abs(reference).max(initial=0)))


# --- minigan's conventions in PyTorch's words ----------------------------------------------------


def indexable(index):
    """Lists and masks as the tensors that PyTorch takes them for."""
    if isinstance(index, tuple):
        return tuple(map(indexable, index))
    return torch.as_tensor(index) if isinstance(index, list | np.ndarray) else index


def reduced(function):
    """A reduction over axis: None is all of them, and () none, which PyTorch takes for all."""
    return lambda x, axis, keepdims: function(x, tuple(range(x.ndim)) if axis is None else axis, keepdims)


def over(function):
    return reduced(lambda x, axis, keepdims: x if axis == () else function(x, axis, keepdims))


def loss(values, reduction):
    return {"mean": torch.mean, "sum": torch.sum, "none": lambda v: v}[reduction](values)


def pullback(function, at, cotangent):
    """The gradient of `function` at these tensors, itself differentiable, also by them."""
    at = tuple(t if t.requires_grad else t.requires_grad_() for t in at)
    return torch.autograd.grad(function(*at), at, cotangent, create_graph=True)


def put_item(x, index, shape):
    return pullback(lambda z: z[indexable(index)], [torch.zeros(shape, dtype=x.dtype)], x)[0]


def dense_weight_grad(x, g):
    return pullback(lambda w: TF.linear(x, w), [torch.zeros(g.shape[1], x.shape[1], dtype=x.dtype)], g)[0]


def cross_entropy_backward(g, x, target):
    return pullback(lambda x: TF.binary_cross_entropy_with_logits(x, target, reduction="none"), [x], g)[0]


def padded(x, padding, fill=0.0):
    (top, bottom), (left, right) = padding
    return TF.pad(x, (left, right, top, bottom), value=fill)


def conv2d(x, weight, bias=None, *, stride, padding):
    around = padding_of(padding, x.shape[2:], weight.shape[2:], stride)
    return TF.conv2d(padded(x, around), weight, bias, stride)


def conv_transpose2d(x, weight, bias=None, *, stride, padding, output_padding):
    """PyTorch's own where it has this padding; else the full output, of which each side is cropped for itself."""
    crop, extra = crop_of(padding, weight.shape[2:], stride), pair(output_padding)
    if padding != "same" and all(before == after for before, after in crop):
        return TF.conv_transpose2d(x, weight, bias, stride, [p for p, _ in crop], extra)
    full = TF.conv_transpose2d(x, weight, None, stride)
    h, w = (f + e - sum(c) for f, e, c in zip(full.shape[2:], extra, crop, strict=True))
    (top, bottom), (left, right) = crop  # where negative, it adds zeros, as output_padding does
    grown = padded(full, ((0, extra[0] + max(0, -bottom)), (0, extra[1] + max(0, -right))))
    y = grown[:, :, top : top + h, left : left + w]
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def pooling(function, fill):
    def pooled(x, kernel_size, stride, padding):
        kernel = pair(kernel_size)
        stride = kernel if stride is None else stride
        return function(padded(x, padding_of(padding, x.shape[2:], kernel, stride), fill), kernel, stride)

    return pooled


def seen(x, geometry):
    """The part of the padded images that a geometry's windows reach."""
    (oh, ow), (kh, kw), (sh, sw) = geometry.out_size, geometry.kernel, geometry.stride
    (h, w), (top, left) = geometry.in_size, geometry.pad
    height, width = (oh - 1) * sh + kh, (ow - 1) * sw + kw
    y = padded(x, ((top, max(0, height - h - top)), (left, max(0, width - w - left))))
    return y[:, :, :height, :width]


def canvas(x, geometry):
    return torch.zeros(*x.shape[:2], *geometry.in_size, dtype=x.dtype)


def conv_weight_grad(x, g, geometry):
    weight = torch.zeros(g.shape[1], x.shape[1], *geometry.kernel, dtype=x.dtype)
    return pullback(lambda w: TF.conv2d(seen(x, geometry), w, stride=geometry.stride), [weight], g)[0]


def avg_spread(x, geometry):
    pool = TF.avg_pool2d
    return pullback(lambda z: pool(seen(z, geometry), geometry.kernel, geometry.stride), [canvas(x, geometry)], x)[0]


def max_take(x, geometry, taken):
    """The pixel under one tap of each window, out of all pixels under the window."""
    (n, c), size = x.shape[:2], geometry.out_size
    windows = TF.unfold(seen(x, geometry), geometry.kernel, stride=geometry.stride).reshape(n, c, -1, *size)
    taps = torch.as_tensor(taken.astype("int64")).reshape(n, c, 1, 1, 1).expand(n, c, 1, *size)
    return windows.gather(2, taps)[:, :, 0]


def max_spread(x, geometry, taken):
    return pullback(lambda z: max_take(z, geometry, taken), [canvas(x, geometry)], x)[0]


def batch_norm(x, gamma=None, beta=None, *, eps, negative_slope):
    y = TF.batch_norm(x, None, None, gamma, beta, True, 0.1, eps)
    return y if negative_slope is None else TF.leaky_relu(y, negative_slope)


def scale_shift(x, scale, shift, axes, negative_slope):
    y = x * scale + shift
    return y if negative_slope is None else TF.leaky_relu(y, negative_slope)


def batch_norm_backward(dy, x, gamma, axes, eps, negative_slope, beta):
    """Not of TF.batch_norm, whose third derivatives leave out those of the batch's statistics."""

    def forward(x, gamma, beta):
        var, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        y = (x - mean) / torch.sqrt(var + eps) * gamma + beta
        return y if negative_slope is None else TF.leaky_relu(y, negative_slope)

    return pullback(forward, [x, gamma, torch.tensor(beta)], dy)


def dropout(x, p, training, seed):
    """By the mask that the generator gives: one number for each of x's, drawn for images in the order (H, W, N, C)."""
    shape = [x.shape[a] for a in (2, 3, 0, 1)] if x.ndim == 4 else x.shape
    uniform = torch.as_tensor(np.random.default_rng(seed).random(tuple(shape), dtype="float32"))
    uniform = uniform.permute(2, 3, 0, 1) if x.ndim == 4 else uniform
    return torch.where(uniform >= p, x / (1 - p), 0.0) if training else x


TORCH = {
    # elementwise
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "neg": torch.neg,
    "abs": torch.abs,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": TF.softplus,
    "relu": TF.relu,
    "leaky_relu": TF.leaky_relu,
    "softmax": torch.softmax,
    "log_softmax": torch.log_softmax,
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "power": torch.pow,
    "power of two arrays": torch.pow,
    "power of a number": lambda exponent, base: torch.pow(base, exponent),
    "where": lambda a, b, condition: torch.where(torch.as_tensor(condition), a, b),
    "clip": torch.clamp,
    "dropout": dropout,
    # reductions and moves
    "sum": over(torch.sum),
    "mean": over(torch.mean),
    "max": over(torch.amax),
    "min": over(torch.amin),
    "norm": lambda x, axis, keepdims: torch.linalg.vector_norm(x, 2, axis, keepdims),
    "var": lambda x, axis, keepdims, correction: torch.var(x, axis, correction=correction, keepdim=keepdims),
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes: x.permute(tuple(reversed(range(x.ndim))) if axes is None else axes),
    "broadcast_to": lambda x, shape: x.expand(shape),
    "sum_to": lambda x, shape: x.sum_to_size(shape),
    "getitem": lambda x, index: x[indexable(index)],
    "concatenate": lambda *tensors, axis: torch.cat(tensors, axis),
    "stack": lambda *tensors, axis: torch.stack(tensors, axis),
    "pad2d": lambda x, padding: padded(x, padding_per_side(padding)),
    # products
    "matmul": torch.matmul,
    "dense": TF.linear,
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    # pooling
    "avg_pool2d": pooling(TF.avg_pool2d, 0.0),
    "max_pool2d": pooling(TF.max_pool2d, -np.inf),
    "upsample_nearest2d": lambda x, scale: TF.interpolate(x, scale_factor=scale),
    # normalisation
    "batch_norm": batch_norm,
    "batch_norm over a process group": lambda x, gamma, beta, eps, process_group: TF.batch_norm(
        x, None, None, gamma, beta, True, 0, eps
    ),
    "AllReduceSum": lambda x, process_group: x * process_group.size,
    "batch_norm outside of training": lambda x, gamma, beta, running_mean, running_var, eps: TF.batch_norm(
        x, torch.as_tensor(running_mean), torch.as_tensor(running_var), gamma, beta, False, 0.1, eps
    ),
    "layer_norm": lambda x, *scale: TF.layer_norm(x, x.shape[1:], *scale),
    "instance_norm": lambda x, gamma=None, beta=None: TF.instance_norm(x, weight=gamma, bias=beta),
    "group_norm": lambda x, gamma=None, beta=None, *, num_groups, eps: TF.group_norm(x, num_groups, gamma, beta, eps),
    "pixel_norm": lambda x, eps: TF.rms_norm(x.movedim(1, -1), x.shape[1:2], eps=eps).movedim(-1, 1),
    # losses
    "binary_cross_entropy": TF.binary_cross_entropy,
    "binary_cross_entropy_with_logits": TF.binary_cross_entropy_with_logits,
    "mse_loss": TF.mse_loss,
    "l1_loss": TF.l1_loss,
    "hinge_loss": lambda x, target, reduction: loss(TF.relu(1 - target * x), reduction),
    "cross_entropy": lambda x, labels, reduction: TF.cross_entropy(x, torch.as_tensor(labels), reduction=reduction),
    # the steps of the backward passes
    "AddScalar": lambda x, c: x + c,
    "MulScalar": lambda x, c: x * c,
    "MaskMul": lambda x, factor: x * torch.as_tensor(factor),
    "LeakyReLUBackward": lambda x, mask, slope: torch.where(torch.as_tensor(mask), x, slope * x),
    "TanhBackward": lambda g, t: (1 - t * t) * g,
    "DenseWeightGrad": dense_weight_grad,
    "ConvWeightGrad": conv_weight_grad,
    "ScaleShift": scale_shift,
    "BatchNormBackward": batch_norm_backward,
    "BinaryCrossEntropyWithLogitsBackward": cross_entropy_backward,
    "AvgSpread2d": avg_spread,
    "MaxUnpool2d": max_spread,
    "MaxTake2d": max_take,
    "PutItem": put_item,
}


def test_every_case_has_its_counterpart():
    assert set(TORCH) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_values_first_and_second_derivatives(name):
    times = 10 if "conv" in name.lower() else 2  # "same" with one pixel more on one side is a rare draw

    @settings(max_examples=times * settings().max_examples)
    @given(calls(name))
    def same(call):
        assert_same(call, lambda *tensors: TORCH[name](*tensors, **call.options), call.inputs)

    same()


# --- where random numbers do not come ------------------------------------------------------------


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "maximum", "minimum"])
def test_ties(name):
    assert_same(getattr(F, name), TORCH[name], [np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])])


def test_powers_at_zero_and_below():
    """The values and gradients; PyTorch's second derivatives are NaN at some of these."""
    a, b = np.array([0.0, 0, 0, 3, 0, -2, -2, 0]), np.array([2.0, 1, 0, 0, 0.5, 3, 0, -1])
    with np.errstate(all="ignore"):
        ours = values_and_gradients(F.power, [a, b])
    for result, expected in list(zip(ours, torch_values_and_gradients(torch.pow, [a, b]), strict=True))[:3]:
        np.testing.assert_allclose(result, expected, rtol=1e-12)


def test_clip_at_its_bounds():
    assert_same(lambda x: F.clip(x, -1, 2), lambda x: torch.clamp(x, -1, 2), [np.array([-2.0, -1, 0, 2, 3])])


def test_the_norm_of_zeros():
    """The values and gradients; PyTorch's second derivatives are NaN there, minigan's 0."""
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    ours = values_and_gradients(lambda x: F.norm(x, 1), [x])
    theirs = torch_values_and_gradients(lambda x: torch.linalg.vector_norm(x, 2, 1), [x])
    for result, expected in list(zip(ours, theirs, strict=True))[:2]:
        np.testing.assert_allclose(result, expected, rtol=1e-12)
    assert all(np.isfinite(a).all() for a in ours)


@pytest.mark.parametrize("name", ["max", "min", "abs", "relu", "leaky_relu"])
@pytest.mark.parametrize("axis", [0, -1, None])
def test_ties_and_kinks(name, axis):
    options = {"axis": axis, "keepdims": False} if name in ("max", "min") else {}
    ours, theirs = (lambda x, f=f: f(x, **options) for f in (getattr(F, name), TORCH[name]))
    assert_same(ours, theirs, [np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 2.0]])])


def test_binary_cross_entropy_where_its_logarithms_are_held():
    p, target = np.array([0.0, 0.0, 1.0, 1.0, 1e-50, 1e-14]), np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    results = values_and_gradients(lambda a: F.binary_cross_entropy(a, target, "none"), [p])
    reference = torch_values_and_gradients(
        lambda a: TF.binary_cross_entropy(a, torch.tensor(target), reduction="none"), [p]
    )
    for result, expected in list(zip(results, reference, strict=True))[:2]:  # the value and its gradient
        np.testing.assert_allclose(result, expected, rtol=1e-8)  # PyTorch's 1e-12 is a float32


@given(calls("batch_norm outside of training"))
def test_running_statistics(call):
    (x, gamma, beta), before = call.inputs, (call.options["running_mean"], call.options["running_var"])
    x = np.concatenate([x, x + 1.0])  # two samples at least
    ours, theirs = [r.copy() for r in before], [torch.tensor(r) for r in before]
    F.batch_norm(x, gamma, beta, *ours, momentum=0.3)
    TF.batch_norm(torch.tensor(x), *theirs, torch.tensor(gamma), torch.tensor(beta), True, 0.3)
    for result, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(result, expected.numpy(), rtol=1e-10, atol=1e-12)
