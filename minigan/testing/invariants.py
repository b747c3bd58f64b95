"""What must hold for every differentiable function beside its derivative: what it must not change, keep or compute.

Each invariant is a function of (fn, arrays) that raises `InvariantError` with a sentence; `INVARIANTS` lists them.
arrays are the inputs, float64; fn takes as many Tensors and returns one or a tuple of them.
"""

from __future__ import annotations

import functools
import itertools
import operator
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from minigan.autograd import GraphError, Node, Tensor, grad, no_grad, observe
from minigan.backend import Array, get_array_module, to_numpy
from minigan.testing.callables import Forward, outputs_of
from minigan.testing.noise import noise_of
from minigan.testing.random_inputs import random_like
from minigan.testing.ties import gradients_at_ties_are_subgradients

Invariant = Callable[[Forward, list[Array]], None]
Layout = Callable[[Array], Array]  # the same numbers in another order of memory


class InvariantError(AssertionError):
    """A function does not keep an invariant."""


def assert_invariants(
    fn: Forward, inputs: Sequence[Array | Tensor], batched: int = 0, check_needs_input_grad: bool = False
) -> None:
    """Raise `InvariantError` unless `fn` keeps all of `INVARIANTS` at these inputs.

    inputs: float64 arrays, which are put where Tensors of them live. batched: how many of them have a batch as first
    axis, which may be empty. check_needs_input_grad: whether a gradient may not be computed for an input that needs
    none, as the engine's own functions must not.
    """
    arrays = [Tensor(a).data for a in inputs]
    with np.errstate(all="ignore"):
        for invariant in INVARIANTS:
            try:
                invariant(fn, arrays)
            except AssertionError:
                raise
            except Exception as error:
                name = invariant.__name__.replace("_", " ")
                message = f"to see that {name}, it was called, and raised {type(error).__name__}: {error}"
                raise InvariantError(message) from error
        if batched:
            assert_zero_for_empty_batch(fn, arrays, batched)
        if check_needs_input_grad:
            assert_needs_input_grad_is_honoured(fn, arrays)


def _assert(holds: bool, message: str) -> None:
    if not holds:
        raise InvariantError(message)


def _leaves(arrays: Sequence[Array | Tensor], needed: Sequence[bool] | None = None) -> list[Tensor]:
    return [Tensor(a, requires_grad=needed is None or needed[i]) for i, a in enumerate(arrays)]


def _cotangents(outputs: Sequence[Tensor]) -> list[Tensor]:
    """The same random numbers in each call."""
    rng = np.random.default_rng(5)
    return [Tensor(random_like(y.data, rng)) for y in outputs]


def derivatives(fn: Forward, arrays: Sequence[Array], layout: Layout = lambda a: a, moved: float = 0.0) -> list[Array]:
    """fn's outputs, and its first and second derivatives for cotangents that are the same in each call.

    layout: in which order of memory inputs and cotangents come. moved: by how much of themselves they are moved, each
    entry by another share of it.
    """
    rng, shares = np.random.default_rng(5), np.random.default_rng(6)

    def leaf(a: Array) -> Tensor:
        b = Tensor(a * (1.0 + moved * random_like(a, shares))).data if moved else a
        return Tensor(layout(b), requires_grad=True)

    def cotangents_of(tensors: Sequence[Tensor]) -> list[Tensor]:
        return [leaf(random_like(t.data, rng)) for t in tensors]

    inputs = list(map(leaf, arrays))
    outputs = outputs_of(fn, inputs)
    dys = cotangents_of(outputs)
    first = [d for d in grad(outputs, inputs, dys, create_graph=True, allow_unused=True) if d is not None]
    second = grad(first, inputs + dys, cotangents_of(first), allow_unused=True)
    return [t.data for t in (*outputs, *first, *second) if t is not None]


def _gradients(outputs: Sequence[Tensor], inputs: list[Tensor]) -> list[Array]:
    return [d.data for d in grad(outputs, inputs, _cotangents(outputs), allow_unused=True) if d is not None]


def _assert_same(results: Sequence[Array], expected: Sequence[Array], message: str) -> None:
    _assert(all(_same(r, e) for r, e in zip(results, expected, strict=True)), message)


def _identical(a: Array, b: Array) -> bool:
    return np.array_equal(to_numpy(a), to_numpy(b), equal_nan=True)


def _same(result: Array, expected: Array, rtol: float = 1e-9, atol: float = 0.0) -> bool:
    result, expected = to_numpy(result), to_numpy(expected)
    atol += rtol * np.abs(expected).max(initial=0.0) + 1e-11
    return result.shape == expected.shape and np.allclose(result, expected, rtol, atol, equal_nan=True)


