"""What a wrong argument is told: which function, which argument, what it is, and what it must be.

Each table has a row for a mistake: the call, and how its message goes, which begins with the
function's name. Mistakes that can be made with every function (text for an array, one array on
another device) are tried on every one.
"""

import re
from functools import partial

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F


def ones(*shape, dtype="float64"):
    return np.ones(shape, dtype)


def call(name, inputs, **options):
    """The function of these arrays, with what else it must be given."""
    return CALLS.get(name, getattr(F, name))(*inputs, **options)


CALLS = {
    "clip": lambda x: F.clip(x, 0.0, 1.0),
    "concatenate": lambda *tensors: F.concatenate(tensors),
    "group_norm": lambda x, *scale, **options: F.group_norm(x, 3, *scale, **options),
    "stack": lambda *tensors: F.stack(tensors),
    "where": lambda a, b: F.where([True, False, True], a, b),
}
X, K = ones(2, 3, 4, 4), ones(3, 3, 3, 3)
RAGGED = [[1.0, 2.0], [3.0]]
nan = float("nan")

# --- shapes --------------------------------------------------------------------------------------

SHAPES = [
    # axes
    *(
        row
        for name in ("sum", "mean", "var", "norm", "max", "min", "softmax", "log_softmax")
        for f in [getattr(F, name)]
        for row in (
            (partial(f, ones(2, 3), 2), rf"{name}: axis 2 is out of range for shape \(2, 3\): x has 2 axes"),
            (partial(f, ones(2, 3), -3), rf"{name}: axis -3 is out of range for shape \(2, 3\)"),
            (partial(f, ones(2, 3), (0, 2)), rf"{name}: axis 2 is out of range for shape \(2, 3\)"),
            (partial(f, ones(), 0), rf"{name}: axis 0 is out of range for shape \(\)"),
            (partial(f, ones(2, 3), (1, -1)), rf"{name}: axes \(1, -1\) of shape \(2, 3\) name one axis twice"),
        )
    ),
    *(
        row
        for name in ("mean", "var", "max", "min", "softmax", "log_softmax")
        for f in [getattr(F, name)]
        for row in (
            (
                partial(f, ones(0, 3), 0),
                rf"{name}: x of shape \(0, 3\) has nothing along axis 0 to take the {name} of",
            ),
            (partial(f, ones(0, 3), None), rf"{name}: x of shape \(0, 3\) has nothing to take the {name} of"),
        )
    ),
    # two arrays
    *(
        (
            partial(getattr(F, name), ones(2, 3), ones(2)),
            rf"{name}: a of shape \(2, 3\) and b of shape \(2,\) do not broadcast to one: .* equal, or one of them 1",
        )
        for name in ("add", "sub", "mul", "div", "power", "maximum", "minimum")
    ),
    (
        lambda: F.where(ones(3) > 0, ones(2, 3), ones(2)),
        r"where: condition of shape \(3,\), a of shape \(2, 3\) and b of shape \(2,\) do not broadcast to one",
    ),
    (
        lambda: F.var(ones(1, 3), 0),
        r"var: x of shape \(1, 3\) has 1 number for each variance, but must have more than the correction, 1$",
    ),
    (
        lambda: F.matmul(ones(2, 3), ones(2, 4)),
        r"matmul: a of shape \(2, 3\) has 3 columns, but b of shape \(2, 4\) has 2 rows: they must be equal",
    ),
    (lambda: F.matmul(ones(3), ones(2)), r"matmul: a of shape \(3,\) has 3 columns, but b of shape \(2,\) has 2 rows"),
    (lambda: F.matmul(ones(), ones(2)), r"matmul: a has shape \(\), b \(2,\), but both must have an axis or more"),
    (lambda: mg.Tensor(ones(2, 2)) @ 3.0, r"matmul: a has shape \(2, 2\), b \(\), .* with a number use mul"),
    (
        lambda: F.matmul(ones(2, 1, 3), ones(3, 3, 1)),
        r"matmul: a of shape \(2, 1, 3\) and b of shape \(3, 3, 1\) do not broadcast before their last two axes",
    ),
    (
        lambda: F.dense(ones(2, 3), ones(3, 2)),
        r"dense: x has shape \(2, 3\), weight \(3, 2\): weight must be \(out, in\) and x's last axis .* length in",
    ),
    (lambda: F.dense(ones(2, 3), ones(3)), r"dense: x has shape \(2, 3\), weight \(3,\): weight must be \(out, in\)"),
    (lambda: F.dense(ones(2, 3), 2.0), r"dense: x has shape \(2, 3\), weight \(\): weight must be \(out, in\)"),
    (lambda: F.dense(ones(), ones(2, 3)), r"dense: x has shape \(\), weight \(2, 3\)"),
    (
        lambda: F.dense(ones(2, 3), ones(4, 3), ones(3)),
        r"dense: bias has shape \(3,\), but must have \(4,\) for x of shape \(2, 3\): one .* for each row of weight",
    ),
    *(
        (
            partial(getattr(F, name), ones(2, 1), ones(2)),
            rf"{name}: target has shape \(2,\), but {x} has \(2, 1\): they must be equal",
        )
        for name, x in [
            ("mse_loss", "x"), ("l1_loss", "x"), ("hinge_loss", "logits"), ("binary_cross_entropy", "p"),
            ("binary_cross_entropy_with_logits", "logits"),
        ]
    ),
    *(
        (
            partial(getattr(F, name), ones(0, 2), ones(0, 2)),
            rf"{name}: shape \(0, 2\) has nothing to take the mean of; its sum is 0",
        )
        for name in ["mse_loss", "l1_loss", "hinge_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"]
    ),
    (
        lambda: F.cross_entropy(ones(2, 3), [0, 1, 2]),
        r"cross_entropy: logits has shape \(2, 3\), labels \(3,\): logits must be \(N, K\) and labels \(N,\)",
    ),
    (lambda: F.cross_entropy(ones(3), [0, 1, 2]), r"cross_entropy: logits has shape \(3,\), labels \(3,\)"),
    (lambda: F.cross_entropy(ones(2, 3), [[0, 1]]), r"cross_entropy: logits has shape \(2, 3\), labels \(1, 2\)"),
    # images
    *(
        row
        for f in (F.conv2d, F.conv_transpose2d)
        for name in [f.__name__]
        for row in (
            (partial(f, X[0], K), rf"{name}: x must be images \(N, C, H, W\), but has shape \(3, 4, 4\)"),
            (partial(f, X, K[0]), rf"{name}: weight must be \(.*, KH, KW\), but has shape \(3, 3, 3\)"),
            (
                partial(f, X[:, :2], K),
                rf"{name}: x of shape \(2, 2, 4, 4\) has 2 channels, but weight \(.*\) of shape \(3, 3, 3, 3\) takes 3",
            ),
            (
                partial(f, X, K, ones(2)),
                rf"{name}: bias has shape \(2,\), but must have \(3,\) for x of .*: one number for each channel",
            ),
        )
    ),
    (lambda: F.conv2d(X, ones(3, 3, 5, 5)), "conv2d: a 5x5 kernel does not fit an image of 4x4 pixels"),
    (lambda: F.conv_transpose2d(X, K, padding=3), "conv_transpose2d: .* leaves 0x0 pixels"),
    *(
        row
        for f in (F.avg_pool2d, F.max_pool2d)
        for name in [f.__name__]
        for row in (
            (partial(f, X[0], 2), rf"{name}: x must be images \(N, C, H, W\), but has shape \(3, 4, 4\)"),
            (partial(f, X, 5), f"{name}: a 5x5 kernel does not fit an image of 4x4 pixels"),
        )
    ),
    (lambda: F.upsample_nearest2d(X[0]), r"upsample_nearest2d: x must be images .* has shape \(3, 4, 4\)"),
    (lambda: F.upsample_nearest2d(X[:, :, :0]), r"upsample_nearest2d: x of shape \(2, 3, 0, 4\) has no pixels"),
    (lambda: F.pad2d(ones(2, 3), 1), r"pad2d: x must be images \(N, C, H, W\), but has shape \(2, 3\)"),
    # normalisation
    (lambda: F.batch_norm(X[0]), r"batch_norm: x must be \(N, C\) or \(N, C, H, W\), but has shape \(3, 4, 4\)"),
    *(
        (
            partial(F.batch_norm, X, *(ones(2 if i == j else 3) for j in range(4))),
            rf"batch_norm: {argument} has shape \(2,\), but must have \(3,\) for x of shape \(2, 3, 4, 4\)",
        )
        for i, argument in enumerate(["gamma", "beta", "running_mean", "running_var"])
    ),
    (lambda: F.batch_norm(X[:0]), r"batch_norm: x of shape \(0, 3, 4, 4\) has no values per channel"),
    (lambda: F.batch_norm(ones(1, 3)), r"batch_norm: x of shape \(1, 3\) has 1 value per channel; .* needs two"),
    (lambda: F.layer_norm(ones(3)), r"layer_norm: x must be \(N, …\), but has shape \(3,\)"),
    (lambda: F.layer_norm(X, ones(3)), r"layer_norm: gamma has shape \(3,\), but must have \(3, 4, 4\) .* one sample"),
    (lambda: F.layer_norm(X, None, ones(3)), r"layer_norm: beta has shape \(3,\), but must have \(3, 4, 4\)"),
    (lambda: F.layer_norm(X[:, :0]), r"layer_norm: x of shape \(2, 0, 4, 4\) has no numbers to take the mean of"),
    (lambda: F.instance_norm(X[0]), r"instance_norm: x must be images \(N, C, H, W\), but has shape \(3, 4, 4\)"),
    (lambda: F.instance_norm(X, ones(2)), r"instance_norm: gamma has shape \(2,\), but must have \(3,\)"),
    (lambda: F.instance_norm(X, None, ones(2)), r"instance_norm: beta has shape \(2,\), but must have \(3,\)"),
    (lambda: F.instance_norm(X[:, :, :0]), r"instance_norm: x of shape \(2, 3, 0, 4\) has no numbers"),
    (lambda: F.group_norm(ones(4), 2), r"group_norm: x must be \(N, C, …\), but has shape \(4,\)"),
    (lambda: F.group_norm(X, 2), r"group_norm: x of shape \(2, 3, 4, 4\) has 3 channels, which 2 groups cannot share"),
    (lambda: F.group_norm(X, 1, ones(1)), r"group_norm: gamma has shape \(1,\), but must have \(3,\)"),
    (lambda: F.group_norm(X, 3, None, ones(2)), r"group_norm: beta has shape \(2,\), but must have \(3,\)"),
    (lambda: F.group_norm(X[:, :, :0], 3), r"group_norm: x of shape \(2, 3, 1, 0, 4\) has no numbers"),
    (lambda: F.pixel_norm(ones(3)), r"pixel_norm: x must be \(N, C, …\), but has shape \(3,\)"),
    # shaping
    (lambda: F.reshape(ones(2, 3), (4, 2)), r"reshape: x of shape \(2, 3\) has 6 elements, but shape \(4, 2\) takes 8"),
    (lambda: F.reshape(ones(2, 3), (-1, 4)), r"reshape: .* has 6 elements, but shape \(-1, 4\) takes a multiple of 4"),
    (lambda: F.reshape(ones(2, 3), (-1, -1)), r"reshape: .* shape \(-1, -1\) leaves two lengths open, .* only one"),
    (lambda: F.reshape(ones(2, 3), (-2, 3)), r"reshape: shape \(-2, 3\) has a negative length; only -1 is allowed"),
    (
        lambda: F.transpose(ones(2, 3), (0, 0)),
        r"transpose: axes \(0, 0\) are not an order of the 2 axes of x of shape \(2, 3\): each must be named once",
    ),
    (lambda: F.transpose(ones(2, 3), (0, 3)), r"transpose: axes \(0, 3\) are not an order of the 2 axes"),
    (lambda: F.transpose(ones(), (0,)), r"transpose: axes \(0,\) are not an order of the 0 axes of x of shape \(\)"),
    (
        lambda: F.broadcast_to(ones(2, 3), (2, 4)),
        r"broadcast_to: x of shape \(2, 3\) cannot be repeated to \(2, 4\): .* lengths must be equal, or x's 1",
    ),
    (lambda: F.sum_to(ones(2, 3), (3, 1)), r"sum_to: x of shape \(2, 3\) is not a broadcast of \(3, 1\)"),
    (lambda: F.sum_to(ones(2, 3), (1, 2, 3)), r"sum_to: x of shape \(2, 3\) is not a broadcast of \(1, 2, 3\)"),
    (
        lambda: F.concatenate([ones(2, 3), ones(1, 3)], 1),
        r"concatenate: tensor 0 has shape \(2, 3\), but tensor 1 has \(1, 3\): they may differ only along axis 1",
    ),
    (lambda: F.concatenate([ones(2, 3), ones(3)]), r"concatenate: tensor 0 has shape \(2, 3\), but .* \(3,\)"),
    (lambda: F.concatenate([ones(2, 3)], 2), r"concatenate: axis 2 is out of range for shape \(2, 3\): .* have 2 axes"),
    (lambda: F.concatenate([ones()]), r"concatenate: axis 0 is out of range for shape \(\)"),
    (lambda: F.concatenate([]), "concatenate: tensors is empty, but must hold one or more"),
    (
        lambda: F.stack([ones(2, 3), ones(1, 3)]),
        r"stack: tensor 0 has shape \(2, 3\), but tensor 1 has \(1, 3\): all must have one shape",
    ),
    (lambda: F.stack([ones(2, 3)], 3), "stack: axis 3 is out of range for the 3 axes of the result"),
    (lambda: F.stack([ones()], -2), "stack: axis -2 is out of range for the 1 axes of the result"),
    (lambda: F.stack([]), "stack: tensors is empty, but must hold one or more"),
]  # fmt: skip

