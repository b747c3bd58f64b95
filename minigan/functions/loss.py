"""Losses. reduction: "mean" over all elements (default), "sum", or "none" for one value an element."""

from __future__ import annotations

from numbers import Real
from typing import Any

from minigan.autograd import Function, Tensor
from minigan.backend import as_array, get_array_module, to_device
from minigan.functions._common import as_floating
from minigan.functions.activation import log_softmax, relu, sigmoid
from minigan.functions.arithmetic import abs as _abs
from minigan.functions.arithmetic import log, maximum
from minigan.functions.reduction import mean as _mean
from minigan.functions.reduction import sum as _sum
from minigan.kernels.activation import sigmoid_forward, softplus_forward

SMALLEST_LOG = -100.0  # what ln 0 counts as in binary_cross_entropy, as in PyTorch


class BinaryCrossEntropyWithLogits(Function):
    """y = max(l, 0) − l·t + ln(1 + e^−|l|)        dl = (σ(l) − t) · dy        dt = −l · dy

    Equal to −t ln σ(l) − (1 − t) ln(1 − σ(l)), but with a gradient that never dies or overflows.
    """

    def forward(self, logits, target):
        self.save_for_backward(logits, target)
        return softplus_forward(logits) - logits * target

    def backward(self, dy):
        logits, target = self.saved_tensors
        need_l, need_t = self.needs_input_grad
        dlogits = BinaryCrossEntropyWithLogitsBackward()(dy, logits, target) if need_l else None
        return dlogits, dy * -logits if need_t else None


class BinaryCrossEntropyWithLogitsBackward(Function):
    """y = (σ(l) − t) · g        dg = (σ(l) − t) · dy        dl = σ(l) (1 − σ(l)) · g · dy        dt = −g · dy"""

    def forward(self, g, logits, target):
        self.save_for_backward(g, logits, target)
        return (sigmoid_forward(logits) - target) * g

    def backward(self, dy):
        g, logits, target = self.saved_tensors
        s = sigmoid(logits)
        return dy * (s - target), dy * g * (s * (1.0 - s)), -g * dy


class BinaryCrossEntropy(Function):
    """y = −t ln p − (1 − t) ln(1 − p)        dp = (p − t) / (p (1 − p)) · dy        dt = (ln(1−p) − ln p) · dy

    Logarithms are held at −100 and above, p (1 − p) at 1e-12 and above. Near p = 0 and 1 float32
    has lost what the gradient needs: prefer logits.
    """

    def forward(self, p, target):
        xp = get_array_module(p)
        self.save_for_backward(p, target)
        tiny = p.dtype.type(1e-45)  # float32's smallest: its logarithm lies below −100, and 0 has none
        log_p = xp.maximum(xp.log(xp.maximum(p, tiny)), SMALLEST_LOG)
        log_q = xp.maximum(xp.log(xp.maximum(1 - p, tiny)), SMALLEST_LOG)
        return -target * log_p - (1 - target) * log_q

    def backward(self, dy):
        p, target = self.saved_tensors
        need_p, need_t = self.needs_input_grad
        dp = dy * (p - target) / maximum(p * (1.0 - p), 1e-12) if need_p else None
        dt = None
        if need_t:
            dt = dy * (_held(log(maximum(1.0 - p, 1e-45))) - _held(log(maximum(p, 1e-45))))
        return dp, dt


def _held(logarithm: Tensor) -> Tensor:
    return maximum(logarithm, SMALLEST_LOG)


# --- as one calls them ---------------------------------------------------------------------------


def binary_cross_entropy_with_logits(logits: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Cross-entropy of the probabilities σ(logits) with targets in [0, 1], of the logits' shape or one number."""
    logits = as_floating("binary_cross_entropy_with_logits", logits)
    target = _target("binary_cross_entropy_with_logits", logits, target)
    return _reduced(BinaryCrossEntropyWithLogits()(logits, target), reduction)


def binary_cross_entropy(p: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Cross-entropy of probabilities p in [0, 1] with targets in [0, 1], of p's shape or one number."""
    p = as_floating("binary_cross_entropy", p)
    return _reduced(BinaryCrossEntropy()(p, _target("binary_cross_entropy", p, target)), reduction)


def mse_loss(x: Any, target: Any, reduction: str = "mean") -> Tensor:
    """(x − target)²."""
    x = as_floating("mse_loss", x)
    difference = x - _target("mse_loss", x, target)
    return _reduced(difference * difference, reduction)


def l1_loss(x: Any, target: Any, reduction: str = "mean") -> Tensor:
    """|x − target|."""
    x = as_floating("l1_loss", x)
    return _reduced(_abs(x - _target("l1_loss", x, target)), reduction)


def hinge_loss(logits: Any, target: Any, reduction: str = "mean") -> Tensor:
    """max(0, 1 − target · logit), the target being +1 (real) or −1 (fake)."""
    logits = as_floating("hinge_loss", logits)
    return _reduced(relu(1.0 - _target("hinge_loss", logits, target) * logits), reduction)


def cross_entropy(logits: Any, labels: Any, reduction: str = "mean") -> Tensor:
    """−ln softmax(logits)[label], for logits (N, K) and integer labels (N) in 0 … K−1."""
    logits = as_floating("cross_entropy", logits)
    labels = as_array(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"cross_entropy: logits must be (N, K) and labels N integers, but they are {logits.shape} and "
            f"{labels.shape} of {labels.dtype}"
        )
    on_host = get_array_module(labels).__name__ == "numpy"  # elsewhere a look at them would wait for the device
    if on_host and labels.size and not (0 <= labels.min() and labels.max() < logits.shape[1]):
        raise ValueError(
            f"cross_entropy: labels must lie in 0 … {logits.shape[1] - 1} for logits of shape {logits.shape}, but "
            f"they run from {labels.min()} to {labels.max()}"
        )
    rows = get_array_module(logits._data).arange(len(labels))
    return _reduced(-log_softmax(logits, axis=1)[rows, to_device(labels, logits.device)], reduction)


def _target(name: str, x: Tensor, target: Any) -> Tensor:
    """The target as a Tensor like x; a number stands for an array full of it."""
    if isinstance(target, Real):
        return Tensor(get_array_module(x._data).full(x.shape, target, x.dtype))
    target = target if isinstance(target, Tensor) else Tensor(target, dtype=x.dtype, device=x.device)
    if target.shape != x.shape:
        raise ValueError(f"{name}: target has shape {target.shape}, but the input has {x.shape}: they must be equal")
    return target if target.dtype.kind == "f" else target.to(dtype=x.dtype)


def _reduced(values: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return _mean(values)
    if reduction == "sum":
        return _sum(values)
    if reduction == "none":
        return values
    raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
