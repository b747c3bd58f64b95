"""The register: random sample calls of every function in the package.

`CASES[name].draw(rng)` gives a `Call`: a function, float64 arrays to call it on, and options, all
drawn at random, well away from kinks and ties. Whatever holds for every function is checked over
this table: derivatives, agreement with PyTorch, dtypes, memory, empty batches, `minigan check`.
A function that is not in it fails the test suite.

Names in lower case are public functions; those in capitals are classes that no public function
calls in its forward pass: the steps of the backward passes, which are differentiated in their turn.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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
from minigan.testing import draws
from minigan.testing.draws import Generator, boolean, choice, distinct, integer, normal, positive, probability, shape


@dataclass(frozen=True)
class Call:
    """A function of Tensors, the arrays to call it on, and its options."""

    function: Callable[..., Any]
    inputs: list[np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, *inputs: Any) -> Any:
        return self.function(*inputs, **self.options)

    def __str__(self) -> str:
        shapes = [str(x.shape) for x in self.inputs]
        return ", ".join(shapes + [f"{name}={_short(value)}" for name, value in self.options.items()])


def _short(value: Any) -> str:
    return f"an array {value.shape}" if isinstance(value, np.ndarray) and value.size > 4 else repr(value)


@dataclass(frozen=True)
class Case:
    """draw: a random Call. order: to which its derivatives are checked. batched: how many of the
    inputs have as first axis a batch, which may be empty (0: the function needs at least one sample)."""

    draw: Callable[[Generator], Call]
    order: int = 2
    batched: int = 0


CASES: dict[str, Case] = {}


def function_classes() -> set[type[Function]]:
    """Every Function there is in the package, bases of others left out: what must have a case."""
    package = importlib.import_module("minigan")
    for module in pkgutil.walk_packages(package.__path__, "minigan."):
        if not module.name.endswith("__main__") and ".testing" not in module.name:
            importlib.import_module(module.name)
    found, bases = set(), [Function]
    while bases:
        classes = [c for c in bases.pop().__subclasses__() if c.__module__.startswith("minigan.")]
        bases += classes
        found |= {c for c in classes if not c.__name__.startswith("_")}
    return found


class Differentiated:
    """An observer that collects the classes whose backward pass was walked."""

    def __init__(self) -> None:
        self.classes: set[type[Function]] = set()

    def after_forward(self, node: Function, inputs: list, outputs: list) -> None: ...

    def after_backward(self, node: Function, cotangents: list, gradients: list) -> None:
        self.classes.add(type(node))


def case(*names: str, order: int = 2, batched: int = 0) -> Callable:
    """Enter a drawing function under one name, or under several, each of which it is then given first."""

    def enter(draw: Callable) -> Callable:
        for name in names:
            one = draw if len(names) == 1 else lambda rng, name=name: draw(name, rng)
            CASES[name] = Case(one, order, batched)
        return draw

    return enter


# --- elementwise ---------------------------------------------------------------------------------

SMOOTH = {"exp": normal, "log": positive, "sqrt": positive, "neg": normal}


@case(*SMOOTH, batched=1)
def _smooth(name, rng):
    return Call(getattr(F, name), [SMOOTH[name](rng, *shape(rng))])


@case("tanh", "sigmoid", "softplus", order=3, batched=1)
def _activation(name, rng):
    return Call(getattr(F, name), [normal(rng, *shape(rng))])


@case("abs", batched=1)
def _abs(rng):
    return Call(F.abs, [distinct(rng, *shape(rng))])


@case("relu", order=3, batched=1)
def _relu(rng):
    return Call(F.relu, [distinct(rng, *shape(rng))])


@case("leaky_relu", order=3, batched=1)
def _leaky_relu(rng):
    return Call(F.leaky_relu, [distinct(rng, *shape(rng))], {"negative_slope": choice(rng, [0.2, 0.01, 0.0, 1.5])})


@case("softmax", "log_softmax", order=3)
def _softmax(name, rng):
    x = normal(rng, *shape(rng, min_dims=1))
    return Call(getattr(F, name), [x], {"axis": integer(rng, -x.ndim, x.ndim - 1)})


@case("add", "sub", "mul")
def _arithmetic(name, rng):
    a, b = draws.broadcastable_shapes(rng)
    return Call(getattr(F, name), [normal(rng, *a), normal(rng, *b)])


@case("div")
def _div(rng):
    a, b = draws.broadcastable_shapes(rng)
    return Call(F.div, [normal(rng, *a), positive(rng, *b) * choice(rng, [1.0, -1.0])])


@case("maximum", "minimum")
def _extrema(name, rng):
    a, b = draws.broadcastable_shapes(rng)
    return Call(getattr(F, name), [distinct(rng, *s, besides=1, place=i) for i, s in enumerate((a, b))])


@case("power", batched=1)
def _power(rng):
    return Call(F.power, [positive(rng, *shape(rng))], {"exponent": choice(rng, [2, 3, 1, 0, -1, 2.5, -0.5])})


@case("dropout", batched=1)
def _dropout(rng):
    def dropped(x, p, training, seed):
        return F.dropout(x, p, training, np.random.default_rng(seed))

    options = {"p": choice(rng, [0.5, 0.2, 0.0]), "training": integer(rng, 0, 3) > 0, "seed": integer(rng, 0, 99)}
    return Call(dropped, [normal(rng, *shape(rng, min_dims=1))], options)


# --- reductions and moves ------------------------------------------------------------------------


@case("sum", "mean")
def _reduction(name, rng):
    x = normal(rng, *shape(rng))
    return Call(getattr(F, name), [x], {"axis": draws.axes(rng, x.ndim), "keepdims": boolean(rng)})


@case("max", "min")
def _extremum(name, rng):
    x = distinct(rng, *shape(rng))
    return Call(getattr(F, name), [x], {"axis": draws.axes(rng, x.ndim), "keepdims": boolean(rng)})


@case("reshape")
def _reshape(rng):
    x = normal(rng, *shape(rng, min_dims=1))
    return Call(F.reshape, [x], {"shape": choice(rng, [-1, (1, -1), x.shape[::-1], (*x.shape[:1], -1), (-1, 1, 1, 1)])})


@case("transpose")
def _transpose(rng):
    x = normal(rng, *shape(rng))
    order = tuple(int(a) for a in rng.permutation(x.ndim))
    return Call(F.transpose, [x], {"axes": order if boolean(rng) else None})


@case("broadcast_to")
def _broadcast_to(rng):
    whole = shape(rng)
    return Call(F.broadcast_to, [normal(rng, *_lower(rng, whole))], {"shape": whole})


@case("sum_to")
def _sum_to(rng):
    whole = shape(rng)
    return Call(F.sum_to, [normal(rng, *whole)], {"shape": _lower(rng, whole)})


def _lower(rng: Generator, whole: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts to the whole one."""
    kept = tuple(choice(rng, [n, 1]) for n in whole)
    return kept[integer(rng, 0, len(whole)) :] if boolean(rng) else kept


