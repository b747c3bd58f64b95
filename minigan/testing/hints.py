"""What mistake a wrong gradient looks like.

Each suspect below is a small function that looks at the evidence, the gradient as found and as
expected, and says what it sees, or nothing. The first that speaks is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from math import prod

import numpy as np

Shape = tuple[int, ...]

CLOSE = 1e-5  # two gradients are taken for equal if no entry differs by more, as a share of the largest


@dataclass(frozen=True)
class Evidence:
    """found, expected: the gradient by one input, from backward and from forward; whole, or some of its entries.
    order: of the derivative. name: the input's. shapes: all inputs'. cotangents: what it was contracted with.
    again: the same two gradients for other cotangents. others: what backward gives for the other inputs."""

    found: np.ndarray
    expected: np.ndarray
    whole: bool
    order: int
    name: str
    shapes: Sequence[Shape]
    cotangents: list[np.ndarray]
    again: Callable[[list[np.ndarray]], tuple[np.ndarray, np.ndarray]]
    others: dict[str, np.ndarray]


def hint(evidence: Evidence) -> str:
    """What the mistake looks like; an empty text if it looks like none that is known."""
    suspects = SUSPECTS + SUSPECTS_OF_THE_WHOLE * evidence.whole
    seen = next((said for suspect in suspects if (said := suspect(evidence))), "")
    return "\n  hint: ".join(filter(None, [seen, _of_higher_order(evidence)]))


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.abs(a - b).max(initial=0.0) <= CLOSE * np.abs(b).max(initial=0.0))


# --- the suspects --------------------------------------------------------------------------------


def not_finite(e: Evidence) -> str | None:
    """NaN or infinite entries."""
    bad = int((~np.isfinite(e.found)).sum())
    if bad:
        return f"{bad} of {e.found.size} entries are NaN or infinite: is there a division by 0, or a logarithm of it?"
    return None


def nothing_arrives(e: Evidence) -> str | None:
    """Zero everywhere."""
    if e.found.any():
        return None
    if e.order > 1:
        return "nothing arrives in this order"
    return (
        "no gradient arrives at all: did backward return None, or did something on the way use .data, detach() or "
        "no_grad?"
    )


def a_factor(e: Evidence) -> str | None:
    """The same factor everywhere: a sign, 2, or a number of entries."""
    square = float((e.expected * e.expected).sum())
    factor = float((e.found * e.expected).sum()) / square if square else 0.0
    if not factor or abs(factor - 1) < CLOSE or not _close(e.found / factor, e.expected):
        return None
    if abs(factor + 1) < CLOSE:
        return "every entry has the opposite sign: a minus is missing, or there is one too many"
    known = _known_factor(abs(factor), e.shapes)
    if not known and e.found.size < 2:  # a single number always differs by a factor
        return None
    sign = "has the opposite sign and " if factor < 0 else ""
    return f"your gradient {sign}is {known or f'{abs(factor):.6g} times what it should be: a factor is wrong'}"


def moved(e: Evidence) -> str | None:
    """The right numbers in the wrong places."""
    axes = range(e.expected.ndim)
    for order in permutations(axes):
        if order != tuple(axes) and _close(e.found, e.expected.transpose(order)):
            return (
                f"these are the right numbers with the axes in the order {order}: a transpose is missing, or too much"
            )
    for some in _subsets(axes):
        if _close(e.found, np.flip(e.expected, some)):
            return f"these are the right numbers, backwards along {_axes(some)}: a flip is missing, or too much"
    for axis in axes:
        if e.expected.shape[axis] > 2:
            f, x = np.moveaxis(e.found, axis, 0), np.moveaxis(e.expected, axis, 0)
            for steps, one, other in ((1, f[1:], x[:-1]), (-1, f[:-1], x[1:])):
                if other.any() and _close(one, other):
                    return (
                        f"these are the right numbers, {steps:+d} place along axis {axis}: a crop or a padding is off "
                        "by one"
                    )
    return None


def cotangent_unused(e: Evidence) -> str | None:
    """A gradient that is not linear in dy."""
    if e.order > 1:
        return None
    twice, _ = e.again([2 * c for c in e.cotangents])
    if _close(twice, e.found):
        return "it is the same whatever cotangent dy comes in: the gradient must be multiplied by dy"
    if not _close(twice, 2 * e.found):
        return "it does not double when the cotangent dy does: backward must be linear in dy"
    return None


def wrong_axis(e: Evidence) -> str | None:
    """Where the gradient of a single output lands."""
    if e.order > 1:
        return None
    one_hot = [np.zeros(np.shape(c)) for c in e.cotangents]
    largest = max(one_hot, key=np.size)
    if largest.size < 2:
        return None
    # An output off all diagonals: on one, an axis taken for another is not seen.
    largest[tuple(min(axis, n - 1) for axis, n in enumerate(largest.shape))] = 1.0
    found, expected = map(_places, e.again(one_hot))
    along_found, along_expected = _spread(found), _spread(expected)
    if set(along_found) < set(along_expected):
        lost = tuple(sorted(set(along_expected) - set(along_found)))
        question = f"is a term missing that is summed or averaged along {_axes(lost)}, such as − mean(dy)?"
    else:
        question = "was the wrong axis summed, or repeated?"
    if along_found != along_expected:
        return (
            f"the gradient of a single output spreads {_over(along_found)} of the input, but forward mixes "
            f"{_over(along_expected)}: {question}"
        )
    if found.any() and expected.any() and not (found & expected).any():
        return f"the gradient of a single output lands where forward did not read it from: {question}"
    return None


def of_another_input(e: Evidence) -> str | None:
    """The right numbers, for another input."""
    for other, gradient in e.others.items():
        if "cotangent" not in other and e.expected.any() and _close(gradient, e.expected):
            return f"this is what backward returns for {other}: are the two in the wrong order?"
    return None


def at_the_border(e: Evidence) -> str | None:
    """Right everywhere but in the first or the last place along an axis, and wrong all over that."""
    wrong = np.abs(e.found - e.expected) > CLOSE * np.abs(e.expected).max(initial=0.0)
    for axis, n in enumerate(wrong.shape):
        places = np.unique(np.nonzero(wrong)[axis])
        if n > 2 and len(places) == 1 and places[0] in (0, n - 1):
            there = wrong.take(places[0], axis)
            if there.size > 1 and there.mean() > 0.5:
                where = "first" if places[0] == 0 else "last"
                return f"only the {where} place along axis {axis} is wrong: is a crop, a padding or a slice off by one?"
    return None


def a_sum_is_missing(e: Evidence) -> str | None:
    """What is lacking is the same number all along some axes."""
    lacking = e.expected - e.found
    for some in sorted(_subsets(range(lacking.ndim)), key=len, reverse=True):
        if (
            prod(lacking.shape[a] for a in some) > 1
            and np.ptp(lacking, axis=some).max() <= CLOSE * np.abs(lacking).max()
        ):
            return (
                f"what is lacking is the same number all along {_axes(some)}: a term that is summed or averaged over "
                "it, such as − mean(dy), is missing or wrong"
            )
    return None


def _of_higher_order(e: Evidence) -> str:
    """What is behind most mistakes in second order that are none in first."""
    if e.order == 1:
        return ""
    what = "dy" if "cotangent" in e.name else e.name
    return (
        "the order before was right, so its value is, but backward seems to use a constant (a raw array, .data, "
        f"detach(), a number saved by save_constants) where it needs a Tensor that depends on {what}: write it with "
        "saved_tensors and functions of the engine"
    )


SUSPECTS = (not_finite, nothing_arrives, cotangent_unused, a_factor)
SUSPECTS_OF_THE_WHOLE = (of_another_input, moved, wrong_axis, at_the_border, a_sum_is_missing)


# --- words ---------------------------------------------------------------------------------------


def _known_factor(size: float, shapes: Sequence[Shape]) -> str | None:
    """What a gradient is that is so many times too large, if that is a factor one forgets."""
    large, small = _length(size, shapes), _length(1 / size, shapes)
    if large:
        n, what = large
        or_else = " (Or is one path counted twice?)" if n == 2 else f" (Or is something counted {n} times?)"
        return f"{n} times too large, N = {n} being {what}: did the mean's 1/N get lost?{or_else}"
    if small:
        n, what = small
        or_else = f" (Or was a factor of {n} forgotten, as of {'a square' if n == 2 else 'a power'}?)"
        return f"{n} times too small, N = {n} being {what}: is a 1/N too much?{or_else}"
    if abs(size - 2) < CLOSE:
        return "twice what it should be: is one path counted twice, or a ½ lost?"
    if abs(size - 0.5) < CLOSE:
        return "half of what it should be: was a factor of 2, a square's, forgotten?"
    return None


def _length(number: float, shapes: Sequence[Shape]) -> tuple[int, str] | None:
    """If a number is how many entries lie along some axes of an input: how many, and in words."""
    n = round(number)
    if n < 2 or abs(number - n) > CLOSE * n:
        return None
    for i, shape in enumerate(shapes):
        for some in _subsets(range(len(shape))):
            if prod(shape[a] for a in some) == n:
                whole = len(some) == len(shape)
                return (
                    n,
                    f"the number of entries of input {i}" if whole else f"the length of input {i} along {_axes(some)}",
                )
    return None


def _subsets(axes: range) -> Iterator[tuple[int, ...]]:
    return (some for size in range(1, len(axes) + 1) for some in combinations(axes, size))


def _places(gradient: np.ndarray) -> np.ndarray:
    """Where it is not zero."""
    return np.abs(gradient) > CLOSE * np.abs(gradient).max(initial=0.0)


def _spread(places: np.ndarray) -> tuple[int, ...]:
    """Along which axes there is more than one place."""
    return tuple(axis for axis, at in enumerate(np.nonzero(places)) if len(np.unique(at)) > 1)


def _axes(some: Sequence[int]) -> str:
    return f"axis {some[0]}" if len(some) == 1 else f"axes {', '.join(map(str, some))}"


def _over(some: tuple[int, ...]) -> str:
    return f"along {_axes(some)}" if some else "along no axis"
