"""minigan's own small pairs in PyTorch: `quick28`'s two convolutions each way, and `plane`'s two hidden layers of 128.

The alternating step, on logits: D on real and on detached fakes, D's step; then the new D on the same fakes for G.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import image_batches

AT_ONCE = 500  # images that are sampled together


class Pair(NamedTuple):
    """Both networks, of which the layers that have weights stand in the order of minigan's; their learning rates."""

    generator: nn.Sequential
    discriminator: nn.Sequential
    shape: tuple[int, ...]
    z_dim: int
    lr_G: float
    lr_D: float


def quick28() -> Pair:
    """Images (N, 1, 28, 28)."""
    generator = nn.Sequential(
        nn.Linear(64, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(),
        nn.Linear(256, 48 * 7 * 7, bias=False), nn.BatchNorm1d(48 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (48, 7, 7)),
        nn.ConvTranspose2d(48, 24, 4, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
        nn.ConvTranspose2d(24, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 24, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(24, 48, 4, 2, 1, bias=False), nn.BatchNorm2d(48), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(48 * 7 * 7, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1),
    )  # fmt: skip
    return Pair(generator, discriminator, (1, 28, 28), 64, 1e-3, 2e-4)


def plane() -> Pair:
    """Points (N, 2)."""

    def network(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(nn.Linear(inputs, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, outputs))

    return Pair(network(256, 2), network(2, 1), (2,), 256, 1e-3, 1e-3)


PAIRS = {"quick28": quick28, "plane": plane}


class Step:
    """One training step a call, on data made beforehand."""

    def __init__(self, name: str, batch: int, channels_last: bool = False, device: str = "cpu", seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.batch, self.device, self.pair = batch, device, PAIRS[name]()
        order = torch.channels_last if channels_last else torch.contiguous_format
        self.order = order if len(self.pair.shape) == 3 else torch.contiguous_format
        self.generator = self.pair.generator.to(device=device, memory_format=self.order)
        self.discriminator = self.pair.discriminator.to(device=device, memory_format=self.order)
        self.adam = [
            torch.optim.Adam(network.parameters(), lr, (0.5, 0.999))
            for network, lr in ((self.generator, self.pair.lr_G), (self.discriminator, self.pair.lr_D))
        ]
        self.data = self._data(seed)

    def _data(self, seed: int) -> Iterator[np.ndarray]:
        if len(self.pair.shape) == 3:
            return image_batches(None, self.batch, self.pair.shape, seed)
        return repeat(np.random.default_rng(seed).uniform(-1, 1, (self.batch, *self.pair.shape)).astype("float32"))

    def __call__(self) -> tuple[Tensor, Tensor]:
        real = torch.from_numpy(next(self.data)).to(self.device, memory_format=self.order)
        return self.train_step(real, torch.randn(self.batch, self.pair.z_dim, device=self.device))

    def train_step(self, real: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """On these samples and this noise; both losses."""
        generator_adam, discriminator_adam = self.adam
        fake = self.generator(z)
        loss_d = F.softplus(-self.discriminator(real)).mean() + F.softplus(self.discriminator(fake.detach())).mean()
        discriminator_adam.zero_grad()
        loss_d.backward()
        discriminator_adam.step()

        self.discriminator.requires_grad_(False)
        loss_g = F.softplus(-self.discriminator(fake)).mean()
        generator_adam.zero_grad()
        loss_g.backward()
        generator_adam.step()
        self.discriminator.requires_grad_(True)
        return loss_d.detach(), loss_g.detach()

    def sample(self, n: int) -> np.ndarray:
        """n images on the host."""
        self.generator.eval()
        with torch.inference_mode():
            parts = [
                self.generator(torch.randn(min(AT_ONCE, n - i), self.pair.z_dim, device=self.device)).cpu()
                for i in range(0, n, AT_ONCE)
            ]
        return torch.cat(parts).numpy()


class Sampling(Step):
    """Images of quick28's G, so many a call."""

    def __init__(self, n: int, channels_last: bool = False, device: str = "cpu") -> None:
        super().__init__("quick28", 1, channels_last, device)
        self.n = n

    def __call__(self) -> np.ndarray:  # type: ignore[override]
        return self.sample(self.n)


def make_step(name: str, batch: int, channels_last: bool = False, device: str = "cpu") -> Callable[[], object]:
    """A `Step` of a pair, or `Sampling`."""
    return Sampling(batch, channels_last, device) if name == "sampling" else Step(name, batch, channels_last, device)
