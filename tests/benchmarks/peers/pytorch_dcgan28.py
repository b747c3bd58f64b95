"""The Keras DCGAN tutorial in PyTorch, exact to rounding: padding, BatchNorm, Adam, simultaneous step.

What differs from PyTorch's own conventions, with kernel 5:

- strided convolution SAME, 28 -> 14 -> 7: one row before, two after, so the input is padded by hand;
- strided transposed convolution SAME, 7 -> 14 -> 28: of the full 2H + 3 rows one is cropped before and
  two after: padding=1 crops one on each side, a slice takes the other;
- BatchNorm: eps 1e-3, new = 0.99 old + 0.01 batch, and the running variance takes the biased one;
- Adam: lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + 1e-7), which is PyTorch's with
  eps = 1e-7 / sqrt(1 - b2^t).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import image_batches

LATENT = 100
IMAGE = (1, 28, 28)
SLOPE = 0.3
DROPOUT = 0.3
BETA2 = 0.999


class KerasBatchNorm(nn.Module):
    """BatchNorm with Keras's running update: r = 0.99 r + 0.01 var, var biased (over n)."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(features))
        self.beta = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = mean.clone(), var.clone()  # autograd keeps what batch_norm is given
        y = F.batch_norm(x, mean, var, self.gamma, self.beta, self.training, momentum=0.01, eps=1e-3)
        if self.training:
            # var is now 0.99 old + 0.01 v n/(n-1); times (n-1)/n, plus 0.99 old / n, is Keras's.
            n = x.numel() // x.shape[1]
            with torch.no_grad():
                self.running_mean.copy_(mean)
                self.running_var.mul_(0.99 / n).add_(var, alpha=(n - 1) / n)
        return y


class Generator(nn.Module):
    """z (N, 100) -> images (N, 1, 28, 28) in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(LATENT, 256 * 7 * 7, bias=False)
        self.bn1 = KerasBatchNorm(256 * 7 * 7)
        self.convt1 = nn.ConvTranspose2d(256, 128, 5, stride=1, padding=2, bias=False)
        self.bn2 = KerasBatchNorm(128)
        self.convt2 = nn.ConvTranspose2d(128, 64, 5, stride=2, padding=1, bias=False)
        self.bn3 = KerasBatchNorm(64)
        self.convt3 = nn.ConvTranspose2d(64, 1, 5, stride=2, padding=1, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        x = F.leaky_relu(self.bn1(self.dense(z)), SLOPE).reshape(-1, 256, 7, 7)
        if self.convt1.weight.is_contiguous(memory_format=torch.channels_last):
            x = x.contiguous(memory_format=torch.channels_last)
        x = F.leaky_relu(self.bn2(self.convt1(x)), SLOPE)
        x = F.leaky_relu(self.bn3(self.convt2(x)[:, :, :-1, :-1]), SLOPE)
        return torch.tanh(self.convt3(x)[:, :, :-1, :-1])


class Discriminator(nn.Module):
    """Images (N, 1, 28, 28) -> logits (N, 1).

    `masks`, one for each of the two dropouts, 0 or 1 / (1 - p), replace the random draw.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 5, stride=2)
        self.conv2 = nn.Conv2d(64, 128, 5, stride=2)
        self.dense = nn.Linear(128 * 7 * 7, 1)

    def forward(self, x: Tensor, masks: Sequence[Tensor] | None = None) -> Tensor:
        for i, conv in enumerate((self.conv1, self.conv2)):
            x = F.leaky_relu(conv(F.pad(x, (1, 2, 1, 2))), SLOPE)
            x = F.dropout(x, DROPOUT, self.training) if masks is None else x * masks[i]
        return self.dense(x.flatten(1))


def build(
    g_weights: Mapping[str, np.ndarray] | None = None,
    d_weights: Mapping[str, np.ndarray] | None = None,
    dtype: torch.dtype = torch.float32,
    channels_last: bool = False,
    device: str = "cpu",
) -> tuple[Generator, Discriminator]:
    """Both networks, with Keras's initial weights or the given ones (names as in `named_parameters`)."""
    networks = Generator(), Discriminator()
    for network, weights in zip(networks, (g_weights, d_weights), strict=True):
        with torch.no_grad():
            for name, p in network.named_parameters():
                if weights is not None:
                    p.copy_(torch.from_numpy(np.ascontiguousarray(weights[name])))
                elif p.ndim > 1:
                    nn.init.xavier_uniform_(p)
                elif name.endswith("bias"):
                    nn.init.zeros_(p)
        network.to(device=device, dtype=dtype)
        if channels_last:
            network.to(memory_format=torch.channels_last)
    return networks


