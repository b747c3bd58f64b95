"""Initial weights. Each changes a tensor in place and draws from `rng`, or from minigan's own generator, on the host in
float64. fan_in = in·KH·KW and fan_out = out·KH·KW, for weights (out, in, …) and, for transposed convolutions,
(in, out, …) read in the same order, as PyTorch does."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from minigan.autograd import Tensor
from minigan.backend import default_rng

T = TypeVar("T", bound=Tensor)


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, rng: Any = None) -> T:
    """N(mean, std²)."""
    return _fill(tensor, "normal_", mean + std * (rng or default_rng()).standard_normal(tensor.shape))


def uniform_(tensor: T, low: float = 0.0, high: float = 1.0, rng: Any = None) -> T:
    """U[low, high)."""
    return _fill(tensor, "uniform_", (rng or default_rng()).uniform(low, high, tensor.shape))


def constant_(tensor: T, value: float) -> T:
    """One number throughout."""
    return _fill(tensor, "constant_", value)


def zeros_(tensor: T) -> T:
    """0 throughout."""
    return constant_(tensor, 0.0)


def ones_(tensor: T) -> T:
    """1 throughout."""
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: T, gain: float = 1.0, rng: Any = None) -> T:
    """U[−a, a], a = gain · √(6 / (fan_in + fan_out)). Glorot and Bengio, 2010; Keras' default."""
    bound = gain * math.sqrt(6.0 / sum(fans(tensor.shape)))
    return uniform_(tensor, -bound, bound, rng)


def kaiming_uniform_(tensor: T, negative_slope: float = 0.0, rng: Any = None) -> T:
    """U[−a, a], a = √(6 / ((1 + s²) fan_in)), s being a LeakyReLU's slope. He et al., 2015.

    With s = √5 it is U[±1/√fan_in], what PyTorch's layers start from.
    """
    bound = math.sqrt(6.0 / ((1 + negative_slope**2) * fans(tensor.shape)[0]))
    return uniform_(tensor, -bound, bound, rng)


def orthogonal_(tensor: T, gain: float = 1.0, rng: Any = None) -> T:
    """gain · Q of a random normal matrix (out, rest). Saxe et al., 2014."""
    import numpy as np  # a decomposition of a few numbers on the host

    if len(tensor.shape) < 2:
        raise ValueError(f"orthogonal_: a weight of shape {tensor.shape} is no matrix: it needs two axes or more")
    rows, columns = tensor.shape[0], tensor.size // tensor.shape[0]
    q, r = np.linalg.qr((rng or default_rng()).standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return _fill(tensor, "orthogonal_", gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def _fill(tensor: T, name: str, values: Any) -> T:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"nn.init.{name} changes a Tensor in place, and takes no {type(tensor).__name__}")
    tensor.copy_(values, f"nn.init.{name}()")
    return tensor


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight's shape."""
    if len(shape) < 2:
        raise ValueError(f"a weight of shape {shape} has no fan-in: it needs two axes or more")
    taps = math.prod(shape[2:])
    return shape[1] * taps, shape[0] * taps
