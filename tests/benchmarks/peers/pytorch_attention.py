"""SAGAN's self-attention in PyTorch, forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """y = x + γ · o(g(x) softmax(φ(x)ᵀ θ(x))); names as in minigan's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.g = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.o = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        asked = self.theta(x).flatten(2)
        offered = F.max_pool2d(self.phi(x), 2).flatten(2)
        values = F.max_pool2d(self.g(x), 2).flatten(2)
        attention = torch.softmax(asked.transpose(1, 2) @ offered, dim=-1)
        seen = values @ attention.transpose(1, 2)
        return x + self.gamma * self.o(seen.unflatten(2, x.shape[2:]))


class Step:
    """Forward and backward, of maps that need a gradient."""

    def __init__(self, batch: int, channels: int, pixels: int, device: str = "cpu", seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.block = SelfAttention(channels).to(device)
        self.x = torch.randn(batch, channels, pixels, pixels, device=device, requires_grad=True)

    def __call__(self) -> Tensor:
        self.block.zero_grad()
        self.x.grad = None
        y = self.block(self.x).sum()
        y.backward()
        return y.detach()


def make_step(batch: int, channels: int = 32, pixels: int = 14, device: str = "cpu") -> Callable[[], Tensor]:
    """A `Step`."""
    return Step(batch, channels, pixels, device)
