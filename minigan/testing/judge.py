"""One line of test code for a function of one's own: right derivatives, and all that must hold beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from minigan.autograd import Tensor
from minigan.backend import Array, is_array
from minigan.testing.draws import Generator, normal, positive, probability
from minigan.testing.gradcheck import Agreement, gradcheck
from minigan.testing.invariants import assert_invariants, survives_an_empty_batch
from minigan.testing.target import callable_of, name_of, outputs_of, parameters_of

Inputs = list[Array]


class NoInputsError(ValueError):
    """What a function is to be called on was not said, and could not be guessed."""


def assert_gradients(
    fn: Callable[..., Any],
    inputs: Any = None,
    order: int = 2,
    cases: int = 10,
    seed: int = 0,
    batched: int = 0,
    invariants: bool = True,
    **tolerances: float,
) -> Agreement:
    """Raise unless the backward pass of `fn` is right, to an order, and keeps all invariants.

        assert_gradients(Swish)                                  # a Function class; inputs are guessed
        assert_gradients(my_loss, [x, y], order=1)
        assert_gradients(my_layer, lambda rng: [rng.standard_normal((4, 3)), rng.standard_normal(3)])

    fn: a Function class, or what takes Tensors and returns one or a tuple of them (with options:
    `lambda x: Power(3)(x)`). inputs: float64 arrays, one for each Tensor; or a function that draws such a
    list from a NumPy generator, called `cases` times. If not given: what `fn.samples(rng)` draws, if there
    is one, else arrays of several shapes, broadcast ones among them, in a domain where fn is finite.
    batched: how many of the inputs have as first axis a batch, which may be empty. invariants: False
    checks derivatives alone. tolerances: eps, rtol and atol of `gradcheck`.

    Raises `GradientError` or `InvariantError` (both AssertionErrors), and `NoInputsError`.
    """
    if cases < 1:
        raise ValueError(f"assert_gradients: cases must be 1 or more, not {cases}")
    call, agreement = callable_of(fn), Agreement()
    for arrays in drawn_inputs(fn, inputs, cases, seed):
        try:
            agreement += gradcheck(fn, arrays, order, seed, **tolerances)
            if invariants:
                assert_invariants(call, arrays, batched)
                if inputs is None and not batched:
                    survives_an_empty_batch(call, arrays)
        except Exception as error:
            shapes = [x.shape for x in arrays]
            guess = inputs is None and not hasattr(fn, "samples")
            if guess and (len(set(shapes)) > 1 or not isinstance(error, AssertionError)):  # is it made for these?
                note = f"the inputs were guessed, of shapes {', '.join(map(str, shapes))}"
                error.args = (f"{error}\n  ({note}: if it is not made for them, give some)",)
            raise
    return agreement


def drawn_inputs(fn: Callable, inputs: Any, cases: int, seed: int) -> Iterator[Inputs]:
    """What `fn` is called on, case by case."""
    if inputs is None:
        inputs = getattr(fn, "samples", None) or guessed(fn)
    if callable(inputs):
        rng = np.random.default_rng(seed)
        for _ in range(cases):
            drawn = inputs(rng)
            yield [drawn] if is_array(drawn) else list(drawn)
    else:
        yield [inputs] if isinstance(inputs, (Tensor, np.generic)) or is_array(inputs) else list(inputs)


# --- guessing ------------------------------------------------------------------------------------


def guessed(fn: Callable) -> Callable[[Generator], Inputs]:
    """A function that draws inputs for `fn`, going in turn through all shapes that its forward pass takes."""
    call = callable_of(fn)
    number = sum(p.default is p.empty for p in parameters_of(fn))
    if not number:
        raise NoInputsError(f"{name_of(fn)} does not say how many inputs it takes: give some")
    refusal: Exception | None = None
    domains = {}
    for numbers in (_off_zero, positive, probability):
        domains[numbers] = []
        for shapes in _shapes(number):
            try:
                if all(_is_finite(call, [numbers(np.random.default_rng(n), *s) for s in shapes]) for n in range(5)):
                    domains[numbers].append(shapes)
            except Exception as error:  # whatever forward has to say to shapes it was not made for
                refusal = error
    numbers = max(domains, key=lambda n: len(domains[n]))  # the widest domain in which fn is finite
    fitting = domains[numbers]
    if fitting:
        turn = count()
        return lambda rng: [numbers(rng, *s) for s in fitting[next(turn) % len(fitting)]]
    because = f" ({type(refusal).__name__}: {refusal})" if refusal else ", or is finite at none"
    raise NoInputsError(
        f"{name_of(fn)} takes none of the {number} inputs that were guessed for it{because}: give them, or a static "
        "method samples(rng) that returns a list of arrays; of a Function with options, check lambda x: F(option)(x)"
    )


def _off_zero(rng: Generator, *shape: int) -> np.ndarray:
    """Normal numbers; 0, where so many functions have a kink, is the one that may not be drawn."""
    x = normal(rng, *shape)
    return np.where(x == 0, 0.01, x)


def _shapes(number: int) -> list[Sequence[tuple[int, ...]]]:
    """Sets of shapes for so many inputs: equal, broadcast, and those of products and convolutions."""
    equal = [[s] * number for s in [(3, 4), (2, 3, 4, 4), (5,), (), (3, 3)]]
    broadcast = [[(3, 4)] + [s] * (number - 1) for s in [(4,), (1, 4), (3, 1), ()]] + [[(4,)] + [(3, 4)] * (number - 1)]
    products = [[(3, 4), (4, 2)], [(3, 4), (2, 4), (2,)], [(2, 3, 5, 5), (4, 3, 3, 3), (4,)]]
    return equal + (broadcast + [p[:number] for p in products if len(p) >= number] if number > 1 else [])


def _is_finite(call: Callable, arrays: Inputs) -> bool:
    with np.errstate(all="ignore"):
        outputs = outputs_of(call, [Tensor(a) for a in arrays])
    return all(bool(np.isfinite(y.data).all()) for y in outputs)
