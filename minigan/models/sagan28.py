"""SAGAN for 28×28 images: attention in both networks, spectral norm on every layer, told what to draw.

G learns of the label in its conditional batch normalisations alone; D is a projection discriminator, whose logit is
ψ(φ(x)) + ⟨V_y, φ(x)⟩, φ(x) being the sums of its last maps over all places. Each has self-attention on its 14×14 maps,
where a pixel sees what no 4×4 kernel reaches. Small: the paper's residual blocks are single convolutions here,
and G's first layer has no bias. Zhang et al., 2019. With one class it is a pair without labels.
"""

from __future__ import annotations

from minigan import functions as F
from minigan import nn
from minigan.autograd import Tensor
from minigan.models.base import projected

# The paper's: hinge, two rates, no momentum. Its rates are 1e-4 and 4e-4; with these, found by measurement, more than
# half of G's digits are those asked for after 500 steps.
DEFAULTS = {
    "epochs": 5, "batch_size": 64, "objective": "hinge", "lr_G": 2e-3, "lr_D": 4e-3, "betas": (0.0, 0.9),
    "ema_decay": 0.999,
}  # fmt: skip


class Generator(nn.Module):
    """z (N, 64) and labels y (N), whole numbers below `classes` → images (N, channels, 28, 28) in [−1, 1].
    width: of the images, a multiple of 4. attention: False leaves it out."""

    z_dim = 64
    image_size = 28
    conditional = True

    def __init__(self, channels: int = 1, classes: int = 10, width: int = 28, attention: bool = True) -> None:
        super().__init__()
        self.classes = classes
        # Spectral norm keeps what z adds small, but not a bias: one soon outgrew it, and G drew one image a digit.
        first = nn.Dense(self.z_dim, 64 * 7 * (width // 4), bias=False)
        self.first = nn.Sequential(first, nn.Reshape(64, 7, width // 4))
        self.norm_7 = nn.ConditionalBatchNorm(64, classes)
        self.up_7 = nn.ConvTranspose2d(64, 32, 4, 2, 1)  # to 14×14
        self.norm_14 = nn.ConditionalBatchNorm(32, classes)
        self.attention = nn.SelfAttention(32) if attention else nn.Identity()
        self.up_14 = nn.ConvTranspose2d(32, 32, 4, 2, 1)  # to 28×28
        self.norm_28 = nn.ConditionalBatchNorm(32, classes)
        self.last = nn.Conv2d(32, channels, 3, padding=1)
        self.apply(xavier_init)
        nn.with_spectral_norm(self)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        x = F.relu(self.norm_7(self.first(z), y))
        x = F.relu(self.norm_14(self.up_7(x), y))
        x = F.relu(self.norm_28(self.up_14(self.attention(x)), y))
        return F.tanh(self.last(x))


class Discriminator(nn.Module):
    """Images (N, channels, 28, 28), or of another width, and labels y (N) → logits (N, 1)."""

    def __init__(self, channels: int = 1, classes: int = 10, attention: bool = True) -> None:
        super().__init__()
        self.classes = classes
        self.features = nn.Sequential(
            nn.Conv2d(channels, 32, 4, 2, 1), nn.ReLU(),  # 14×14
            nn.SelfAttention(32) if attention else nn.Identity(),
            nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(),  # 7×7
            nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.real = nn.Dense(64, 1)
        self.label = nn.Embedding(classes, 64)
        self.apply(xavier_init)
        nn.with_spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return projected(F.sum(self.features(x), axis=(2, 3)), self.real, self.label, y)


def xavier_init(module: nn.Module) -> None:
    """Weights Glorot-uniform, biases 0, but for normalisations: what they begin with stays."""
    if isinstance(module, (nn.Dense, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)):
        nn.init.xavier_uniform_(module.weight)
        bias = getattr(module, "bias", None)  # an Embedding has none
        if bias is not None:
            nn.init.zeros_(bias)
