"""Layers that are one function instead of two."""

from __future__ import annotations

from typing import TypeVar

from minigan.nn.layers import BatchNorm, BatchNormReLU, Identity, LeakyReLU, ReLU, Sequential
from minigan.nn.module import Module

M = TypeVar("M", bound=Module)


def fuse(model: M) -> M:
    """The model, in which each BatchNorm that a ReLU or LeakyReLU follows in a Sequential is a BatchNormReLU.

    An Identity takes the activation's place, so all parameters and buffers keep their names, and they stay the same
    objects. The results are the same to the bit. Subclasses of these layers are left alone, for they may do anything;
    so are slopes below 0.
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