@case("getitem")
def _getitem(rng):
    x = normal(rng, *shape(rng, min_dims=2, min_side=2))
    mask = np.arange(x.shape[0]) != 1
    indices = [
        0,
        slice(1, None),
        (slice(None), -1),
        (Ellipsis, slice(None, None, 2)),
        [0, 1, 0],
        mask,
        ([0, 1], [1, 1]),
    ]
    return Call(F.getitem, [x], {"index": choice(rng, indices)})


@case("concatenate")
def _concatenate(rng):
    def joined(*tensors, axis):
        return F.concatenate(tensors, axis)

    whole = shape(rng, min_dims=1)
    axis = integer(rng, -len(whole), len(whole) - 1)
    at = axis % len(whole)
    parts = [(*whole[:at], integer(rng, 1, 3), *whole[at + 1 :]) for _ in range(integer(rng, 1, 3))]
    return Call(joined, [normal(rng, *part) for part in parts], {"axis": axis})


@case("pad2d", batched=1)
def _pad2d(rng):
    return Call(F.pad2d, [normal(rng, *_images(rng))], {"padding": draws.padding(rng, 3, same=False)})


# --- products ------------------------------------------------------------------------------------


@case("matmul")
def _matmul(rng):
    n, k, m = (integer(rng, 1, 3) for _ in range(3))
    before_a, before_b = draws.broadcastable_shapes(rng, max_dims=2)
    a, b = (*before_a, n, k), (*before_b, k, m)
    a, b = choice(rng, [(a, b), ((k,), b), (a, (k,)), ((k,), (k,))])
    return Call(F.matmul, [normal(rng, *a), normal(rng, *b)])


