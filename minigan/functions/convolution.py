"""Convolution, transposed convolution, and the gradient with respect to the kernel: one triangle.

For a fixed geometry, T(x, w, g) = ⟨g, conv(x, w)⟩ is linear in each of its three arguments, and the
three functions below are its three partial derivatives:

    ∂T/∂g = Conv2d(x, w)               the convolution
    ∂T/∂x = ConvTranspose2d(g, w)      its gradient at the image: a transposed convolution
    ∂T/∂w = ConvWeightGrad(x, g)       its gradient at the kernel

So the derivative of each is made of the other two, to any order. The algorithms are in `kernels`.
"""

from __future__ import annotations

from typing import Any

from minigan.autograd import Function, Tensor
from minigan.backend import Array
from minigan.functions.arguments import as_floating, as_like, as_shaped, check_images, prefix_errors
from minigan.functions.reduction import sum as _sum
from minigan.kernels.channels import add_to_channels
from minigan.kernels.convolution import conv_forward, conv_input_grad, conv_weight_grad
from minigan.kernels.geometry import Geometry


class _Convolution(Function):
    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry


class Conv2d(_Convolution):
    """y[n,o,i,j] = Σ x[n,c,iS+kh−P,jS+kw−P] w[o,c,kh,kw] + b[o]

    dx = transposed convolution of dy with w        dw = Σₙᵢⱼ dy ⊗ windows of x        db = Σₙᵢⱼ dy
    """

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        self.save_for_backward(x, weight)
        y = conv_forward(x, weight, self.geometry)
        if bias is not None:
            add_to_channels(y, bias)
        return y

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = self.saved_tensors
        need_x, need_w, *need_b = self.needs_input_grad
        dx = ConvTranspose2d(self.geometry)(dy, weight) if need_x else None
        dw = ConvWeightGrad(self.geometry)(x, dy) if need_w else None
        return (dx, dw, *(_sum(dy, axis=(0, 2, 3)) if needed else None for needed in need_b))


class ConvTranspose2d(_Convolution):
    """y = the x-gradient of the convolution with w, at the cotangent x (+ b)

    dx = convolution of dy with w        dw = Σₙᵢⱼ x ⊗ windows of dy        db = Σₙᵢⱼ dy
    """

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        self.save_for_backward(x, weight)
        y = conv_input_grad(x, weight, self.geometry)
        if bias is not None:
            add_to_channels(y, bias)
        return y

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = self.saved_tensors
        need_x, need_w, *need_b = self.needs_input_grad
        dx = Conv2d(self.geometry)(dy, weight) if need_x else None
        dw = ConvWeightGrad(self.geometry)(dy, x) if need_w else None
        return (dx, dw, *(_sum(dy, axis=(0, 2, 3)) if needed else None for needed in need_b))


class ConvWeightGrad(_Convolution):
    """w[o,c,kh,kw] = Σ g[n,o,i,j] x[n,c,iS+kh−P,jS+kw−P]

    dx = transposed convolution of g with dw        dg = convolution of x with dw
    """

    def forward(self, x: Array, g: Array) -> Array:
        self.save_for_backward(x, g)
        return conv_weight_grad(x, g, self.geometry)

    def backward(self, dw: Tensor) -> tuple[Tensor | None, ...]:
        x, g = self.saved_tensors
        need_x, need_g = self.needs_input_grad
        dx = ConvTranspose2d(self.geometry)(g, dw) if need_x else None
        dg = Conv2d(self.geometry)(x, dw) if need_g else None
        return dx, dg


# --- as one calls them ---------------------------------------------------------------------------


def conv2d(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0) -> Tensor:
    """Convolution of images x (N, C, H, W) with kernels (O, C, KH, KW), plus bias (O): (N, O, OH, OW).

    stride: an int or (SH, SW). padding: zeros around the image, an int, (ph, pw),
    ((top, bottom), (left, right)) or "same" (TensorFlow's rule). OH = ⌊(H + 2P − KH)/S⌋ + 1.
    """
    x, weight, bias = _checked("conv2d", x, weight, bias, in_axis=1)
    geometry = prefix_errors("conv2d", Geometry.of_conv, x.shape[2:], weight.shape[2:], stride, padding)
    return Conv2d(geometry)(x, weight) if bias is None else Conv2d(geometry)(x, weight, bias)


def conv_transpose2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0
) -> Tensor:
    """Transposed convolution of x (N, I, H, W) with kernels (I, O, KH, KW), plus bias (O): (N, O, OH, OW).

    stride: an int or (SH, SW). padding: what is cropped from the full output, an int, (ph, pw), ((top, bottom),
    (left, right)) or "same" (TensorFlow's rule: OH = H·S). OH = (H − 1)S − 2P + KH + output_padding.
    """
    x, weight, bias = _checked("conv_transpose2d", x, weight, bias, in_axis=0)
    sizes = x.shape[2:], weight.shape[2:]
    geometry = prefix_errors("conv_transpose2d", Geometry.of_conv_transpose, *sizes, stride, padding, output_padding)
    return ConvTranspose2d(geometry)(x, weight) if bias is None else ConvTranspose2d(geometry)(x, weight, bias)


def _checked(name: str, x: Any, weight: Any, bias: Any, in_axis: int) -> tuple[Tensor, Tensor, Tensor | None]:
    x = as_floating(name, x)
    weight = as_like(name, "weight", weight, x)
    check_images(name, x)
    shape = weight.array.shape
    order = "(out, in, KH, KW)" if in_axis == 1 else "(in, out, KH, KW)"
    if len(shape) != 4:
        raise ValueError(f"{name}: weight must be {order}, but has shape {shape}")
    if shape[in_axis] != x.shape[1]:
        takes = f"weight {order} of shape {shape} takes {shape[in_axis]}"
        raise ValueError(f"{name}: x of shape {x.shape} has {x.shape[1]} channels, but {takes}")
    if bias is not None:
        bias = as_shaped(name, "bias", bias, x, (shape[1 - in_axis],), "one number for each channel that weight makes")
    return x, weight, bias
