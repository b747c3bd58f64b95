"""Is the gradient that was written by hand the derivative of the forward pass?

Along a random line through the inputs, contracted with a random cotangent, a function has one slope.
It is known twice: from the backward pass, as ⟨gradient, direction⟩, and from values of the forward
pass alone (`slopes`). Direction and cotangent have no entry near zero, so that no entry of the
gradient goes unseen. (A cotangent of ones would see nothing of BatchNorm: its outputs always add up
to the same number.)

The gradient of the gradient is checked as the gradient of the function (x, c) ↦ grad of f at x for c,
and the third order as that function's in its turn.

At a kink or a tie there is no derivative to compare with, and a subgradient may agree or not by luck:
such points are found out, and others are drawn nearby.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minigan.autograd import GraphError, Tensor, grad
from minigan.backend import Array, device_of, get_array_module, is_array, to_device, to_numpy
from minigan.testing.report import ORDINALS, GradientError, Wrong, report
from minigan.testing.slopes import Lines
from minigan.testing.target import callable_of, called, input_names, outputs_of, values

DIRECTIONS = 3  # along how many lines each input is moved
DRAWS = 10  # at how many points a kink is met before giving up
NEARBY = 0.02  # how far each entry is moved away from a kink, as a share of itself, or of the others if it is 0
CLEAR = 1e-5  # a slope that may be off by more than this share of the steepest is none to compare with
EXACT = 1e-3  # by what the tolerance shrinks where the complex step gives the slope


@dataclass(frozen=True)
class Agreement:
    """What a `gradcheck` that passed has found: always true, as PyTorch's.

    error: the largest difference of two slopes, as a share of the steepest. exact: whether all expected slopes
    were known to the last digits, by the complex step. redrawn: how many points at kinks were left for others.
    """

    error: float = 0.0
    exact: bool = True
    redrawn: int = 0

    def __add__(self, other: Agreement) -> Agreement:
        error, exact = max(self.error, other.error), self.exact and other.exact
        return Agreement(error, exact, self.redrawn + other.redrawn)


class _Kink(Exception):
    """At this point there is no derivative by the input of this name."""


@dataclass(frozen=True)
class _Settings:
    eps: float
    rtol: float
    atol: float


def gradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    order: int = 2,
    seed: int = 0,
    eps: float = 3e-4,
    rtol: float = 1e-7,
    atol: float = 1e-9,
) -> Agreement:
    """Raise `GradientError` unless the gradient of `fn` is its derivative, up to an order.

        gradcheck(lambda x, w: F.tanh(F.dense(x, w)), [x, w])

    fn: takes one Tensor for each input, returns a Tensor or a tuple of them; or a Function class. What
    is not to be differentiated (labels, options, a random generator started afresh) belongs inside of
    it. inputs: float64 arrays or Tensors, or one of them; the check is made where Tensors of them live.
    order: 1 checks the gradient, 2 also the gradient of the gradient, 3 also that one's. seed: of the
    directions, cotangents and redrawn points.
    eps: how far each entry is moved at first, as a share of its input's root mean square (of 1 if that
    is 0); where no clear slope is seen so, other steps are tried, down to 1e-7 of it. rtol, atol: what
    slopes may differ by, relative to the steepest found for the input, and for outputs of order one; a
    thousandth of that where the complex step gives the expected slope to its last digits.

    Where `fn` has a kink or a tie, the check is made at another point, its entries moved by 2 %; if all
    of 10 such points are at kinks, it raises too.
    """
    if order not in ORDINALS:
        raise ValueError(f"gradcheck: order is 1, 2 or 3, not {order!r}")
    inputs = [inputs] if isinstance(inputs, (Tensor, np.generic)) or is_array(inputs) else list(inputs)
    points = [_checked(i, x) for i, x in enumerate(inputs)]
    names, fn = input_names(fn, len(points)), callable_of(fn)
    with np.errstate(all="ignore"):  # a step beyond the edge of fn's domain is seen, and said, here
        return _checked_at(points, names, fn, order, np.random.default_rng(seed), _Settings(eps, rtol, atol))


def _checked(i: int, x: Any) -> Array:
    x = x.data if isinstance(x, Tensor) else np.asarray(x) if isinstance(x, np.generic) else x
    if not is_array(x) or x.dtype != np.float64:
        found = f"{x.dtype}" if is_array(x) else type(x).__name__
        raise TypeError(
            f"gradcheck: input {i} is {found}, but must be float64: difference quotients in fewer digits "
            "cannot tell a right gradient from a wrong one"
        )
    return Tensor(x).data


def _checked_at(points: list, names: list, fn: Callable, order: int, rng: Any, settings: _Settings) -> Agreement:
    """Check at these points, or at others nearby if there is a kink."""
    first, again = values(fn, points), values(fn, points)
    if any(not np.array_equal(to_numpy(y), to_numpy(z), equal_nan=True) for y, z in zip(first, again, strict=True)):
        raise ValueError(
            "gradcheck: fn gave two values for the same inputs: start its random generator inside of it, and let it "
            "keep nothing from call to call"
        )
    if not _finite(first):
        raise ValueError("gradcheck: fn is not finite at these inputs: choose inputs where it is defined")
    here = points
    for redrawn in range(DRAWS):
        try:
            return _to_order(order, fn, here, names, rng, settings) + Agreement(redrawn=redrawn)
        except _Kink as kink:
            met = str(kink)
        here = [x + NEARBY * _reach(x) * _random_like(x, rng) for x in points]
        while not _finite(values(fn, here)):  # out of fn's domain: halfway back
            here = [(a + x) / 2 for a, x in zip(here, points, strict=True)]
    raise GradientError(
        f"no derivative to compare with: at {DRAWS} points near the inputs no clear slope was seen as {met} was "
        "moved. Is the function continuous, with kinks and ties at single points only, and does it keep enough digits?",
        input=met,
    )


def _to_order(order: int, fn: Callable, points: list, names: list, rng: Any, settings: _Settings) -> Agreement:
    agreement = Agreement()
    for n in range(1, order + 1):
        agreement += _compare(fn, points, names, n, rng, settings)
        if n < order:
            cotangents = [_random_like(y, rng) for y in values(fn, points)]
            of = "" if n == 1 else "the gradient's "
            names = names + [f"the cotangent of {of}output {i}" for i in range(len(cotangents))]
            fn, points = _gradient_of(fn, len(points)), points + cotangents
    return agreement


def _gradient_of(fn: Callable, count: int) -> Callable:
    """The function of `count` inputs and fn's cotangents whose values are fn's gradients."""

    def gradient(*args: Tensor) -> tuple[Tensor, ...]:
        inputs, cotangents = args[:count], args[count:]
        return _grad_or_zeros(outputs_of(fn, inputs), inputs, cotangents, create_graph=True)

    return gradient


def _grad_or_zeros(outputs: Iterable, inputs: Iterable, cotangents: Iterable, create_graph: bool) -> tuple[Tensor, ...]:
    gradients = grad(outputs, inputs, cotangents, create_graph=create_graph, allow_unused=True)
    return tuple(Tensor(_zeros_like(x.data)) if dx is None else dx for x, dx in zip(inputs, gradients, strict=True))


def backward(fn: Callable, points: list[Array], cotangents: list[Array], order: int = 1) -> list[Array]:
    """What fn's backward pass gives for these cotangents."""
    inputs, outputs = called(fn, points)
    copies = [Tensor(c.copy(order="K")) for c in cotangents]
    try:
        return [dx.data for dx in _grad_or_zeros(outputs, inputs, copies, create_graph=False)]
    except GraphError as error:  # a gradient of a wrong shape, or number
        message = f"the {ORDINALS[order]}-order gradient cannot be had: {error}"
        raise GradientError(message, order, hint=str(error)) from error


