"""Modules, layers and initial weights."""

from minigan.nn import init
from minigan.nn.attention import SelfAttention
from minigan.nn.fusion import fuse
from minigan.nn.layers import (
    AvgPool2d,
    BatchNorm,
    BatchNormReLU,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Identity,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Tanh,
)
from minigan.nn.module import Module, Parameter, frozen
from minigan.nn.spectral_norm import SpectralNorm

__all__ = [
    "AvgPool2d", "BatchNorm", "BatchNormReLU", "Conv2d", "ConvTranspose2d", "Dense", "Dropout", "Embedding", "Flatten",
    "Identity", "InstanceNorm", "LayerNorm", "LeakyReLU", "Module", "Parameter", "ReLU", "Reshape", "SelfAttention",
    "Sequential", "Sigmoid", "SpectralNorm", "Tanh", "frozen", "fuse", "init",
]  # fmt: skip
