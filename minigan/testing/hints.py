"""What mistake a wrong gradient looks like.

Each hypothesis below is a function of the wrong gradient beside the numerical one: a sentence if the mistake that it
is about would give these numbers, else None. The first that fits becomes the hint of the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations
from math import prod

import numpy as np

from minigan.testing.random_inputs import Shape

OUTPUTS = 64  # of how many outputs the derivatives are looked at one by one
CLOSE = 1e-5  # two gradients are taken for equal if no entry differs by more, as a share of the largest


@dataclass(frozen=True)
class WrongGradient:
    """What a hypothesis is about.

    analytical, numerical: the gradient by one input from the backward pass, and the right one from the forward pass;
    for_cotangents gives both for other cotangents. whole: whether all of its entries are there; if not, some of them,
    in one axis. order: of the gradient. name: of the input. shapes: of all inputs. others: the analytical gradients.
    """

    analytical: np.ndarray
    numerical: np.ndarray
    whole: bool
    order: int
    name: str
    shapes: Sequence[Shape]
    cotangents: list[np.ndarray]
    for_cotangents: Callable[[list[np.ndarray]], tuple[np.ndarray, np.ndarray]]
    others: dict[str, np.ndarray]

    @cached_property
    def jacobians(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The derivative of each output by each entry of the input, analytical and numerical; None if too many."""
        if self.order > 1 or not 1 < sum(c.size for c in self.cotangents) <= OUTPUTS:
            return None
        rows = []
        for i, cotangent in enumerate(self.cotangents):
            for k in range(cotangent.size):
                one_hot = [np.zeros_like(c) for c in self.cotangents]
                one_hot[i].flat[k] = 1.0
                rows.append([gradient.ravel() for gradient in self.for_cotangents(one_hot)])
        analytical, numerical = map(np.stack, zip(*rows, strict=True))
        return analytical, numerical


def hint(gradient: WrongGradient) -> str:
    """What the mistake looks like; an empty text if no hypothesis fits."""
    hypotheses = HYPOTHESES + HYPOTHESES_ON_WHOLE_GRADIENTS * gradient.whole
    first = next((sentence for hypothesis in hypotheses if (sentence := hypothesis(gradient))), "")
    return "\n  hint: ".join(filter(None, [first, _of_higher_order(gradient)]))


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.abs(a - b).max(initial=0.0) <= CLOSE * np.abs(b).max(initial=0.0))


def not_finite(g: WrongGradient) -> str | None:
    """Some entries are NaN or infinite."""
    bad = int((~np.isfinite(g.analytical)).sum())
    what = f"{bad} of {g.analytical.size} entries are NaN or infinite"
    return f"{what}: is there a division by 0, or a logarithm of it?" if bad else None


def all_zero(g: WrongGradient) -> str | None:
    """The gradient is zero everywhere."""
    if g.analytical.any():
        return None
    ways = "did backward return None, or did something on the way use .data, detach() or no_grad?"
    return "nothing arrives in this order" if g.order > 1 else f"no gradient arrives at all: {ways}"


def constant_factor(g: WrongGradient) -> str | None:
    """Every entry is wrong by the same factor: a sign, 2, or a number of entries."""
    square = float((g.numerical * g.numerical).sum())
    factor = float((g.analytical * g.numerical).sum()) / square if square else 0.0
    if not factor or abs(factor - 1) < CLOSE or not _close(g.analytical / factor, g.numerical):
        return None
    if abs(factor + 1) < CLOSE:
        return "every entry has the opposite sign: a minus is missing, or there is one too many"
    known = _known_factor(abs(factor), g.shapes)
    if not known and np.count_nonzero(g.numerical) < 2:  # a single number always differs by a factor
        return None
    sign = "has the opposite sign and " if factor < 0 else ""
    return f"your gradient {sign}is {known or f'{abs(factor):.6g} times what it should be: a factor is wrong'}"


