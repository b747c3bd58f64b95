"""Spectral normalisation: a layer whose weight is divided by its largest singular value."""

from __future__ import annotations

from typing import Any

from minigan import functions as F
from minigan.autograd import Tensor
from minigan.backend import default_rng, get_array_module
from minigan.functions._common import as_number
from minigan.nn.layers import ConvTranspose2d
from minigan.nn.module import Module


class SpectralNorm(Module):
    """The layer with W/σ(W) for its weight W, seen as a matrix (out, rest). Miyato et al., 2018.

    σ = uᵀ W v, with u and v from one step of power iteration each time it is called in training
    (v = Wᵀu, u = Wv, both normalised). u is kept between calls, and constant to the gradient,
    which passes through W in both places.
    """

    def __init__(self, module: Module, eps: float = 1e-12) -> None:
        super().__init__()
        weight = getattr(module, "weight", None)
        if not isinstance(module, Module) or not isinstance(weight, Tensor) or weight.ndim < 2:
            what = "" if not isinstance(weight, Tensor) else f", whose weight has shape {weight.shape}"
            raise TypeError(
                "SpectralNorm takes a layer with a matrix of weights, such as Dense or Conv2d, not "
                f"{type(module).__name__}{what}"
            )
        self.module, self.eps = module, as_number("SpectralNorm", "eps", eps, 0)
        self._out_axis = 1 if isinstance(module, ConvTranspose2d) else 0
        u = default_rng().standard_normal(module.weight.shape[self._out_axis]).astype("float32")
        self.register_buffer("u", u / (u @ u) ** 0.5)

    def forward(self, *inputs: Any) -> Tensor:
        weight = self.module.weight
        try:
            object.__setattr__(self.module, "weight", weight / self._sigma(weight))
            return self.module(*inputs)
        finally:
            object.__setattr__(self.module, "weight", weight)

    def _sigma(self, weight: Tensor) -> Tensor:
        axes = (self._out_axis, *(a for a in range(weight.ndim) if a != self._out_axis))
        matrix = F.reshape(F.transpose(weight, axes), (weight.shape[self._out_axis], -1))
        v = self._unit(matrix.array.T @ self.u.array)
        if self.training:
            self.u.copy_(self._unit(matrix.array @ v), "SpectralNorm's power iteration")
        u = Tensor.from_array(self.u.array.copy())
        return F.sum(F.matmul(matrix, Tensor.from_array(v)) * u)

    def _unit(self, x: Any) -> Any:
        return x / (get_array_module(x).sqrt((x * x).sum()) + x.dtype.type(self.eps))
