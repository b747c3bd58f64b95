"""What the models share: layers in a row, and the weights that most of them begin with."""

from __future__ import annotations

from collections.abc import Callable

from minigan import functions as F
from minigan import nn
from minigan.autograd import Tensor


class Network(nn.Module):
    """Layers in a row, called `main`, whose weights `init` makes. Activations are fused with the BatchNorms before."""

    def __init__(self, init: Callable[[nn.Module], None], *layers: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*layers)
        self.apply(init)
        nn.fuse(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x)


def projected(features: Tensor, real: nn.Dense, label: nn.Embedding, y: Tensor) -> Tensor:
    """ψ(φ) + ⟨V_y, φ⟩ (N, 1): the logit of a projection discriminator, of its last features φ (N, d) and labels y (N)
    real: ψ, the dense layer that a discriminator without labels would end in; label: V, a row of d numbers for each
    label. Either may be a SpectralNorm of one. Miyato and Koyama, 2018."""
    return real(features) + F.sum(label(y) * features, axis=1, keepdims=True)


def normal_init(module: nn.Module) -> None:
    """Weights from N(0, 0.02²), biases 0, but for normalisations: what they begin with stays."""
    if isinstance(module, (nn.Dense, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        bias = getattr(module, "bias", None)  # an Embedding has none
        if bias is not None:
            nn.init.zeros_(bias)
