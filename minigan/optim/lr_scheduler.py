"""Learning-rate schedules: each a formula of t, how often its `step` was called. Named and counted as in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from minigan.functions.arguments import as_number, as_size
from minigan.optim.optimizers import Optimizer


class LRScheduler:
    """Sets the learning rate of each of an optimiser's groups to `rate(base, t)`.

    base: what the rate was when the schedule was made. t: how often `step` was called, once an epoch or once a step of
    the optimiser, after it. An optimiser takes one schedule: a second would overwrite what the first has set.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} takes an optimiser, such as Adam, not {type(optimizer).__name__}")
        self.optimizer = optimizer
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.last_epoch = 0
        self._set_rates()

    def rate(self, base: float, t: int) -> float:
        """The learning rate after t calls of `step`."""
        raise TypeError(f"{type(self).__name__} has no rate method")

    def step(self) -> None:
        """Go on to the next learning rate."""
        self.last_epoch += 1
        self._set_rates()

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _set_rates(self) -> None:
        for base, group in zip(self.base_lrs, self.optimizer.param_groups, strict=True):
            group["lr"] = self.rate(base, self.last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """How far it has come, and the rates that it began with."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, and set the optimiser's learning rates to those of then."""
        if not isinstance(state, Mapping) or not state.keys() >= {"last_epoch", "base_lrs"}:
            raise TypeError(f"{type(self).__name__} takes what state_dict() gave, with last_epoch and base_lrs")
        base_lrs = [float(lr) for lr in state["base_lrs"]]
        if len(base_lrs) != len(self.base_lrs):
            groups = f"{len(base_lrs)} groups of parameters, but the optimiser has {len(self.base_lrs)}"
            raise ValueError(f"the state of this {type(self).__name__} is of {groups}")
        self.last_epoch, self.base_lrs = int(state["last_epoch"]), base_lrs
        self._set_rates()


class LambdaLR(LRScheduler):
    """lr = base · lr_lambda(t)."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer)

    def rate(self, base: float, t: int) -> float:
        return base * as_number("LambdaLR", f"lr_lambda({t})", self.lr_lambda(t), 0)


class StepLR(LRScheduler):
    """lr = base · gamma^⌊t / step_size⌋."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = as_size("StepLR", "step_size", step_size), as_number("StepLR", "gamma", gamma, 0)
        super().__init__(optimizer)

    def rate(self, base: float, t: int) -> float:
        return base * self.gamma ** (t // self.step_size)


class LinearLR(LRScheduler):
    """lr = base · (start_factor + (end_factor − start_factor) · min(t / total_iters, 1))."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.start_factor = as_number("LinearLR", "start_factor", start_factor, 0)
        self.end_factor = as_number("LinearLR", "end_factor", end_factor, 0)
        self.total_iters = as_size("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer)

    def rate(self, base: float, t: int) -> float:
        return base * (self.start_factor + (self.end_factor - self.start_factor) * min(t / self.total_iters, 1))


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (base − eta_min) · (1 + cos(π t / T_max)) / 2. Loshchilov and Hutter, 2017, without restarts."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = as_size("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = as_number("CosineAnnealingLR", "eta_min", eta_min, 0)
        super().__init__(optimizer)

    def rate(self, base: float, t: int) -> float:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2