@case("dense", batched=1)
def _dense(rng):
    n, c, o = (integer(rng, 1, 4) for _ in range(3))
    before = choice(rng, [(n,), (2, n)])
    return Call(F.dense, _with_bias(rng, normal(rng, *before, c), normal(rng, o, c), o))


@case("conv2d", order=3, batched=1)
def _conv2d(rng):
    (n, c, o), (size, kernel, options) = _channels(rng), draws.convolution(rng)
    return Call(F.conv2d, _with_bias(rng, normal(rng, n, c, *size), normal(rng, o, c, *kernel), o), options)


@case("conv_transpose2d", order=3, batched=1)
def _conv_transpose2d(rng):
    (n, c, o), (size, kernel, options) = _channels(rng), draws.transposed_convolution(rng)
    return Call(F.conv_transpose2d, _with_bias(rng, normal(rng, n, c, *size), normal(rng, c, o, *kernel), o), options)


def _channels(rng: Generator) -> tuple[int, int, int]:
    return tuple(integer(rng, 1, 3) for _ in range(3))


def _images(rng: Generator) -> tuple[int, ...]:
    return shape(rng, 4, 4, max_side=4)


def _with_bias(rng: Generator, x: np.ndarray, weight: np.ndarray, o: int) -> list[np.ndarray]:
    return [x, weight, normal(rng, o)] if boolean(rng) else [x, weight]


# --- pooling -------------------------------------------------------------------------------------


@case("avg_pool2d", "max_pool2d", batched=1)
def _pooling(name, rng):
    size, kernel, options = draws.convolution(rng, pooling=True)
    x = distinct(rng, integer(rng, 1, 2), integer(rng, 1, 2), *size)
    kernel = choice(rng, [kernel, kernel[0]]) if kernel[0] == kernel[1] else kernel
    stride = choice(rng, [options["stride"], None])
    return Call(getattr(F, name), [x], {"kernel_size": kernel, "stride": stride, "padding": options["padding"]})


@case("upsample_nearest2d", batched=1)
def _upsample(rng):
    return Call(F.upsample_nearest2d, [normal(rng, *_images(rng))], {"scale": integer(rng, 1, 3)})


# --- normalisation -------------------------------------------------------------------------------


@case("batch_norm")
def _batch_norm(rng):
    c = integer(rng, 1, 3)
    x = normal(rng, integer(rng, 3, 4), c, *choice(rng, [(), (1, 2), (2, 2)]))
    options = {"eps": choice(rng, [1e-5, 1e-3]), "negative_slope": choice(rng, [None, 0.2, 0.0, 1.5])}
    if options["negative_slope"] is None:
        return Call(F.batch_norm, choice(rng, [[x, normal(rng, c), normal(rng, c)], [x]]), options)
    gamma = distinct(rng, c)
    return Call(F.batch_norm, [x, gamma, _beta_away_from_kinks(x, gamma)], options)