def rearranged(g: WrongGradient) -> str | None:
    """The numbers are right, but transposed, flipped or shifted."""
    axes = range(g.numerical.ndim)
    for order in permutations(axes):
        if order != tuple(axes) and _close(g.analytical, g.numerical.transpose(order)):
            return f"these are the right numbers with axes in the order {order}: a transpose is missing, or too much"
    for some in _subsets(axes):
        if _close(g.analytical, np.flip(g.numerical, some)):
            return f"these are the right numbers, backwards along {_axes(some)}: a flip is missing, or too much"
    for axis in axes:
        if g.numerical.shape[axis] > 2:
            f, x = np.moveaxis(g.analytical, axis, 0), np.moveaxis(g.numerical, axis, 0)
            for steps, one, other in ((1, f[1:], x[:-1]), (-1, f[:-1], x[1:])):
                if other.any() and _close(one, other):
                    moved = f"{steps:+d} place along axis {axis}"
                    return f"these are the right numbers, {moved}: a crop or a padding is off by one"
    return None


def not_linear_in_cotangent(g: WrongGradient) -> str | None:
    """The gradient does not depend on dy, or is not linear in it."""
    if g.order > 1:
        return None
    twice, _ = g.for_cotangents([2 * c for c in g.cotangents])
    if _close(twice, g.analytical):
        return "it is the same whatever cotangent dy comes in: the gradient must be multiplied by dy"
    if not _close(twice, 2 * g.analytical):
        return "it does not double when the cotangent dy does: backward must be linear in dy"
    return None


def wrong_axis(g: WrongGradient) -> str | None:
    """The gradient of a single output goes to other entries of the input than forward reads it from."""
    if g.order > 1:
        return None
    one_hot = [np.zeros_like(c) for c in g.cotangents]
    largest = max(one_hot, key=lambda c: c.size)
    if largest.size < 2:
        return None
    # An output off all diagonals: on one, an axis taken for another is not seen.
    largest[tuple(min(axis, n - 1) for axis, n in enumerate(largest.shape))] = 1.0
    analytical, numerical = map(_nonzero, g.for_cotangents(one_hot))
    spread, right = _spread(analytical), _spread(numerical)
    question = "was the wrong axis summed, or repeated?"
    if set(spread) < set(right):
        lost = sorted(set(right) - set(spread))
        question = f"is a term missing that is summed or averaged along {_axes(lost)}, such as - mean(dy)?"
    if spread != right:
        wrong, mixed = _along(spread), _along(right)
        return f"the gradient of a single output spreads {wrong} of the input, but forward mixes {mixed}: {question}"
    if analytical.any() and numerical.any() and not (analytical & numerical).any():
        return f"the gradient of a single output lands where forward did not read it from: {question}"
    return None


def transposed_matrix(g: WrongGradient) -> str | None:
    """Backward multiplies dy by forward's matrix of derivatives, and not by its transpose."""
    jacobians = g.jacobians
    if jacobians is None or not _close(jacobians[0], jacobians[1].T):
        return None
    return (
        "backward applies to dy what forward applies to the input, and must apply its transpose: dy @ w.T where "
        "forward is x @ w, a running sum from the end where forward's is from the start"
    )


def missing_uses(g: WrongGradient) -> str | None:
    """An entry that several outputs use gets the gradient of some of them."""
    jacobians = g.jacobians
    if jacobians is None:
        return None
    analytical, numerical = jacobians
    kept = _nonzero(analytical)
    missing = ~kept & _nonzero(numerical)
    some_of_each = not (missing.any(axis=0) & ~kept.any(axis=0)).any()
    if not (missing.any() and some_of_each and _close(np.where(missing, numerical, analytical), numerical)):
        return None
    return (
        "where forward uses an entry for several outputs, backward keeps the gradient of some of them: add all of "
        "them up (of a repeated index, np.add.at; of a broadcast or a running sum, a sum)"
    )


def of_another_input(g: WrongGradient) -> str | None:
    """The gradient is that of another input."""
    for other, gradient in g.others.items():
        if "cotangent" not in other and g.numerical.any() and _close(gradient, g.numerical):
            return f"this is what backward returns for {other}: are the two in the wrong order?"
    return None


