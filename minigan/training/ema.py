"""Averaged weights: an exponential moving average of the generator's, which draws better samples."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from minigan.algorithms import Algorithm
from minigan.algorithms.state import State, under
from minigan.autograd import Tensor
from minigan.kernels.updates import average_update
from minigan.nn import Module
from minigan.options import ConfigError


class EMA:
    """avg ← decay · avg + (1 − decay) · weights after every step, for all of the algorithm's `averaged`; with decay 0
    for none. An average of few steps is an average over those steps: early on less is kept, step / (9 + step)."""

    def __init__(self, algorithm: Algorithm, decay: float) -> None:
        self.algorithm, self.decay = algorithm, decay
        names = algorithm.averaged if decay else ()
        missing = [name for name in names if name not in algorithm.networks]
        if missing:
            raise ConfigError(
                f"--ema-decay: {type(algorithm).__name__} has no network {', '.join(missing)}; its class attribute "
                f"averaged names those to average, of {', '.join(algorithm.networks)}"
            )
        self.networks = {name: averaged_copy(algorithm.networks[name]) for name in names}

    def update(self, step: int) -> None:
        """Move the averages on after a step, the first of which is 1."""
        decay = min(self.decay, step / (9 + step))
        for name, average in self.networks.items():
            update_average(average, self.algorithm.networks[name], decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Meanwhile the algorithm's generators are the averaged ones, if there are any: for drawing."""
        networks = self.algorithm.networks
        self.algorithm.networks = networks | self.networks
        try:
            yield
        finally:
            self.algorithm.networks = networks

    def state_dict(self) -> State:
        """The averages, as G_ema.…"""
        return {f"{name}_ema.{key}": a for name, net in self.networks.items() for key, a in net.state_dict().items()}

    def load_state_dict(self, state: State) -> None:
        for name, network in self.networks.items():
            network.load_state_dict(under(f"{name}_ema", state))


def averaged_copy(network: Module) -> Module:
    """A copy to hold the average, in evaluation mode."""
    average = copy.deepcopy(network).named(f"{network.full_name}_ema").eval()
    for a, x in zip(_state(average), _state(network), strict=True):
        a.array = x.array.copy(order="K")  # CuPy's deepcopy forgets in which order it lies in memory
    return average


def update_average(average: Module, network: Module, decay: float) -> None:
    """avg ← decay · avg + (1 − decay) · weights, for every weight and for BatchNorm's running statistics.
    The statistics belong to the weights: averaged weights with the latest statistics draw wrongly."""
    pairs = list(zip(_state(average), _state(network), strict=True))
    floating = [(a.array, x.array) for a, x in pairs if a.dtype.kind == "f"]
    average_update([a for a, _ in floating], [x for _, x in floating], decay)
    for a, x in pairs:
        if a.dtype.kind != "f":
            a.array[...] = x.array
        a.increment_version("update_average()")


def _state(module: Module) -> list[Tensor]:
    return [*module.parameters(), *(buffer for _, buffer in module.named_buffers())]
