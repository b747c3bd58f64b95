"""Hypothesis strategies for tests of one's own functions and layers: arrays, shapes, convolutions, whole calls.

    from hypothesis import given
    from minigan.testing import gradcheck, strategies as mst

    @given(mst.arrays(kind="positive"))
    def test_my_logarithm(x):
        gradcheck(my_log, x)

What is drawn is described in `minigan.testing.random_inputs`; here each of its functions becomes a strategy. Sizes and
options are Hypothesis' integers, so a failing example shrinks: few axes, short ones, no padding, stride 1. Numbers come
from one NumPy generator with a drawn seed: an array shrinks in shape, and its numbers stay random, of two decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from minigan.extras import install_command
from minigan.renamed import renamed_in
from minigan.testing import random_inputs
from minigan.testing.cases import CASES, FunctionCall
from minigan.testing.random_inputs import RNG, Shape

try:
    from hypothesis import settings
    from hypothesis import strategies as st
    from hypothesis.strategies import DrawFn, SearchStrategy
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"minigan.testing.strategies needs Hypothesis: {install_command('test')}", name=error.name
    ) from error

__all__ = [
    "HypothesisRNG", "array_shapes", "arrays", "axes_of", "calls", "convolutions", "from_rng",
    "mutually_broadcastable_shapes", "paddings", "register_profiles", "several_arrays", "transposed_convolutions",
]  # fmt: skip

T = TypeVar("T")
KINDS = ("normal", "positive", "probability", "distinct")


class HypothesisRNG:
    """An `RNG` inside of a composite strategy, for the functions of `random_inputs`.

        @st.composite
        def images_and_window(draw):
            rng = HypothesisRNG(draw)
            return random_inputs.normal(rng, 1, 1, 4, 4), random_inputs.integer(rng, 1, 3)

    Integers are drawn by Hypothesis; numbers come from a NumPy generator whose seed it draws.
    """

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw

    def integers(self, low: int, high: int, /) -> int:
        """A whole number of low … high − 1; it shrinks towards 0, or else the bound next to it."""
        return self._draw(st.integers(low, high - 1))

    def standard_normal(self, size: Shape, /) -> np.ndarray:
        return self._numpy.standard_normal(size)

    def uniform(self, low: float, high: float, size: Shape, /) -> np.ndarray:
        return self._numpy.uniform(low, high, size)

    def permutation(self, count: int, /) -> np.ndarray:
        return self._numpy.permutation(count)

    @cached_property
    def _numpy(self) -> np.random.Generator:
        return np.random.default_rng(self._draw(st.integers(0, 2**16)))


def from_rng(function: Callable[..., T], *arguments: Any, **options: Any) -> SearchStrategy[T]:
    """The strategy of what `function(rng, *arguments, **options)` returns, as the functions of `random_inputs` do.

    from_rng(random_inputs.shape, min_dims=2)
    """

    @st.composite
    def drawn(draw: DrawFn) -> T:
        return function(HypothesisRNG(draw), *arguments, **options)

    return drawn()


# Each takes what the function of `random_inputs` takes beside rng.
array_shapes = partial(from_rng, random_inputs.shape)
mutually_broadcastable_shapes = partial(from_rng, random_inputs.broadcastable_shapes)
paddings = partial(from_rng, random_inputs.padding)
convolutions = partial(from_rng, random_inputs.convolution)
transposed_convolutions = partial(from_rng, random_inputs.transposed_convolution)


def axes_of(shape: Shape) -> SearchStrategy[int | tuple[int, ...] | None]:
    """What a reduction of this shape takes as axis: None, a number, or a tuple, some counted from the end."""
    return from_rng(random_inputs.axes, len(shape))


def arrays(
    shape: int | Shape | SearchStrategy[int | Shape] | None = None, kind: str = "normal", dtype: DTypeLike = "float64"
) -> SearchStrategy[np.ndarray]:
    """Arrays of one kind of numbers, rounded to be read.

    shape: a shape, a length, or a strategy of shapes (default: `array_shapes()`). kind: "normal"; "positive", 0.5 … 2;
    "probability", 0.1 … 0.9; "distinct", no two equal and none near 0, for functions with kinks or ties.
    """
    if shape is None:
        shape = array_shapes()
    shapes: SearchStrategy[int | Shape] = shape if isinstance(shape, SearchStrategy) else st.just(shape)
    one = shapes.map(lambda s: [(s,) if isinstance(s, int) else s])
    return several_arrays(one, kind, dtype).map(lambda arrays: arrays[0])


def several_arrays(
    shapes: Sequence[Shape] | SearchStrategy[Sequence[Shape]], kind: str = "normal", dtype: DTypeLike = "float64"
) -> SearchStrategy[list[np.ndarray]]:
    """A list of arrays, one of each shape; "distinct" ones do not tie with each other either.

    @given(several_arrays(mutually_broadcastable_shapes(), kind="distinct"))
    def test_my_maximum(pair): ...
    """
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(map(repr, KINDS))}, not {kind!r}")
    if not isinstance(shapes, SearchStrategy):
        shapes = st.just(shapes)
    return shapes.flatmap(lambda some: from_rng(_arrays, some, kind, dtype))


def _arrays(rng: RNG, shapes: Sequence[Shape], kind: str, dtype: DTypeLike) -> list[np.ndarray]:
    if kind == "distinct":
        some = [random_inputs.distinct(rng, *s, count=len(shapes), index=i) for i, s in enumerate(shapes)]
    else:
        some = [getattr(random_inputs, kind)(rng, *s) for s in shapes]
    return [a.astype(dtype, copy=False) for a in some]


def calls(name: str) -> SearchStrategy[FunctionCall]:
    """Random calls of one of minigan's functions, away from kinks: `.function`, `.inputs`, `.options`.

    @given(calls("conv2d"))
    def test_my_faster_convolution(call):
        expected = call(*call.inputs)
        np.testing.assert_allclose(mine(*call.inputs, **call.options), expected.numpy())
    """
    if name not in CASES:
        raise ValueError(f"there are no calls of {name!r}; there are of {', '.join(CASES)}")
    return from_rng(CASES[name].draw)


def register_profiles() -> None:
    """Make Hypothesis' profiles "quick" (20 examples, the same on every run) and "thorough" (500, always new).

        register_profiles()
        hypothesis.settings.load_profile("quick")

    In conftest.py. `pytest --hypothesis-profile=thorough` then chooses the other.
    """
    settings.register_profile("quick", derandomize=True, deadline=None, max_examples=20, print_blob=False)
    # derandomize is given here too: where a CI's variables are set, Hypothesis takes True for the default
    settings.register_profile("thorough", derandomize=False, deadline=None, max_examples=500, print_blob=True)


__getattr__ = renamed_in(__name__)
