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
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from minigan import functions as F
from minigan.autograd import Function, Tensor
from minigan.backend import Array, ProcessGroup
from minigan.functions.activation import LeakyReLUBackward
from minigan.functions.arithmetic import AddScalar, MaskMul, MulScalar
from minigan.functions.convolution import ConvWeightGrad
from minigan.functions.dense import DenseWeightGrad
from minigan.functions.distributed import AllReduceSum
from minigan.functions.loss import BinaryCrossEntropyWithLogitsBackward
from minigan.functions.manipulation import PutItem
from minigan.functions.normalization import BatchNormBackward
from minigan.functions.pooling import AvgSpread2d, MaxTake2d, MaxUnpool2d
from minigan.kernels.geometry import Geometry
from minigan.kernels.normalization import batch_norm_forward
from minigan.testing.callables import Outputs
from minigan.testing.random_inputs import (
    RNG,
    Pair,
    Shape,
    axes,
    boolean,
    broadcastable_shapes,
    choice,
    convolution,
    distinct,
    integer,
    normal,
    padding,
    positive,
    probability,
    shape,
    transposed_convolution,
)


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


def function_classes() -> set[type[Function]]:
    """Every Function class in the package that is not a base of others: each must have a case."""
    package = importlib.import_module("minigan")
    for module in pkgutil.walk_packages(package.__path__, "minigan."):
        if not module.name.endswith("__main__") and ".testing" not in module.name:
            importlib.import_module(module.name)
    public, bases = set(), [Function]
    while bases:
        classes = [c for c in bases.pop().__subclasses__() if c.__module__.startswith("minigan.")]
        bases += classes
        public |= {c for c in classes if not c.__name__.startswith("_")}
    return public


class BackwardCoverage:
    """An observer that collects the Function classes whose backward was called."""

    def __init__(self) -> None:
        self.classes: set[type[Function]] = set()

    def after_forward(self, node: Function, inputs: list[Tensor | None], outputs: list[Tensor]) -> None: ...

    def after_backward(self, node: Function, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        self.classes.add(type(node))


def case(*names: str, order: int = 2, batched: int = 0) -> Callable[[Draw], Draw]:
    """Register draw(rng) under a name, or draw(name, rng) under several."""

    def register(draw: Draw) -> Draw:
        for name in names:
            CASES[name] = Case(draw if len(names) == 1 else functools.partial(draw, name), order, batched)
        return draw

    return register


# --- elementwise ---------------------------------------------------------------------------------

NUMBERS: dict[str, Callable[..., np.ndarray]] = {  # what a function of one input is called on
    "exp": normal, "log": positive, "sqrt": positive, "neg": normal, "abs": distinct,
    "tanh": normal, "sigmoid": normal, "softplus": normal, "relu": distinct,
}  # fmt: skip


@case("exp", "log", "sqrt", "neg", "abs", batched=1)
def _elementwise(name: str, rng: RNG) -> FunctionCall:
    return FunctionCall(getattr(F, name), [NUMBERS[name](rng, *shape(rng))])


case("tanh", "sigmoid", "softplus", "relu", order=3, batched=1)(_elementwise)


@case("leaky_relu", order=3, batched=1)
def _leaky_relu(rng: RNG) -> FunctionCall:
    return FunctionCall(
        F.leaky_relu, [distinct(rng, *shape(rng))], {"negative_slope": choice(rng, [0.2, 0.01, 0.0, 1.5])}
    )


@case("softmax", "log_softmax", order=3)
def _softmax(name: str, rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng, min_dims=1))
    return FunctionCall(getattr(F, name), [x], {"axis": integer(rng, -x.ndim, x.ndim - 1)})


@case("add", "sub", "mul", "div")
def _arithmetic(name: str, rng: RNG) -> FunctionCall:
    a, b = broadcastable_shapes(rng)
    x = normal(rng, *a)
    y = positive(rng, *b) * choice(rng, [1.0, -1.0]) if name == "div" else normal(rng, *b)
    return FunctionCall(getattr(F, name), [x, y])


@case("maximum", "minimum")
def _extrema(name: str, rng: RNG) -> FunctionCall:
    a, b = broadcastable_shapes(rng)
    return FunctionCall(getattr(F, name), [distinct(rng, *s, count=2, index=i) for i, s in enumerate((a, b))])


@case("power", batched=1)
def _power(rng: RNG) -> FunctionCall:
    return FunctionCall(F.power, [positive(rng, *shape(rng))], {"exponent": choice(rng, [2, 3, 1, 0, -1, 2.5, -0.5])})


