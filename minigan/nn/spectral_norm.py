"""Spectral norm: layers whose weight is divided by its largest singular value."""

from __future__ import annotations

from typing import Any, TypeVar

from minigan import functions as F
from minigan.autograd import Tensor
from minigan.backend import default_rng, get_array_module
from minigan.functions.arguments import as_number
from minigan.nn.layers import Conv2d, ConvTranspose2d, Dense, Embedding
from minigan.nn.module import Module

M = TypeVar("M", bound=Module)


class SpectralNorm(Module):
    """The layer with W/σ(W) for its weight W, seen as a matrix (out, rest). Miyato et al., 2018.

    σ = uᵀ W v = Σ W ⊙ u vᵀ, with v = Wᵀu normalised. u is kept between calls, and constant to the gradient, as v is;
    the gradient passes through W in both places. Each call in training is one step of power iteration, u = W v
    normalised; in evaluation, and within `holding_u` or `frozen`, u stays.
    """

    holds_u = False

    def __init__(self, module: Module, eps: float = 1e-12) -> None:
        super().__init__()
        weight = getattr(module, "weight", None)
        if not isinstance(module, Module) or not isinstance(weight, Tensor) or weight.ndim < 2:
            what = "" if not isinstance(weight, Tensor) else f", whose weight has shape {weight.shape}"
            found = f"{type(module).__name__}{what}"
            raise TypeError(
                f"SpectralNorm takes a layer with a matrix of weights, such as Dense or Conv2d, not {found}"
            )
        self.module, self.eps = module, as_number("SpectralNorm", "eps", eps, 0)
        self._out_axis = 1 if isinstance(module, ConvTranspose2d) else 0
        u = default_rng().standard_normal((module.weight.shape[self._out_axis],)).astype("float32")
        self.register_buffer("u", u / (u @ u) ** 0.5)

    def forward(self, *inputs: Any) -> Tensor:
        weight = self.module.weight
        try:
            object.__setattr__(self.module, "weight", weight / self._sigma(weight))
            return self.module(*inputs)
        finally:
            object.__setattr__(self.module, "weight", weight)

    def _sigma(self, weight: Tensor) -> Tensor:
        # A matrix (rest, out) at each tap: a view of a convolution's weight as it lies in memory, which is not copied.
        ndim, out_is_last = weight.ndim, self._out_axis == 0
        by_tap = weight.array.transpose(*range(2, ndim), 1, 0)
        taps = by_tap if out_is_last else by_tap.swapaxes(-1, -2)
        v = self._unit(taps @ self.u.array)  # (…, rest)
        if self.training and not self.holds_u:
            stretched = (v[..., None, :] @ taps).sum(axis=tuple(range(ndim - 1)))  # W v
            self.u.copy_(self._unit(stretched), "SpectralNorm's power iteration")
            u = self.u.array
        else:
            u = self._unit(self.u.array)  # averaged with the weights, it is shorter than 1
        outer = v[..., None] * u if out_is_last else v[..., None, :] * u[:, None]
        return F.sum(weight * Tensor.from_array(outer.transpose(ndim - 1, ndim - 2, *range(ndim - 2))))

    def _unit(self, x: Any) -> Any:
        return x / (get_array_module(x).sqrt((x * x).sum()) + x.dtype.type(self.eps))


def with_spectral_norm(model: M) -> M:
    """The model, in which each Dense, Conv2d, ConvTranspose2d and Embedding is a SpectralNorm of it.

    Those that are in one already stay as they are. Weights keep their values; `main.0.weight` is `main.0.module.weight`
    then.
    """
    for name, module in list(model._modules.items()):
        if isinstance(module, (Dense, Conv2d, ConvTranspose2d, Embedding)):
            setattr(model, name, SpectralNorm(module))
        elif not isinstance(module, SpectralNorm):
            with_spectral_norm(module)
    return model
