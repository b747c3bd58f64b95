"""One call of every function, for the tests that hold for all of them.

A case is a function of Tensors and the float64 arrays to call it on. Points lie well away from
kinks and ties, so that every case can be checked against difference quotients. `ENGINE` holds
those classes that no public function calls in its forward pass: the steps of the backward passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minigan import functions as F
from minigan.functions.activation import LeakyGate
from minigan.functions.arithmetic import Gate
from minigan.functions.convolution import ConvWeightGrad
from minigan.functions.dense import DenseWeightGrad
from minigan.functions.loss import BinaryCrossEntropyWithLogitsBackward
from minigan.functions.normalization import BatchNormBackward
from minigan.functions.pooling import AvgSpread2d, MaxSpread2d, MaxTake2d
from minigan.functions.shaping import PutItem
from minigan.kernels.geometry import Geometry


class Case(NamedTuple):
    call: Callable
    inputs: list[np.ndarray]


_rng = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return _rng.standard_normal(shape)


def positive(*shape: int) -> np.ndarray:
    return _rng.uniform(0.5, 2.0, shape)


def probability(*shape: int) -> np.ndarray:
    return _rng.uniform(0.1, 0.9, shape)


def distinct(*shape: int) -> np.ndarray:
    """Numbers no two of which lie within 0.05 of each other, or of 0."""
    size = int(np.prod(shape))
    return (_rng.permutation(size) - size / 2 + 0.3).reshape(shape) * 0.1


def _batch_norm_backward(dy, x, gamma):
    axes = (0, 2, 3)
    mean, var = (m(x.data, axis=axes, keepdims=True) for m in (np.mean, np.var))
    return BatchNormBackward(axes, 1e-5, mean, 1 / np.sqrt(var + 1e-5))(dy, x, gamma)


_geometry = Geometry.of_conv((5, 6), (3, 2), 2, ((1, 0), (0, 1)))
_mask = normal(2, 3) > 0
_taken = np.array([[[[0, 3], [2, 1]]]], dtype="int16")
_running = np.array([0.5, -1.0, 2.0]), np.array([1.5, 0.7, 2.0])

CASES = {
    "abs": Case(F.abs, [distinct(2, 3)]),
    "add": Case(F.add, [normal(2, 3), normal(3)]),
    "avg_pool2d": Case(lambda x: F.avg_pool2d(x, 3, 2, 1), [normal(2, 2, 5, 6)]),
    "batch_norm": Case(F.batch_norm, [normal(4, 3, 2, 2), normal(3), normal(3)]),
    "batch_norm outside of training": Case(
        lambda x, g, b: F.batch_norm(x, g, b, *(r.astype(x.dtype) for r in _running), training=False),
        [normal(4, 3, 2, 2), normal(3), normal(3)],
    ),
    "binary_cross_entropy": Case(F.binary_cross_entropy, [probability(2, 3), probability(2, 3)]),
    "binary_cross_entropy_with_logits": Case(F.binary_cross_entropy_with_logits, [normal(2, 3), probability(2, 3)]),
    "broadcast_to": Case(lambda x: F.broadcast_to(x, (2, 3, 4)), [normal(3, 1)]),
    "concatenate": Case(lambda a, b: F.concatenate([a, b], axis=1), [normal(2, 3), normal(2, 1)]),
    "conv2d": Case(
        lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=((1, 0), (2, 1))),
        [normal(2, 3, 5, 6), normal(4, 3, 3, 2), normal(4)],
    ),
    "conv_transpose2d": Case(
        lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=(1, 0), output_padding=(1, 0)),
        [normal(2, 3, 3, 4), normal(3, 4, 3, 2), normal(4)],
    ),
    "cross_entropy": Case(lambda x: F.cross_entropy(x, [2, 0, 2]), [normal(3, 4)]),
    "dense": Case(F.dense, [normal(4, 3), normal(2, 3), normal(2)]),
    "div": Case(F.div, [normal(2, 3), positive(2, 1)]),
    "dropout": Case(lambda x: F.dropout(x, 0.4, rng=np.random.default_rng(3)), [normal(3, 4)]),
    "exp": Case(F.exp, [normal(2, 3)]),
    "getitem": Case(lambda x: F.getitem(x, ([0, 2, 0], slice(None, None, 2))), [normal(3, 4)]),
    "hinge_loss": Case(lambda x: F.hinge_loss(x, 1.0), [distinct(3, 4)]),
    "instance_norm": Case(F.instance_norm, [normal(2, 3, 3, 2), normal(3), normal(3)]),
    "l1_loss": Case(F.l1_loss, [distinct(2, 3) + 9, distinct(2, 3)]),
    "layer_norm": Case(F.layer_norm, [normal(3, 2, 2, 2), normal(2, 2, 2), normal(2, 2, 2)]),
    "leaky_relu": Case(lambda x: F.leaky_relu(x, 0.2), [distinct(2, 3)]),
    "log": Case(F.log, [positive(2, 3)]),
    "log_softmax": Case(F.log_softmax, [normal(2, 3)]),
    "matmul": Case(F.matmul, [normal(2, 3, 4), normal(4, 2)]),
    "max": Case(lambda x: F.max(x, 1), [distinct(2, 3, 2)]),
    "max_pool2d": Case(lambda x: F.max_pool2d(x, 3, 2, 1), [distinct(2, 2, 5, 6)]),
    "maximum": Case(F.maximum, [distinct(2, 3), distinct(2, 3)[::-1].copy() + 0.03]),
    "mean": Case(lambda x: F.mean(x, (0, 2)), [normal(2, 3, 4)]),
    "min": Case(lambda x: F.min(x, 1, keepdims=True), [distinct(2, 3, 2)]),
    "minimum": Case(F.minimum, [distinct(2, 3), distinct(2, 3)[::-1].copy() + 0.03]),
    "mse_loss": Case(F.mse_loss, [normal(2, 3), normal(2, 3)]),
    "mul": Case(F.mul, [normal(2, 3), normal(2, 1)]),
    "neg": Case(F.neg, [normal(2, 3)]),
    "pad2d": Case(lambda x: F.pad2d(x, ((1, 2), (0, 3))), [normal(2, 1, 3, 2)]),
    "pixel_norm": Case(F.pixel_norm, [normal(2, 3, 2, 2)]),
    "power": Case(lambda x: F.power(x, 2.5), [positive(2, 3)]),
    "relu": Case(F.relu, [distinct(2, 3)]),
    "reshape": Case(lambda x: F.reshape(x, (2, -1)), [normal(3, 4)]),
    "sigmoid": Case(F.sigmoid, [normal(2, 3)]),
    "softmax": Case(F.softmax, [normal(2, 3)]),
    "softplus": Case(F.softplus, [normal(2, 3)]),
    "sqrt": Case(F.sqrt, [positive(2, 3)]),
    "sub": Case(F.sub, [normal(2, 3), normal(1, 3)]),
    "sum": Case(lambda x: F.sum(x, (0, 2)), [normal(2, 3, 4)]),
    "sum_to": Case(lambda x: F.sum_to(x, (3, 1)), [normal(2, 3, 4)]),
    "tanh": Case(F.tanh, [normal(2, 3)]),
    "transpose": Case(lambda x: F.transpose(x, (2, 0, 1)), [normal(2, 3, 4)]),
    "upsample_nearest2d": Case(lambda x: F.upsample_nearest2d(x, 2), [normal(2, 1, 2, 3)]),
}

ENGINE = {
    "adding a number": Case(lambda x: x + 2.0, [normal(2, 3)]),
    "AvgSpread2d": Case(lambda x: AvgSpread2d(_geometry)(x), [normal(2, 1, *_geometry.out_size)]),
    "BinaryCrossEntropyWithLogitsBackward": Case(
        lambda g, x, t: BinaryCrossEntropyWithLogitsBackward()(g, x, t), [normal(4, 1), normal(4, 1), normal(4, 1)]
    ),
    "BatchNormBackward": Case(_batch_norm_backward, [normal(4, 3, 2, 2), normal(4, 3, 2, 2), normal(1, 3, 1, 1)]),
    "ConvWeightGrad": Case(
        lambda x, g: ConvWeightGrad(_geometry)(x, g), [normal(2, 3, 5, 6), normal(2, 4, *_geometry.out_size)]
    ),
    "DenseWeightGrad": Case(lambda x, g: DenseWeightGrad()(x, g), [normal(4, 3), normal(4, 2)]),
    "Gate": Case(lambda x: Gate(_mask.astype(x.dtype))(x), [normal(2, 3)]),
    "LeakyGate": Case(lambda x: LeakyGate(_mask, 0.2)(x), [normal(2, 3)]),
    "MaxSpread2d": Case(lambda x: MaxSpread2d(Geometry.of_conv((4, 4), 2, 2), _taken)(x), [normal(2, 3, 2, 2)]),
    "MaxTake2d": Case(lambda x: MaxTake2d(Geometry.of_conv((4, 4), 2, 2), _taken)(x), [normal(2, 3, 4, 4)]),
    "PutItem": Case(lambda x: PutItem([1, 1, 2], (4, 2))(x), [normal(3, 2)]),
}

ALL = CASES | ENGINE

# How many of a case's inputs have the batch as their first axis, for the functions that take one sample at a time.
BATCHED = {
    "abs": 1, "add": 1, "adding a number": 1, "avg_pool2d": 1, "AvgSpread2d": 1, "batch_norm outside of training": 1,
    "concatenate": 2, "conv2d": 1, "conv_transpose2d": 1, "ConvWeightGrad": 2, "dense": 1, "div": 2, "dropout": 1,
    "exp": 1, "instance_norm": 1, "layer_norm": 1, "leaky_relu": 1, "log": 1, "log_softmax": 1, "matmul": 1, "max": 1,
    "max_pool2d": 1, "maximum": 2, "min": 1, "minimum": 2, "mul": 2, "neg": 1, "pad2d": 1, "pixel_norm": 1, "power": 1,
    "relu": 1, "sigmoid": 1, "softmax": 1, "softplus": 1, "sqrt": 1, "sub": 1, "sum": 1, "sum_to": 1, "tanh": 1,
    "upsample_nearest2d": 1,
}  # fmt: skip

EMPTY_BATCHES = {
    name: Case(ALL[name].call, [a[:0] if i < count else a for i, a in enumerate(ALL[name].inputs)])
    for name, count in BATCHED.items()
} | {
    "dense of rows of rows": Case(F.dense, [normal(0, 4, 3), normal(2, 3), normal(2)]),
    "mean of each image": Case(lambda x: F.mean(x, (2, 3)), [normal(0, 3, 2, 2)]),
    "pointwise conv2d": Case(F.conv2d, [normal(0, 3, 2, 2), normal(4, 3, 1, 1)]),
    "cross_entropy": Case(lambda x: F.cross_entropy(x, np.zeros(0, int), "sum"), [normal(0, 4)]),
    "hinge_loss": Case(lambda x: F.hinge_loss(x, 1.0, "sum"), [normal(0, 1)]),
    "binary_cross_entropy": Case(lambda x: F.binary_cross_entropy(x, 1.0, "sum"), [normal(0, 1)]),
    "binary_cross_entropy_with_logits": Case(
        lambda x: F.binary_cross_entropy_with_logits(x, 1.0, "sum"), [normal(0, 1)]
    ),
    "l1_loss": Case(lambda x: F.l1_loss(x, 1.0, "sum"), [normal(0, 1)]),
    "mse_loss": Case(lambda x: F.mse_loss(x, 1.0, "sum"), [normal(0, 1)]),
}

# Which functions make no sense of integers: with them, each would give numbers cut off, or of another dtype.
FLOATING = {
    "avg_pool2d", "batch_norm", "binary_cross_entropy", "binary_cross_entropy_with_logits", "conv2d",
    "conv_transpose2d", "cross_entropy", "dense", "div", "dropout", "exp", "hinge_loss", "instance_norm", "l1_loss",
    "layer_norm", "leaky_relu", "log", "log_softmax", "max_pool2d", "mean", "mse_loss", "pixel_norm", "sigmoid",
    "softmax", "softplus", "sqrt", "tanh", "upsample_nearest2d",
}  # fmt: skip
