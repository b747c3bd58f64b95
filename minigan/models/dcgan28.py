"""DCGAN for 28×28 images, layer for layer the Keras DCGAN tutorial's.

Padding is TensorFlow's "same"; LeakyReLU's slope is Keras' default, 0.3; batch normalisation as in Keras (ε 1e-3,
momentum 0.99 on the old value, biased running variance); weights start Glorot-uniform, biases 0. D ends in a logit.

Images are (C, H, W) here and (H, W, C) there: the columns of G's first layer (and its BatchNorm) and of D's last must
be permuted when weights are brought over.
"""

from __future__ import annotations

from minigan import nn
from minigan.models.base import Network

DEFAULTS = {
    "algorithm": "simultaneous-gan", "epochs": 50, "batch_size": 256, "lr_G": 1e-4, "lr_D": 1e-4,
    "betas": (0.9, 0.999), "eps": 1e-7, "epsilon_hat": True,
}  # fmt: skip

SLOPE = 0.3


def _batch_norm(features: int) -> nn.BatchNorm:
    return nn.BatchNorm(features, eps=1e-3, momentum=0.01, unbiased=False)


def _init_as_keras(module: nn.Module) -> None:
    if isinstance(module, (nn.Dense, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class Generator(Network):
    """z (N, 100) → images (N, channels, 28, 28) in [−1, 1]."""

    z_dim = 100
    image_size = 28

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            _init_as_keras,
            nn.Dense(self.z_dim, 256 * 7 * 7, bias=False), _batch_norm(256 * 7 * 7), nn.LeakyReLU(SLOPE),
            nn.Reshape(256, 7, 7),
            nn.ConvTranspose2d(256, 128, 5, 1, "same", bias=False), _batch_norm(128), nn.LeakyReLU(SLOPE),  # 7×7
            nn.ConvTranspose2d(128, 64, 5, 2, "same", bias=False), _batch_norm(64), nn.LeakyReLU(SLOPE),  # 14×14
            nn.ConvTranspose2d(64, channels, 5, 2, "same", bias=False), nn.Tanh(),  # 28×28
        )  # fmt: skip


class Discriminator(Network):
    """Images (N, channels, 28, 28) → logits (N, 1)."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            _init_as_keras,
            nn.Conv2d(channels, 64, 5, stride=2, padding="same"), nn.LeakyReLU(SLOPE), nn.Dropout(0.3),
            nn.Conv2d(64, 128, 5, stride=2, padding="same"), nn.LeakyReLU(SLOPE), nn.Dropout(0.3),
            nn.Flatten(), nn.Dense(128 * 7 * 7, 1),
        )  # fmt: skip
