"""A small conditional GAN for 28×28 images: `quick28`, told what to draw.

G adds an embedding of the label to its first dense layer, which is what a one-hot label beside z comes to (a bias for
each class). D is a projection discriminator: its logit is ψ(φ(x)) + ⟨V_y, φ(x)⟩, where φ(x) are its last 256 features,
ψ is a dense layer, and V_y is the label's row of a table. Mirza and Osindero, 2014; Miyato and Koyama, 2018.
"""

from __future__ import annotations

from minigan import nn
from minigan.autograd import Tensor
from minigan.models.base import normal_init, projected

DEFAULTS = {"epochs": 3, "batch_size": 64, "lr_G": 1e-3, "lr_D": 2e-4, "ema_decay": 0.999}


class Generator(nn.Module):
    """z (N, 64) and labels y (N), whole numbers below `classes` → images (N, channels, 28, 28) in [−1, 1]."""

    z_dim = 64
    image_size = 28
    conditional = True

    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.classes = classes
        self.noise = nn.Dense(self.z_dim, 256, bias=False)
        self.label = nn.Embedding(classes, 256)
        self.main = nn.Sequential(
            nn.BatchNorm(256), nn.ReLU(),
            nn.Dense(256, 48 * 7 * 7, bias=False), nn.BatchNorm(48 * 7 * 7), nn.ReLU(),
            nn.Reshape(48, 7, 7),
            nn.ConvTranspose2d(48, 24, 4, 2, 1, bias=False), nn.BatchNorm(24), nn.ReLU(),  # 14×14
            nn.ConvTranspose2d(24, channels, 4, 2, 1), nn.Tanh(),  # 28×28
        )  # fmt: skip
        self.apply(normal_init)
        nn.fuse(self)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.main(self.noise(z) + self.label(y))


class Discriminator(nn.Module):
    """Images (N, channels, 28, 28) and labels y (N) → logits (N, 1)."""

    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.classes = classes
        self.features = nn.Sequential(
            nn.Conv2d(channels, 24, 4, 2, 1), nn.LeakyReLU(0.2),  # 14×14
            nn.Conv2d(24, 48, 4, 2, 1, bias=False), nn.BatchNorm(48), nn.LeakyReLU(0.2),  # 7×7
            nn.Flatten(), nn.Dense(48 * 7 * 7, 256), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.real = nn.Dense(256, 1)
        self.label = nn.Embedding(classes, 256)
        self.apply(normal_init)
        nn.fuse(self)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return projected(self.features(x), self.real, self.label, y)
