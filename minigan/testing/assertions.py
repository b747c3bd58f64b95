"""`assert_gradients`: the line of test code for a function of one's own, and the inputs that it is called on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from minigan.autograd import FunctionError, Tensor
from minigan.backend import Array
from minigan.importing import described
from minigan.testing import callables
from minigan.testing.callables import Differentiable, Forward, Inputs
from minigan.testing.gradcheck import Agreement, gradcheck
from minigan.testing.invariants import assert_backward_of_empty_batch, assert_invariants
from minigan.testing.random_inputs import RNG, Shape, normal, positive, probability
from minigan.testing.report import GradientError

RandomInputs = Callable[[RNG], Inputs]  # draws inputs
SCALES = (1.0, 8.0, 0.1)  # of guessed inputs: a function may be wrong where it saturates, or near 0, only

# What is raised by mistakes in a function's code, whatever its inputs are.
MISTAKES = (NameError, AttributeError, ImportError, FunctionError)


class NoInputsError(ValueError):
    """The inputs of a function were not given, and could not be guessed."""


def assert_gradients(
    fn: Differentiable, inputs: Inputs | RandomInputs | None = None, order: int = 2, cases: int = 10, seed: int = 0,
    batched: int = 0, invariants: bool = True, **tolerances: float,
) -> Agreement:  # fmt: skip
    """Raise unless the backward pass of `fn` is right, to an order, and keeps all invariants.

        assert_gradients(Swish)                                  # a Function class; inputs are guessed
        assert_gradients(my_loss, [x, y], order=1)
        assert_gradients(my_layer, lambda rng: [rng.standard_normal((4, 3)), rng.standard_normal(3)])

    fn: a Function class, or what takes Tensors and returns one or a tuple of them (`lambda x: PowerScalar(3)(x)`).
    inputs: float64 arrays, one for each Tensor; or a function that draws such a list from a NumPy generator, called
    `cases` times. If not given: what `fn.samples(rng)` draws, else arrays of several shapes where fn is finite.
    batched: how many of the inputs have as first axis a batch, which may be empty. invariants: False checks
    derivatives alone. tolerances: eps, rtol and atol of `gradcheck`.

    Raises `GradientError` or `InvariantError` (both AssertionErrors), and `NoInputsError`.
    """
    if cases < 1:
        raise ValueError(f"assert_gradients: cases must be 1 or more, not {cases}")
    forward, agreement = callables.as_callable(fn), Agreement()
    for arrays in inputs_by_case(fn, inputs, cases, seed):
        try:
            agreement += gradcheck(fn, arrays, order, seed, **tolerances)
            if invariants:
                assert_invariants(forward, arrays, batched)
                if not batched:
                    assert_backward_of_empty_batch(forward, arrays)
            agreement += _check_options(fn, arrays, order, seed, tolerances)
        except Exception as error:
            shapes = [x.shape for x in arrays]
            guessed = inputs is None and not hasattr(fn, "samples")
            perhaps_wrong = len(set(shapes)) > 1 or not isinstance(error, (AssertionError, *MISTAKES))
            if guessed and perhaps_wrong:
                note = f"the inputs were guessed, of shapes {', '.join(map(str, shapes))}"
                error.args = (f"{error}\n  ({note}: if it is not made for them, give some)",)
            raise
    return agreement


def _check_options(
    fn: Differentiable, arrays: list[Array | Tensor], order: int, seed: int, tolerances: dict[str, float]
) -> Agreement:
    """Check the gradient with each option of fn set to another value than its default, where forward takes it."""
    agreement = Agreement()
    for option, variant in callables.variants_of(fn):
        try:
            agreement += gradcheck(variant, arrays, order, seed, **tolerances)
        except GradientError as error:
            error.args = (f"with {option}, {error}",)
            raise
        except Exception:  # not an option for these inputs
            continue
    return agreement


def inputs_by_case(
    fn: Differentiable, inputs: Inputs | RandomInputs | None, cases: int, seed: int
) -> Iterator[list[Array | Tensor]]:
    """The inputs that `fn` is called on: those given, or as many random ones as there are cases."""
    if inputs is None:
        inputs = getattr(fn, "samples", None) or guess_inputs(fn)
    rng = np.random.default_rng(seed)
    for _ in range(cases if callable(inputs) else 1):
        yield callables.input_list(inputs(rng) if callable(inputs) else inputs)


def guess_inputs(fn: Differentiable) -> RandomInputs:
    """A function that draws inputs for `fn`, going in turn through all shapes that its forward pass takes.

    Raises NoInputsError if it takes none; what a mistake in its code raised, if that is why.
    """
    forward = callables.as_callable(fn)
    number = sum(p.default is p.empty for p in callables.parameters_of(fn))
    if not number:
        raise NoInputsError(f"{callables.name_of(fn)} does not say how many inputs it takes: give some")
    refusal: Exception | None = None
    accepted: dict[Callable[..., np.ndarray], list[list[Shape]]] = {}  # by the domain that numbers are drawn from
    for numbers in (_nonzero, positive, probability):
        accepted[numbers] = []
        for shapes in _candidate_shapes(number):
            try:
                arrays = ([numbers(np.random.default_rng(n), *s) for s in shapes] for n in range(5))
                if all(_is_finite(forward, a) for a in arrays):
                    accepted[numbers].append(shapes)
            except Exception as error:  # whatever forward raises for shapes it was not made for
                if not isinstance(refusal, MISTAKES):
                    refusal = error
    numbers = max(accepted, key=lambda n: len(accepted[n]))  # the widest domain in which fn is finite
    if accepted[numbers]:
        return _in_turn(forward, numbers, accepted[numbers])
    if isinstance(refusal, MISTAKES):
        raise refusal
    because = f" ({described(refusal)})" if refusal else ", or is finite at none"
    raise NoInputsError(
        f"{callables.name_of(fn)} takes none of the {number} inputs that were guessed for it{because}: give them, or a "
        "static method samples(rng) that returns a list of arrays; of a Function with options, check "
        "lambda x: F(option)(x)"
    )


def _in_turn(forward: Forward, numbers: Callable[..., np.ndarray], all_shapes: list[list[Shape]]) -> RandomInputs:
    """A function that draws numbers of these shapes in turn, of the usual size, and larger and smaller ones."""
    scales = itertools.cycle((1.0,) if numbers is probability else SCALES)
    in_turn = itertools.cycle(all_shapes)

    def draw(rng: RNG) -> list[np.ndarray]:
        arrays, scale = [numbers(rng, *s) for s in next(in_turn)], next(scales)
        scaled = [scale * a for a in arrays]
        return scaled if _is_finite(forward, scaled) else arrays

    return draw


def _nonzero(rng: RNG, *shape: int) -> np.ndarray:
    """Normally distributed numbers other than 0, where so many functions have a kink."""
    x = normal(rng, *shape)
    return np.where(x == 0, 0.01, x)


def _candidate_shapes(number: int) -> list[list[Shape]]:
    """Lists of shapes for so many inputs: equal ones, broadcast ones, and those of products and convolutions."""
    equal: list[list[Shape]] = [[s] * number for s in [(3, 4), (2, 3, 4, 4), (5,), (), (3, 3)]]
    pairs: list[list[Shape]] = [[(3, 4), (4,)], [(3, 4), (1, 4)], [(3, 4), (3, 1)], [(3, 4), ()], [(4,), (3, 4)]]
    broadcast = [[first] + [other] * (number - 1) for first, other in pairs]
    products: list[list[Shape]] = [[(3, 4), (4, 2)], [(3, 4), (2, 4), (2,)], [(2, 3, 5, 5), (4, 3, 3, 3), (4,)]]
    return equal + (broadcast + [p[:number] for p in products if len(p) >= number] if number > 1 else [])


def _is_finite(forward: Forward, arrays: list[np.ndarray]) -> bool:
    with np.errstate(all="ignore"):
        outputs = callables.outputs_of(forward, [Tensor(a) for a in arrays])
    return all(bool(np.isfinite(y.data).all()) for y in outputs)