def inputs_and_cotangents_are_left_alone(fn: Forward, arrays: list[Array]) -> None:
    """Forward and backward change neither their inputs nor the outputs of forward in place."""
    watched = [("input", i, a, a.copy()) for i, a in enumerate(arrays)]
    inputs = _leaves(arrays)
    outputs = outputs_of(fn, inputs)
    dys = _cotangents(outputs)
    watched += [("output", i, y.data, y.data.copy()) for i, y in enumerate(outputs)]
    watched += [("cotangent", i, dy.data, dy.data.copy()) for i, dy in enumerate(dys)]
    grad(outputs, inputs, dys, create_graph=True, allow_unused=True)
    for what, i, now, before in watched:
        _assert(_identical(now, before), f"{what} {i} was changed in place by forward or backward: work on a copy")


def dtypes_are_kept(fn: Forward, arrays: list[Array]) -> None:
    """float32 inputs give float32, float64 inputs float64, through two backward passes, equal but for rounding."""
    arrays = [a.astype("float32").astype("float64") for a in arrays]
    wide = derivatives(fn, arrays)
    results = {"float64": wide}
    with suppress(TypeError):  # fn has float64 arrays of its own: a layer's weights, a constant
        results["float32"] = derivatives(fn, [a.astype("float32") for a in arrays])
    for dtype, values in results.items():
        for a in values:
            message = f"of {dtype} inputs, a value or gradient is {a.dtype}: was a NumPy float64 number mixed in?"
            _assert(a.dtype == dtype, message)
    narrow = results.get("float32", wide)
    if all(map(_same_but_for_rounding, narrow, wide)):
        return
    # Where terms cancel, a result is as exact as they are: its noise tells how large they are.
    noises = noise_of(lambda t: derivatives(fn, arrays, moved=t))
    for n, w, noise in zip(narrow, wide, noises, strict=True):
        message = "of float32 inputs, values or gradients are others than of float64, by more than rounding"
        _assert(_same_but_for_rounding(n, w, NOISE * noise), message)


# By how much of float64's noise a float32 result may be wrong: 30 standard deviations, each 2²⁹ times as large.
NOISE = 30.0 * 2**29


def _same_but_for_rounding(narrow: Array, wide: Array, atol: float = 0.0) -> bool:
    return _same(narrow, wide, 1e-3, atol) or not np.isfinite(to_numpy(narrow)).all()


def _transposed(*order: int) -> Layout:
    """The layout with the axes in this order of memory, for arrays that have as many."""
    back = tuple(map(order.index, range(len(order))))
    return lambda a: a.transpose(order).copy(order="C").transpose(back) if a.ndim == len(order) else a


def _every_second(a: Array) -> Array:
    wide = get_array_module(a).full((*a.shape[:-1], 2 * a.shape[-1]) if a.ndim else (), np.nan, a.dtype)
    view = wide[..., ::2] if a.ndim else wide
    view[...] = a
    return view


LAYOUTS: dict[str, Layout] = {
    "columns first": lambda a: a.copy(order="F"),
    "channels last": _transposed(0, 2, 3, 1),
    "pixels first": _transposed(2, 3, 0, 1),
    "a slice, every second element": _every_second,
    "a slice, backwards": lambda a: a[::-1].copy()[::-1] if a.ndim else a,
    "read only": lambda a: get_array_module(a).broadcast_to(a, a.shape),
}


def memory_order_does_not_matter(fn: Forward, arrays: list[Array]) -> None:
    """Transposed, sliced and read-only arrays give what contiguous ones give."""
    contiguous = derivatives(fn, arrays)
    in_turn = itertools.cycle(LAYOUTS.values())
    for name, layout in (LAYOUTS | {"each in another order of memory": lambda a: next(in_turn)(a)}).items():
        try:
            results = derivatives(fn, arrays, layout=layout)
        except Exception as error:
            message = f"with arrays laid out as {name}, it raises {type(error).__name__}: {error}"
            raise InvariantError(message) from error
        message = f"with arrays laid out as {name}, values or gradients differ: does it rely on contiguous memory?"
        _assert_same(results, contiguous, message)


def a_broadcast_input_works(fn: Forward, arrays: list[Array]) -> None:
    """A view of one number broadcast to a shape (strides of 0) has the gradient of its copy."""
    xp = get_array_module(*arrays)
    views = [xp.broadcast_to(a.ravel()[:1].reshape((1,) * a.ndim), a.shape) if a.size else a for a in arrays]
    try:
        copies = _leaves([a.copy() for a in views])
        expected = _gradients(outputs_of(fn, copies), copies)
    except Exception:  # equal numbers are not for this function: a singular matrix, say
        return
    inputs = _leaves(views)
    message = "given np.broadcast_to of one number, gradients differ from those at a copy"
    _assert_same(_gradients(outputs_of(fn, inputs), inputs), expected, message)


