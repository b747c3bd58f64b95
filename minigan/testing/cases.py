"""Random sample calls of every function in the package.

`CASES[name].draw(rng)` gives a `FunctionCall`: a function, float64 arrays to call it on, and options, all drawn at
random, well away from kinks and ties. Whatever holds for every function is checked over this table: derivatives,
agreement with PyTorch, dtypes, memory, empty batches, `minigan check`. A function that is not in it fails the test
suite.

Names in lower case are public functions; those in capitals are classes that no public function calls in its forward
pass: the functions that backward passes are made of, which are differentiated in their turn.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from minigan import functions as F
from minigan.autograd import Function, Node, Tensor
from minigan.backend import Array, ProcessGroup
from minigan.functions.dense import DenseWeightGrad
from minigan.kernels.geometry import Geometry
from minigan.kernels.normalization import batch_norm_forward
from minigan.testing import random_inputs as draw
from minigan.testing.callables import Outputs
from minigan.testing.random_inputs import RNG, Shape, choice, integer, normal, shape


@dataclass(frozen=True)
class FunctionCall:
    """A function of Tensors, the arrays to call it on, and its options."""

    function: Callable[..., Outputs]
    inputs: list[np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, *inputs: Tensor | np.ndarray) -> Outputs:
        return self.function(*inputs, **self.options)

    def __str__(self) -> str:
        shapes = [str(x.shape) for x in self.inputs]
        return ", ".join(shapes + [f"{name}={_short(value)}" for name, value in self.options.items()])


def _short(value: Any) -> str:
    return f"an array {value.shape}" if isinstance(value, np.ndarray) and value.size > 4 else repr(value)


@dataclass(frozen=True)
class Case:
    """draw: a random call. order: to which its derivatives are checked. batched: how many of the
    inputs have as first axis a batch, which may be empty (0: the function needs at least one sample)."""

    draw: Callable[[RNG], FunctionCall]
    order: int = 2
    batched: int = 0


CASES: dict[str, Case] = {}
Draw = TypeVar("Draw", bound=Callable[..., FunctionCall])


class BackwardCoverage:
    """An observer that collects the Function classes whose backward was called."""

    def __init__(self) -> None:
        self.classes: set[type[Node]] = set()

    def after_forward(self, node: Node, inputs: list[Tensor | None], outputs: list[Tensor]) -> None: ...

    def after_backward(self, node: Node, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        self.classes.add(type(node))


def case(*names: str, order: int = 2, batched: int = 0) -> Callable[[Draw], Draw]:
    """Register draw(rng) under a name, or draw(name, rng) under several."""

    def register(draw: Draw) -> Draw:
        for name in names:
            CASES[name] = Case(draw if len(names) == 1 else functools.partial(draw, name), order, batched)
        return draw

    return register


# --- elementwise ---------------------------------------------------------------------------------

NUMBERS = {"log": draw.positive, "sqrt": draw.positive, "abs": draw.distinct, "relu": draw.distinct}


@case("exp", "log", "sqrt", "neg", "abs", batched=1)
def _elementwise(name: str, rng: RNG) -> FunctionCall:
    return FunctionCall(getattr(F, name), [NUMBERS.get(name, normal)(rng, *shape(rng))])


case("tanh", "sigmoid", "softplus", "relu", order=3, batched=1)(_elementwise)


@case("leaky_relu", order=3, batched=1)
def _leaky_relu(rng: RNG) -> FunctionCall:
    x = draw.distinct(rng, *shape(rng))
    return FunctionCall(F.leaky_relu, [x], {"negative_slope": choice(rng, [0.2, 0.01, 0.0, 1.5])})


@case("softmax", "log_softmax", order=3)
def _softmax(name: str, rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng, min_dims=1))
    return FunctionCall(getattr(F, name), [x], {"axis": integer(rng, -x.ndim, x.ndim - 1)})


@case("add", "sub", "mul", "div")
def _arithmetic(name: str, rng: RNG) -> FunctionCall:
    a, b = draw.broadcastable_shapes(rng)
    x = normal(rng, *a)
    y = draw.positive(rng, *b) * choice(rng, [1.0, -1.0]) if name == "div" else normal(rng, *b)
    return FunctionCall(getattr(F, name), [x, y])


@case("maximum", "minimum")
def _extrema(name: str, rng: RNG) -> FunctionCall:
    a, b = draw.broadcastable_shapes(rng)
    return FunctionCall(getattr(F, name), [draw.distinct(rng, *s, count=2, index=i) for i, s in enumerate((a, b))])


@case("power", batched=1)
def _power(rng: RNG) -> FunctionCall:
    x = draw.positive(rng, *shape(rng))
    return FunctionCall(F.power, [x], {"exponent": choice(rng, [2, 3, 1, 0, -1, 2.5, -0.5])})


@case("power of two arrays")
def _power_of_two_arrays(rng: RNG) -> FunctionCall:
    a, b = draw.broadcastable_shapes(rng)
    return FunctionCall(F.power, [draw.positive(rng, *a), normal(rng, *b)])


@case("power of a number", batched=1)
def _power_of_a_number(rng: RNG) -> FunctionCall:
    def power(exponent: Tensor, base: float) -> Tensor:
        return F.power(base, exponent)

    return FunctionCall(power, [normal(rng, *shape(rng))], {"base": choice(rng, [2, 0.5, 1])})


@case("where")
def _where(rng: RNG) -> FunctionCall:
    def chosen(a: Tensor, b: Tensor, condition: np.ndarray) -> Tensor:
        return F.where(condition, a, b)

    a, b = draw.broadcastable_shapes(rng)
    condition = normal(rng, *choice(rng, [a, b, ()])) > 0
    return FunctionCall(chosen, [normal(rng, *a), normal(rng, *b)], {"condition": np.asarray(condition)})


@case("clip", batched=1)
def _clip(rng: RNG) -> FunctionCall:
    x = draw.distinct(rng, *shape(rng))
    return FunctionCall(F.clip, [x], choice(rng, [{"min": 0.0, "max": 0.3}, {"max": 0}, {"min": -0.2}]))


@case("dropout", batched=1)
def _dropout(rng: RNG) -> FunctionCall:
    def dropped(x: Tensor, p: float, training: bool, seed: int) -> Tensor:
        return F.dropout(x, p, training, np.random.default_rng(seed))

    options = {"p": choice(rng, [0.5, 0.2, 0.0]), "training": integer(rng, 0, 3) > 0, "seed": integer(rng, 0, 99)}
    return FunctionCall(dropped, [normal(rng, *shape(rng, min_dims=1))], options)


# --- reductions and moves ------------------------------------------------------------------------


@case("sum", "mean", "max", "min")
def _reduction(name: str, rng: RNG) -> FunctionCall:
    x = (draw.distinct if name in ("max", "min") else normal)(rng, *shape(rng))
    return FunctionCall(getattr(F, name), [x], {"axis": draw.axes(rng, x.ndim), "keepdims": draw.boolean(rng)})


@case("norm")
def _norm(rng: RNG) -> FunctionCall:
    x = draw.distinct(rng, *shape(rng, min_dims=1))
    return FunctionCall(F.norm, [x], {"axis": draw.axes(rng, x.ndim) or None, "keepdims": draw.boolean(rng)})


@case("var")
def _var(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng, min_dims=1, min_side=2))
    options = {"axis": draw.axes(rng, x.ndim) or None, "keepdims": draw.boolean(rng)}
    return FunctionCall(F.var, [x], options | {"correction": choice(rng, [1, 0, 0.5])})


@case("reshape")
def _reshape(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng, min_dims=1))
    shapes = [-1, (1, -1), x.shape[::-1], (*x.shape[:1], -1), (-1, 1, 1, 1)]
    return FunctionCall(F.reshape, [x], {"shape": choice(rng, shapes)})


@case("transpose")
def _transpose(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng))
    order = tuple(int(a) for a in rng.permutation(x.ndim))
    return FunctionCall(F.transpose, [x], {"axes": order if draw.boolean(rng) else None})


@case("broadcast_to", "sum_to")
def _broadcast(name: str, rng: RNG) -> FunctionCall:
    whole = shape(rng)
    small = tuple(choice(rng, [n, 1]) for n in whole)  # which broadcasts to the whole one
    small = small[integer(rng, 0, len(whole)) :] if draw.boolean(rng) else small
    before, after = (small, whole) if name == "broadcast_to" else (whole, small)
    return FunctionCall(getattr(F, name), [normal(rng, *before)], {"shape": after})


@case("getitem")
def _getitem(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng, min_dims=2, min_side=2))
    mask = np.arange(x.shape[0]) != 1
    indices = [
        0, slice(1, None), (slice(None), -1), (Ellipsis, slice(None, None, 2)), [0, 1, 0], mask, ([0, 1], [1, 1]),
    ]  # fmt: skip
    return FunctionCall(F.getitem, [x], {"index": choice(rng, indices)})


@case("concatenate")
def _concatenate(rng: RNG) -> FunctionCall:
    def concatenated(*tensors: Tensor, axis: int) -> Tensor:
        return F.concatenate(tensors, axis)

    whole = shape(rng, min_dims=1)
    axis = integer(rng, -len(whole), len(whole) - 1)
    at = axis % len(whole)
    parts = [(*whole[:at], integer(rng, 1, 3), *whole[at + 1 :]) for _ in range(integer(rng, 1, 3))]
    return FunctionCall(concatenated, [normal(rng, *part) for part in parts], {"axis": axis})


@case("stack")
def _stack(rng: RNG) -> FunctionCall:
    def stacked(*tensors: Tensor, axis: int) -> Tensor:
        return F.stack(tensors, axis)

    s = shape(rng)
    axis = integer(rng, -len(s) - 1, len(s))
    return FunctionCall(stacked, [normal(rng, *s) for _ in range(integer(rng, 1, 3))], {"axis": axis})


@case("pad2d", batched=1)
def _pad2d(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng, 4, 4, max_side=4))
    return FunctionCall(F.pad2d, [x], {"padding": draw.padding(rng, 3, same=False)})


# --- products ------------------------------------------------------------------------------------


@case("matmul")
def _matmul(rng: RNG) -> FunctionCall:
    n, k, m = (integer(rng, 1, 3) for _ in range(3))
    before_a, before_b = draw.broadcastable_shapes(rng, max_dims=2)
    a, b = (*before_a, n, k), (*before_b, k, m)
    a, b = choice(rng, [(a, b), ((k,), b), (a, (k,)), ((k,), (k,))])
    return FunctionCall(F.matmul, [normal(rng, *a), normal(rng, *b)])


@case("dense", batched=1)
def _dense(rng: RNG) -> FunctionCall:
    n, c, o = (integer(rng, 1, 4) for _ in range(3))
    before = choice(rng, [(n,), (2, n)])
    return FunctionCall(F.dense, _with_bias(rng, normal(rng, *before, c), normal(rng, o, c), o))


@case("conv2d", "conv_transpose2d", order=3, batched=1)
def _convolution(name: str, rng: RNG) -> FunctionCall:
    n, c, o = (integer(rng, 1, 3) for _ in range(3))
    size, kernel, options = (draw.convolution if name == "conv2d" else draw.transposed_convolution)(rng)
    x, weight = normal(rng, n, c, *size), normal(rng, *((o, c) if name == "conv2d" else (c, o)), *kernel)
    return FunctionCall(getattr(F, name), _with_bias(rng, x, weight, o), options)


def _with_bias(rng: RNG, x: np.ndarray, weight: np.ndarray, o: int) -> list[np.ndarray]:
    return [x, weight, normal(rng, o)] if draw.boolean(rng) else [x, weight]


# --- pooling -------------------------------------------------------------------------------------


@case("avg_pool2d", "max_pool2d", batched=1)
def _pooling(name: str, rng: RNG) -> FunctionCall:
    size, kernel, options = draw.convolution(rng, pooling=True)
    x = draw.distinct(rng, integer(rng, 1, 2), integer(rng, 1, 2), *size)
    options["kernel_size"] = choice(rng, [kernel, kernel[0]]) if kernel[0] == kernel[1] else kernel
    options["stride"] = choice(rng, [options["stride"], None])
    return FunctionCall(getattr(F, name), [x], options)


@case("upsample_nearest2d", batched=1)
def _upsample(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng, 4, 4, max_side=4))
    return FunctionCall(F.upsample_nearest2d, [x], {"scale": integer(rng, 1, 3)})


# --- normalisation -------------------------------------------------------------------------------


class _IdenticalProcesses(ProcessGroup):
    """A group of `size` processes that all have the same batch and do the same to it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = self.global_size = size

    def all_reduce(self, array: Array) -> Array:
        array *= self.size
        return array

    def __repr__(self) -> str:
        return f"_IdenticalProcesses({self.size})"


