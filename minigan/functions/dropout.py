"""Dropout."""

from __future__ import annotations

from typing import Any

from minigan.autograd import Tensor
from minigan.backend import default_rng, to_device
from minigan.functions._common import as_floating, as_number
from minigan.functions.arithmetic import Gate
from minigan.kernels.layout import PIXELS_FIRST


def dropout(x: Any, p: float = 0.5, training: bool = True, rng: Any = None) -> Tensor:
    """y = m · x / (1 − p), m being 0 with probability p and 1 otherwise; x itself outside of training.

    dx = m · dy / (1 − p): a `Gate`. rng: a numpy.random.Generator (default: minigan's own). A number
    is dropped where its uniform draw u in [0, 1) is below p. The draws are made on the host, images'
    in the kernels' order (H, W, N, C), so that the mask lies in memory as the images do.
    Srivastava et al., 2014.
    """
    p = checked_probability("dropout", p)
    x = as_floating("dropout", x)
    if not training or p == 0:
        return x
    rng = rng or default_rng()
    if x.ndim == 4:
        n, c, h, w = x.shape
        draws = _draws(rng, (h, w, n, c)).transpose(PIXELS_FIRST)
    else:
        draws = _draws(rng, x.shape)
    mask = (draws >= p) * x.dtype.type(1 / (1 - p))
    return Gate(to_device(mask, x.device))(x)


def _draws(rng: Any, shape: tuple[int, ...]) -> Any:
    try:
        return rng.random(shape, dtype="float32")
    except (AttributeError, TypeError):
        raise TypeError(
            f"dropout: rng must be a numpy.random.Generator, not {type(rng).__name__}: numpy.random.default_rng(seed)"
        ) from None


def checked_probability(name: str, p: Any) -> float:
    """The probability to drop a number; that of dropping all has no scale to make up for it."""
    p = as_number(name, "p", p)
    if not 0 <= p < 1:
        raise ValueError(f"{name}: p is a probability in [0, 1), not {p}")
    return p