@case("dropout", batched=1)
def _dropout(rng: RNG) -> FunctionCall:
    def dropped(x: Tensor, p: float, training: bool, seed: int) -> Tensor:
        return F.dropout(x, p, training, np.random.default_rng(seed))

    options = {"p": choice(rng, [0.5, 0.2, 0.0]), "training": integer(rng, 0, 3) > 0, "seed": integer(rng, 0, 99)}
    return FunctionCall(dropped, [normal(rng, *shape(rng, min_dims=1))], options)


# --- reductions and moves ------------------------------------------------------------------------


@case("sum", "mean", "max", "min")
def _reduction(name: str, rng: RNG) -> FunctionCall:
    x = (distinct if name in ("max", "min") else normal)(rng, *shape(rng))
    return FunctionCall(getattr(F, name), [x], {"axis": axes(rng, x.ndim), "keepdims": boolean(rng)})


@case("reshape")
def _reshape(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng, min_dims=1))
    shapes = [-1, (1, -1), x.shape[::-1], (*x.shape[:1], -1), (-1, 1, 1, 1)]
    return FunctionCall(F.reshape, [x], {"shape": choice(rng, shapes)})


@case("transpose")
def _transpose(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng))
    order = tuple(int(a) for a in rng.permutation(x.ndim))
    return FunctionCall(F.transpose, [x], {"axes": order if boolean(rng) else None})


@case("broadcast_to", "sum_to")
def _broadcast(name: str, rng: RNG) -> FunctionCall:
    whole = shape(rng)
    small = _lower(rng, whole)
    before, after = (small, whole) if name == "broadcast_to" else (whole, small)
    return FunctionCall(getattr(F, name), [normal(rng, *before)], {"shape": after})


def _lower(rng: RNG, whole: Shape) -> Shape:
    """A shape that broadcasts to the whole one."""
    kept = tuple(choice(rng, [n, 1]) for n in whole)
    return kept[integer(rng, 0, len(whole)) :] if boolean(rng) else kept


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


@case("pad2d", batched=1)
def _pad2d(rng: RNG) -> FunctionCall:
    return FunctionCall(F.pad2d, [normal(rng, *_images(rng))], {"padding": padding(rng, 3, same=False)})


# --- products ------------------------------------------------------------------------------------


@case("matmul")
def _matmul(rng: RNG) -> FunctionCall:
    n, k, m = (integer(rng, 1, 3) for _ in range(3))
    before_a, before_b = broadcastable_shapes(rng, max_dims=2)
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
    n, c, o = _channels(rng)
    size, kernel, options = (convolution if name == "conv2d" else transposed_convolution)(rng)
    x, weight = normal(rng, n, c, *size), normal(rng, *((o, c) if name == "conv2d" else (c, o)), *kernel)
    return FunctionCall(getattr(F, name), _with_bias(rng, x, weight, o), options)


def _channels(rng: RNG) -> tuple[int, int, int]:
    return integer(rng, 1, 3), integer(rng, 1, 3), integer(rng, 1, 3)


def _images(rng: RNG) -> Shape:
    return shape(rng, 4, 4, max_side=4)


def _with_bias(rng: RNG, x: np.ndarray, weight: np.ndarray, o: int) -> list[np.ndarray]:
    return [x, weight, normal(rng, o)] if boolean(rng) else [x, weight]


# --- pooling -------------------------------------------------------------------------------------


@case("avg_pool2d", "max_pool2d", batched=1)
def _pooling(name: str, rng: RNG) -> FunctionCall:
    size, kernel, options = convolution(rng, pooling=True)
    x = distinct(rng, integer(rng, 1, 2), integer(rng, 1, 2), *size)
    forms: list[int | Pair] = [kernel, kernel[0]]
    options["kernel_size"] = choice(rng, forms) if kernel[0] == kernel[1] else kernel
    options["stride"] = choice(rng, [options["stride"], None])
    return FunctionCall(getattr(F, name), [x], options)


@case("upsample_nearest2d", batched=1)
def _upsample(rng: RNG) -> FunctionCall:
    return FunctionCall(F.upsample_nearest2d, [normal(rng, *_images(rng))], {"scale": integer(rng, 1, 3)})


# --- normalisation -------------------------------------------------------------------------------


@case("batch_norm")
def _batch_norm(rng: RNG) -> FunctionCall:
    c = integer(rng, 1, 3)
    x = normal(rng, integer(rng, 3, 4), c, *choice(rng, [(), (1, 2), (2, 2)]))
    options = {"eps": choice(rng, [1e-5, 1e-3]), "negative_slope": choice(rng, [None, 0.2, 0.0, 1.5])}
    if options["negative_slope"] is None:
        return FunctionCall(F.batch_norm, choice(rng, [[x, normal(rng, c), normal(rng, c)], [x]]), options)
    gamma = distinct(rng, c)
    return FunctionCall(F.batch_norm, [x, gamma, _beta_away_from_kinks(x, gamma)], options)