@case("batch_norm", "batch_norm over a process group")
def _batch_norm(name: str, rng: RNG) -> FunctionCall:
    c = integer(rng, 1, 3)
    x = normal(rng, integer(rng, 3, 4), c, *choice(rng, [(), (1, 2), (2, 2)]))
    options: dict[str, Any] = {"eps": choice(rng, [1e-5, 1e-3])}
    if name != "batch_norm":
        options["process_group"] = _IdenticalProcesses(integer(rng, 2, 3))
        return FunctionCall(F.batch_norm, [x, normal(rng, c), normal(rng, c)], options)
    options["negative_slope"] = choice(rng, [None, 0.2, 0.0, 1.5])
    if options["negative_slope"] is None:
        return FunctionCall(F.batch_norm, choice(rng, [[x, normal(rng, c), normal(rng, c)], [x]]), options)
    gamma = draw.distinct(rng, c)
    return FunctionCall(F.batch_norm, [x, gamma, _beta_away_from_kinks(x, gamma)], options)


def _beta_away_from_kinks(x: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """β (C) by which y is positive and negative in each channel, and 0 in the middle of its widest gap."""
    channels = np.moveaxis(x, 1, 0).reshape(len(gamma), -1)
    y = (channels - channels.mean(1, keepdims=True)) / channels.std(1, keepdims=True) * gamma[:, None]
    y = np.sort(y, axis=1)
    widest = np.diff(y).argmax(axis=1)[:, None]
    return -np.take_along_axis(y[:, 1:] + y[:, :-1], widest, axis=1)[:, 0] / 2


@case("AllReduceSum")
def _all_reduce_sum(rng: RNG) -> FunctionCall:
    group = _IdenticalProcesses(integer(rng, 2, 3))
    return _call_of(F.distributed.AllReduceSum, [normal(rng, *shape(rng))], process_group=group)


@case("batch_norm outside of training", batched=1)
def _batch_norm_in_eval_mode(rng: RNG) -> FunctionCall:
    c = integer(rng, 1, 3)
    mean, var = normal(rng, c), draw.positive(rng, c)

    def in_eval_mode(
        x: Tensor, gamma: Tensor, beta: Tensor, running_mean: np.ndarray, running_var: np.ndarray, eps: float
    ) -> Tensor:
        mean, var = running_mean.astype(x.dtype), running_var.astype(x.dtype)
        return F.batch_norm(x, gamma, beta, mean, var, training=False, eps=eps)

    x = normal(rng, integer(rng, 1, 3), c, *choice(rng, [(), (1, 2)]))
    options = {"running_mean": mean, "running_var": var, "eps": choice(rng, [1e-5, 1e-3])}
    return FunctionCall(in_eval_mode, [x, normal(rng, c), normal(rng, c)], options)


@case("layer_norm", batched=1)
def _layer_norm(rng: RNG) -> FunctionCall:
    sample = shape(rng, 1, 3, min_side=2)
    x = normal(rng, integer(rng, 1, 3), *sample)
    return FunctionCall(F.layer_norm, choice(rng, [[x, normal(rng, *sample), normal(rng, *sample)], [x]]))


@case("instance_norm", batched=1)
def _instance_norm(rng: RNG) -> FunctionCall:
    n, c = integer(rng, 1, 2), integer(rng, 1, 3)
    x = normal(rng, n, c, *choice(rng, [(3, 2), (2, 2)]))
    return FunctionCall(F.instance_norm, choice(rng, [[x, normal(rng, c), normal(rng, c)], [x]]))


@case("group_norm", batched=1)
def _group_norm(rng: RNG) -> FunctionCall:
    def grouped(x: Tensor, gamma: Any = None, beta: Any = None, *, num_groups: int, eps: float) -> Tensor:
        return F.group_norm(x, num_groups, gamma, beta, eps)

    groups = integer(rng, 1, 3)
    c = groups * integer(rng, 1, 2)
    x = normal(rng, integer(rng, 1, 2), c, *choice(rng, [(3, 2), (2, 2), (3,)]))
    options = {"num_groups": groups, "eps": choice(rng, [1e-5, 1e-3])}
    return FunctionCall(grouped, choice(rng, [[x, normal(rng, c), normal(rng, c)], [x]]), options)


@case("pixel_norm", batched=1)
def _pixel_norm(rng: RNG) -> FunctionCall:
    n, c = integer(rng, 1, 3), integer(rng, 2, 3)
    x = normal(rng, n, c, *choice(rng, [(), (2, 2)])) + 0.3
    return FunctionCall(F.pixel_norm, [x], {"eps": choice(rng, [1e-8, 1e-3])})


# --- losses --------------------------------------------------------------------------------------


REDUCTIONS = ["mean", "sum", "none"]


@case("mse_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
def _loss(name: str, rng: RNG) -> FunctionCall:
    s = shape(rng)
    prediction = (draw.probability if name == "binary_cross_entropy" else normal)(rng, *s)
    target = (normal if name == "mse_loss" else draw.probability)(rng, *s)
    return FunctionCall(getattr(F, name), [prediction, target], {"reduction": choice(rng, REDUCTIONS)})


@case("l1_loss")
def _l1_loss(rng: RNG) -> FunctionCall:
    s = shape(rng)
    inputs = [draw.distinct(rng, *s, count=2, index=i) for i in range(2)]
    return FunctionCall(F.l1_loss, inputs, {"reduction": choice(rng, REDUCTIONS)})


@case("hinge_loss")
def _hinge_loss(rng: RNG) -> FunctionCall:
    target = choice(rng, [1.0, -1.0])
    x = draw.distinct(rng, *shape(rng)) + target
    return FunctionCall(F.hinge_loss, [x], {"target": target, "reduction": choice(rng, REDUCTIONS)})


@case("cross_entropy")
def _cross_entropy(rng: RNG) -> FunctionCall:
    n, k = integer(rng, 1, 3), integer(rng, 1, 4)
    labels = np.array([integer(rng, 0, k - 1) for _ in range(n)])
    return FunctionCall(F.cross_entropy, [normal(rng, n, k)], {"labels": labels, "reduction": choice(rng, REDUCTIONS)})


# --- functions that backward passes are made of --------------------------------------------------


def _call_of(function: type[Function], inputs: list[np.ndarray], **options: Any) -> FunctionCall:
    """A call of a Function that is made with these options."""

    def apply(*inputs: Tensor, **options: Any) -> Outputs:
        made_with = [_beside(inputs[0], o) if isinstance(o, np.ndarray) else o for o in options.values()]
        return function(*made_with)(*inputs)

    return FunctionCall(apply, inputs, options)


def _beside(x: Tensor | np.ndarray, constant: np.ndarray) -> Array:
    """A constant on x's device, numbers in x's dtype: Function classes take arrays as they are."""
    dtype = x.dtype if constant.dtype.kind == "f" else None
    return Tensor(constant, dtype=dtype, device=Tensor(x).device).data


@case("AddScalar", "MulScalar", batched=1)
def _add_or_mul_scalar(name: str, rng: RNG) -> FunctionCall:
    return _call_of(getattr(F.arithmetic, name), [normal(rng, *shape(rng))], c=choice(rng, [2.0, -0.5, 0.0]))


@case("MaskMul")
def _mask_mul(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng))
    return _call_of(F.arithmetic.MaskMul, [x], factor=normal(rng, *x.shape))


@case("LeakyReLUBackward", order=3)
def _leaky_relu_backward(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng))
    mask = np.asarray(normal(rng, *x.shape) > 0)
    return _call_of(F.activation.LeakyReLUBackward, [x], mask=mask, slope=choice(rng, [0.2, 0.0]))


