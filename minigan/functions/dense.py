"""Matrix products: `matmul`, and the dense layer's x Wᵀ + b."""

from __future__ import annotations

from math import prod
from typing import Any

from minigan.autograd import Function, Tensor
from minigan.backend import Array
from minigan.functions.arguments import as_floating, as_like, as_shaped, as_tensor
from minigan.functions.manipulation import reshape, sum_to, transpose
from minigan.functions.reduction import Sum
from minigan.kernels import arithmetic as kernels


class MatMul(Function):
    """y = a b        da = dy bᵀ        db = aᵀ dy

    Over the last two axes; the axes before them broadcast.
    """

    def forward(self, a: Array, b: Array) -> Array:
        self.save_for_backward(a, b)
        try:
            return kernels.matmul(a, b)
        except ValueError:
            raise ValueError(
                f"matmul: a of shape {a.shape} and b of shape {b.shape} do not broadcast before their last two axes: "
                "there, counted from the last, lengths must be equal, or one of them 1"
            ) from None

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.saved_tensors
        need_a, need_b = self.needs_input_grad
        da = sum_to(MatMul()(dy, _swapped(b)), a.shape) if need_a else None
        db = sum_to(MatMul()(_swapped(a), dy), b.shape) if need_b else None
        return da, db


class Dense(Function):
    """y = x Wᵀ + b        dx = dy W        dW = dyᵀ x        db = Σₙ dy

    Like a convolution's, its three products are the partial derivatives of one trilinear form, ⟨g, x Wᵀ⟩.

    x (N, C), W (O, C), b (O), y (N, O).
    """

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        self.save_for_backward(x, weight)
        y = x @ weight.T
        if bias is not None:
            y += bias
        return y

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = self.saved_tensors
        need_x, need_w, *need_b = self.needs_input_grad
        dx = MatMul()(dy, weight) if need_x else None
        dw = DenseWeightGrad()(x, dy) if need_w else None
        if not need_b:
            return dx, dw
        return dx, dw, Sum((0,), keepdims=False)(dy) if need_b[0] else None


class DenseWeightGrad(Function):
    """w = gᵀ x        dx = g dw        dg = x dwᵀ

    x (N, C), g (N, O), w (O, C).
    """

    def forward(self, x: Array, g: Array) -> Array:
        self.save_for_backward(x, g)
        return g.T @ x

    def backward(self, dw: Tensor) -> tuple[Tensor | None, ...]:
        x, g = self.saved_tensors
        need_x, need_g = self.needs_input_grad
        return MatMul()(g, dw) if need_x else None, Dense()(x, dw) if need_g else None


def _swapped(x: Tensor) -> Tensor:
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


# --- as one calls them ---------------------------------------------------------------------------


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product over the last two axes, the others broadcast; vectors as NumPy takes them."""
    a, b = as_tensor("matmul", a, "a"), as_tensor("matmul", b, "b")
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(
            f"matmul: a has shape {a.shape}, b {b.shape}, but both must have an axis or more: to multiply with a "
            "number use mul"
        )
    columns, rows = a.shape[-1], b.shape[max(b.ndim - 2, 0)]
    if columns != rows:
        raise ValueError(
            f"matmul: a of shape {a.shape} has {columns} columns, but b of shape {b.shape} has {rows} rows: they must "
            "be equal"
        )
    a2 = reshape(a, (1, *a.shape)) if a.ndim == 1 else a
    b2 = reshape(b, (*b.shape, 1)) if b.ndim == 1 else b
    y = MatMul()(a2, b2)
    if a.ndim == 1:
        y = reshape(y, (*y.shape[:-2], y.shape[-1]))
    return reshape(y, y.shape[:-1]) if b.ndim == 1 else y


def dense(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """x Wᵀ + b: x (…, C), weight (O, C), bias (O) or None, result (…, O)."""
    x = as_floating("dense", x)
    weight = as_like("dense", "weight", weight, x)
    shape, of_weight = x.array.shape, weight.array.shape
    if len(of_weight) != 2 or not shape or shape[-1] != of_weight[1]:
        raise ValueError(
            f"dense: x has shape {shape}, weight {of_weight}: weight must be (out, in) and x's last axis must have "
            "length in"
        )
    if bias is not None:
        bias = as_shaped("dense", "bias", bias, x, of_weight[:1], "one number for each row of weight")
    rows = x if len(shape) == 2 else reshape(x, (prod(shape[:-1]), shape[-1]))
    y = Dense()(rows, weight) if bias is None else Dense()(rows, weight, bias)
    return y if len(shape) == 2 else reshape(y, (*shape[:-1], of_weight[0]))
