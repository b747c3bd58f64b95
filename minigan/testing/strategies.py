"""Hypothesis strategies for tests of one's own functions and layers: arrays, shapes, convolutions, whole calls.

    from hypothesis import given
    from minigan.testing import gradcheck, strategies as mst

    @given(mst.arrays(kind="positive"))
    def test_my_logarithm(x):
        gradcheck(my_log, x)

What is drawn is described in `minigan.testing.draws`; here each drawing function becomes a strategy.
Sizes and options are Hypothesis' integers, so a failing example shrinks: few axes, short ones, no
padding, stride 1. Numbers come from one NumPy generator with a drawn seed: an array shrinks in shape,
and its numbers stay what they are, random and of two decimals.

A profile says how many examples are tried: `register_profiles()`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigan.testing import draws, mistakes
from minigan.testing.cases import CASES, Call
from minigan.testing.draws import Shape

try:
    from hypothesis import settings
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "minigan.testing.strategies needs Hypothesis: pip install 'minigan[test]'", name=error.name
    ) from error

__all__ = [
    "Drawn", "array_shapes", "arrays", "axes_of", "calls", "convolutions", "drawn", "invalid_convolutions",
    "invalid_transposed_convolutions", "mutually_broadcastable_shapes", "paddings", "register_profiles",
    "several_arrays", "transposed_convolutions",
]  # fmt: skip

KINDS = ("normal", "positive", "probability", "distinct")


# --- from a drawing function to a strategy -------------------------------------------------------


class Drawn:
    """What the functions of `draws` take for a random generator, inside of a composite strategy.

        @st.composite
        def images_and_window(draw):
            rng = Drawn(draw)
            return draws.normal(rng, 1, 1, 4, 4), draws.integer(rng, 1, 3)

    Integers are drawn by Hypothesis; numbers come from a NumPy generator whose seed it draws.
    """

    def __init__(self, draw: Callable[[SearchStrategy], Any]) -> None:
        self._draw = draw
        self._generator: np.random.Generator | None = None

    def integers(self, low: int, high: int) -> int:
        """A whole number of low … high − 1; it shrinks towards 0, or else the bound next to it."""
        return self._draw(st.integers(low, high - 1))

    def standard_normal(self, shape: Shape) -> np.ndarray:
        return self._numbers().standard_normal(shape)

    def uniform(self, low: float, high: float, shape: Shape) -> np.ndarray:
        return self._numbers().uniform(low, high, shape)

    def permutation(self, count: int) -> np.ndarray:
        return self._numbers().permutation(count)

    def _numbers(self) -> np.random.Generator:
        if self._generator is None:
            self._generator = np.random.default_rng(self._draw(st.integers(0, 2**16)))
        return self._generator


@st.composite
def _composite(draw: Callable, function: Callable, arguments: tuple, options: dict) -> Any:
    return function(Drawn(draw), *arguments, **options)


def drawn(function: Callable[..., Any], *arguments: Any, **options: Any) -> SearchStrategy:
    """The strategy of what `function(rng, *arguments, **options)` draws, for a function like those of `draws`.

    drawn(draws.shape, min_dims=2)
    """
    return _composite(function, arguments, options)


def _strategy(value: Any) -> SearchStrategy:
    return value if isinstance(value, SearchStrategy) else st.just(value)


# --- shapes --------------------------------------------------------------------------------------


def array_shapes(
    *, min_dims: int = 0, max_dims: int = 4, min_side: int = 1, max_side: int = 3
) -> SearchStrategy[Shape]:
    """Shapes of arrays, like `hypothesis.extra.numpy.array_shapes`, but small: a derivative visits every entry."""
    return drawn(draws.shape, min_dims, max_dims, min_side, max_side)


def mutually_broadcastable_shapes(
    num_shapes: int = 2, *, max_dims: int = 3, max_side: int = 3
) -> SearchStrategy[list[Shape]]:
    """Shapes that broadcast to one, as a list: an axis may be missing in front, or of length 1."""
    return drawn(draws.broadcastable_shapes, num_shapes, max_dims, max_side)


def axes_of(shape: Shape) -> SearchStrategy[int | tuple[int, ...] | None]:
    """What a reduction of this shape takes as axis: None, a number, or a tuple, some counted from the end."""
    return drawn(draws.axes, len(shape))


# --- arrays --------------------------------------------------------------------------------------


def arrays(
    shape: int | Shape | SearchStrategy | None = None, kind: str = "normal", dtype: Any = "float64"
) -> SearchStrategy[np.ndarray]:
    """Arrays of one kind of numbers, rounded to be read.

    shape: a shape, a length, or a strategy of shapes (default: `array_shapes()`).
    kind: "normal"; "positive", 0.5 … 2; "probability", 0.1 … 0.9; "distinct", no two equal and none
    near 0, for functions with kinks or ties.
    """
    shape = array_shapes() if shape is None else shape
    shapes = _strategy(shape).map(lambda s: [(s,) if isinstance(s, int) else s])
    return several_arrays(shapes, kind, dtype).map(lambda drawn: drawn[0])


def several_arrays(
    shapes: list[Shape] | tuple[Shape, ...] | SearchStrategy, kind: str = "normal", dtype: Any = "float64"
) -> SearchStrategy[list[np.ndarray]]:
    """A list of arrays, one of each shape; "distinct" ones do not tie with each other either.

    @given(several_arrays(mutually_broadcastable_shapes(), kind="distinct"))
    def test_my_maximum(pair): ...
    """
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(map(repr, KINDS))}, not {kind!r}")
    return _strategy(shapes).flatmap(lambda some: drawn(_arrays, some, kind, dtype))


def _arrays(rng: Drawn, shapes: list[Shape], kind: str, dtype: Any) -> list[np.ndarray]:
    if kind == "distinct":
        some = [draws.distinct(rng, *s, besides=len(shapes) - 1, place=i) for i, s in enumerate(shapes)]
    else:
        some = [getattr(draws, kind)(rng, *s) for s in shapes]
    return [a.astype(dtype, copy=False) for a in some]


# --- convolutions --------------------------------------------------------------------------------


def paddings(most: int = 2, same: bool = True) -> SearchStrategy:
    """Paddings of at most so many pixels a side in each of their forms: p, (ph, pw), ((t, b), (l, r)) and "same"."""
    return drawn(draws.padding, most, same)


def convolutions(max_kernel: int = 3, max_stride: int = 3) -> SearchStrategy[draws.Convolution]:
    """Convolutions that exist: (image's size, kernel's size, options of `conv2d`), an output of one pixel at least.

    @given(convolutions())
    def test_my_layer(convolution):
        size, kernel, options = convolution     # (3, 4), (2, 1), {"stride": 2, "padding": "same"}
    """
    return drawn(draws.convolution, max_kernel, max_stride)


def transposed_convolutions(max_kernel: int = 3, max_stride: int = 3) -> SearchStrategy[draws.Convolution]:
    """The same for `conv_transpose2d`, whose options are stride, padding (what is cropped) and output_padding."""
    return drawn(draws.transposed_convolution, max_kernel, max_stride)


def invalid_convolutions() -> SearchStrategy[mistakes.Mistake]:
    """Calls of `conv2d` with one thing wrong: `.call`, `.what` is wrong, `.match` for the message, which names it.

    @given(invalid_convolutions())
    def test_it_is_refused(mistake):
        with pytest.raises((ValueError, TypeError), match=mistake.match):
            mistake.call(*mistake.call.inputs)
    """
    return drawn(mistakes.of_convolution)


def invalid_transposed_convolutions() -> SearchStrategy[mistakes.Mistake]:
    """Calls of `conv_transpose2d` with one thing wrong, as `invalid_convolutions` has them."""
    return drawn(mistakes.of_transposed_convolution)


# --- whole calls ---------------------------------------------------------------------------------


def calls(name: str) -> SearchStrategy[Call]:
    """Random calls of one of minigan's functions, away from kinks: `.function`, `.inputs`, `.options`.

    @given(calls("conv2d"))
    def test_my_faster_convolution(call):
        expected = call(*call.inputs)
        np.testing.assert_allclose(mine(*call.inputs, **call.options), expected.numpy())
    """
    if name not in CASES:
        raise ValueError(f"there are no calls of {name!r}; there are of {', '.join(CASES)}")
    return drawn(CASES[name].draw)


# --- profiles ------------------------------------------------------------------------------------


def register_profiles() -> None:
    """Make Hypothesis' profiles "quick" (20 examples, the same on every run) and "thorough" (500, always new).

        register_profiles()
        hypothesis.settings.load_profile("quick")

    In conftest.py. `pytest --hypothesis-profile=thorough` then chooses the other.
    """
    settings.register_profile("quick", derandomize=True, deadline=None, max_examples=20, print_blob=False)
    # said outright: where a CI's variables are set, Hypothesis takes True for granted
    settings.register_profile("thorough", derandomize=False, deadline=None, max_examples=500, print_blob=True)