@case("TanhBackward", order=3, batched=2)
def _tanh_backward(rng: RNG) -> FunctionCall:
    g = normal(rng, *shape(rng))
    return _call_of(F.activation.TanhBackward, [g, np.tanh(normal(rng, *g.shape))])


@case("DenseWeightGrad", batched=2)
def _dense_weight_grad(rng: RNG) -> FunctionCall:
    n, c, o = (integer(rng, 1, 4) for _ in range(3))
    return _call_of(DenseWeightGrad, [normal(rng, n, c), normal(rng, n, o)])


@case("ConvWeightGrad", order=3, batched=2)
def _conv_weight_grad(rng: RNG) -> FunctionCall:
    n, c, o = (integer(rng, 1, 3) for _ in range(3))
    size, kernel, options = draw.convolution(rng)
    geometry = Geometry.of_conv(size, kernel, **options)
    inputs = [normal(rng, n, c, *size), normal(rng, n, o, *geometry.out_size)]
    return _call_of(F.convolution.ConvWeightGrad, inputs, geometry=geometry)


@case("ScaleShift", order=3)
def _scale_shift(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng, 2, 4))
    axes = (0, *range(2, x.ndim))
    scale, shift = (normal(rng, *(1 if a in axes else n for a, n in enumerate(x.shape))) for _ in range(2))
    slope = choice(rng, [None, 0.2, 0.0, 1.5])
    if slope is not None:
        shift += np.where(shift < 0, -40, 40)  # away from the kink
    return _call_of(F.normalization.ScaleShift, [x, scale, shift], axes=axes, negative_slope=slope)


