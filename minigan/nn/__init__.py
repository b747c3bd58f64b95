"""Modules, layers and initial weights."""

from minigan.nn import init
from minigan.nn.attention import SelfAttention
from minigan.nn.conditional import ConditionalBatchNorm
from minigan.nn.containers import ModuleDict, ModuleList, Sequential
from minigan.nn.equalized_lr import EqualizedLR
from minigan.nn.layers import (
    AvgPool2d,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Identity,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Reshape,
    Sigmoid,
    Tanh,
    Upsample,
)
from minigan.nn.minibatch_std import MinibatchStd
from minigan.nn.module import Module, Parameter, frozen, holding_u
from minigan.nn.normalization import BatchNorm, BatchNormReLU, GroupNorm, InstanceNorm, LayerNorm, PixelNorm, fuse
from minigan.nn.spectral_norm import SpectralNorm, with_spectral_norm
from minigan.renamed import renamed_in

__all__ = [
    "AvgPool2d", "BatchNorm", "BatchNormReLU", "ConditionalBatchNorm", "Conv2d", "ConvTranspose2d", "Dense", "Dropout",
    "Embedding", "EqualizedLR", "Flatten", "GroupNorm", "Identity", "InstanceNorm", "LayerNorm", "LeakyReLU",
    "MaxPool2d", "MinibatchStd", "Module", "ModuleDict", "ModuleList", "Parameter", "PixelNorm", "ReLU", "Reshape",
    "SelfAttention", "Sequential", "Sigmoid", "SpectralNorm", "Tanh", "Upsample", "frozen", "fuse", "holding_u", "init",
    "with_spectral_norm",
]  # fmt: skip

__getattr__ = renamed_in(__name__)  # names of other frameworks