def _beta_away_from_kinks(x: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """β (C) by which y is positive and negative in each channel, and 0 in the middle of its widest gap."""
    channels = np.moveaxis(x, 1, 0).reshape(len(gamma), -1)
    y = (channels - channels.mean(1, keepdims=True)) / channels.std(1, keepdims=True) * gamma[:, None]
    y = np.sort(y, axis=1)
    widest = np.diff(y).argmax(axis=1)[:, None]
    return -np.take_along_axis(y[:, 1:] + y[:, :-1], widest, axis=1)[:, 0] / 2


class _IdenticalProcesses(ProcessGroup):
    """A group of `size` processes that all have the same batch and do the same to it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = self.whole = size

    def all_reduce(self, array: Array) -> Array:
        array *= self.size
        return array

    def __repr__(self) -> str:
        return f"_IdenticalProcesses({self.size})"


@case("batch_norm over a process group")
def _batch_norm_over_a_process_group(rng: RNG) -> FunctionCall:
    c = integer(rng, 1, 3)
    x = normal(rng, integer(rng, 3, 4), c, *choice(rng, [(), (1, 2), (2, 2)]))
    options = {"eps": choice(rng, [1e-5, 1e-3]), "process_group": _IdenticalProcesses(integer(rng, 2, 3))}
    return FunctionCall(F.batch_norm, [x, normal(rng, c), normal(rng, c)], options)


@case("AllReduceSum")
def _all_reduce_sum(rng: RNG) -> FunctionCall:
    group = _IdenticalProcesses(integer(rng, 2, 3))
    x = normal(rng, *shape(rng))
    return FunctionCall(lambda x, process_group: AllReduceSum(process_group)(x), [x], {"process_group": group})


@case("batch_norm outside of training", batched=1)
def _batch_norm_in_eval_mode(rng: RNG) -> FunctionCall:
    c = integer(rng, 1, 3)
    mean, var = normal(rng, c), positive(rng, c)

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


@case("pixel_norm", batched=1)
def _pixel_norm(rng: RNG) -> FunctionCall:
    n, c = integer(rng, 1, 3), integer(rng, 2, 3)
    x = normal(rng, n, c, *choice(rng, [(), (2, 2)])) + 0.3
    return FunctionCall(F.pixel_norm, [x], {"eps": choice(rng, [1e-8, 1e-3])})


# --- losses --------------------------------------------------------------------------------------


def _reduction_option(rng: RNG) -> dict[str, str]:
    return {"reduction": choice(rng, ["mean", "sum", "none"])}


@case("mse_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
def _loss(name: str, rng: RNG) -> FunctionCall:
    s = shape(rng)
    prediction = probability if name == "binary_cross_entropy" else normal
    target = normal if name == "mse_loss" else probability
    return FunctionCall(getattr(F, name), [prediction(rng, *s), target(rng, *s)], _reduction_option(rng))


@case("l1_loss")
def _l1_loss(rng: RNG) -> FunctionCall:
    s = shape(rng)
    return FunctionCall(F.l1_loss, [distinct(rng, *s, count=2, index=i) for i in range(2)], _reduction_option(rng))


@case("hinge_loss")
def _hinge_loss(rng: RNG) -> FunctionCall:
    target = choice(rng, [1.0, -1.0])
    x = distinct(rng, *shape(rng)) + target
    return FunctionCall(F.hinge_loss, [x], {"target": target, **_reduction_option(rng)})


@case("cross_entropy")
def _cross_entropy(rng: RNG) -> FunctionCall:
    n, k = integer(rng, 1, 3), integer(rng, 1, 4)
    labels = np.array([integer(rng, 0, k - 1) for _ in range(n)])
    return FunctionCall(F.cross_entropy, [normal(rng, n, k)], {"labels": labels, **_reduction_option(rng)})


# --- functions that backward passes are made of --------------------------------------------------


def _on_device_of(x: Tensor | np.ndarray, constant: np.ndarray, dtype: np.dtype | None = None) -> Array:
    """A constant array on x's device: Function classes take arrays as they are."""
    return Tensor(constant, dtype=dtype, device=Tensor(x).device).data


@case("AddScalar", "MulScalar", batched=1)
def _add_or_mul_scalar(name: str, rng: RNG) -> FunctionCall:
    function = {"AddScalar": AddScalar, "MulScalar": MulScalar}[name]
    return FunctionCall(lambda x, c: function(c)(x), [normal(rng, *shape(rng))], {"c": choice(rng, [2.0, -0.5, 0.0])})


@case("MaskMul")
def _mask_mul(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng))
    factor = normal(rng, *x.shape)
    return FunctionCall(lambda x, factor: MaskMul(_on_device_of(x, factor, x.dtype))(x), [x], {"factor": factor})