@case("BatchNormBackward")
def _batch_norm_backward(rng: RNG) -> FunctionCall:
    def backward(
        dy: Tensor, x: Tensor, gamma: Tensor, axes: Shape, eps: float, negative_slope: float | None, beta: np.ndarray
    ) -> Outputs:
        arrays = Tensor(x).data, Tensor(gamma).data, _beside(x, beta)
        _, statistics = batch_norm_forward(*arrays, axes, eps, negative_slope)
        return F.normalization.BatchNormBackward(axes, eps, negative_slope, statistics)(dy, x, gamma)

    shape = (4, integer(rng, 1, 3), *choice(rng, [(), (2, 2)]))
    axes, along = (0, *range(2, len(shape))), (1, shape[1]) + (1,) * (len(shape) - 2)
    dy, x, gamma = normal(rng, *shape), normal(rng, *shape), draw.distinct(rng, shape[1])
    options = {"axes": axes, "eps": choice(rng, [1e-5, 1e-3]), "negative_slope": choice(rng, [None, 0.2, 0.0, 1.5])}
    options["beta"] = _beta_away_from_kinks(x, gamma).reshape(along)
    return FunctionCall(backward, [dy, x, gamma.reshape(along)], options)


@case("BinaryCrossEntropyWithLogitsBackward")
def _binary_cross_entropy_with_logits_backward(rng: RNG) -> FunctionCall:
    s = shape(rng)
    inputs = [normal(rng, *s), normal(rng, *s), draw.probability(rng, *s)]
    return _call_of(F.loss.BinaryCrossEntropyWithLogitsBackward, inputs)


