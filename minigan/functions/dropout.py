"""Dropout."""

from __future__ import annotations

from typing import Any

from minigan.autograd import Tensor
from minigan.backend import SINGLE_PROCESS, ProcessGroup, default_rng
from minigan.functions.arguments import as_floating, as_number
from minigan.functions.arithmetic import MaskMul
from minigan.kernels.random import dropout_mask


def dropout(
    x: Any, p: float = 0.5, training: bool = True, rng: Any = None, process_group: ProcessGroup = SINGLE_PROCESS
) -> Tensor:
    """y = m · x / (1 − p), m being 0 with probability p and 1 otherwise; x itself outside of training.

    rng: a numpy.random.Generator (default: minigan's own). A number is dropped where its draw from [0, 1) is below p,
    for images in the order (H, W, N, C), on every device alike. process_group: the processes that x's batch is shared
    out to; x takes its part of the whole batch's mask. Srivastava et al., 2014.
    """
    p = checked_probability("dropout", p)
    x = as_floating("dropout", x)
    if not training or p == 0:
        return x
    rng = rng or default_rng()
    if not hasattr(getattr(rng, "bit_generator", None), "state"):  # numpy.random itself has a module of that name
        raise TypeError(
            f"dropout: rng must be a numpy.random.Generator, not {type(rng).__name__}: numpy.random.default_rng(seed)"
        )
    return MaskMul(dropout_mask(x.array, p, rng, process_group))(x)


def checked_probability(name: str, p: Any) -> float:
    """The probability to drop a number; that of dropping all has no scale to make up for it."""
    p = as_number(name, "p", p)
    if not 0 <= p < 1:
        raise ValueError(f"{name}: p is a probability in [0, 1), not {p}")
    return p
