"""What a step returns: single numbers by name, to be shown and written down."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TypeAlias

from minigan import backend
from minigan.algorithms.errors import AlgorithmError
from minigan.autograd import Tensor
from minigan.backend import Device

Figures: TypeAlias = dict[str, Tensor]  # single numbers by name
RESERVED = ("step", "epoch", "seconds")  # what a line of stats says beside the figures


def checked_figures(owner: str, returned: object, device: Device) -> Figures:
    """What `owner`.step returned, as Tensors without a graph. Raises AlgorithmError for anything but a dict of numbers
    by name."""
    if not isinstance(returned, Mapping):
        what = type(returned).__name__
        raise AlgorithmError(f'{owner}.step must return a dict of figures, such as {{"loss": loss}}, not {what}')
    return {name: _as_figure(f"{owner}.step returned", name, value, device) for name, value in returned.items()}


def _as_figure(returned: str, name: object, value: object, device: Device) -> Tensor:
    if name in RESERVED or not isinstance(name, str):
        why = "a run says this" if name in RESERVED else "a name is a text"
        raise AlgorithmError(f"{returned} a figure {name}: call it otherwise, {why}")
    if not isinstance(value, Tensor):
        if backend.is_array(value) and value.size == 1:
            value = value.item()
        if isinstance(value, Real):
            value = Tensor(float(value), device=device)
    if not isinstance(value, Tensor) or value.array.size != 1:
        what = f"shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__
        raise AlgorithmError(f"{returned} {name} of {what}: a figure is a single number")
    return value.detach()