def _compare(
    fn: Callable, points: list[Array], names: list[str], order: int, rng: Any, settings: _Settings
) -> Agreement:
    """Compare the slopes of fn along random lines with those its backward pass gives, moving one input at a time."""
    cotangents = [_random_like(y, rng) for y in values(fn, points)]
    gradients = backward(fn, points, cotangents, order)
    agreement = Agreement()
    for i, x in enumerate(points):
        lines = Lines(fn, points, i, cotangents)
        directions = [_random_like(x, rng) for _ in range(DIRECTIONS)]
        found = np.array([float((gradients[i] * v).sum()) for v in directions])
        floor = settings.atol * min(1.0, lines.size)  # outputs of 1e-13 may not be off by 1e-9

        def tolerance(look: _Look, found: np.ndarray = found, floor: float = floor) -> float:
            return settings.rtol * look.steepest(found) + floor

        look = _look(lines, directions, settings.eps * _scale(x))
        if not (look.doubt <= CLEAR * look.steepest(found) + floor and look.error(found) <= tolerance(look)):
            # The usual step serves nearly always. If not, the one with the least doubt does.
            look = min((_look(lines, directions, h) for h in _steps(x, settings.eps)), key=lambda look: look.doubt)
        off = look.doubt + tolerance(look)
        exact = None
        if look.jump <= CLEAR * look.steepest(found) + floor + 4 * look.rounding:
            exact = _exact(lines, directions, look, off)
        if exact is None and look.doubt > CLEAR * look.steepest(found) + floor:
            raise _Kink(names[i])
        if exact is not None:
            look, off = exact, tolerance(exact) * EXACT
        if not look.error(found) <= off:  # "not <=" so that NaN fails
            wrong = Wrong(lines, i, gradients, names, order, look.h, exact is not None, off)
            raise report(wrong, found, look.slopes, lambda dys: backward(fn, points, dys), rng)
        steepest = look.steepest(found)
        agreement += Agreement(look.error(found) / steepest if steepest > floor else 0.0, exact is not None)
    return agreement


