"""Is the gradient that was written by hand the derivative of the forward pass?

Along a line x + t·v through the inputs, contracted with a cotangent c, a function is one number of
one number, φ(t) = ⟨c, f(x + t·v)⟩. Its slope at t = 0 is known twice: from the backward pass, as
⟨grad, v⟩, and from values of the forward pass alone, as a difference quotient. Both v and c are
random, with no entry near zero, so that no entry of the gradient goes unseen. (A cotangent of ones
would see nothing of BatchNorm: its outputs always add up to the same number.)

The gradient's gradient is checked as the gradient of the function (x, c) ↦ grad of f at x for c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigan.autograd import Tensor, grad
from minigan.backend import Array, device_of, get_array_module, is_array, to_device

__all__ = ["GradientError", "gradcheck"]

DIRECTIONS = 3  # along how many lines each input is moved
ENTRIES = 2000  # how many entries of a wrong gradient are compared one by one for the report


class GradientError(AssertionError):
    """A backward pass does not give the derivative of its forward pass."""


def gradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    order: int = 2,
    seed: int = 0,
    eps: float = 3e-4,
    rtol: float = 1e-7,
    atol: float = 1e-9,
) -> None:
    """Raise `GradientError` unless the gradient of `fn` is its derivative, to first and second order.

        gradcheck(lambda x, w: F.tanh(F.dense(x, w)), [x, w])

    fn: takes one Tensor for each input, returns a Tensor or a tuple of them. What is not to be
    differentiated (labels, options, a random generator started afresh) belongs inside of it.
    inputs: float64 arrays or Tensors, or one of them. order: 1 checks the gradient, 2 also the
    gradient of the gradient. seed: of the directions and cotangents. eps: how far each entry is
    moved, as a share of its input's root mean square (of 1 if that is 0): keep points as far as that
    from kinks. rtol, atol: what slopes may differ by, relative to the steepest found for the
    input, and at all.
    """
    if order not in (1, 2):
        raise ValueError(f"gradcheck: order is 1 or 2, not {order!r}")
    inputs = [inputs] if isinstance(inputs, Tensor) or is_array(inputs) else list(inputs)
    points = [_checked(i, x) for i, x in enumerate(inputs)]
    rng = np.random.default_rng(seed)
    settings = rng, eps, rtol, atol
    names = [f"input {i}" for i in range(len(points))]

    outputs = _call(fn, points)
    again = _call(fn, points)
    if any(not np.array_equal(y.numpy(), z.numpy(), equal_nan=True) for y, z in zip(outputs, again, strict=True)):
        raise ValueError("gradcheck: fn gave two values for the same inputs; start its random generator inside of it")
    _compare(fn, points, names, "first", *settings)
    if order == 2:
        cotangents = [_random_like(y.data, rng) for y in outputs]
        names += [f"the cotangent of output {i}" for i in range(len(cotangents))]
        _compare(_gradient_of(fn, len(points)), points + cotangents, names, "second", *settings)


def _checked(i: int, x: Any) -> Array:
    x = x.data if isinstance(x, Tensor) else x
    if not is_array(x) or x.dtype != np.float64:
        found = f"{x.dtype}" if is_array(x) else type(x).__name__
        raise TypeError(
            f"gradcheck: input {i} is {found}, but must be float64: difference quotients in fewer digits "
            "cannot tell a right gradient from a wrong one"
        )
    return x


def _call(fn: Callable, points: list[Array]) -> tuple[Tensor, ...]:
    """fn's outputs at these points, with a graph."""
    outputs = fn(*[Tensor(x, requires_grad=True) for x in points])
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for i, y in enumerate(outputs):
        if not isinstance(y, Tensor) or y.dtype != np.float64:
            found = f"a Tensor of {y.dtype}" if isinstance(y, Tensor) else type(y).__name__
            raise TypeError(f"gradcheck: output {i} of fn must be a Tensor of float64, but is {found}")
    return outputs


