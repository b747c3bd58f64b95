"""What is asked of what a function is given and returns. Every call comes here: names are looked up only for what
seems wrong."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from minigan import backend
from minigan.autograd.errors import FunctionError, GraphError
from minigan.autograd.tensor import Node, Tensor, describe
from minigan.backend import Array, DeviceError

# --- of a call -----------------------------------------------------------------------------------


def checked_inputs(function: Node, inputs: tuple[Any, ...]) -> tuple[list[Tensor | None], list[Array | None]]:
    """The inputs as Tensors of one dtype and one device, the one this thread computes on; and their arrays.

    No two tensors have the same array object there: what is saved for backward is told apart by identity.
    """
    tensors: list[Tensor | None] = []
    arrays: list[Array | None] = []
    for x in inputs:
        if x is not None and not isinstance(x, Tensor):
            x = _tensor_of(function, len(tensors), x)
        tensors.append(x)
        arrays.append(None if x is None else x.array)
    if len(arrays) > 1:
        _check_alike_and_distinct(function, tensors, arrays)
    if arrays and type(arrays[0]) is not np.ndarray:
        backend.check_here(function.name, *arrays)
    return tensors, arrays


def _check_alike_and_distinct(function: Node, tensors: list[Tensor | None], arrays: list[Array | None]) -> None:
    """Raise unless all arrays are of one dtype and device; replace the same array of another tensor by a view."""
    first = None
    for i, array in enumerate(arrays):
        if array is None:
            continue
        if first is None:
            first = array
        elif array.dtype is not first.dtype or type(array) is not type(first):
            labels = [input_label(function, k) for k in range(len(tensors))]
            check_alike(function.name, dict(zip(labels, tensors, strict=True)))
        for j in range(i):
            if arrays[j] is array and tensors[j] is not tensors[i]:
                arrays[i] = array[...]


def _tensor_of(function: Node, i: int, x: Any) -> Tensor:
    try:
        return Tensor(x)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{function.name}: {input_label(function, i)}: {error}") from None


def check_alike(name: str, inputs: dict[str, Tensor | None]) -> None:
    """One device to a call, and one dtype if any is floating: NumPy would widen float32 to float64
    without a word. inputs: what function `name` was given, by the names of its arguments."""
    (first, a), *others = [(label, t) for label, t in inputs.items() if t is not None]
    for label, b in others:
        if b.device != a.device:
            raise DeviceError(
                f"{name}: {first} of shape {a.shape} is on {a.device}, but {label} of shape {b.shape} is on "
                f"{b.device}: move one with .to(device)"
            )
        if b.dtype != a.dtype and (a.dtype.kind in "fc" or b.dtype.kind in "fc"):
            raise TypeError(
                f"{name}: {first} of shape {a.shape} is {a.dtype}, but {label} of shape {b.shape} is {b.dtype}: "
                "one call takes one dtype, convert one with .to(dtype=…)"
            )


def input_label(function: Node, i: int) -> str:
    """What `forward` calls its input i."""
    names = []
    for parameter in inspect.signature(function.forward).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            break
        names.append(parameter.name)
    return names[i] if i < len(names) else f"input {i}"


def checked_output(function: Node, value: Any) -> Array:
    """Forward's result as an array: a reduction's NumPy scalar becomes an array of no dimensions."""
    if backend.is_array(value):
        return value
    if isinstance(value, np.generic):
        return np.asarray(value)
    raise FunctionError(
        f"{function.name}.forward must return an array or a tuple of arrays, not {type(value).__name__}"
    )


# --- of a backward pass --------------------------------------------------------------------------


def as_cotangent(output: Tensor, cotangent: Any) -> Tensor:
    """The cotangent to start from: as given, checked, or 1 for a single number."""
    if not output.requires_grad:
        raise GraphError(
            f"{describe(output)} has no gradient: nothing that made it requires one, or it was made under no_grad. "
            "Give a Tensor that it is computed from requires_grad=True, and compute it again"
        )
    if cotangent is None:
        if output.size != 1:
            raise GraphError(
                f"backward needs the cotangent of {describe(output)}: only a single number has an obvious one (1). "
                "Pass it (backward: grad=…, mg.grad: grad_outputs=…), or take .mean() or .sum() first"
            )
        return Tensor.from_array(backend.get_array_module(output.array).ones_like(output.array))
    if not isinstance(cotangent, Tensor):
        try:
            cotangent = output.new_tensor(cotangent)
        except (TypeError, ValueError) as error:
            raise type(error)(f"the cotangent of {describe(output)}: {error}") from None
    if cotangent.shape != output.shape:
        raise ValueError(f"the cotangent has shape {cotangent.shape}, but must have its output's, {output.shape}")
    if cotangent.dtype != output.dtype:
        raise TypeError(f"the cotangent has dtype {cotangent.dtype}, but must have its output's, {output.dtype}")
    if type(cotangent.array) is not type(output.array) and cotangent.device != output.device:
        raise DeviceError(f"the cotangent is on {cotangent.device}, but must be where its output is, {output.device}")
    return cotangent


def checked_gradients(node: Node, gradients: Any) -> list[Tensor | None]:
    """What backward returned, as a list with one gradient for each input, of the right shape where it is needed."""
    gradients = list(gradients) if isinstance(gradients, (tuple, list)) else [gradients]
    if len(gradients) != len(node.edges):
        raise GraphError(
            f"{node.name}.backward returned {len(gradients)} gradients for {len(node.edges)} inputs: return one for "
            "each input of forward, None for one that needs none"
        )
    dtype = node.outputs_like[0][1]  # one call has one floating dtype
    for i, needed in enumerate(node.needs_input_grad):
        dx = gradients[i]
        if dx is None or not needed:
            continue
        if not isinstance(dx, Tensor):
            raise GraphError(
                f"{node.name}.backward must return Tensors, but gradient {i} is {type(dx).__name__}: write it in "
                "operations of Tensors, so that it can be differentiated again"
            )
        shape = node.input_shapes[i]
        if dx.array.shape != shape:
            wrong = f"{node.name}.backward returned shape {dx.shape} for input {i}, which has shape {shape}"
            raise GraphError(wrong + _shape_hint(dx.shape, shape))
        if dx.array.dtype != dtype:
            raise GraphError(
                f"{node.name}.backward returned {dx.dtype} for input {i}, which is {dtype}: keep to the cotangent's "
                "dtype (Python numbers never change it, arrays and numbers of NumPy may)"
            )
    return gradients


def _shape_hint(returned: tuple[int, ...], shape: tuple[int, ...]) -> str:
    extra = len(returned) - len(shape)
    if extra >= 0 and all(n in (1, m) for n, m in zip(shape, returned[extra:], strict=True)):
        return (
            ". forward broadcast it: a number used several times gets the sum of its gradients, so the gradient must "
            f"be summed over the broadcast axes. Return functions.sum_to(gradient, {shape})"
        )
    if len(returned) < len(shape) and any(n in shape for n in returned) or returned == ():
        return (
            ". If forward summed over axes, each number that went in gets the gradient of its sum: repeat it, "
            "functions.broadcast_to, back to the input's shape"
        )
    if sorted(returned) == sorted(shape):
        return ". These are its lengths in another order: is a transpose missing, or the wrong axis summed or repeated?"
    return ". Was the wrong axis summed or repeated?" if extra == 0 else ""
