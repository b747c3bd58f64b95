"""Optimisers. Each changes its parameters in place, by their `.grad`; those without one stay as they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from minigan.autograd import Tensor
from minigan.autograd.checks import check_alike
from minigan.autograd.hooks import notify
from minigan.autograd.tensor import describe
from minigan.backend import Array, as_array, check_here, get_array_module, is_array, to_device
from minigan.functions.arguments import as_number
from minigan.kernels.updates import adam_update
from minigan.nn.module import check_names

Group: TypeAlias = dict[str, Any]  # "params", a list of Tensors, and their "lr" and "weight_decay"
Params: TypeAlias = Tensor | Iterable[Tensor] | Iterable[Mapping[str, Any]]  # tensors, or groups of them


class Optimizer:
    """Holds parameters, and for each the arrays named in `slots` (moments), which begin as zeros.

    params: tensors, or groups of them that may have options of their own: [{"params": …, "lr": …, "weight_decay": …},
    …], kept as `param_groups`. weight_decay: times p is added to p's gradient, as of ½ · weight_decay · ‖p‖² in the
    loss. Steps are counted for all together (PyTorch's for each parameter, which differs if its gradients begin later).
    """

    slots: tuple[str, ...] = ()

    def __init__(self, params: Params, lr: float, weight_decay: float = 0.0) -> None:
        self.param_groups = _groups(type(self).__name__, params, {"lr": lr, "weight_decay": weight_decay})
        self.params = [p for group in self.param_groups for p in group["params"]]
        self.step_count = 0
        self._before_step: list[Callable[..., None]] = []
        self.state = [  # which lies in memory as its parameter does
            {slot: get_array_module(p.array).zeros_like(p.array) for slot in self.slots} for p in self.params
        ]

    @property
    def lr(self) -> float:
        """The learning rate: the first group's, where they differ. To set it sets that of all."""
        return self.param_groups[0]["lr"]

    @lr.setter
    def lr(self, value: float) -> None:
        for group in self.param_groups:
            group["lr"] = value

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
        used: list[Array] = []
        for i, p in enumerate(self.params):
            if p.grad is not None:
                _check_gradient(cause, i, p, p.grad)
                used += p.array, p.grad.array
        check_here(cause, *used)
        notify("before_step", self)
        self.step_count += 1
        start = 0
        for group in self.param_groups:
            params = group["params"]
            states = self.state[start : start + len(params)]
            start += len(params)
            moved = [(p, p.grad, s) for p, s in zip(params, states, strict=True) if p.grad is not None]
            _bring_along([state for _, _, state in moved], [p for p, _, _ in moved])
            moments = {slot: [state[slot] for _, _, state in moved] for slot in self.slots}
            arrays, grads = [p.array for p, _, _ in moved], [g.array for _, g, _ in moved]
            if group["weight_decay"]:
                grads = self._decayed(arrays, grads, group["weight_decay"], group["lr"])
            self._update(arrays, grads, moments, group["lr"])
            for p, _, _ in moved:
                p.increment_version(cause)
        notify("after_step", self)

    def _decayed(self, params: list[Array], grads: list[Array], weight_decay: float, lr: float) -> list[Array]:
        """The gradients to step by."""
        return [g + p * weight_decay for p, g in zip(params, grads, strict=True)]

    def _update(self, params: list[Array], grads: list[Array], moments: dict[str, list[Array]], lr: float) -> None:
        """Change all params in place, given their gradients and, by slot, their moments."""
        raise TypeError(f"{type(self).__name__} has no _update method")

    def state_dict(self) -> dict[str, Any]:
        """The step count, the learning rates ("lr", and of further groups "group1.lr" …), and every moment as
        "slot.index"."""
        rates = {_rate_name(i): group["lr"] for i, group in enumerate(self.param_groups)}
        moments = {f"{slot}.{i}": array for i, state in enumerate(self.state) for slot, array in state.items()}
        return {"step": self.step_count, **rates, **moments}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, for the same parameters."""
        if not isinstance(state, Mapping):
            raise TypeError(f"{type(self).__name__} takes what state_dict() gave, not {type(state).__name__}")
        own = self.state_dict()
        check_names(self, own, state)
        for name, array in own.items():
            if is_array(array) and array.shape != as_array(state[name]).shape:
                shape = as_array(state[name]).shape
                other = f"the state's {name} has shape {shape}, needed is {array.shape}"
                raise ValueError(f"{other}: it is of other parameters")
        self.step_count = int(state["step"])
        for i, group in enumerate(self.param_groups):
            group["lr"] = float(state[_rate_name(i)])
        _bring_along(self.state, self.params)
        for i, (p, moments) in enumerate(zip(self.params, self.state, strict=True)):
            for slot, array in moments.items():
                array[...] = to_device(as_array(state[f"{slot}.{i}"]), p.device)


def _groups(name: str, params: Params, options: Mapping[str, float]) -> list[Group]:
    """The groups of parameters, each with all options: its own, or else these."""
    several = isinstance(params, (list, tuple)) and any(isinstance(group, Mapping) for group in params)
    groups: list[Group] = []
    for i, group in enumerate(params if several else [{"params": params}]):
        if not isinstance(group, Mapping) or not {"params"} <= group.keys() <= {"params", *options}:
            found = ", ".join(group) if isinstance(group, Mapping) else type(group).__name__
            takes = f"be a dict with params, and may have {' and '.join(options)} of its own"
            raise TypeError(f"{name}: parameter group {i} must {takes}, but is {found}")
        tensors = _tensors(name, group["params"])
        for p in tensors:
            if any(p is other for before in groups for other in before["params"]):
                raise ValueError(f"{name}: {describe(p)} is in two parameter groups, and would be moved twice")
        numbers = {option: as_number(name, option, group.get(option, usual), 0) for option, usual in options.items()}
        groups.append({"params": tensors, **numbers})
    return groups


def _tensors(name: str, params: object) -> list[Tensor]:
    """The parameters of a group, each once."""
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
    return list(dict.fromkeys(params))


def _rate_name(group: int) -> str:
    return f"group{group}.lr" if group else "lr"


def _bring_along(states: list[dict[str, Array]], params: list[Tensor]) -> None:
    """Moments go where their parameter went, and in its dtype: `module.to` knows nothing of them."""
    for state, p in zip(states, params, strict=True):
        for slot, array in state.items():
            if array.device != p.array.device or array.dtype != p.array.dtype:
                state[slot] = Tensor(array).to(p.device, p.dtype).array


def _unfit(p: object) -> str:
    if not isinstance(p, Tensor):
        return f"is {type(p).__name__}"
    if p.creator is not None:
        return f"({describe(p)}) was made by {p.creator.name}: give the tensors it was made of"
    return "" if p.dtype.kind == "f" else f"({describe(p)}) is {p.dtype}, not floating"


def _check_gradient(cause: str, i: int, p: Tensor, g: object) -> None:
    """A gradient that a user put into .grad may be anything; broadcast or widened, it would be a wrong step."""
    if not isinstance(g, Tensor):
        raise TypeError(f"{cause}: .grad of parameter {i} ({describe(p)}) must be a Tensor, not {type(g).__name__}")
    if g.array.shape != p.array.shape:
        own = f"parameter {i} ({describe(p)})"
        raise ValueError(f"{cause}: .grad of {own} has shape {g.shape}, but must have the parameter's")
    if g.array.dtype != p.array.dtype or type(g.array) is not type(p.array):
        check_alike(cause, {f"parameter {i}": p, "its .grad": g})


class SGD(Optimizer):
    """b ← μ b + g,  p ← p − lr · b  (with μ = momentum = 0: p ← p − lr · g)."""

    def __init__(self, params: Params, lr: float = 1e-3, momentum: float = 0.0, *, weight_decay: float = 0.0) -> None:
        self.momentum = as_number("SGD", "momentum", momentum, 0)
        self.slots = ("momentum_buffer",) if momentum else ()
        super().__init__(params, lr, weight_decay)

    def _update(self, params: list[Array], grads: list[Array], moments: dict[str, list[Array]], lr: float) -> None:
        if self.slots:
            for buffer, g in zip(moments["momentum_buffer"], grads, strict=True):
                buffer *= self.momentum
                buffer += g
            grads = moments["momentum_buffer"]
        for p, g in zip(params, grads, strict=True):
            p -= g * lr


class RMSprop(Optimizer):
    """v ← α v + (1 − α) g²,  p ← p − lr · g / (√v + ε). Tieleman and Hinton, 2012; defaults as PyTorch's."""

    slots = ("square_avg",)

    def __init__(
        self, params: Params, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0
    ) -> None:
        self.alpha, self.eps = as_number("RMSprop", "alpha", alpha, 0, 1), as_number("RMSprop", "eps", eps, 0)
        super().__init__(params, lr, weight_decay)

    def _update(self, params: list[Array], grads: list[Array], moments: dict[str, list[Array]], lr: float) -> None:
        for p, g, v in zip(params, grads, moments["square_avg"], strict=True):
            v *= self.alpha
            v += g * g * (1 - self.alpha)
            p -= g * lr / (get_array_module(p).sqrt(v) + self.eps)


class Adam(Optimizer):
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  m̂ = m/(1−β₁ᵗ),  v̂ = v/(1−β₂ᵗ)

        p ← p − lr · m̂ / (√v̂ + ε)                          PyTorch's form, ε = 1e-8
        p ← p − lr · √(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε)       epsilon_hat=True: TensorFlow's, ε = 1e-7 there

    Kingma and Ba, 2015; the second form is the one at the end of their section 2.
    """

    slots = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        epsilon_hat: bool = False,
    ) -> None:
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"Adam: betas must be two numbers, (β₁, β₂), not {betas!r}")
        beta1, beta2 = (as_number("Adam", f"betas[{i}]", beta) for i, beta in enumerate(betas))
        self.betas = (beta1, beta2)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"Adam: both betas must lie in [0, 1), but they are {betas}")
        self.eps, self.epsilon_hat = as_number("Adam", "eps", eps, 0), epsilon_hat
        super().__init__(params, lr, weight_decay)

    def _update(self, params: list[Array], grads: list[Array], moments: dict[str, list[Array]], lr: float) -> None:
        correction1 = 1 - self.betas[0] ** self.step_count
        correction2 = math.sqrt(1 - self.betas[1] ** self.step_count)
        if self.epsilon_hat:
            rate, root_scale = lr * correction2 / correction1, 1.0
        else:
            rate, root_scale = lr / correction1, 1 / correction2
        means, squares = moments["exp_avg"], moments["exp_avg_sq"]
        adam_update(params, means, squares, grads, self.betas, rate, root_scale, self.eps)


class AdamW(Adam):
    """Adam, beside which each parameter shrinks: p ← p − lr · weight_decay · p. Loshchilov and Hutter, 2019.

    Adam's own `weight_decay` goes through its moments, which scale it as they scale the gradient.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def _decayed(self, params: list[Array], grads: list[Array], weight_decay: float, lr: float) -> list[Array]:
        for p in params:
            p *= 1 - lr * weight_decay
        return grads
