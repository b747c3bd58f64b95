"""Optimisers. Each changes its parameters in place, by their `.grad`; those without one stay as they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minigan.autograd import Tensor
from minigan.autograd.checks import check_alike
from minigan.autograd.hooks import notify
from minigan.autograd.tensor import describe
from minigan.backend import Array, as_array, check_here, get_array_module, to_device
from minigan.functions.arguments import as_number
from minigan.kernels.updates import adam_update
from minigan.nn.module import check_names
from minigan.renamed import renamed_in


class Optimizer:
    """Holds parameters, and for each the arrays named in `slots` (moments), which begin as zeros.

    Steps are counted for all together (PyTorch's for each parameter, which differs if its gradients begin later).
    """

    slots: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        name = type(self).__name__
        if isinstance(params, Tensor):
            params = [params]
        if not isinstance(params, Iterable):
            raise TypeError(f"{name} takes tensors, such as module.parameters(), not {type(params).__name__}")
        params = list(params)
        if not params:
            raise ValueError(f"{name} was given no parameters: there is nothing it could change")
        for i, p in enumerate(params):
            if what := _unfit(p):
                fit = "tensors that no function made, such as module.parameters()"
                raise TypeError(f"{name} takes {fit}, but parameter {i} {what}")
        self.params = list(dict.fromkeys(params))  # each once
        self.lr = as_number(name, "lr", lr, 0)
        self.step_count = 0
        self._before_step: list[Callable[..., None]] = []
        self.state = [  # which lies in memory as its parameter does
            {slot: get_array_module(p.array).zeros_like(p.array) for slot in self.slots} for p in self.params
        ]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self.params:
            p.grad = None

    def register_step_pre_hook(self, hook: Callable[..., None]) -> None:
        """Have `hook(optimizer, (), {})` called at the beginning of each step, as PyTorch does, to change gradients."""
        self._before_step.append(hook)

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for hook in self._before_step:
            hook(self, (), {})
        cause = f"{type(self).__name__}.step()"
        for i, p in enumerate(self.params):
            _check_gradient(cause, i, p)
        check_here(cause, *(t.array for p in self.params if p.grad is not None for t in (p, p.grad)))
        notify("before_step", self)
        self.step_count += 1
        moved = [(p, p.grad, s) for p, s in zip(self.params, self.state, strict=True) if p.grad is not None]
        for p, _, state in moved:
            _bring_along(state, p)
        moments = {slot: [state[slot] for _, _, state in moved] for slot in self.slots}
        self._update([p.array for p, _, _ in moved], [g.array for _, g, _ in moved], moments)
        for p, _, _ in moved:
            p.increment_version(cause)
        notify("after_step", self)

    def _update(self, params: list[Array], grads: list[Array], moments: dict[str, list[Array]]) -> None:
        """Change all params in place, given their gradients and, by slot, their moments."""
        raise TypeError(f"{type(self).__name__} has no _update method")

    def state_dict(self) -> dict[str, Any]:
        """The step count, the learning rate, and every moment as "slot.index"."""
        moments = {f"{slot}.{i}": array for i, state in enumerate(self.state) for slot, array in state.items()}
        return {"step": self.step_count, "lr": self.lr, **moments}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, for the same parameters."""
        if not isinstance(state, Mapping):
            raise TypeError(f"{type(self).__name__} takes what state_dict() gave, not {type(state).__name__}")
        own = self.state_dict()
        check_names(self, own, state)
        for name, array in own.items():
            if name not in ("step", "lr") and array.shape != as_array(state[name]).shape:
                shape = as_array(state[name]).shape
                other = f"the state's {name} has shape {shape}, needed is {array.shape}"
                raise ValueError(f"{other}: it is of other parameters")
        self.step_count, self.lr = int(state["step"]), float(state["lr"])
        for i, (p, moments) in enumerate(zip(self.params, self.state, strict=True)):
            _bring_along(moments, p)
            for slot, array in moments.items():
                array[...] = to_device(as_array(state[f"{slot}.{i}"]), p.device)


def _bring_along(state: dict[str, Array], p: Tensor) -> None:
    """Moments go where their parameter went, and in its dtype: `module.to` knows nothing of them."""
    for slot, array in state.items():
        if array.device != p.array.device or array.dtype != p.array.dtype:
            state[slot] = Tensor(array).to(p.device, p.dtype).array


def _unfit(p: object) -> str:
    if not isinstance(p, Tensor):
        return f"is {type(p).__name__}"
    if p.creator is not None:
        return f"({describe(p)}) was made by {p.creator.name}: give the tensors it was made of"
    return "" if p.dtype.kind == "f" else f"({describe(p)}) is {p.dtype}, not floating"


def _check_gradient(cause: str, i: int, p: Tensor) -> None:
    """A gradient that a user put into .grad may be anything; broadcast or widened, it would be a wrong step."""
    g = p.grad
    if g is None:
        return
    if not isinstance(g, Tensor):
        raise TypeError(f"{cause}: .grad of parameter {i} ({describe(p)}) must be a Tensor, not {type(g).__name__}")
    if g.array.shape != p.array.shape:
        own = f"parameter {i} ({describe(p)})"
        raise ValueError(f"{cause}: .grad of {own} has shape {g.shape}, but must have the parameter's")
    if g.array.dtype != p.array.dtype or type(g.array) is not type(p.array):
        check_alike(cause, {f"parameter {i}": p, "its .grad": g})


class SGD(Optimizer):
    """b ← μ b + g,  p ← p − lr · b  (with μ = momentum = 0: p ← p − lr · g)."""

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, momentum: float = 0.0) -> None:
        self.momentum = as_number("SGD", "momentum", momentum, 0)
        self.slots = ("momentum_buffer",) if momentum else ()
        super().__init__(params, lr)

    def _update(self, params: list[Array], grads: list[Array], moments: dict[str, list[Array]]) -> None:
        if self.slots:
            for buffer, g in zip(moments["momentum_buffer"], grads, strict=True):
                buffer *= self.momentum
                buffer += g
            grads = moments["momentum_buffer"]
        for p, g in zip(params, grads, strict=True):
            p -= g * self.lr