@case("LeakyReLUBackward", order=3)
def _leaky_relu_backward(rng: RNG) -> FunctionCall:
    x = normal(rng, *shape(rng))
    mask = np.asarray(normal(rng, *x.shape) > 0)
    options = {"mask": mask, "slope": choice(rng, [0.2, 0.0])}
    return FunctionCall(lambda x, mask, slope: LeakyReLUBackward(_on_device_of(x, mask), slope)(x), [x], options)


@case("DenseWeightGrad", batched=2)
def _dense_weight_grad(rng: RNG) -> FunctionCall:
    n, c, o = (integer(rng, 1, 4) for _ in range(3))
    return FunctionCall(lambda x, g: DenseWeightGrad()(x, g), [normal(rng, n, c), normal(rng, n, o)])


@case("ConvWeightGrad", order=3, batched=2)
def _conv_weight_grad(rng: RNG) -> FunctionCall:
    (n, c, o), (size, kernel, options) = _channels(rng), convolution(rng)
    geometry = Geometry.of_conv(size, kernel, **options)
    inputs = [normal(rng, n, c, *size), normal(rng, n, o, *geometry.out_size)]
    return FunctionCall(lambda x, g, geometry: ConvWeightGrad(geometry)(x, g), inputs, {"geometry": geometry})


@case("BatchNormBackward")
def _batch_norm_backward(rng: RNG) -> FunctionCall:
    def backward(
        dy: Tensor, x: Tensor, gamma: Tensor, axes: Shape, eps: float, negative_slope: float | None, beta: np.ndarray
    ) -> Outputs:
        arrays = Tensor(x).data, Tensor(gamma).data, _on_device_of(x, beta, x.dtype)
        _, statistics = batch_norm_forward(*arrays, axes, eps, negative_slope)
        return BatchNormBackward(axes, eps, negative_slope, statistics)(dy, x, gamma)

    shape = (4, integer(rng, 1, 3), *choice(rng, [(), (2, 2)]))
    axes, along = (0, *range(2, len(shape))), (1, shape[1]) + (1,) * (len(shape) - 2)
    dy, x, gamma = normal(rng, *shape), normal(rng, *shape), distinct(rng, shape[1])
    options = {"axes": axes, "eps": choice(rng, [1e-5, 1e-3]), "negative_slope": choice(rng, [None, 0.2, 0.0, 1.5])}
    options["beta"] = _beta_away_from_kinks(x, gamma).reshape(along)
    return FunctionCall(backward, [dy, x, gamma.reshape(along)], options)


@case("BinaryCrossEntropyWithLogitsBackward")
def _binary_cross_entropy_with_logits_backward(rng: RNG) -> FunctionCall:
    s = shape(rng)
    inputs = [normal(rng, *s), normal(rng, *s), probability(rng, *s)]
    return FunctionCall(lambda g, x, t: BinaryCrossEntropyWithLogitsBackward()(g, x, t), inputs)


@case("AvgSpread2d", "MaxUnpool2d", "MaxTake2d", batched=1)
def _pooling_backward(name: str, rng: RNG) -> FunctionCall:
    size, kernel, options = convolution(rng)
    geometry = Geometry.of_conv(size, kernel, **options)
    n, c = integer(rng, 1, 2), integer(rng, 1, 2)
    small = (n, c, *geometry.out_size)
    x = normal(rng, *((n, c, *size) if name == "MaxTake2d" else small))
    if name == "AvgSpread2d":
        return FunctionCall(lambda x, geometry: AvgSpread2d(geometry)(x), [x], {"geometry": geometry})
    # Which tap of the window each output took: the same for all images, so that a batch may be empty.
    taken = np.array([integer(rng, 0, kernel[0] * kernel[1] - 1) for _ in range(n * c)], "int16")
    function = {"MaxUnpool2d": MaxUnpool2d, "MaxTake2d": MaxTake2d}[name]

    def pooled(x: Tensor, geometry: Geometry, taken: np.ndarray) -> Tensor:
        whole = np.broadcast_to(taken.reshape(n, c, 1, 1), small)[: len(x)]
        return function(geometry, _on_device_of(x, whole))(x)

    return FunctionCall(pooled, [x], {"geometry": geometry, "taken": taken})


@case("PutItem")
def _put_item(rng: RNG) -> FunctionCall:
    index, whole, taken = choice(rng, [([1, 1, 2], (4, 2), (3, 2)), (slice(1, 3), (4, 2), (2, 2)), (0, (3,), ())])
    options = {"index": index, "shape": whole}
    return FunctionCall(lambda x, index, shape: PutItem(index, shape)(x), [normal(rng, *taken)], options)
