"""Layers: a function of `minigan.functions` together with its parameters. Weights start as PyTorch's, U[±1/√fan_in],
drawn from minigan's default generator, which `minigan.manual_seed` restarts."""

from __future__ import annotations

import math
from typing import Any

from minigan import functions as F
from minigan.autograd import Tensor
from minigan.backend import SINGLE_PROCESS, ProcessGroup, default_rng, zeros
from minigan.functions.arguments import as_ints, as_number, as_size, check_images, prefix_errors
from minigan.functions.dropout import checked_probability
from minigan.kernels.geometry import Geometry, normalize_pair
from minigan.kernels.layout import beside, weight_of
from minigan.kernels.reduction import labels_outside
from minigan.nn import init
from minigan.nn.module import Module, Parameter


def _weight_and_bias(shape: tuple[int, ...], bias_size: int | None) -> tuple[Parameter, Parameter | None]:
    """Drawn from U[±1/√fan_in], the weight first. A convolution's lies in memory as its kernels read it."""
    o, c, *taps = shape
    weight = Parameter(weight_of(zeros((*taps, c, o))) if taps else zeros(shape))
    init.kaiming_uniform_(weight, math.sqrt(5.0))
    if bias_size is None:
        return weight, None
    bound = 1.0 / math.sqrt(init.fans(shape)[0])
    return weight, init.uniform_(Parameter(zeros((bias_size,))), -bound, bound)


def _checked_kernel(layer: str, transposed: bool, kernel_size: Any, *options: Any) -> tuple[int, int]:
    """The kernel's size, if it, stride and padding are such as fit an image, provided it is large."""
    kernel = prefix_errors(layer, normalize_pair, kernel_size, "kernel_size")
    prefix_errors(
        layer, Geometry.of_conv_transpose if transposed else Geometry.of_conv, (1 << 20, 1 << 20), kernel, *options
    )
    return kernel


def _convolution_repr(layer: Module, in_channels: int, out_channels: int, *options: str) -> str:
    shown = {"kernel_size": layer.weight.shape[2:], **{name: getattr(layer, name) for name in options}}
    shown["bias"] = layer.bias is not None
    return ", ".join([str(in_channels), str(out_channels), *(f"{name}={value!r}" for name, value in shown.items())])


class Dense(Module):
    """y = x Wᵀ + b: (…, in_features) → (…, out_features). weight (out, in), bias (out)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        shape = as_size("Dense", "out_features", out_features), as_size("Dense", "in_features", in_features)
        self.weight, self.bias = _weight_and_bias(shape, shape[0] if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.dense(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, bias={self.bias is not None}"


class Conv2d(Module):
    """Convolution: (N, in, H, W) → (N, out, OH, OW). weight (out, in, KH, KW), bias (out). See F.conv2d."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.stride, self.padding = stride, padding
        kernel = _checked_kernel("Conv2d", False, kernel_size, stride, padding)
        i, o = as_size("Conv2d", "in_channels", in_channels), as_size("Conv2d", "out_channels", out_channels)
        shape = (o, i, *kernel)
        self.weight, self.bias = _weight_and_bias(shape, out_channels if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)

    def extra_repr(self) -> str:
        return _convolution_repr(self, self.weight.shape[1], self.weight.shape[0], "stride", "padding")


class ConvTranspose2d(Module):
    """Transposed convolution: (N, in, H, W) → (N, out, OH, OW). weight (in, out, KH, KW), bias (out). See
    F.conv_transpose2d."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        kernel = _checked_kernel("ConvTranspose2d", True, kernel_size, stride, padding, output_padding)
        i = as_size("ConvTranspose2d", "in_channels", in_channels)
        shape = (i, as_size("ConvTranspose2d", "out_channels", out_channels), *kernel)
        self.weight, self.bias = _weight_and_bias(shape, out_channels if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.weight, self.bias, self.stride, self.padding, self.output_padding)

    def extra_repr(self) -> str:
        return _convolution_repr(
            self, self.weight.shape[0], self.weight.shape[1], "stride", "padding", "output_padding"
        )


class Identity(Module):
    """x itself."""

    def forward(self, x: Any) -> Any:
        return x


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x)


class LeakyReLU(Module):
    """x where positive, negative_slope · x elsewhere."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = as_number("LeakyReLU", "negative_slope", negative_slope)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"{self.negative_slope}"


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Tensor) -> Tensor:
        return F.tanh(x)


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.sigmoid(x)