def at_an_edge(g: WrongGradient) -> str | None:
    """Only the first or the last place along an axis is wrong, and most of its entries are."""
    wrong = np.abs(g.analytical - g.numerical) > CLOSE * np.abs(g.numerical).max(initial=0.0)
    for axis, n in enumerate(wrong.shape):
        places = np.unique(np.nonzero(wrong)[axis])
        if n > 2 and len(places) == 1 and places[0] in (0, n - 1):
            there = wrong.take(places[0], axis)
            if there.size > 1 and there.mean() > 0.5:
                where = "first" if places[0] == 0 else "last"
                return f"only the {where} place along axis {axis} is wrong: is a crop, a padding or a slice off by one?"
    return None


def missing_sum(g: WrongGradient) -> str | None:
    """The difference is the same number all along some axes."""
    lacking = g.numerical - g.analytical
    for some in sorted(_subsets(range(lacking.ndim)), key=len, reverse=True):
        entries = prod(lacking.shape[a] for a in some)
        if entries > 1 and np.ptp(lacking, axis=some).max() <= CLOSE * np.abs(lacking).max():
            term = "a term that is summed or averaged over it, such as - mean(dy), is missing or wrong"
            return f"what is lacking is the same number all along {_axes(some)}: {term}"
    return None


def _of_higher_order(g: WrongGradient) -> str:
    """The second hint for higher orders: the cause of most mistakes that the first order does not have."""
    if g.order == 1:
        return ""
    what = "dy" if "cotangent" in g.name else g.name
    return (
        "the order before was right, so its value is, but backward seems to use a constant (a raw array, .data, "
        f"detach(), a number saved by save_constants) where it needs a Tensor that depends on {what}: write it with "
        "saved_tensors and functions of the engine"
    )


HYPOTHESES = (not_finite, all_zero, not_linear_in_cotangent, constant_factor)
HYPOTHESES_ON_WHOLE_GRADIENTS = (
    of_another_input, rearranged, transposed_matrix, missing_uses, wrong_axis, at_an_edge, missing_sum,
)  # fmt: skip


def _known_factor(size: float, shapes: Sequence[Shape]) -> str | None:
    """A sentence about a wrong factor of this size, if it is one that is easily forgotten."""
    if large := _entries_along(size, shapes):
        n, what = large
        or_else = " (Or is one path counted twice?)" if n == 2 else f" (Or is something counted {n} times?)"
        return f"{n} times too large, N = {n} being {what}: did the mean's 1/N get lost?{or_else}"
    if small := _entries_along(1 / size, shapes):
        n, what = small
        or_else = f" (Or was a factor of {n} forgotten, as of {'a square' if n == 2 else 'a power'}?)"
        return f"{n} times too small, N = {n} being {what}: is a 1/N too much?{or_else}"
    if abs(size - 2) < CLOSE:
        return "twice what it should be: is one path counted twice, or a ½ lost?"
    if abs(size - 0.5) < CLOSE:
        return "half of what it should be: was a factor of 2, a square's, forgotten?"
    return None


def _entries_along(number: float, shapes: Sequence[Shape]) -> tuple[int, str] | None:
    """If a number is how many entries an input has along some axes: it, rounded, and those axes in words."""
    n = round(number)
    if n < 2 or abs(number - n) > CLOSE * n:
        return None
    for i, shape in enumerate(shapes):
        for some in _subsets(range(len(shape))):
            if prod(shape[a] for a in some) == n:
                whole, part = f"the number of entries of input {i}", f"the length of input {i} along {_axes(some)}"
                return n, whole if len(some) == len(shape) else part
    return None


def _subsets(axes: range) -> Iterator[Shape]:
    return (some for size in range(1, len(axes) + 1) for some in combinations(axes, size))


def _nonzero(gradient: np.ndarray) -> np.ndarray:
    return np.abs(gradient) > CLOSE * np.abs(gradient).max(initial=0.0)


def _spread(nonzero: np.ndarray) -> tuple[int, ...]:
    """The axes along which there is more than one nonzero entry."""
    return tuple(axis for axis, at in enumerate(np.nonzero(nonzero)) if len(np.unique(at)) > 1)


def _axes(some: Sequence[int]) -> str:
    return f"axis {some[0]}" if len(some) == 1 else f"axes {', '.join(map(str, some))}"


def _along(some: Sequence[int]) -> str:
    return f"along {_axes(some)}" if some else "along no axis"
