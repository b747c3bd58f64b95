"""Gradients kept from being too large."""

from __future__ import annotations

from collections.abc import Iterable

from minigan import functions as F
from minigan.autograd import Tensor, no_grad
from minigan.functions.arguments import as_number


def clip_grad_norm_(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """The 2-norm of the gradients of all parameters together, which are scaled down if it is above `max_norm`:

        g ← g · min(1, max_norm / (‖g‖ + 1e-6))

    As PyTorch's. Call it between `backward()` and the optimiser's `step()`; what has no gradient is left out. Each of
    several processes clips the gradients of its own share of the batch, which `step` then averages.
    """
    limit = as_number("clip_grad_norm_", "max_norm", max_norm, 0)
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    gradients = {p: p.grad for p in parameters if p.grad is not None}  # each parameter once
    if not gradients:
        return Tensor(0.0)
    with no_grad():
        total = F.norm(F.stack([F.norm(g) for g in gradients.values()]))
        share = F.clip(limit / (total + 1e-6), max=1.0)
        for p, g in gradients.items():
            p.grad = g * share  # anew: two parameters may have one array as their gradient
    return total
