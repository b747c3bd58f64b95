"""Normalisation: batch, layer, instance, group, pixel. All but the last standardise, each over axes of its own:
`BatchNorm`."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from minigan.autograd import Function, Tensor
from minigan.backend import SINGLE_PROCESS, Array, ProcessGroup, get_array_module
from minigan.functions.activation import LeakyReLUBackward
from minigan.functions.arguments import as_floating, as_number, as_shaped, as_size, as_tensor, check_images
from minigan.functions.arithmetic import power
from minigan.functions.distributed import all_reduce_mean
from minigan.functions.manipulation import reshape
from minigan.functions.reduction import mean as _mean
from minigan.functions.reduction import sum as _sum
from minigan.kernels import normalization as kernels
from minigan.kernels.normalization import Axes


class BatchNorm(Function):
    """y = γ x̂ + β,  x̂ = (x − μ) r,  r = 1/√(v + ε)
    dx = γ r (dy − mean(dy) − x̂ mean(dy·x̂))        dγ = Σ dy·x̂        dβ = Σ dy

    μ, v: mean and biased variance of x over `axes`. γ, β have x's rank, with length 1 along `axes`.
    Ioffe and Szegedy, 2015.

    With a negative slope s ≥ 0, y goes through a LeakyReLU at once, which spares passes over memory. If a batch of N
    images is shared out to a process group, and n of them are here, all means are over the whole batch; in dx each
    process' dy counts n/N, and the result N/n (see `functions.distributed`). After a call, `statistics` is the batch's.
    """

    def __init__(
        self, axes: Axes, eps: float, negative_slope: float | None = None, process_group: ProcessGroup = SINGLE_PROCESS
    ) -> None:
        self.axes, self.eps, self.slope, self.process_group = axes, float(eps), negative_slope, process_group
        self.weight = process_group.batch_fraction

    def forward(self, x: Array, gamma: Array, beta: Array) -> Array:
        with_gate = any(self.needs_input_grad)
        y, self.statistics = kernels.batch_norm_forward(
            x, gamma, beta, self.axes, self.eps, self.slope, with_gate, self.process_group
        )
        self.save_for_backward(x, gamma)
        self.save_constants(self.statistics)  # a cache: BatchNormBackward differentiates through them
        return y

    def backward(self, dy: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, gamma = self.saved_tensors
        (statistics,) = self.saved_constants
        node = BatchNormBackward(self.axes, self.eps, self.slope, statistics, self.process_group, self.weight)
        return node(dy, x, gamma)


class BatchNormBackward(Function):
    """(dx, dγ, dβ) of `BatchNorm` as a function of (dy, x, γ).

    With cotangents u, p, q of (dx, dγ, dβ), w = n/N (1 for one process), g = w·dy (behind the gate of the activation,
    if there is one), means over `axes` and all processes, Σ over this one, k = γ r², and P (`project`) such that
    P t = t − mean(t) − x̂ mean(t·x̂):

        ddy = γ r P u + p x̂ + q        (through the gate: where it is open changes in jumps only)
        dγ  = r Σ u·(P g) / w
        dx  = (P(a g − b u) − c x̂) / w,    a = r p − k mean(u·x̂),  b = k mean(g·x̂),  c = k mean(u·P g)

    since δx̂ = r P δx, δr = −r² mean(x̂ δx), and P is symmetric. (dx here is N/n times the gradient of the loss of all.)
    """

    def __init__(
        self, axes: Axes, eps: float, negative_slope: float | None, statistics: kernels.Statistics,
        process_group: ProcessGroup = SINGLE_PROCESS, weight: float = 1.0,
    ) -> None:  # fmt: skip
        self.axes, self.eps, self.slope = axes, eps, negative_slope
        self.process_group, self.weight = process_group, weight
        self.save_constants(statistics)

    def forward(self, dy: Array, x: Array, gamma: Array) -> tuple[Array, Array, Array]:
        self.save_for_backward(dy, x, gamma)
        (found,) = self.saved_constants
        return kernels.batch_norm_backward(dy, x, gamma, found, self.axes, self.slope, self.process_group, self.weight)

    def backward(self, u: Tensor, p: Tensor, q: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        dy, x, gamma = self.saved_tensors
        need_dy, need_x, need_gamma = self.needs_input_grad
        through_gate = self._gate(x)

        def mean(t: Tensor) -> Tensor:
            return all_reduce_mean(_mean(t, self.axes, keepdims=True), self.process_group)

        centred = x - mean(x)
        r = power(mean(centred * centred) + self.eps, -0.5)
        x_hat = centred * r

        def project(t: Tensor) -> Tensor:
            return t - mean(t) - x_hat * mean(t * x_hat)

        ddy = through_gate(gamma * r * project(u) + p * x_hat + q) if need_dy else None
        if not (need_x or need_gamma):
            return ddy, None, None
        g = _times(self.weight, through_gate(dy))
        projected_g = project(g)
        dgamma = _times(1 / self.weight, r * _sum(u * projected_g, self.axes, keepdims=True)) if need_gamma else None
        if not need_x:
            return ddy, None, dgamma
        k = gamma * r * r
        a, b, c = r * p - k * mean(u * x_hat), k * mean(g * x_hat), k * mean(u * projected_g)
        dx = project(a * g - b * u) - c * x_hat
        return ddy, _times(1 / self.weight, dx), dgamma

    def _gate(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        slope = self.slope
        if slope is None:
            return lambda t: t
        (statistics,) = self.saved_constants
        mask = kernels.is_positive(x.array, statistics, self.axes)
        return lambda t: LeakyReLUBackward(mask, slope)(t)


class ScaleShift(Function):
    """y = a x + b        dx = a dy        da = Σ dy·x        db = Σ dy

    a, b have x's rank, with length 1 along `axes`, over which Σ is. With a negative slope s ≥ 0, y goes through a
    LeakyReLU at once. It is BatchNorm outside of training: a = γ r, b = β − μ γ r.
    """

    def __init__(self, axes: Axes, negative_slope: float | None = None) -> None:
        self.axes, self.slope = axes, negative_slope

    def forward(self, x: Array, scale: Array, shift: Array) -> Array:
        with_mask = True in self.needs_input_grad
        y, mask = kernels.scale_shift_forward(x, scale, shift, self.axes, self.slope, with_mask)
        self.save_for_backward(x, scale)
        self.save_constants(mask)
        return y

    def backward(self, dy: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, scale = self.saved_tensors
        (mask,) = self.saved_constants
        need_x, need_scale, need_shift = self.needs_input_grad
        g = dy if self.slope is None else LeakyReLUBackward(mask, self.slope)(dy)
        return (
            g * scale if need_x else None,
            _sum(g * x, self.axes, keepdims=True) if need_scale else None,
            _sum(g, self.axes, keepdims=True) if need_shift else None,
        )


def _times(share: float, t: Tensor) -> Tensor:
    return t if share == 1 else t * share


# --- as one calls them ---------------------------------------------------------------------------


def batch_norm(
    x: Any, gamma: Any = None, beta: Any = None, running_mean: Any = None, running_var: Any = None,
    training: bool = True, momentum: float = 0.1, eps: float = 1e-5, *, unbiased: bool = True,
    num_batches_tracked: Any = None, process_group: ProcessGroup = SINGLE_PROCESS, negative_slope: float | None = None,
) -> Tensor:  # fmt: skip
    """Batch normalisation of x (N, C) or (N, C, H, W) per channel, with γ, β (C), or 1 and 0.

    In training: by the batch's own statistics, and `running_mean`, `running_var` (C), if given, become
    (1 − momentum) · old + momentum · batch, the variance with the divisor M − 1 (`unbiased`, PyTorch) or M
    (TensorFlow), and `num_batches_tracked` one more. Otherwise: by the running statistics.

    process_group: processes that each have a share of the batch: its statistics, and derivatives, are those of all of
    it, and all must make the same calls. negative_slope: of a (leaky) ReLU that y goes through at once.
    """
    x = as_floating("batch_norm", x)
    if x.ndim not in (2, 4):
        raise ValueError(f"batch_norm: x must be (N, C) or (N, C, H, W), but has shape {x.shape}")
    eps, momentum = as_number("batch_norm", "eps", eps, 0), as_number("batch_norm", "momentum", momentum, 0, 1)
    slope = None if negative_slope is None else as_number("batch_norm", "negative_slope", negative_slope, 0)
    channels, along = x.shape[1], (1, x.shape[1]) + (1,) * (x.ndim - 2)
    given = {"gamma": gamma, "beta": beta, "running_mean": running_mean, "running_var": running_var}
    _check_running(running_mean, running_var, training)
    gamma, beta, *running = _fitting("batch_norm", x, (channels,), "one number for each channel of x", given)
    gamma = _full(x, along, 1) if gamma is None else reshape(gamma, along)
    beta = _full(x, along, 0) if beta is None else reshape(beta, along)
    axes = (0, *range(2, x.ndim))
    if not training:
        mean, var = (reshape(t, along) for t in running)
        scale = gamma * power(var + eps, -0.5)
        return ScaleShift(axes, slope)(x, scale, beta - mean * scale)
    here = prod(x.shape[a] for a in axes)  # of a channel's values
    count = round(here / process_group.batch_fraction)  # of them in all processes
    if count < 2:
        values = "1 value" if count else "no values"
        raise ValueError(f"batch_norm: x of shape {x.shape} has {values} per channel; its variance needs two")
    node = BatchNorm(axes, eps, slope, process_group)
    y = node(x, gamma, beta)
    if running_mean is not None:
        if num_batches_tracked is not None:
            running.append(as_tensor("batch_norm", num_batches_tracked, "num_batches_tracked"))
        kept = [t for t in running if t is not None]
        correction = count / (count - 1) if unbiased else 1.0
        kernels.update_running(node.statistics, momentum, correction, *(t.array for t in kept))
        for t in kept:
            t.increment_version("batch_norm's running average")
    del node.statistics  # the graph keeps them as long as it needs them
    return y


def _check_running(mean: Any, var: Any, training: bool) -> None:
    """Both or neither must be given: both if they are read, and in a form that can be updated."""
    if (mean is None) != (var is None):
        given = "running_var" if mean is None else "running_mean"
        raise ValueError(f"batch_norm: running_mean and running_var go together, but only {given} was given")
    if isinstance(mean, (list, tuple)) or isinstance(var, (list, tuple)):
        raise TypeError("batch_norm: running_mean and running_var must be Tensors or arrays: lists are not updated")
    if mean is None and not training:
        raise ValueError(
            "batch_norm: outside of training running_mean and running_var are needed, but they are None: give "
            "what training kept, or training=True"
        )


def _fitting(name: str, x: Tensor, shape: tuple, why: str, given: dict[str, Any]) -> list[Tensor | None]:
    """What was given, by the names of the arguments, as Tensors like x of this shape; None stays None."""
    return [None if t is None else as_shaped(name, label, t, x, shape, why) for label, t in given.items()]


def layer_norm(x: Any, gamma: Any = None, beta: Any = None, eps: float = 1e-5) -> Tensor:
    """Each sample of x (N, …) standardised over all its numbers, times γ, plus β (of a sample's shape).

    Ba, Kiros and Hinton, 2016.
    """
    x = as_floating("layer_norm", x)
    if x.ndim < 2:
        raise ValueError(f"layer_norm: x must be (N, …), but has shape {x.shape}")
    gamma, beta = _fitting("layer_norm", x, x.shape[1:], "that of one sample of x", {"gamma": gamma, "beta": beta})
    return _scaled(_standardised("layer_norm", x, tuple(range(1, x.ndim)), eps), gamma, beta, x.shape[1:])


def instance_norm(x: Any, gamma: Any = None, beta: Any = None, eps: float = 1e-5) -> Tensor:
    """Each channel of each image of x (N, C, H, W) standardised over its pixels, times γ, plus β (C).

    Ulyanov, Vedaldi and Lempitsky, 2016.
    """
    x = as_floating("instance_norm", x)
    check_images("instance_norm", x)
    c = x.shape[1]
    gamma, beta = _fitting("instance_norm", x, (c,), "one number for each channel of x", {"gamma": gamma, "beta": beta})
    return _scaled(_standardised("instance_norm", x, (2, 3), eps), gamma, beta, (c, 1, 1))


def group_norm(x: Any, num_groups: int, gamma: Any = None, beta: Any = None, eps: float = 1e-5) -> Tensor:
    """The channels of each sample of x (N, C, …) in groups of C / num_groups neighbours, each group standardised over
    all its numbers, times γ, plus β (C). Wu and He, 2018.
    """
    x, groups = as_floating("group_norm", x), as_size("group_norm", "num_groups", num_groups)
    if x.ndim < 2:
        raise ValueError(f"group_norm: x must be (N, C, …), but has shape {x.shape}")
    n, c, *rest = x.shape
    if c % groups:
        raise ValueError(f"group_norm: x of shape {x.shape} has {c} channels, which {groups} groups cannot share")
    gamma, beta = _fitting("group_norm", x, (c,), "one number for each channel of x", {"gamma": gamma, "beta": beta})
    grouped = reshape(x, (n, groups, c // groups, *rest))
    y = _standardised("group_norm", grouped, tuple(range(2, grouped.ndim)), eps)
    return _scaled(reshape(y, x.shape), gamma, beta, (c, *(1 for _ in rest)))


def pixel_norm(x: Any, eps: float = 1e-8) -> Tensor:
    """x / √(mean over channels of x² + ε), for x (N, C) or (N, C, H, W). Karras et al., 2018."""
    x = as_floating("pixel_norm", x)
    if x.ndim < 2:
        raise ValueError(f"pixel_norm: x must be (N, C, …), but has shape {x.shape}")
    eps = as_number("pixel_norm", "eps", eps, 0)
    return x * power(_mean(x * x, 1, keepdims=True) + eps, -0.5)


def _standardised(name: str, x: Tensor, axes: Axes, eps: float) -> Tensor:
    eps = as_number(name, "eps", eps, 0)
    if prod(x.shape[a] for a in axes) == 0:
        raise ValueError(f"{name}: x of shape {x.shape} has no numbers to take the mean of")
    along = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    return BatchNorm(axes, eps)(x, _full(x, along, 1), _full(x, along, 0))


def _full(x: Tensor, shape: tuple[int, ...], value: float) -> Tensor:
    return Tensor.from_array(get_array_module(x.array).full(shape, value, x.dtype))


def _scaled(y: Tensor, gamma: Tensor | None, beta: Tensor | None, along: tuple[int, ...]) -> Tensor:
    y = y if gamma is None else y * reshape(gamma, along)
    return y if beta is None else y + reshape(beta, along)