class KerasAdam(torch.optim.Adam):
    """Adam(1e-4) with Keras's epsilon, which is added before the bias correction of sqrt(v)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(list(network.parameters()), lr=1e-4, betas=(0.9, BETA2), eps=1e-7)
        self.steps = 0

    def step(self, closure: None = None) -> None:
        self.steps += 1
        self.param_groups[0]["eps"] = 1e-7 / (1 - BETA2**self.steps) ** 0.5
        super().step()


def gradients(
    generator: nn.Module,
    discriminator: nn.Module,
    images: Tensor,
    z: Tensor,
    masks: tuple[Sequence[Tensor], Sequence[Tensor]] | None = None,
) -> dict[str, Tensor]:
    """Both losses, and both players' gradients from the same weights, written into each `.grad`.

    `masks` are D's dropout masks for the real and for the fake images. Also returns the fake images,
    both logits and `border`, d loss_g / d fake, the gradient that passes from D to G.
    """
    real_masks, fake_masks = masks or (None, None)
    fake = generator(z)
    real_logits, fake_logits = discriminator(images, real_masks), discriminator(fake, fake_masks)
    one, zero = torch.ones_like(fake_logits), torch.zeros_like(fake_logits)
    bce = F.binary_cross_entropy_with_logits
    loss_g = bce(fake_logits, one)
    loss_d = bce(real_logits, one) + bce(fake_logits, zero)
    g_params, d_params = list(generator.parameters()), list(discriminator.parameters())
    # retain_graph: the two backward passes share D(fake).
    border, *g_grads = torch.autograd.grad(loss_g, [fake, *g_params], retain_graph=True)
    d_grads = torch.autograd.grad(loss_d, d_params)
    for p, grad in zip([*g_params, *d_params], [*g_grads, *d_grads], strict=True):
        p.grad = grad
    return {
        "loss_d": loss_d.detach(),
        "loss_g": loss_g.detach(),
        "fake": fake.detach(),
        "logits_real": real_logits.detach(),
        "logits_fake": fake_logits.detach(),
        "border": border,
    }


def train_step(
    generator: nn.Module,
    discriminator: nn.Module,
    g_adam: torch.optim.Optimizer,
    d_adam: torch.optim.Optimizer,
    images: Tensor,
    z: Tensor,
    masks: tuple[Sequence[Tensor], Sequence[Tensor]] | None = None,
) -> dict[str, Tensor]:
    """One simultaneous step: `gradients`, then both updates."""
    found = gradients(generator, discriminator, images, z, masks)
    g_adam.step()
    d_adam.step()
    return found


class Step:
    """One training step a call, on prepared images."""

    def __init__(
        self,
        batch: int,
        images: np.ndarray | None = None,
        channels_last: bool = False,
        compiled: bool = False,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.batch, self.device, self.channels_last = batch, device, channels_last
        self.generator, self.discriminator = build(channels_last=channels_last, device=device)
        self.adam = KerasAdam(self.generator), KerasAdam(self.discriminator)
        self.networks: tuple[nn.Module, nn.Module] = (self.generator, self.discriminator)
        if compiled:
            self.networks = tuple(torch.compile(n) for n in self.networks)  # type: ignore[assignment]
        self.images = image_batches(images, batch, IMAGE, seed)

    def __call__(self) -> tuple[Tensor, Tensor]:
        images = torch.from_numpy(next(self.images)).to(self.device)
        if self.channels_last:
            images = images.to(memory_format=torch.channels_last)
        z = torch.randn(self.batch, LATENT, device=self.device)
        found = train_step(*self.networks, *self.adam, images, z)
        return found["loss_d"], found["loss_g"]


def make_step(
    batch: int = 256,
    images: np.ndarray | None = None,
    channels_last: bool = False,
    compiled: bool = False,
    device: str = "cpu",
    seed: int = 0,
) -> Callable[[], tuple[Tensor, Tensor]]:
    """A `Step`: eager by default; `channels_last` and `compiled` are the faster variants on most CPUs."""
    return Step(batch, images, channels_last, compiled, device, seed)