def gradients_own_their_memory(fn: Forward, arrays: list[Array]) -> None:
    """No `.grad` shares its memory with another `.grad`, with the cotangent, or with an input."""
    inputs = _leaves(arrays)
    y = outputs_of(fn, inputs)[0]
    (dy,) = _cotangents([y])
    y.backward(dy)
    owned: list[tuple[str, Array]] = [("the cotangent", dy.data), *((f"input {i}", a) for i, a in enumerate(arrays))]
    for i, x in enumerate(inputs):
        if x.grad is None or not x.grad.size:
            continue
        for what, other in owned:
            message = f"the gradient of input {i} shares its memory with {what}: changing one would change the other"
            _assert(not _shares_memory(x.grad.data, other), message)
        owned.append((f"the gradient of input {i}", x.grad.data))


def _shares_memory(a: Array, b: Array) -> bool:
    return bool(get_array_module(a).shares_memory(a[None], b[None]))  # CuPy finds arrays of no dimensions all alike


def calls_do_not_overwrite_each_other(fn: Forward, arrays: list[Array]) -> None:
    """Two calls may come before either backward pass, as D(real) and D(fake) do."""
    inputs = _leaves(arrays), _leaves([a[::-1].copy() if a.ndim else a * 1.0 for a in arrays])
    expected = [_gradients(outputs_of(fn, leaves), leaves) for leaves in inputs]
    calls = [(outputs_of(fn, leaves), leaves) for leaves in inputs]  # both before the first backward pass
    for (outputs, leaves), gradients in zip(calls, expected, strict=True):
        message = "called twice before the backward pass, the calls mix: keep what backward needs by save_for_backward"
        _assert_same(_gradients(outputs, leaves), gradients, f"{message}, not on an object that both calls share")


def gradients_add_up_over_two_uses(fn: Forward, arrays: list[Array]) -> None:
    """An input used twice, and one that two backward passes reach, gets the sum of its gradients."""
    once, twice, again = _leaves(arrays), _leaves(arrays), _leaves(arrays)
    y = outputs_of(fn, once)[0]
    (dy,) = _cotangents([y])
    y.backward(dy)
    (outputs_of(fn, twice)[0] + outputs_of(fn, twice)[0]).backward(dy)
    for _ in range(2):
        outputs_of(fn, again)[0].backward(dy)
    for i, (x, x2, x3) in enumerate(zip(once, twice, again, strict=True)):
        for what, other in (("used twice", x2), ("after two backward passes", x3)):
            doubled = x.grad is None or (other.grad is not None and _same(other.grad.data, 2 * x.grad.data))
            _assert(doubled, f"{what}, input {i} does not get twice the gradient")


def a_second_backward_raises(fn: Forward, arrays: list[Array]) -> None:
    """A second backward pass after one without retain_graph raises GraphError."""
    y = outputs_of(fn, _leaves(arrays))[0]
    (dy,) = _cotangents([y])
    if y.is_leaf:
        return
    y.backward(dy, retain_graph=True)
    y.backward(dy)
    try:
        y.backward(dy)
    except GraphError:
        return
    raise InvariantError("a second backward pass after one without retain_graph does not raise a GraphError")


def without_a_graph_the_values_are_the_same(fn: Forward, arrays: list[Array]) -> None:
    """Forward computes the same under no_grad."""
    expected = outputs_of(fn, _leaves(arrays))
    with no_grad():
        outputs = outputs_of(fn, _leaves(arrays))
    message = "under no_grad the values are others: forward must not depend on whether a graph is recorded"
    _assert(all(_identical(y.data, e.data) for y, e in zip(outputs, expected, strict=True)), message)


def a_frozen_input_gets_no_gradient(fn: Forward, arrays: list[Array]) -> None:
    """An input has the same gradient where all others are frozen, and none where it is frozen itself."""
    leaves = _leaves(arrays)
    outputs = outputs_of(fn, leaves)
    expected = grad(outputs, leaves, _cotangents(outputs), allow_unused=True)
    for i, e in enumerate(expected):
        inputs = _leaves(arrays, [i == j for j in range(len(arrays))])
        outputs = outputs_of(fn, inputs)
        if e is not None:
            (alone,) = grad(outputs, [inputs[i]], _cotangents(outputs))
            same = alone is not None and _same(alone.data, e.data, 1e-11)
            _assert(same, f"with the other inputs frozen, input {i} gets another gradient")
        inputs = _leaves(arrays, [i != j for j in range(len(arrays))])
        y = outputs_of(fn, inputs)[0]
        if y.requires_grad:
            (dy,) = _cotangents([y])
            y.backward(dy)
        _assert(inputs[i].grad is None, f"input {i} requires no gradient, but got one")


