"""Normalisations: layers that standardise what goes through them."""

from __future__ import annotations

from typing import TypeVar

from minigan import functions as F
from minigan.autograd import Tensor
from minigan.backend import SINGLE_PROCESS, ProcessGroup, zeros
from minigan.functions.arguments import as_number, as_size
from minigan.nn import init
from minigan.nn.containers import Sequential
from minigan.nn.layers import Identity, LeakyReLU, ReLU
from minigan.nn.module import Module, Parameter

M = TypeVar("M", bound=Module)


def scale_and_shift(*shape: int) -> tuple[Parameter, Parameter]:
    """γ of 1 and β of 0."""
    return init.ones_(Parameter(zeros(shape))), Parameter(zeros(shape))


class BatchNorm(Module):
    """Batch normalisation per channel of (N, C) or (N, C, H, W). weight γ (C), bias β (C).

    Keeps running_mean and running_var (C) for evaluation: new = (1 − momentum) · old + momentum · batch. See
    F.batch_norm for `unbiased` and `process_group`.
    """

    process_group: ProcessGroup = SINGLE_PROCESS
    negative_slope: float | None = None  # of a (leaky) ReLU behind it, which it does at once: see BatchNormReLU

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, unbiased: bool = True) -> None:
        super().__init__()
        name = type(self).__name__
        num_features = as_size(name, "num_features", num_features)
        self.eps, self.momentum = as_number(name, "eps", eps, 0), as_number(name, "momentum", momentum, 0, 1)
        self.unbiased = unbiased
        self.weight, self.bias = scale_and_shift(num_features)
        self.register_buffer("running_mean", zeros((num_features,)))
        self.register_buffer("running_var", zeros((num_features,)) + 1.0)
        self.register_buffer("num_batches_tracked", zeros((), "int64"))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(
            x, self.weight, self.bias, self.running_mean, self.running_var, self.training, self.momentum, self.eps,
            unbiased=self.unbiased, num_batches_tracked=self.num_batches_tracked, process_group=self.process_group,
            negative_slope=self.negative_slope,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"{self.weight.size}, eps={self.eps}, momentum={self.momentum}"


class BatchNormReLU(BatchNorm):
    """BatchNorm and the ReLU or LeakyReLU behind it as one function, which `nn.fuse` puts in the place of the two."""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, unbiased: bool = True,
        negative_slope: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, unbiased)
        self.negative_slope = as_number("BatchNormReLU", "negative_slope", negative_slope, 0)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, negative_slope={self.negative_slope}"


class LayerNorm(Module):
    """Each sample (N, *shape) standardised over all its numbers. weight γ and bias β of that shape."""

    def __init__(self, shape: int | tuple[int, ...], eps: float = 1e-5) -> None:
        super().__init__()
        shape = shape if isinstance(shape, (tuple, list)) else (shape,)
        shape = tuple(as_size("LayerNorm", "shape", n) for n in shape)
        self.eps = as_number("LayerNorm", "eps", eps, 0)
        self.weight, self.bias = scale_and_shift(*shape)

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight, self.bias, self.eps)


class InstanceNorm(Module):
    """Each channel of each image (N, C, H, W) standardised over its pixels. weight γ (C), bias β (C)."""

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        num_features = as_size("InstanceNorm", "num_features", num_features)
        self.eps = as_number("InstanceNorm", "eps", eps, 0)
        self.weight, self.bias = scale_and_shift(num_features)

    def forward(self, x: Tensor) -> Tensor:
        return F.instance_norm(x, self.weight, self.bias, self.eps)


class GroupNorm(Module):
    """The channels of each sample (N, C, …) in groups of neighbours, each standardised over all its numbers. weight γ
    (C), bias β (C)."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.num_groups = as_size("GroupNorm", "num_groups", num_groups)
        num_channels = as_size("GroupNorm", "num_channels", num_channels)
        if num_channels % self.num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels cannot be shared by {num_groups} groups")
        self.eps = as_number("GroupNorm", "eps", eps, 0)
        self.weight, self.bias = scale_and_shift(num_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.weight.size}, eps={self.eps}"


class PixelNorm(Module):
    """Each pixel's channels over the root of their mean square, for (N, C, …): no weights. See F.pixel_norm."""

    def __init__(self, eps: float = 1e-8) -> None:
        super().__init__()
        self.eps = as_number("PixelNorm", "eps", eps, 0)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_norm(x, self.eps)


# --- with the activation behind it ---------------------------------------------------------------


def fuse(model: M) -> M:
    """The model, in which each BatchNorm that a ReLU or LeakyReLU follows in a Sequential is a BatchNormReLU.

    An Identity takes the activation's place, so all parameters and buffers keep their names and stay the same objects.
    The results are the same to the bit. Subclasses of these layers, and slopes below 0, are left alone.
    """
    for module in model._modules.values():
        fuse(module)
    if isinstance(model, Sequential):
        layers = list(model._modules.items())
        for (name, layer), (next_name, activation) in zip(layers, layers[1:], strict=False):
            slope = _slope(activation)
            if type(layer) is BatchNorm and slope is not None:
                model._modules[name], model._modules[next_name] = _fused(layer, slope), Identity()
    return model


def _slope(activation: Module) -> float | None:
    """The negative slope of an activation that BatchNormReLU can do."""
    if type(activation) is ReLU:
        return 0.0
    return activation.negative_slope if type(activation) is LeakyReLU and activation.negative_slope >= 0 else None


def _fused(layer: BatchNorm, slope: float) -> BatchNormReLU:
    fused = BatchNormReLU(layer.weight.size, layer.eps, layer.momentum, layer.unbiased, slope)
    for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        setattr(fused, name, getattr(layer, name))
    fused.process_group, fused.training, fused._name = layer.process_group, layer.training, layer._name
    return fused
