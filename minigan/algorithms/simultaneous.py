"""The simultaneous step: both gradients from the weights before either step, with D asked about the fakes once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from minigan import nn
from minigan.algorithms.figures import Figures
from minigan.algorithms.gan import GAN, as_border
from minigan.autograd import Tensor, grad
from minigan.data import Batch
from minigan.kernels.reduction import norm
from minigan.options import ConfigError
from minigan.penalties import clip_weights


@dataclass(eq=False)
class SimultaneousGAN(GAN):
    """G and D at once, as the Keras DCGAN tutorial has it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_critic != 1:
            raise ConfigError(f"n_critic is {self.n_critic}, but where both networks step at once it must be 1")

    def step(self, batches: Iterator[Batch]) -> Figures:
        """One step of both, on one batch."""
        G, D = self.networks["G"], self.networks["D"]
        batch = next(batches)
        y = self.condition(batch)
        fake = G(self.noise(batch), *y)
        border = as_border(fake)
        real_logits = D(self.packed(batch.x), *y)
        with nn.holding_u(D):  # of spectral norm: one step of its power iteration a turn
            fake_logits = D(self.packed(border), *y)
            loss_D = self.loss.discriminator_loss(real_logits, fake_logits)
            penalties = self.penalize(batch, fake, real_logits)
        loss_D = sum(penalties.values(), loss_D)
        loss_G = self.loss.generator_loss(fake_logits, *[real_logits] * self.loss.relativistic)
        self.name_loss("loss_D", loss_D)
        self.name_loss("loss_G", loss_G)

        # Asked for at the border only, ∂L_G passes through D without touching its weights.
        (at_border,) = grad(loss_G, [border], retain_graph=True)
        weights = D.parameters()
        for weight, gradient in zip(weights, grad(loss_D, weights, allow_unused=True), strict=True):
            weight.grad = gradient
        G.zero_grad()
        fake.backward(at_border)  # ∂L_G/∂D.input enters G's output: the same numbers

        self.optimizers["D"].step()
        self.optimizers["G"].step()
        if self.weight_clip:
            clip_weights(D, self.weight_clip)
        border_norm = Tensor(norm(at_border.data), device=border.device)
        figures = {"loss_D": loss_D, "loss_G": loss_G} | penalties | {"border_norm": border_norm}
        return figures | self.loss.figures(real_logits, fake_logits)