def one_tensor_may_be_several_inputs(fn: Forward, arrays: list[Array]) -> None:
    """Given as two inputs, a tensor gets the sum of the gradients that two copies of it get."""
    pairs = itertools.combinations(range(len(arrays)), 2)
    for i, j in ((i, j) for i, j in pairs if arrays[i].shape == arrays[j].shape):
        doubled = [arrays[i].copy() if k == j else a for k, a in enumerate(arrays)]
        try:
            apart = _leaves(doubled)
            gradients = _gradients(outputs_of(fn, apart), [apart[i], apart[j]])
        except Exception:  # equal inputs are not for this function: a difference that it divides by, say
            continue
        together = _leaves(doubled)
        together[j] = together[i]
        message = f"given one tensor as inputs {i} and {j}, its gradient is not the sum of those of two copies"
        expected = functools.reduce(operator.add, gradients)
        _assert_same(_gradients(outputs_of(fn, together), [together[i]]), [expected], message)


INVARIANTS: tuple[Invariant, ...] = (
    inputs_and_cotangents_are_left_alone,
    dtypes_are_kept,
    memory_order_does_not_matter,
    a_broadcast_input_works,
    gradients_own_their_memory,
    calls_do_not_overwrite_each_other,
    gradients_add_up_over_two_uses,
    a_second_backward_raises,
    without_a_graph_the_values_are_the_same,
    a_frozen_input_gets_no_gradient,
    one_tensor_may_be_several_inputs,
    gradients_at_ties_are_subgradients,
)


class _UnneededGradients:
    """An observer that finds the first gradient computed for an input that needs none."""

    first: str = ""

    def after_forward(self, node: Node, inputs: list[Tensor | None], outputs: list[Tensor]) -> None: ...

    def after_backward(self, node: Node, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        pairs = list(zip(node.needs_input_grad, gradients, strict=True))
        useful = {id(t) for needed, t in pairs if needed} | {id(t) for t in cotangents}
        creators = {id(t.creator) for needed, t in pairs if needed and t is not None}
        for i, (needed, t) in enumerate(pairs):
            free = needed or t is None or id(t) in useful or t.creator is None or id(t.creator) in creators
            if not free and not self.first:
                self.first = f"{node.name}.backward computes the gradient of its input {i}, which needs none"


def assert_needs_input_grad_is_honoured(fn: Forward, arrays: Sequence[Array | Tensor]) -> None:
    """Raise if a gradient is computed for an input that needs none."""
    for i in range(len(arrays)):
        inputs = _leaves(arrays, [i == j for j in range(len(arrays))])
        outputs = outputs_of(fn, inputs)
        unneeded = _UnneededGradients()
        with observe(unneeded):
            grad(outputs, [inputs[i]], _cotangents(outputs), create_graph=True, allow_unused=True)
        _assert(not unneeded.first, f"{unneeded.first}: ask self.needs_input_grad, and return None")


def assert_backward_of_empty_batch(fn: Forward, arrays: Sequence[Array | Tensor]) -> None:
    """Raise if forward takes arrays with no samples, but backward does not."""
    if any(a.ndim == 0 for a in arrays):
        return
    inputs = _leaves([a[:0] if len(a) == len(arrays[0]) else a for a in arrays])
    try:
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, of a mean of nothing
            outputs = outputs_of(fn, inputs)
    except Exception:  # it may refuse them; and to divide 0 by 0, as such a mean does, is not to take them
        return
    with np.errstate(all="ignore"):
        try:
            grad(outputs, inputs, _cotangents(outputs), allow_unused=True)
        except Exception as error:
            message = f"forward takes an empty batch, but backward raises {type(error).__name__}: {error}"
            raise InvariantError(message) from error


def assert_zero_for_empty_batch(fn: Forward, arrays: list[Array], batched: int) -> None:
    """Raise unless all outputs and gradients for no samples are empty or 0."""
    if any(a.ndim == 0 for a in arrays[:batched]):
        return
    try:
        results = derivatives(fn, [a[:0] for a in arrays[:batched]] + arrays[batched:])
    except Exception as error:
        raise InvariantError(f"given an empty batch, it raises {type(error).__name__}: {error}") from error
    _assert(all(not r.any() for r in results), "given an empty batch, a value or gradient is not 0")