def _beta_away_from_kinks(x: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """β (C) by which y is positive and negative in each channel, and 0 in the middle of its widest gap."""
    channels = np.moveaxis(x, 1, 0).reshape(len(gamma), -1)
    y = (channels - channels.mean(1, keepdims=True)) / channels.std(1, keepdims=True) * gamma[:, None]
    y = np.sort(y, axis=1)
    widest = np.diff(y).argmax(axis=1)[:, None]
    return -np.take_along_axis(y[:, 1:] + y[:, :-1], widest, axis=1)[:, 0] / 2


class _Mirrors(ProcessGroup):
    """A group of `size` processes that all have the same batch and do the same to it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = self.whole = size

    def all_reduce(self, array: Array) -> Array:
        array *= self.size
        return array

    def __repr__(self) -> str:
        return f"_Mirrors({self.size})"


@case("batch_norm over a process group")
def _batch_norm_over_a_process_group(rng):
    c = integer(rng, 1, 3)
    x = normal(rng, integer(rng, 3, 4), c, *choice(rng, [(), (1, 2), (2, 2)]))
    options = {"eps": choice(rng, [1e-5, 1e-3]), "process_group": _Mirrors(integer(rng, 2, 3))}
    return Call(F.batch_norm, [x, normal(rng, c), normal(rng, c)], options)


@case("AllReduceSum")
def _all_reduce_sum(rng):
    group = _Mirrors(integer(rng, 2, 3))
    x = normal(rng, *shape(rng))
    return Call(lambda x, process_group: AllReduceSum(process_group)(x), [x], {"process_group": group})


@case("batch_norm outside of training", batched=1)
def _batch_norm_outside_of_training(rng):
    c = integer(rng, 1, 3)
    mean, var = normal(rng, c), positive(rng, c)

    def outside_of_training(x, gamma, beta, running_mean, running_var, eps):
        running = (r.astype(x.dtype) for r in (running_mean, running_var))
        return F.batch_norm(x, gamma, beta, *running, training=False, eps=eps)

    x = normal(rng, integer(rng, 1, 3), c, *choice(rng, [(), (1, 2)]))
    options = {"running_mean": mean, "running_var": var, "eps": choice(rng, [1e-5, 1e-3])}
    return Call(outside_of_training, [x, normal(rng, c), normal(rng, c)], options)


@case("layer_norm", batched=1)
def _layer_norm(rng):
    sample = shape(rng, 1, 3, min_side=2)
    x = normal(rng, integer(rng, 1, 3), *sample)
    return Call(F.layer_norm, choice(rng, [[x, normal(rng, *sample), normal(rng, *sample)], [x]]))


@case("instance_norm", batched=1)
def _instance_norm(rng):
    n, c = integer(rng, 1, 2), integer(rng, 1, 3)
    x = normal(rng, n, c, *choice(rng, [(3, 2), (2, 2)]))
    return Call(F.instance_norm, choice(rng, [[x, normal(rng, c), normal(rng, c)], [x]]))


@case("pixel_norm", batched=1)
def _pixel_norm(rng):
    n, c = integer(rng, 1, 3), integer(rng, 2, 3)
    return Call(F.pixel_norm, [normal(rng, n, c, *choice(rng, [(), (2, 2)])) + 0.3], {"eps": choice(rng, [1e-8, 1e-3])})


# --- losses --------------------------------------------------------------------------------------


def _reduction_of(rng: Generator) -> dict[str, str]:
    return {"reduction": choice(rng, ["mean", "sum", "none"])}


@case("binary_cross_entropy")
def _binary_cross_entropy(rng):
    s = shape(rng)
    return Call(F.binary_cross_entropy, [probability(rng, *s), probability(rng, *s)], _reduction_of(rng))


@case("binary_cross_entropy_with_logits")
def _binary_cross_entropy_with_logits(rng):
    s = shape(rng)
    return Call(F.binary_cross_entropy_with_logits, [normal(rng, *s), probability(rng, *s)], _reduction_of(rng))


@case("mse_loss")
def _mse_loss(rng):
    s = shape(rng)
    return Call(F.mse_loss, [normal(rng, *s), normal(rng, *s)], _reduction_of(rng))


@case("l1_loss")
def _l1_loss(rng):
    s = shape(rng)
    return Call(F.l1_loss, [distinct(rng, *s, besides=1, place=i) for i in range(2)], _reduction_of(rng))


@case("hinge_loss")
def _hinge_loss(rng):
    target = choice(rng, [1.0, -1.0])
    return Call(F.hinge_loss, [distinct(rng, *shape(rng)) + target], {"target": target, **_reduction_of(rng)})


@case("cross_entropy")
def _cross_entropy(rng):
    n, k = integer(rng, 1, 3), integer(rng, 1, 4)
    labels = np.array([integer(rng, 0, k - 1) for _ in range(n)])
    return Call(F.cross_entropy, [normal(rng, n, k)], {"labels": labels, **_reduction_of(rng)})


# --- the steps of the backward passes ------------------------------------------------------------


def _beside(x: Tensor | np.ndarray, constant: np.ndarray, dtype: Any = None) -> Array:
    """A constant array where x lives: classes take these as they are."""
    return Tensor(constant, dtype=dtype, device=Tensor(x).device).data


@case("AddScalar", "MulScalar", batched=1)
def _with_a_number(name, rng):
    function = {"AddScalar": AddScalar, "MulScalar": MulScalar}[name]
    return Call(lambda x, c: function(c)(x), [normal(rng, *shape(rng))], {"c": choice(rng, [2.0, -0.5, 0.0])})


@case("MaskMul")
def _gate(rng):
    x = normal(rng, *shape(rng))
    factor = normal(rng, *x.shape)
    return Call(lambda x, factor: MaskMul(_beside(x, factor, x.dtype))(x), [x], {"factor": factor})


@case("LeakyReLUBackward", order=3)
def _leaky_gate(rng):
    x = normal(rng, *shape(rng))
    mask = np.asarray(normal(rng, *x.shape) > 0)
    options = {"mask": mask, "slope": choice(rng, [0.2, 0.0])}
    return Call(lambda x, mask, slope: LeakyReLUBackward(_beside(x, mask), slope)(x), [x], options)


@case("DenseWeightGrad", batched=2)
def _dense_weight_grad(rng):
    n, c, o = (integer(rng, 1, 4) for _ in range(3))
    return Call(lambda x, g: DenseWeightGrad()(x, g), [normal(rng, n, c), normal(rng, n, o)])


@case("ConvWeightGrad", order=3, batched=2)
def _conv_weight_grad(rng):
    (n, c, o), (size, kernel, options) = _channels(rng), draws.convolution(rng)
    geometry = Geometry.of_conv(size, kernel, **options)
    inputs = [normal(rng, n, c, *size), normal(rng, n, o, *geometry.out_size)]
    return Call(lambda x, g, geometry: ConvWeightGrad(geometry)(x, g), inputs, {"geometry": geometry})


@case("BatchNormBackward")
def _batch_norm_backward(rng):
    def backward(dy, x, gamma, axes, eps, negative_slope, beta):
        x_and_gamma = (Tensor(t).data for t in (x, gamma))
        _, statistics = batch_norm_forward(*x_and_gamma, _beside(x, beta, x.dtype), axes, eps, negative_slope)
        return BatchNormBackward(axes, eps, negative_slope, statistics)(dy, x, gamma)

    shape = (4, integer(rng, 1, 3), *choice(rng, [(), (2, 2)]))
    axes, along = (0, *range(2, len(shape))), (1, shape[1]) + (1,) * (len(shape) - 2)
    dy, x, gamma = normal(rng, *shape), normal(rng, *shape), distinct(rng, shape[1])
    options = {"axes": axes, "eps": choice(rng, [1e-5, 1e-3]), "negative_slope": choice(rng, [None, 0.2, 0.0, 1.5])}
    options["beta"] = _beta_away_from_kinks(x, gamma).reshape(along)
    return Call(backward, [dy, x, gamma.reshape(along)], options)


@case("BinaryCrossEntropyWithLogitsBackward")
def _binary_cross_entropy_with_logits_backward(rng):
    s = shape(rng)
    inputs = [normal(rng, *s), normal(rng, *s), probability(rng, *s)]
    return Call(lambda g, x, t: BinaryCrossEntropyWithLogitsBackward()(g, x, t), inputs)


@case("AvgSpread2d", "MaxUnpool2d", "MaxTake2d", batched=1)
def _pooling_backward(name, rng):
    size, kernel, options = draws.convolution(rng)
    geometry = Geometry.of_conv(size, kernel, **options)
    n, c = integer(rng, 1, 2), integer(rng, 1, 2)
    small = (n, c, *geometry.out_size)
    x = normal(rng, *((n, c, *size) if name == "MaxTake2d" else small))
    if name == "AvgSpread2d":
        return Call(lambda x, geometry: AvgSpread2d(geometry)(x), [x], {"geometry": geometry})
    # Which tap of the window each output took: the same for all images, so that a batch may be empty.
    taken = np.array([integer(rng, 0, kernel[0] * kernel[1] - 1) for _ in range(n * c)], "int16")
    function = {"MaxUnpool2d": MaxUnpool2d, "MaxTake2d": MaxTake2d}[name]

    def pooled(x, geometry, taken):
        whole = np.broadcast_to(taken.reshape(n, c, 1, 1), small)[: len(x)]
        return function(geometry, _beside(x, whole))(x)

    return Call(pooled, [x], {"geometry": geometry, "taken": taken})


@case("PutItem")
def _put_item(rng):
    index, whole, taken = choice(rng, [([1, 1, 2], (4, 2), (3, 2)), (slice(1, 3), (4, 2), (2, 2)), (0, (3,), ())])
    return Call(
        lambda x, index, shape: PutItem(index, shape)(x), [normal(rng, *taken)], {"index": index, "shape": whole}
    )