NO_SUCH_ELEMENTS = [
    (lambda x: F.getitem(x, 2), r"getitem: x of shape \(2, 3\) has no such elements: [Ii]ndex 2 is out of bounds"),
    (lambda x: F.getitem(x, (0, 0, 0)), r"getitem: x of shape \(2, 3\) has no such elements: too many indices"),
]

# Of numbers one by one, or of any shape: there is no wrong one.
ANY_SHAPE = {
    "abs", "clip", "dropout", "exp", "leaky_relu", "log", "neg", "relu", "sigmoid", "softplus", "sqrt", "tanh",
}  # fmt: skip

# --- numbers and options -------------------------------------------------------------------------

VALUES = [
    (lambda: F.div(X, 0), "div: b is 0"),
    (lambda: F.leaky_relu(X, nan), "leaky_relu: negative_slope must be a number, not nan"),
    (lambda: F.clip(X, 1, 0), "clip: max must be a number of 1 or more, not 0"),
    (lambda: F.clip(X, nan), "clip: min must be a number, not nan"),
    (lambda: F.group_norm(X, 0), "group_norm: num_groups must be a whole number of 1 or more, not 0"),
    (lambda: F.dropout(X, nan), "dropout: p must be a number, not nan"),
    *(
        (partial(F.dropout, X, p), rf"dropout: p is a probability in \[0, 1\), not {p}")
        for p in (-0.1, 1.0, 1.5)
    ),
    *((partial(F.upsample_nearest2d, X, s), "upsample_nearest2d: scale is a whole number") for s in (0, 1.5, None)),
    *(
        row
        for f in (F.conv2d, F.conv_transpose2d)
        for name in [f.__name__]
        for row in (
            (partial(f, X, K, stride=0), rf"{name}: the stride must be at least 1, not \(0, 0\)"),
            (partial(f, X, K, stride=1.5), f"{name}: stride must be an int or a pair of ints, not 1.5"),
            (partial(f, X, K, padding=-1), f"{name}: padding must not be negative: -1"),
            (partial(f, X, K, padding="valid"), f"{name}: padding must be .* or 'same', not 'valid'"),
            (partial(f, X, K[:, :, :0]), f"{name}: the kernel size must be at least 1, not 0x3"),
        )
    ),
    (
        lambda: F.conv_transpose2d(X, K, stride=2, output_padding=2),
        r"conv_transpose2d: output_padding \(2, 2\) must be at least 0 and less than the stride \(2, 2\)",
    ),
    (lambda: F.avg_pool2d(X, 0), "avg_pool2d: the kernel size must be at least 1, not 0x0"),
    (lambda: F.max_pool2d(X, 2.5), "max_pool2d: kernel_size must be an int or a pair of ints, not 2.5"),
    (lambda: F.max_pool2d(X, 2, 0), "max_pool2d: the stride must be at least 1"),
    (lambda: F.max_pool2d(X, 2, padding=2), "max_pool2d: .*the padding must be smaller than the window"),
    (lambda: F.pad2d(X, "same"), "pad2d: padding must be in pixels, not 'same'"),
    (lambda: F.pad2d(X, -1), "pad2d: padding must not be negative"),
    (lambda: F.pad2d(X, (1, 2, 3)), r"pad2d: padding must be an int, .* not \(1, 2, 3\)"),
    *(
        (partial(call, name, [X], **options), f"{name}: {message}")
        for name in ("batch_norm", "layer_norm", "instance_norm", "group_norm", "pixel_norm")
        for options, message in [
            ({"eps": -1e-5}, "eps must be a number of 0 or more, not -1e-05"),
            ({"eps": nan}, "eps must be a number of 0 or more, not nan"),
        ]
    ),
    (lambda: F.batch_norm(X, momentum=2.0), "batch_norm: momentum must be a number from 0 to 1, not 2.0"),
    (lambda: F.batch_norm(X, training=False), "batch_norm: outside of training running_mean .* are needed"),
    (lambda: F.batch_norm(X, running_mean=ones(3)), "batch_norm: .* go together, but only running_mean was given"),
    (lambda: F.batch_norm(X, running_var=ones(3)), "batch_norm: .* go together, but only running_var was given"),
    *(
        (
            partial(getattr(F, name), ones(2), ones(2), reduction="average"),
            f"{name}: reduction is 'mean', 'sum' or 'none', not 'average'",
        )
        for name in ("mse_loss", "l1_loss", "hinge_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
    ),
    (lambda: F.cross_entropy(ones(1, 3), [0], "average"), "cross_entropy: reduction is 'mean', 'sum' or 'none'"),
    (lambda: F.cross_entropy(ones(2, 3), [0, 3]), "cross_entropy: labels must lie in 0 … 2 .* run from 0 to 3"),
    (lambda: F.cross_entropy(ones(2, 3), [-1, 0]), "cross_entropy: labels must lie in 0 … 2 .* run from -1 to 0"),
]  # fmt: skip

TYPES = [
    *(
        (partial(getattr(F, name), ones(2, 3), axis), rf"{name}: axis must be a whole number or several, not")
        for name in ("sum", "mean", "var", "norm", "max", "min", "softmax", "log_softmax")
        for axis in (1.0, "0", [0.5])
    ),
    *(
        (partial(getattr(F, name), ones(2, 3), shape), f"{name}: the shape must be a whole number or several, not")
        for name in ("reshape", "broadcast_to", "sum_to")
        for shape in (2.5, None, "6", (1.5, 3))
    ),
    (lambda: F.transpose(ones(2, 3), "ab"), "transpose: axes must be a whole number or several, not 'ab'"),
    (lambda: F.clip(X), "clip: neither min nor max was given: there is nothing to clip to"),
    (lambda: F.clip(X, mg.Tensor(X)), r"clip: min must be a number, not Tensor of shape \(2, 3, 4, 4\)"),
    (lambda: F.var(X, correction=None), "var: correction must be a number, not None"),
    (lambda: F.where(X, X, X), "where: condition is float64, but must be of booleans, such as x > 0"),
    (lambda: F.where("yes", X, X), "where: condition: cannot make a tensor of str"),
    (lambda: F.group_norm(X, 1.5), "group_norm: num_groups must be a whole number of 1 or more, not 1.5"),
    (lambda: F.leaky_relu(X, ones(2)), r"leaky_relu: negative_slope must be a number, not ndarray of shape \(2,\)"),
    (lambda: F.leaky_relu(X, None), "leaky_relu: negative_slope must be a number, not None"),
    (lambda: F.dropout(X, "half"), "dropout: p must be a number, not 'half'"),
    *((partial(F.dropout, X, rng=r), r"dropout: rng must be a numpy\.random\.Generator") for r in (5, np.random)),
    (lambda: F.batch_norm(X, momentum=None), "batch_norm: momentum must be a number, not None"),
    (lambda: F.layer_norm(X, eps="small"), "layer_norm: eps must be a number, not 'small'"),
    (
        lambda: F.batch_norm(X, None, None, [0.0] * 3, [1.0] * 3),
        "batch_norm: running_mean and running_var must be Tensors or arrays: lists are not updated",
    ),
    (lambda: F.batch_norm(X, None, None, ones(3, dtype=int), ones(3)), "batch_norm: x .* but running_mean .* is int64"),
    (lambda: F.cross_entropy(ones(2, 3), [0.0, 1.0]), "cross_entropy: labels must be integers, .*, not float"),
    (lambda: F.concatenate(ones(2, 3)), "concatenate: tensors must be a list of tensors, not one ndarray"),
    (lambda: F.concatenate(mg.Tensor(ones(2, 3))), "concatenate: tensors must be a list of tensors, not one Tensor"),
    (lambda: F.concatenate(None), "concatenate: tensors must be a list of tensors, not one NoneType"),
    (lambda: F.concatenate([ones(2)], 0.5), "concatenate: axis must be a whole number or several, not 0.5"),
    (lambda: F.concatenate([ones(2)], (0, 1)), r"concatenate: axis must be one whole number, not \(0, 1\)"),
    (lambda: F.stack(ones(2, 3)), "stack: tensors must be a list of tensors, not one ndarray"),
    (lambda: F.stack([ones(2)], 0.5), "stack: axis must be a whole number or several, not 0.5"),
    (lambda: F.getitem(ones(2, 3), slice("a")), "getitem: x .* has no such elements: (slice indices|invalid literal)"),
    (lambda: list(mg.Tensor(1.0)), r"getitem: x of shape \(\) has no such elements"),
    (lambda: F.abs(np.array([True])), "abs: x is bool, but must be of numbers"),
    (lambda: F.sub(np.array([True]), np.array([True])), "sub is not defined for a of bool and b of bool"),
    (lambda: F.add(mg.Tensor(X), 1j), "add: b: complex128 cannot become float64: it would lose its imaginary part"),
    # whole numbers and what makes them fractions
    *(
        (partial(f, mg.Tensor([1, 2])), f"{message}, but must be floating: convert it")
        for f, message in [
            (lambda x: x + 0.5, "add: a is int64"), (lambda x: 0.5 + x, "add: b is int64"),
            (lambda x: x - 0.5, "sub: a is int64"), (lambda x: 0.5 - x, "sub: b is int64"),
            (lambda x: 0.5 * x, "mul: b is int64"), (lambda x: x / 2, "div: a is int64"),
            (lambda x: 2 / x, "div: b is int64"), (lambda x: x / x, "div: a is int64"),
            (lambda x: x**0.5, "power: x is int64"), (lambda x: x**-1, "power: x is int64"),
            (lambda x: x**x, "power: a is int64"), (lambda x: 0.5**x, "power: b is int64"),
        ]
    ),
]  # fmt: skip


def rows(table):
    return pytest.mark.parametrize(("call", "message"), table, ids=[f"{i}-{m}"[:60] for i, (_, m) in enumerate(table)])


@rows(SHAPES)
def test_shapes(call, message):
    with pytest.raises(ValueError, match="^" + message):
        call()


@rows(NO_SUCH_ELEMENTS)
def test_no_such_elements(call, message):
    with pytest.raises(IndexError, match="^" + message):
        call(ones(2, 3))


def test_text_is_no_index():
    """NumPy and CuPy refuse it in words, and by an error, of their own."""
    with pytest.raises(
        (IndexError, TypeError), match="^getitem: x .* has no such elements: (arrays used as ind|only int|invalid lit)"
    ):
        F.getitem(ones(2, 3), "first")


@rows(VALUES)
def test_values(call, message):
    with pytest.raises((ValueError, ZeroDivisionError), match="^" + message):
        call()


@rows(TYPES)
def test_types(call, message):
    with pytest.raises(TypeError, match="^" + message):
        call()


def test_every_function_with_a_wrong_shape_has_a_row():
    with_row = {message.split(":")[0] for _, message in SHAPES + NO_SUCH_ELEMENTS}
    assert with_row | ANY_SHAPE == set(F.__all__) and not with_row & ANY_SHAPE


# --- of every function ---------------------------------------------------------------------------

# The arrays of every function that takes several, and what follows the one of every other function.
SEVERAL = {
    **{name: [ones(2, 3), ones(1, 3)] for name in ("add", "sub", "mul", "div", "power", "maximum", "minimum", "where")},
    **{name: [ones(2, 3), ones(2, 3)] for name in ("mse_loss", "l1_loss", "hinge_loss", "binary_cross_entropy")},
    "binary_cross_entropy_with_logits": [ones(2, 3), ones(2, 3)],
    "matmul": [ones(2, 3), ones(3, 2)],
    "dense": [ones(2, 3), ones(4, 3), ones(4)],
    "conv2d": [X, K, ones(3)],
    "conv_transpose2d": [X, K, ones(3)],
    "batch_norm": [X, ones(3), ones(3), ones(3), ones(3)],
    "layer_norm": [X, ones(3, 4, 4), ones(3, 4, 4)],
    "instance_norm": [X, ones(3), ones(3)],
    "group_norm": [X, ones(3), ones(3)],
    "concatenate": [ones(2, 3), ones(1, 3)],
    "stack": [ones(2, 3), ones(2, 3)],
}
OF_ONE = {
    "avg_pool2d": [2], "broadcast_to": [(2, 3)], "cross_entropy": [[0, 1]], "getitem": [0], "max_pool2d": [2],
    "pad2d": [1], "reshape": [(2, 3)], "sum_to": [(1,)],
    **dict.fromkeys(
        ["abs", "clip", "dropout", "exp", "leaky_relu", "log", "log_softmax", "max", "mean", "min", "neg", "norm",
         "pixel_norm", "relu", "sigmoid", "softmax", "softplus", "sqrt", "sum", "tanh", "transpose",
         "upsample_nearest2d", "var"], [],
    ),
}  # fmt: skip


def test_every_function_is_called():
    assert set(SEVERAL) | set(OF_ONE) == set(F.__all__)


EACH_OF_SEVERAL = [(name, i) for name, inputs in SEVERAL.items() for i in range(len(inputs))]
OF_NONE = [(name, 0) for name in (*SEVERAL, *OF_ONE)]  # a bias, γ and β may be left out


@pytest.mark.parametrize(
    ("name", "i", "wrong", "error", "message"),
    [
        (name, i, wrong, error, message)
        for wrong, error, message, places in [
            ("text", TypeError, "str: use numbers", EACH_OF_SEVERAL + OF_NONE),
            (RAGGED, ValueError, "this list: its rows differ in length, and must be equal", EACH_OF_SEVERAL + OF_NONE),
            (None, TypeError, "NoneType: use numbers", OF_NONE),
        ]
        for name, i in dict.fromkeys(places)
        if not (name == "batch_norm" and i > 2 and wrong is RAGGED)  # statistics in lists are refused as lists
    ],
)
def test_what_is_no_array(name, i, wrong, error, message):
    inputs = [mg.Tensor(a) for a in SEVERAL[name]] if name in SEVERAL else [None, *OF_ONE[name]]
    inputs[i] = wrong
    with pytest.raises(error, match=rf"^{name}: \w+( \d)?: cannot make a tensor of {message}"):
        call(name, inputs)


def both_named(name, i, one, other):
    """The message if input i is `other`, and the others `one`: it names the first, and the first unlike it."""
    first, second = (one, other) if i else (other, one)
    a, b = (re.escape(str(SEVERAL[name][j].shape)) for j in (0, i or 1))
    return rf"(?i)^{name}: \w+( \d)? of shape {a} is {first}, but \w+( \d)? of shape {b} is {second}: "


@pytest.mark.parametrize(("name", "i"), EACH_OF_SEVERAL)
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_two_floating_dtypes(name, i, dtype):
    inputs = [mg.Tensor(a.astype(dtype) if i == j else a) for j, a in enumerate(SEVERAL[name])]
    with pytest.raises(TypeError, match=both_named(name, i, "float64", dtype)) as caught:
        call(name, inputs)
    assert caught.match(r"one call takes one dtype, convert one with \.to\(dtype=…\)$")


@pytest.mark.parametrize(("name", "i"), EACH_OF_SEVERAL)
def test_two_devices(elsewhere, name, i):
    inputs = [elsewhere(a) if i == j else mg.Tensor(a) for j, a in enumerate(SEVERAL[name])]
    here, there = (f"on {t.device}" for t in (mg.Tensor(0.0), elsewhere(ones())))
    with pytest.raises(mg.DeviceError, match=both_named(name, i, here, there)) as caught:
        call(name, inputs)
    assert caught.match(r"move one with \.to\(device\)$")


class OfAClass(np.ndarray):
    pass


@pytest.mark.parametrize(("name", "i"), EACH_OF_SEVERAL)
def test_arrays_of_two_classes_on_one_device_are_no_mistake(name, i):
    call(name, [mg.Tensor(a.view(OfAClass) if i == j else a) for j, a in enumerate(SEVERAL[name])])
