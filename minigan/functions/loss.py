"""Losses. reduction: "mean" over all elements (default), "sum", or "none" for one value an element."""

from __future__ import annotations

from typing import Any

from minigan.autograd import Function, Tensor
from minigan.backend import Array, as_array, get_array_module
from minigan.functions.activation import log_softmax, relu, sigmoid
from minigan.functions.arguments import NUMBER, as_floating, as_like, like, prefix_errors
from minigan.functions.arithmetic import abs as _abs
from minigan.functions.arithmetic import log, maximum
from minigan.functions.reduction import mean as _mean
from minigan.functions.reduction import sum as _sum
from minigan.kernels.layout import beside
from minigan.kernels.loss import cross_entropy_with_logits, cross_entropy_with_logits_slope, filled_like
from minigan.kernels.reduction import labels_outside, numbers_outside

SMALLEST_LOG = -100.0  # what ln 0 counts as in binary_cross_entropy, as in PyTorch


class BinaryCrossEntropyWithLogits(Function):
    """y = max(l, 0) − l·t + ln(1 + e^−|l|)        dl = (σ(l) − t) · dy        dt = −l · dy

    Equal to −t ln σ(l) − (1 − t) ln(1 − σ(l)), but with a gradient that never dies or overflows.
    """

    def forward(self, logits: Array, target: Array) -> Array:
        self.save_for_backward(logits, target)
        return cross_entropy_with_logits(logits, target)

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        logits, target = self.saved_tensors
        need_l, need_t = self.needs_input_grad
        dlogits = BinaryCrossEntropyWithLogitsBackward()(dy, logits, target) if need_l else None
        return dlogits, dy * -logits if need_t else None


class BinaryCrossEntropyWithLogitsBackward(Function):
    """y = (σ(l) − t) · g        dg = (σ(l) − t) · dy        dl = σ(l) (1 − σ(l)) · g · dy        dt = −g · dy"""

    def forward(self, g: Array, logits: Array, target: Array) -> Array:
        self.save_for_backward(g, logits, target)
        return cross_entropy_with_logits_slope(g, logits, target)

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        g, logits, target = self.saved_tensors
        need_g, need_l, need_t = self.needs_input_grad
        dg = dlogits = None
        if need_g or need_l:
            s = sigmoid(logits)
            dg = dy * (s - target) if need_g else None
            dlogits = dy * g * (s * (1.0 - s)) if need_l else None
        return dg, dlogits, -g * dy if need_t else None


class BinaryCrossEntropy(Function):
    """y = −t ln p − (1 − t) ln(1 − p)        dp = (p − t) / (p (1 − p)) · dy        dt = (ln(1−p) − ln p) · dy

    Logarithms are held at −100 and above, p (1 − p) at 1e-12. Near p = 0 and 1 float32 has lost what the gradient
    needs: prefer logits.
    """

    def forward(self, p: Array, target: Array) -> Array:
        xp = get_array_module(p)
        self.save_for_backward(p, target)
        tiny = p.dtype.type(1e-45)  # float32's smallest: its logarithm lies below −100, and 0 has none
        log_p = xp.maximum(xp.log(xp.maximum(p, tiny)), SMALLEST_LOG)
        log_q = xp.maximum(xp.log(xp.maximum(1 - p, tiny)), SMALLEST_LOG)
        return -target * log_p - (1 - target) * log_q

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        p, target = self.saved_tensors
        need_p, need_t = self.needs_input_grad
        dp = dy * (p - target) / maximum(p * (1.0 - p), 1e-12) if need_p else None
        return dp, dy * (_held_log(1.0 - p) - _held_log(p)) if need_t else None


def _held_log(p: Tensor) -> Tensor:
    return maximum(log(maximum(p, 1e-45)), SMALLEST_LOG)


# --- as one calls them ---------------------------------------------------------------------------