class Dropout(Module):
    """Zeroes a number with probability p and scales the others by 1/(1 − p), in training only. rng: a
    numpy.random.Generator to draw from (default: minigan's own). See F.dropout."""

    process_group: ProcessGroup = SINGLE_PROCESS

    def __init__(self, p: float = 0.5, rng: Any = None) -> None:
        super().__init__()
        self.p, self.rng = checked_probability("Dropout", p), rng

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.p, self.training, self.rng, self.process_group)

    def extra_repr(self) -> str:
        return f"{self.p}"


class AvgPool2d(Module):
    """The mean of each window; `kernel_size` may be "global": the mean of each channel's image, (N, C)."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        if kernel_size != "global":
            _checked_kernel("AvgPool2d", False, kernel_size, kernel_size if stride is None else stride, padding)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        if self.kernel_size == "global":
            check_images("AvgPool2d", x)
            return F.mean(x, (2, 3))
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding)


class MaxPool2d(Module):
    """The largest of each window; stride defaults to the window. See F.max_pool2d."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        _checked_kernel("MaxPool2d", False, kernel_size, kernel_size if stride is None else stride, padding)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}, padding={self.padding}"


class Upsample(Module):
    """Every pixel repeated `scale_factor` times in both directions. See F.upsample_nearest2d."""

    def __init__(self, *, scale_factor: int) -> None:  # PyTorch's first argument is the size
        super().__init__()
        self.scale_factor = as_size("Upsample", "scale_factor", scale_factor)

    def forward(self, x: Tensor) -> Tensor:
        return F.upsample_nearest2d(x, self.scale_factor)

    def extra_repr(self) -> str:
        return f"scale_factor={self.scale_factor}"


class Flatten(Module):
    """(N, C, H, W) → (N, C·H·W), in that order."""

    def forward(self, x: Tensor) -> Tensor:
        return F.reshape(x, (_batch("Flatten", x), math.prod(x.shape[1:])))


class Reshape(Module):
    """(N, …) → (N, *shape)."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = as_ints("Reshape: the shape", shape[0] if len(shape) == 1 else shape)

    def forward(self, x: Tensor) -> Tensor:
        return F.reshape(x, (_batch("Reshape", x), *self.shape))

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.shape))


def _batch(layer: str, x: Tensor) -> int:
    if not x.shape:
        raise ValueError(f"{layer}: x must be (N, …), but has shape {x.shape}")
    return x.shape[0]


class Embedding(Module):
    """Row `labels[i]` of a table (num_embeddings, embedding_dim), which starts as N(0, 1)."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        rows = as_size("Embedding", "num_embeddings", num_embeddings)
        shape = rows, as_size("Embedding", "embedding_dim", embedding_dim)
        self.weight = init.normal_(Parameter(zeros(shape)), rng=default_rng())

    def forward(self, labels: Any) -> Tensor:
        return rows_of(self.weight, labels, "Embedding")


def rows_of(table: Tensor, labels: Any, layer: str) -> Tensor:
    """Row `labels[i]` of a table, for every label. layer: what a message names."""
    array = labels.array if isinstance(labels, Tensor) else labels
    rows = table.shape[0]
    if getattr(array, "dtype", None) is None or array.dtype.kind not in "iu":
        found = getattr(array, "dtype", None) or type(array).__name__
        raise TypeError(f"{layer} takes an array of integer labels, the numbers of its rows, not {found}")
    if outside := labels_outside(array, rows):
        raise ValueError(f"{layer}: labels are {outside[0]} to {outside[1]}, but rows are 0 to {rows - 1}")
    return table[beside(array, table.array)]
