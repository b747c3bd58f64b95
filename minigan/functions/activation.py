"""Activations. What each lets through of a gradient decides whether the layers before it learn."""

from __future__ import annotations

from typing import Any

from minigan.autograd import Function, Tensor
from minigan.backend import Array, get_array_module
from minigan.functions.arguments import as_floating, as_number, as_tensor
from minigan.functions.arithmetic import exp
from minigan.functions.reduction import nonempty_axis
from minigan.functions.reduction import sum as _sum
from minigan.kernels.activation import (
    leaky_relu_backward,
    leaky_relu_forward,
    sigmoid_forward,
    softmax_forward,
    softplus_forward,
    tanh_backward,
)
from minigan.kernels.reduction import Axes
from minigan.renamed import renamed_in


class LeakyReLU(Function):
    """y = x where x > 0, s·x elsewhere        dx = dy where x > 0, s·dy elsewhere (also at x = 0)

    s = 0 is ReLU.
    """

    def __init__(self, negative_slope: float) -> None:
        self.slope = negative_slope

    def forward(self, x: Array) -> Array:
        y, positive = leaky_relu_forward(x, self.slope, with_mask=True in self.needs_input_grad)
        self.save_constants(positive, self.slope)
        return y

    def backward(self, dy: Tensor) -> Tensor:
        return LeakyReLUBackward(*self.saved_constants)(dy)


class LeakyReLUBackward(Function):
    """y = x where the mask is true, s·x elsewhere        dx = dy where the mask is true, s·dy elsewhere

    The mask is where another array was positive: LeakyReLU's backward pass.
    """

    def __init__(self, mask: Array, negative_slope: float) -> None:
        self.save_constants(mask, negative_slope)

    def forward(self, x: Array) -> Array:
        return leaky_relu_backward(x, *self.saved_constants)

    def backward(self, dy: Tensor) -> Tensor:
        return LeakyReLUBackward(*self.saved_constants)(dy)


class Tanh(Function):
    """y = tanh x        dx = (1 − y²) · dy"""

    def forward(self, x: Array) -> Array:
        y = get_array_module(x).tanh(x)
        self.save_for_backward(y)
        return y

    def backward(self, dy: Tensor) -> Tensor:
        (y,) = self.saved_tensors
        return TanhBackward()(dy, y)


class TanhBackward(Function):
    """y = (1 − t²) · g        dg = (1 − t²) · dy        dt = −2 t · g · dy

    t = tanh x: tanh's backward pass.
    """

    def forward(self, g: Array, t: Array) -> Array:
        self.save_for_backward(g, t)
        return tanh_backward(g, t)

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        g, t = self.saved_tensors
        need_g, need_t = self.needs_input_grad
        return TanhBackward()(dy, t) if need_g else None, dy * g * t * -2.0 if need_t else None


class Sigmoid(Function):
    """y = 1 / (1 + e⁻ˣ)        dx = y (1 − y) · dy"""

    def forward(self, x: Array) -> Array:
        y = sigmoid_forward(x)
        self.save_for_backward(y)
        return y

    def backward(self, dy: Tensor) -> Tensor:
        (y,) = self.saved_tensors
        return dy * (y * (1.0 - y))


class Softplus(Function):
    """y = ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)        dx = σ(x) · dy"""

    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return softplus_forward(x)

    def backward(self, dy: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return dy * sigmoid(x)


class _AlongAxis(Function):
    def __init__(self, axis: Axes) -> None:
        self.axis = axis


class Softmax(_AlongAxis):
    """y = eˣ / Σ eˣ        dx = y · dy − y · Σ y · dy"""

    def forward(self, x: Array) -> Array:
        y = softmax_forward(x, self.axis)
        self.save_for_backward(y)
        return y

    def backward(self, dy: Tensor) -> Tensor:
        (y,) = self.saved_tensors
        weighted = y * dy
        return weighted - y * _sum(weighted, self.axis, keepdims=True)


class LogSoftmax(_AlongAxis):
    """y = x − ln Σ eˣ        dx = dy − eʸ · Σ dy"""

    def forward(self, x: Array) -> Array:
        xp = get_array_module(x)
        shifted = x - x.max(axis=self.axis, keepdims=True)
        y = shifted - xp.log(xp.exp(shifted).sum(axis=self.axis, keepdims=True))
        self.save_for_backward(y)
        return y

    def backward(self, dy: Tensor) -> Tensor:
        (y,) = self.saved_tensors
        return dy - exp(y) * _sum(dy, self.axis, keepdims=True)


# --- as one calls them ---------------------------------------------------------------------------


def relu(x: Any) -> Tensor:
    """max(x, 0)."""
    return LeakyReLU(0.0)(as_tensor("relu", x))


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """x where positive, negative_slope · x elsewhere."""
    slope = as_number("leaky_relu", "negative_slope", negative_slope)
    return LeakyReLU(slope)(as_floating("leaky_relu", x))


def tanh(x: Any) -> Tensor:
    """The hyperbolic tangent."""
    return Tanh()(as_floating("tanh", x))


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + e⁻ˣ), without overflow."""
    return Sigmoid()(as_floating("sigmoid", x))


def softplus(x: Any) -> Tensor:
    """ln(1 + eˣ), without overflow."""
    return Softplus()(as_floating("softplus", x))


def softmax(x: Any, axis: int = -1) -> Tensor:
    """eˣ / Σ eˣ along an axis."""
    x, along = nonempty_axis("softmax", as_floating("softmax", x), axis)
    return Softmax(along)(x)


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """x − ln Σ eˣ along an axis."""
    x, along = nonempty_axis("log_softmax", as_floating("log_softmax", x), axis)
    return LogSoftmax(along)(x)


__getattr__ = renamed_in(__name__)