class _Look(NamedTuple):
    """The slopes along some lines, as a step h shows them, and by how much they may be off."""

    h: float
    slopes: np.ndarray
    jump: float = 0.0
    rounding: float = 0.0

    @property
    def doubt(self) -> float:
        doubt = self.jump + self.rounding
        return doubt if np.isfinite(doubt) else np.inf

    def steepest(self, found: np.ndarray) -> float:
        return float(max(np.abs(found).max(), np.abs(self.slopes).max()))

    def error(self, found: np.ndarray) -> float:
        return float(np.abs(found - self.slopes).max())


def _look(lines: Lines, directions: list[Array], h: float) -> _Look:
    slopes = [lines.by_differences(v, h) for v in directions]
    return _Look(h, np.array([s.value for s in slopes]), max(s.jump for s in slopes), max(s.rounding for s in slopes))


def _exact(lines: Lines, directions: list[Array], look: _Look, off: float) -> _Look | None:
    """The slopes to the last digits, if the complex step knows them: it must agree with the differences."""
    digits = [lines.by_complex_step(v) for v in directions]
    if any(d is None for d in digits) or not np.abs(np.array(digits) - look.slopes).max() <= off:
        return None
    return _Look(look.h, np.array(digits))


def _steps(x: Array, eps: float) -> Iterator[float]:
    """How far to move x, the usual first: then smaller, for kinks near by, and larger, for want of digits."""
    scale = _scale(x)
    yield eps * scale
    for n in range(1, 8):
        yield eps * scale * 10.0**-n
    h = eps * scale * 10
    while h <= 100 * eps * max(scale, 1.0):
        yield h
        h *= 10


# --- arrays --------------------------------------------------------------------------------------


def _scale(x: Array) -> float:
    """The root mean square of x's entries, or 1 if that is 0."""
    return (float((x * x).mean()) ** 0.5 if x.size else 0.0) or 1.0


def _reach(x: Array) -> Array:
    """How large each entry is; of those that are 0, how large the others are."""
    return get_array_module(x).where(x == 0, _scale(x), abs(x))


def _finite(outputs: list[Array]) -> bool:
    return all(bool(get_array_module(y).isfinite(y).all()) for y in outputs)


def _random_like(x: Array, rng: np.random.Generator) -> Array:
    """Random numbers of absolute value ½ to 1 in x's shape, device and order of memory."""
    drawn = rng.uniform(0.5, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    result = _zeros_like(x)
    result[...] = to_device(drawn, device_of(x))
    return result


def _zeros_like(x: Array) -> Array:
    return get_array_module(x).zeros_like(x)