def _gradient_of(fn: Callable, count: int) -> Callable:
    """The function of `count` inputs and fn's cotangents whose values are fn's gradients."""

    def gradient(*args: Tensor) -> tuple[Tensor, ...]:
        inputs, cotangents = args[:count], args[count:]
        outputs = fn(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return _grad_or_zeros(outputs, inputs, cotangents, create_graph=True)

    return gradient


def _grad_or_zeros(outputs: Iterable, inputs: Iterable, cotangents: Iterable, create_graph: bool) -> tuple[Tensor, ...]:
    gradients = grad(outputs, inputs, cotangents, create_graph=create_graph, allow_unused=True)
    return tuple(Tensor(_zeros_like(x.data)) if dx is None else dx for x, dx in zip(inputs, gradients, strict=True))


def _compare(
    fn: Callable,
    points: list[Array],
    names: list[str],
    order: str,
    rng: np.random.Generator,
    eps: float,
    rtol: float,
    atol: float,
) -> None:
    """Compare the two slopes of fn along random lines, moving one input at a time."""
    inputs = [Tensor(x, requires_grad=True) for x in points]
    outputs = fn(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    cotangents = [_random_like(y.data, rng) for y in outputs]
    gradients = _grad_or_zeros(outputs, inputs, cotangents, create_graph=False)

    for i, (x, dx) in enumerate(zip(points, gradients, strict=True)):
        step = eps * (float((x * x).mean()) ** 0.5 if x.size else 0.0) or eps

        def numeric_slope(direction: Array, i: int = i, x: Array = x, step: float = step) -> float:
            def at(t: float) -> tuple[Tensor, ...]:
                return _call(fn, [*points[:i], x + t * direction, *points[i + 1 :]])

            def quotient(h: float) -> float:  # differences first: outputs that stay as they are add no rounding
                rows = zip(cotangents, at(h), at(-h), strict=True)
                return sum(float((c * (after.data - before.data)).sum()) for c, after, before in rows) / (2 * h)

            return (4 * quotient(step / 2) - quotient(step)) / 3  # Richardson: the error falls with step⁴

        directions = [_random_like(x, rng) for _ in range(DIRECTIONS)]
        analytic = np.array([float((dx.data * v).sum()) for v in directions])
        numeric = np.array([numeric_slope(v) for v in directions])
        error = np.abs(analytic - numeric)
        signal = max(np.abs(analytic).max(), np.abs(numeric).max())
        if not error.max() <= rtol * signal + atol:  # "not <=" so that NaN fails
            worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
            raise GradientError(
                f"the {order}-order gradient with respect to {names[i]}, of shape {x.shape}, is wrong: along a random "
                f"direction backward gives {analytic[worst]:.10g}, a difference quotient of forward "
                f"{numeric[worst]:.10g}.\n{_worst_entry(dx.data, numeric_slope, rng)}"
            )


def _worst_entry(dx: Array, numeric_slope: Callable[[Array], float], rng: np.random.Generator) -> str:
    """Where the gradient differs most, found by moving one entry at a time."""
    some = np.sort(rng.permutation(dx.size)[:ENTRIES])
    entries = []
    for flat in some:
        direction = _zeros_like(dx)
        direction[np.unravel_index(flat, dx.shape)] = 1.0
        entries.append(numeric_slope(direction))
    analytic, numeric = dx.ravel()[some], np.array(entries)
    difference = np.abs(np.nan_to_num(analytic - numeric, nan=np.inf))
    worst = int(difference.argmax())
    index = tuple(int(k) for k in np.unravel_index(some[worst], dx.shape))
    return (
        f"Of {len(some)} entries looked at one by one, {index} differs most: "
        f"backward {analytic[worst]:.10g}, forward {numeric[worst]:.10g}."
    )


def _random_like(x: Array, rng: np.random.Generator) -> Array:
    """Random numbers of absolute value ½ to 1 in x's shape, device and order of memory."""
    values = rng.uniform(0.5, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    result = _zeros_like(x)
    result[...] = to_device(values, device_of(x))
    return result


def _zeros_like(x: Array) -> Array:
    return get_array_module(x).zeros_like(x)
