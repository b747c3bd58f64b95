"""Samples of an algorithm, on the host: in evaluation mode, some at a time, the same for a seed wherever drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

from minigan import backend
from minigan.autograd import Tensor, no_grad
from minigan.backend import Array, Generator
from minigan.data import Batch
from minigan.nn import Module

AT_ONCE = 100


class GivenNoise:
    """Stands in for a NumPy generator where the noise is given: what is drawn first is that."""

    def __init__(self, z: Array) -> None:
        self.z = z

    def standard_normal(self, size: int | tuple[int, ...], dtype: Literal["float32", "float64"] = "float32") -> Array:
        return self.z.reshape(size).astype(dtype, copy=False)


SampleGenerator: TypeAlias = Generator | GivenNoise  # what samples are drawn from


class Sampler(Protocol):
    """What of an algorithm samples are drawn with."""

    networks: dict[str, Module]

    def sample(self, n: int, rng: SampleGenerator, **condition: Any) -> Tensor: ...

    def preview(self, batch: Batch, rng: SampleGenerator) -> Tensor: ...

    def tensor(self, array: Array) -> Tensor: ...


class NoSamplesError(ValueError):
    """An algorithm that was asked for samples, and draws none."""


def decode(algorithm: Sampler, z: Array, **condition: Any) -> Array:
    """The samples of given noise (N, z_dim)."""
    return in_parts(algorithm, len(z), lambda i, k: algorithm.sample(k, GivenNoise(z[i : i + k]), **condition))


def preview(algorithm: Sampler, batch: Batch, seed: int = 0) -> Array:
    """What a grid shows, given the first samples of the data."""
    rng = backend.new_rng(seed, "samples")

    def draw(i: int, k: int) -> Tensor:
        return algorithm.preview(batch.map(lambda array: algorithm.tensor(array[i : i + k])), rng)

    return in_parts(algorithm, len(batch), draw)


@no_grad()
def in_parts(algorithm: Sampler, n: int, draw: Callable[[int, int], Tensor]) -> Array:
    """What `draw(start, count)` gives for n samples, part by part.
    In training mode BatchNorm would mix the samples of a batch, and one z give different images."""
    modes = [(network, network.training) for network in algorithm.networks.values()]
    for network, _ in modes:
        network.eval()
    try:
        parts = [backend.to_numpy(draw(i, min(AT_ONCE, n - i)).data) for i in range(0, n, AT_ONCE)]
    finally:
        for network, mode in modes:
            network.train(mode)
    return backend.get_array_module(parts[0]).concatenate(parts)
