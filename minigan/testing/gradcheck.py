"""Is the gradient that was written by hand the derivative of the forward pass?

Contracted with random cotangents, a function has one directional derivative along a random direction. It is computed
twice: analytically, from the backward pass, as ⟨gradient, direction⟩; and numerically, from values of the forward
pass alone (`numerical`). Directions and cotangents have no entry near zero, so that no entry of the gradient goes
unseen. (A cotangent of ones would see nothing of BatchNorm: its outputs always add up to the same number.)

The second order is the first order of the function (x, c) ↦ gradient of f at x for the cotangent c, and so on.

At a kink or a tie there is no derivative to compare with, and a subgradient may agree or not by luck: such points are
detected, and others are drawn near by.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from minigan.autograd import GraphError, Tensor, grad
from minigan.backend import Array, get_array_module, is_array, to_numpy
from minigan.testing import callables
from minigan.testing.callables import Differentiable, Forward, Inputs, output_arrays, outputs_of
from minigan.testing.numerical import Estimate, NumericalDerivative, rms
from minigan.testing.random_inputs import random_like
from minigan.testing.report import ORDINALS, GradientError, Mismatch, report

DIRECTIONS = 3  # random directions for each input
DRAWS = 10  # points at kinks before giving up
NEARBY = 0.02  # how far each entry is moved away from a kink, as a share of itself, or of the others if it is 0
MAX_ERROR = 1e-5  # the largest error estimate of a usable numerical derivative, as a share of the largest derivative
NOISE = 10  # how many standard deviations a rounding error may be large
EXACT = 1e-3  # the share of the tolerance that is left where the complex step gives the numerical derivative


@dataclass(frozen=True)
class Agreement:
    """The result of a `gradcheck` that passed: always true, as PyTorch's.

    error: the largest difference of an analytical and a numerical derivative, as a share of the largest derivative.
    exact: whether all numerical derivatives came from the complex step. redrawn: how many points at kinks were left
    for others.
    """

    error: float = 0.0
    exact: bool = True
    redrawn: int = 0

    def __add__(self, other: Agreement) -> Agreement:
        error, exact = max(self.error, other.error), self.exact and other.exact
        return Agreement(error, exact, self.redrawn + other.redrawn)


class _Kink(Exception):
    """There is no derivative by the input of this name at this point."""


@dataclass(frozen=True)
class _Settings:
    rng: np.random.Generator
    eps: float
    rtol: float
    atol: float


def gradcheck(
    fn: Differentiable, inputs: Inputs, order: int = 2, seed: int = 0, eps: float = 3e-4, rtol: float = 1e-7,
    atol: float = 1e-9,
) -> Agreement:  # fmt: skip
    """Raise `GradientError` unless the gradient of `fn` is its derivative, up to an order.

        gradcheck(lambda x, w: F.tanh(F.dense(x, w)), [x, w])

    fn: takes one Tensor for each input, returns a Tensor or a tuple of them; or a Function class. What is not to be
    differentiated (labels, options, a random generator started afresh) belongs inside of it.
    inputs: float64 arrays or Tensors, or one of them; the check is made where Tensors of them live.
    order: 1 checks the gradient, 2 also the gradient of the gradient, 3 also that one's.
    seed: of the directions, cotangents and redrawn points.
    eps: the first step size, as a share of the input's root mean square (of 1 if that is 0); others are tried where its
    error estimate is too large. rtol, atol: the tolerance, relative to the largest derivative by the input, and for
    outputs of order one; a thousandth of it where the complex step gives the numerical derivative. Where terms cancel,
    their size counts, which the noise of the last digits tells, and not that of what is left of them.

    At a kink or a tie, other points are tried, their entries moved by 2 %; if all of 10 are at kinks, it raises too.
    """
    if order not in ORDINALS:
        raise ValueError(f"gradcheck: order is 1, 2 or 3, not {order!r}")
    points = [_float64_array(i, x) for i, x in enumerate(callables.input_list(inputs))]
    names, fn = callables.input_names(fn, len(points)), callables.as_callable(fn)
    with np.errstate(all="ignore"):  # a step out of fn's domain gives NaN, which is handled here
        _check_outputs(fn, points)
        return _check_nearby(fn, points, names, order, _Settings(np.random.default_rng(seed), eps, rtol, atol))


def _float64_array(i: int, x: Array | Tensor) -> Array:
    x = x.data if isinstance(x, Tensor) else np.asarray(x) if isinstance(x, np.generic) else x
    if not is_array(x) or x.dtype != np.float64:
        kind = f"{x.dtype}" if is_array(x) else type(x).__name__
        raise TypeError(
            f"gradcheck: input {i} is {kind}, but must be float64: difference quotients in fewer digits "
            "cannot tell a right gradient from a wrong one"
        )
    return Tensor(x).data


def _check_outputs(fn: Forward, points: list[Array]) -> None:
    """Raise ValueError unless fn gives finite outputs, and the same ones when it is called again."""
    outputs = output_arrays(fn, points)
    for y, again in zip(outputs, output_arrays(fn, points), strict=True):
        if not np.array_equal(to_numpy(y), to_numpy(again), equal_nan=True):
            raise ValueError(
                "gradcheck: fn gave two values for the same inputs: start its random generator inside of it, and let "
                "it keep nothing from call to call"
            )
    if not _finite(outputs):
        raise ValueError("gradcheck: fn is not finite at these inputs: choose inputs where it is defined")


def _check_nearby(fn: Forward, points: list[Array], names: list[str], order: int, settings: _Settings) -> Agreement:
    """Check at these points, or at others near by if there is a kink."""
    nearby, at_kink = points, ""
    for redrawn in range(DRAWS):
        try:
            return _check_orders(fn, nearby, names, order, settings) + Agreement(redrawn=redrawn)
        except _Kink as kink:
            at_kink = str(kink)
        magnitudes = (get_array_module(x).where(x == 0, rms(x), abs(x)) for x in points)
        pairs = zip(points, magnitudes, strict=True)
        nearby = [Tensor(x + NEARBY * m * random_like(x, settings.rng)).data for x, m in pairs]
        while not _finite(output_arrays(fn, nearby)):  # out of fn's domain: halfway back
            nearby = [Tensor((a + x) / 2).data for a, x in zip(nearby, points, strict=True)]
    raise GradientError(
        f"no derivative to compare with: at {DRAWS} points near the inputs no clear slope was seen as {at_kink} was "
        "moved. Is the function continuous, with kinks and ties at single points only, and does it keep enough digits?",
        input=at_kink,
    )


def _check_orders(fn: Forward, points: list[Array], names: list[str], order: int, settings: _Settings) -> Agreement:
    """Check the first order of fn, then that of its gradient, and so on up to an order."""
    agreement = Agreement()
    for n in range(1, order + 1):
        agreement += _check_order(fn, points, names, n, settings)
        if n < order:
            cotangents = [random_like(y, settings.rng) for y in output_arrays(fn, points)]
            of = "" if n == 1 else "the gradient's "
            names = names + [f"the cotangent of {of}output {i}" for i in range(len(cotangents))]
            fn, points = _gradient_function(fn, len(points)), points + cotangents
    return agreement


def _check_order(fn: Forward, points: list[Array], names: list[str], order: int, settings: _Settings) -> Agreement:
    """Compare the directional derivatives by one input after the other. order: what a report calls this order."""
    cotangents = [random_like(y, settings.rng) for y in output_arrays(fn, points)]
    gradients = _gradients(fn, points, cotangents, order)
    agreement = Agreement()
    for i, x in enumerate(points):
        derivative = NumericalDerivative(fn, points, i, cotangents)
        directions = [random_like(x, settings.rng) for _ in range(DIRECTIONS)]
        analytical = np.array([float((gradients[i] * v).sum()) for v in directions])

        numerical = derivative.by_differences(directions, settings.eps * rms(x))
        compared = _compared(derivative, directions, analytical, numerical, settings)
        if not compared.agree:
            # The usual step size serves nearly always. If not, the one with the smallest error estimate does; and
            # where terms cancel, a result is as exact as they are.
            derivative.measure_size()
            numerical = derivative.best_by_differences(directions, settings.eps)
            compared = _compared(derivative, directions, analytical, numerical, settings)
        if compared.kink:
            raise _Kink(names[i])
        tolerance = compared.tolerance
        if not compared.agree:
            noise = max(_noise_of_gradient(derivative, v) for v in directions)
            tolerance += min(NOISE * noise, compared.max_error + settings.atol)
        if not compared.difference <= tolerance:  # "not <=" so that NaN fails
            gradients_for = functools.partial(_gradients, fn, points, order=order)
            mismatch = Mismatch(
                derivative, analytical, compared.numerical, gradients, gradients_for, names, order, tolerance
            )
            raise report(mismatch, settings.rng)
        agreement += Agreement(compared.relative, compared.numerical.exact)
    return agreement


class _Comparison(NamedTuple):
    """Analytical beside numerical directional derivatives.

    relative: their difference, as a share of the largest derivative. max_error: with which the numerical ones are of
    use. kink: whether they are of none.
    """

    numerical: Estimate
    difference: float
    relative: float
    tolerance: float
    max_error: float
    kink: bool

    @property
    def agree(self) -> bool:
        return not self.kink and self.difference <= self.tolerance


def _compared(
    derivative: NumericalDerivative, directions: list[Array], analytical: np.ndarray, numerical: Estimate,
    settings: _Settings,
) -> _Comparison:  # fmt: skip
    """The comparison with an estimate by differences, or with the complex step where the two agree."""
    atol = settings.atol * min(1.0, derivative.size)  # outputs of 1e-13 may not be wrong by 1e-9

    def sizes(estimate: Estimate) -> tuple[float, float, float]:
        largest = float(max(np.abs(analytical).max(), np.abs(estimate.derivatives).max()))
        return largest, settings.rtol * largest + atol, MAX_ERROR * largest + atol

    largest, tolerance, max_error = sizes(numerical)
    tolerance += numerical.error
    smooth = numerical.kink_error <= max_error + 4 * numerical.rounding_error
    exact = derivative.refined(directions, numerical, tolerance) if smooth else None
    kink = exact is None and numerical.error > max_error
    if exact is not None:
        numerical = exact
        largest, tolerance, max_error = sizes(exact)
        tolerance *= EXACT
    difference = float(np.abs(analytical - numerical.derivatives).max())
    relative = difference / largest if largest > atol else 0.0
    return _Comparison(numerical, difference, relative, tolerance, max_error, kink)


def _noise_of_gradient(derivative: NumericalDerivative, direction: Array) -> float:
    """The rounding errors of the backward pass along a direction, as it was run at points near by."""

    def along(points: list[Array]) -> float:
        return float((_gradients(derivative.fn, points, derivative.cotangents)[derivative.i] * direction).sum())

    return derivative.noise_of(along)


def _gradients(fn: Forward, points: list[Array], cotangents: Sequence[Array], order: int = 1) -> list[Array]:
    """The gradient by each input from fn's backward pass."""
    inputs, outputs = callables.forward(fn, points)
    copies = [Tensor(c.copy(order="K")) for c in cotangents]
    try:
        return [dx.data for dx in _grad_or_zeros(outputs, inputs, copies, create_graph=False)]
    except GraphError as error:  # a gradient of a wrong shape, or number
        message = f"the {ORDINALS[order]}-order gradient cannot be had: {error}"
        raise GradientError(message, order, hint=str(error)) from error


def _gradient_function(fn: Forward, count: int) -> Forward:
    """The function of fn's `count` inputs and of its cotangents whose outputs are fn's gradients."""

    def gradient(*args: Tensor) -> tuple[Tensor, ...]:
        inputs, cotangents = args[:count], args[count:]
        return _grad_or_zeros(outputs_of(fn, inputs), inputs, cotangents, create_graph=True)

    return gradient


def _grad_or_zeros(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor], create_graph: bool
) -> tuple[Tensor, ...]:
    gradients = grad(outputs, inputs, cotangents, create_graph=create_graph, allow_unused=True)
    pairs = zip(inputs, gradients, strict=True)
    return tuple(Tensor(get_array_module(x.data).zeros_like(x.data)) if dx is None else dx for x, dx in pairs)


def _finite(arrays: list[Array]) -> bool:
    return all(bool(get_array_module(y).isfinite(y).all()) for y in arrays)