class RMSprop(Optimizer):
    """v ← α v + (1 − α) g²,  p ← p − lr · g / (√v + ε). Tieleman and Hinton, 2012; defaults as PyTorch's."""

    slots = ("square_avg",)

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8) -> None:
        self.alpha, self.eps = as_number("RMSprop", "alpha", alpha, 0, 1), as_number("RMSprop", "eps", eps, 0)
        super().__init__(params, lr)

    def _update(self, params: list[Array], grads: list[Array], moments: dict[str, list[Array]]) -> None:
        for p, g, v in zip(params, grads, moments["square_avg"], strict=True):
            v *= self.alpha
            v += g * g * (1 - self.alpha)
            p -= g * self.lr / (get_array_module(p).sqrt(v) + self.eps)


class Adam(Optimizer):
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  m̂ = m/(1−β₁ᵗ),  v̂ = v/(1−β₂ᵗ)

        p ← p − lr · m̂ / (√v̂ + ε)                          PyTorch's form, ε = 1e-8
        p ← p − lr · √(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε)       epsilon_hat=True: TensorFlow's, ε = 1e-7 there

    Kingma and Ba, 2015; the second form is the one at the end of their section 2.
    """

    slots = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        epsilon_hat: bool = False,
    ) -> None:
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"Adam: betas must be two numbers, (β₁, β₂), not {betas!r}")
        beta1, beta2 = (as_number("Adam", f"betas[{i}]", beta) for i, beta in enumerate(betas))
        self.betas = (beta1, beta2)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"Adam: both betas must lie in [0, 1), but they are {betas}")
        self.eps, self.epsilon_hat = as_number("Adam", "eps", eps, 0), epsilon_hat
        super().__init__(params, lr)

    def _update(self, params: list[Array], grads: list[Array], moments: dict[str, list[Array]]) -> None:
        correction1 = 1 - self.betas[0] ** self.step_count
        correction2 = math.sqrt(1 - self.betas[1] ** self.step_count)
        if self.epsilon_hat:
            rate, root_scale = self.lr * correction2 / correction1, 1.0
        else:
            rate, root_scale = self.lr / correction1, 1 / correction2
        means, squares = moments["exp_avg"], moments["exp_avg_sq"]
        adam_update(params, means, squares, grads, self.betas, rate, root_scale, self.eps)


__getattr__ = renamed_in(__name__)  # names of other frameworks
