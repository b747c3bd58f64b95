"""One training step, in the two ways of the literature. Here the gradient crosses from D to G.

In both, the fakes enter D as a tensor of their own, the *border*: a leaf that shares G's output's
memory but not its graph. The generator's loss is walked back through D down to the border, and
stops. What has arrived there, border.grad = ∂L_G/∂D.input, is then given to `fake.backward` as the
cotangent of G's output: ∂L_G/∂G.output, the same numbers. The chain rule is carried across by hand,
in one line that can be printed, measured, or stepped through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minigan import nn
from minigan.autograd import Tensor, grad
from minigan.kernels.reduction import mean_sigmoid, norm
from minigan.optim import Optimizer

Check = Callable[[str, Tensor], None]


@dataclass
class Players:
    """The two networks, each with its optimiser, and what they play for."""

    G: nn.Module
    D: nn.Module
    opt_G: Optimizer
    opt_D: Optimizer
    objective: Any


@dataclass
class StepReport:
    """What one step saw, each a Tensor of no dimensions, left on the device."""

    loss_D: Tensor
    loss_G: Tensor
    D_x: Tensor  # mean of σ(l(x)): how real D finds the real images
    D_G_z: Tensor  # mean of σ(l(G(z))): how real it finds the fakes
    border_norm: Tensor  # ‖∂L_G/∂G(z)‖₂ over the whole batch


def alternating_step(
    players: Players, x: Tensor, z: Tensor, check: Check = lambda name, loss: None, watched: bool = False
) -> StepReport:
    """D's turn on real and detached fakes; then G's turn against the D that has just been changed.

    x: real images (N, C, H, W). z: noise (N, z_dim). check: sees each loss before it is used. watched:
    have the gradient of loss_D at D's input too, which no one needs; all else is the same to the bit.
    """
    G, D, objective = players.G, players.D, players.objective
    fake = G(z)

    # D's turn. detach() is a wall: no gradient of D's loss reaches G.
    wall = _border(fake) if watched else fake.detach()
    real_logits, fake_logits = D(x), D(wall)
    loss_D = objective.discriminator_loss(real_logits, fake_logits)
    check("loss_D", loss_D)
    D.zero_grad()
    loss_D.backward()
    players.opt_D.step()

    # G's turn. D has changed, so its old verdict on the fakes is stale: it is asked again, and
    # frozen meanwhile, so that the gradient passes through it and none is computed for its weights.
    border = _border(fake)
    with nn.frozen(D):
        loss_G = objective.generator_loss(D(border))
    check("loss_G", loss_G)
    loss_G.backward()  # through D, back to its input: border.grad = ∂L_G/∂D.input
    G.zero_grad()
    fake.backward(border.grad)  # through G, from its output: ∂L_G/∂G.output, the same numbers
    players.opt_G.step()
    return _report(loss_D, loss_G, real_logits, fake_logits, border.grad)


def simultaneous_step(
    players: Players, x: Tensor, z: Tensor, check: Check = lambda name, loss: None, watched: bool = False
) -> StepReport:
    """Both gradients from the weights before either step, with one shared verdict D(G(z)). Arguments as above."""
    G, D, objective = players.G, players.D, players.objective
    fake = G(z)
    border = _border(fake)
    real_logits, fake_logits = D(x), D(border)
    loss_D = objective.discriminator_loss(real_logits, fake_logits)
    loss_G = objective.generator_loss(fake_logits)
    check("loss_D", loss_D)
    check("loss_G", loss_G)

    # Asked for at the border only, ∂L_G passes through D without touching its weights.
    (at_border,) = grad(loss_G, [border], retain_graph=True)
    weights = D.parameters()
    of_D = grad(loss_D, [*weights, border] if watched else weights, allow_unused=True)
    for weight, gradient in zip(weights, of_D, strict=False):
        weight.grad = gradient
    G.zero_grad()
    fake.backward(at_border)  # ∂L_G/∂D.input enters G's output: the same numbers

    players.opt_D.step()
    players.opt_G.step()
    return _report(loss_D, loss_G, real_logits, fake_logits, at_border)


STEPS: dict[str, Callable[..., StepReport]] = {"alternating": alternating_step, "simultaneous": simultaneous_step}


def _border(fake: Tensor) -> Tensor:
    """The fakes as D's input: the same memory as G's output, and a leaf where the gradient can be met."""
    border = fake.detach()
    border.requires_grad = True
    border.name = "the border (D's input)"
    return border


def _report(loss_D: Tensor, loss_G: Tensor, real_logits: Tensor, fake_logits: Tensor, at_border: Tensor) -> StepReport:
    figures = mean_sigmoid(real_logits.data), mean_sigmoid(fake_logits.data), norm(at_border.data)
    return StepReport(loss_D.detach(), loss_G.detach(), *map(Tensor._of, figures))
