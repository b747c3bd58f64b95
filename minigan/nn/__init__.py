"""Modules, layers and initial weights."""

from minigan.nn import init
from minigan.nn.attention import SelfAttention
from minigan.nn.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Embedding,
    Flatten,
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
    "AvgPool2d", "BatchNorm", "Conv2d", "ConvTranspose2d", "Dense", "Dropout", "Embedding", "Flatten",
    "InstanceNorm", "LayerNorm", "LeakyReLU", "Module", "Parameter", "ReLU", "Reshape", "SelfAttention",
    "Sequential", "Sigmoid", "SpectralNorm", "Tanh", "frozen", "init",
]  # fmt: skip