def binary_cross_entropy_with_logits(logits: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Cross-entropy of the probabilities σ(logits) with targets in [0, 1], of the logits' shape or one number."""
    name = "binary_cross_entropy_with_logits"
    number = target if isinstance(target, NUMBER) else None
    logits, target = _with_target(name, logits, target, "logits")
    _check_probabilities(name, "target", target.array if number is None else number)
    return _reduced(name, BinaryCrossEntropyWithLogits()(logits, target), reduction)


def binary_cross_entropy(p: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Cross-entropy of probabilities p in [0, 1] with targets in [0, 1], of p's shape or one number."""
    p, target = _with_target("binary_cross_entropy", p, target, "p")
    hint = ": for numbers of any size before the sigmoid there is binary_cross_entropy_with_logits"
    _check_probabilities("binary_cross_entropy", "p", p.array, hint)
    _check_probabilities("binary_cross_entropy", "target", target.array)
    return _reduced("binary_cross_entropy", BinaryCrossEntropy()(p, target), reduction)


def mse_loss(x: Any, target: Any, reduction: str = "mean") -> Tensor:
    """y = (x − target)²."""
    x, target = _with_target("mse_loss", x, target)
    difference = x - target
    return _reduced("mse_loss", difference * difference, reduction)


def l1_loss(x: Any, target: Any, reduction: str = "mean") -> Tensor:
    """y = |x − target|."""
    x, target = _with_target("l1_loss", x, target)
    return _reduced("l1_loss", _abs(x - target), reduction)


def hinge_loss(logits: Any, target: Any, reduction: str = "mean") -> Tensor:
    """max(0, 1 − target · logit), the target being +1 (real) or −1 (fake)."""
    logits, target = _with_target("hinge_loss", logits, target, "logits")
    return _reduced("hinge_loss", relu(1.0 - target * logits), reduction)


def cross_entropy(logits: Any, labels: Any, reduction: str = "mean") -> Tensor:
    """−ln softmax(logits)[label], for logits (N, K) and integer labels (N) in 0 … K−1."""
    logits = as_floating("cross_entropy", logits, "logits")
    labels = prefix_errors("cross_entropy: labels", as_array, labels)  # a list stays on the host, to be looked at
    if labels.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: labels must be integers, the classes' numbers, not {labels.dtype}")
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"cross_entropy: logits has shape {logits.shape}, labels {labels.shape}: logits must be (N, K) and labels "
            "(N,), one for each row"
        )
    if outside := labels_outside(labels, logits.shape[1]):
        raise ValueError(
            f"cross_entropy: labels must lie in 0 … {logits.shape[1] - 1} for logits of shape {logits.shape}, but "
            f"they run from {outside[0]} to {outside[1]}"
        )
    rows = get_array_module(logits.array).arange(len(labels))
    losses = -log_softmax(logits, axis=1)[rows, beside(labels, logits.array)]
    return _reduced("cross_entropy", losses, reduction)


def _check_probabilities(name: str, label: str, values: Any, hint: str = "") -> None:
    """All must lie in [0, 1]: beyond it a cross-entropy is no bound of anything, and its gradient explodes."""
    outside = (float(values),) * 2 if isinstance(values, NUMBER) else numbers_outside(values, 0.0, 1.0)
    if outside and not (0 <= outside[0] and outside[1] <= 1):
        raise ValueError(f"{name}: {label} runs from {outside[0]:g} to {outside[1]:g}, but must lie in [0, 1]{hint}")


def _with_target(name: str, x: Any, target: Any, of: str = "x") -> tuple[Tensor, Tensor]:
    """x, which is called `of`, as a Tensor, and the target as one like it; a number stands for an array full of it."""
    x = as_floating(name, x, of)
    if isinstance(target, NUMBER):
        return x, Tensor.from_array(filled_like(x.array, float(target)))
    if not isinstance(target, Tensor):
        target = like(name, "target", target, x)
    elif target.dtype.kind not in "fc":
        target = target.to(dtype=x.dtype)
    if target.shape != x.shape:
        raise ValueError(
            f"{name}: target has shape {target.shape}, but {of} has {x.shape}: they must be equal, for each number "
            "has its own target"
        )
    return x, as_like(name, "target", target, x, of)


def _reduced(name: str, values: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        if not values.size:
            raise ValueError(f"{name}: shape {values.shape} has nothing to take the mean of; its sum is 0")
        return _mean(values)
    if reduction == "sum":
        return _sum(values)
    if reduction == "none":
        return values
    raise ValueError(f"{name}: reduction is 'mean', 'sum' or 'none', not {reduction!r}")
