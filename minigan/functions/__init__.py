"""Every differentiable function, one family a file. Commonly imported as `F`. A file holds, for each function, a class
with its forward and backward pass side by side, and below the classes the plain functions that one calls."""

from minigan.autograd.tensor import LateBound
from minigan.functions.activation import leaky_relu, log_softmax, relu, sigmoid, softmax, softplus, tanh
from minigan.functions.arithmetic import (
    abs,
    add,
    clip,
    div,
    exp,
    log,
    maximum,
    minimum,
    mul,
    neg,
    power,
    sqrt,
    sub,
    where,
)
from minigan.functions.convolution import conv2d, conv_transpose2d
from minigan.functions.dense import dense, matmul
from minigan.functions.dropout import dropout
from minigan.functions.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_loss,
    l1_loss,
    mse_loss,
)
from minigan.functions.manipulation import broadcast_to, concatenate, getitem, pad2d, reshape, stack, sum_to, transpose
from minigan.functions.normalization import batch_norm, group_norm, instance_norm, layer_norm, pixel_norm
from minigan.functions.pooling import avg_pool2d, max_pool2d, upsample_nearest2d
from minigan.functions.reduction import max, mean, min, norm, sum, var
from minigan.renamed import renamed_in

__all__ = [
    "abs", "add", "avg_pool2d", "batch_norm", "binary_cross_entropy", "binary_cross_entropy_with_logits",
    "broadcast_to", "clip", "concatenate", "conv2d", "conv_transpose2d", "cross_entropy", "dense", "div", "dropout",
    "exp", "getitem", "group_norm", "hinge_loss", "instance_norm", "l1_loss", "layer_norm", "leaky_relu", "log",
    "log_softmax", "matmul", "max", "max_pool2d", "maximum", "mean", "min", "minimum", "mse_loss", "mul", "neg", "norm",
    "pad2d", "pixel_norm", "power", "relu", "reshape", "sigmoid", "softmax", "softplus", "sqrt", "stack", "sub", "sum",
    "sum_to", "tanh", "transpose", "upsample_nearest2d", "var", "where",
]  # fmt: skip

LateBound.functions = {name: globals()[name] for name in __all__}  # the operators and methods of Tensor

__getattr__ = renamed_in(__name__)  # names of earlier versions