@case("AvgSpread2d", "MaxUnpool2d", "MaxTake2d", batched=1)
def _pooling_backward(name: str, rng: RNG) -> FunctionCall:
    size, kernel, options = draw.convolution(rng)
    geometry = Geometry.of_conv(size, kernel, **options)
    n, c = integer(rng, 1, 2), integer(rng, 1, 2)
    small = (n, c, *geometry.out_size)
    x = normal(rng, *((n, c, *size) if name == "MaxTake2d" else small))
    if name == "AvgSpread2d":
        return _call_of(F.pooling.AvgSpread2d, [x], geometry=geometry)
    # Which tap of the window each output took: the same for all images, so that a batch may be empty.
    taken = np.array([integer(rng, 0, kernel[0] * kernel[1] - 1) for _ in range(n * c)], "int16")

    def pooled(x: Tensor, geometry: Geometry, taken: np.ndarray) -> Tensor:
        whole = np.broadcast_to(taken.reshape(n, c, 1, 1), small)[: len(x)]
        return getattr(F.pooling, name)(geometry, _beside(x, whole))(x)

    return FunctionCall(pooled, [x], {"geometry": geometry, "taken": taken})


@case("PutItem")
def _put_item(rng: RNG) -> FunctionCall:
    index, whole, taken = choice(rng, [([1, 1, 2], (4, 2), (3, 2)), (slice(1, 3), (4, 2), (2, 2)), (0, (3,), ())])
    return _call_of(F.manipulation.PutItem, [normal(rng, *taken)], index=index, shape=whole)
