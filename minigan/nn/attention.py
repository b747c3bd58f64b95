"""Self-attention over the pixels of an image, as in SAGAN."""

from __future__ import annotations

from minigan import functions as F
from minigan.autograd import Tensor
from minigan.backend import zeros
from minigan.functions.arguments import as_size, check_images
from minigan.nn.layers import Conv2d
from minigan.nn.module import Module, Parameter


class SelfAttention(Module):
    """y = x + γ · o(g(x) softmax(φ(x)ᵀ θ(x))), γ starting at 0. Zhang et al., 2019.

    θ, φ (to C/8 channels), g (to C/2) and o (back to C) are 1×1 convolutions without bias; φ and g
    are max-pooled 2×2, so each of the H·W pixels looks at H·W/4 places. H and W must be even.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        channels = as_size("SelfAttention", "channels", channels)
        if channels % 8:
            raise ValueError(f"SelfAttention needs a multiple of 8 channels, not {channels}")
        self.theta = Conv2d(channels, channels // 8, 1, bias=False)
        self.phi = Conv2d(channels, channels // 8, 1, bias=False)
        self.g = Conv2d(channels, channels // 2, 1, bias=False)
        self.o = Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = Parameter(zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        check_images("SelfAttention", x)
        n, _, h, w = x.shape
        if h % 2 or w % 2:
            raise ValueError(f"SelfAttention needs images of even height and width, not {h}×{w}")
        asked = _flat(self.theta(x))  # (N, C/8, HW)
        offered = _flat(F.max_pool2d(self.phi(x), 2))  # (N, C/8, HW/4)
        values = _flat(F.max_pool2d(self.g(x), 2))  # (N, C/2, HW/4)
        attention = F.softmax(F.matmul(F.transpose(asked, (0, 2, 1)), offered))  # (N, HW, HW/4)
        seen = F.matmul(values, F.transpose(attention, (0, 2, 1)))  # (N, C/2, HW)
        return x + self.gamma * self.o(F.reshape(seen, (n, -1, h, w)))


def _flat(x: Tensor) -> Tensor:
    return F.reshape(x, (*x.shape[:2], -1))
