"""What holds for every differentiable function beside its derivative: what it must not touch, keep, or waste.

Each invariant is a function of (fn, inputs) that asserts one thing and says what is wrong; `INVARIANTS`
lists them. inputs are float64 arrays, fn takes as many Tensors and returns one or a tuple of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigan.autograd import GraphError, Tensor, grad, no_grad, observe
from minigan.backend import Array, get_array_module, to_numpy
from minigan.testing.target import outputs_of


class InvariantError(AssertionError):
    """A function touches, loses or wastes what it must not."""


def assert_invariants(fn: Callable[..., Any], inputs: Sequence[Array], batched: int = 0, thrifty: bool = False) -> None:
    """Raise `InvariantError` unless `fn` keeps all of `INVARIANTS` at these inputs.

    inputs: float64 arrays, which are put where Tensors of them live. batched: how many of them have a batch as
    first axis, which may be empty.
    thrifty: also ask that no gradient is computed for an input that needs none, as the engine's own must.
    """
    inputs = [Tensor(a).data for a in inputs]
    with np.errstate(all="ignore"):
        for invariant in INVARIANTS:
            _assert_one(invariant, fn, inputs)
        if batched:
            an_empty_batch_works(fn, inputs, batched)
        if thrifty:
            no_work_is_wasted(fn, inputs)


def _assert_one(invariant: Callable, fn: Callable, inputs: list[Array]) -> None:
    try:
        invariant(fn, inputs)
    except AssertionError:
        raise
    except Exception as error:
        name = invariant.__name__.replace("_", " ")
        raise InvariantError(
            f"to see that {name}, it was called, and raised {type(error).__name__}: {error}"
        ) from error


def _assert(holds: bool, message: str) -> None:
    if not holds:
        raise InvariantError(message)


# --- calling -------------------------------------------------------------------------------------


def _leaves(arrays: Sequence[Array], needed: Sequence[bool] | None = None) -> list[Tensor]:
    return [Tensor(a, requires_grad=needed is None or needed[i]) for i, a in enumerate(arrays)]


def _cotangents(outputs: Sequence[Tensor], seed: int = 5, relaid: Callable = lambda a: a) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    return [Tensor(relaid(_random(rng, y))) for y in outputs]


def _random(rng: np.random.Generator, like: Tensor) -> Array:
    values = np.asarray(rng.uniform(0.5, 1.0, like.shape) * rng.choice([-1.0, 1.0], like.shape))
    return get_array_module(like.data).asarray(values.astype(like.dtype))


def derivatives(fn: Callable, arrays: Sequence[Array], relaid: Callable = lambda a: a) -> list[Array]:
    """fn's values, and its first and second derivatives for certain cotangents.

    relaid: puts each array in another order of memory before it is used.
    """
    rng = np.random.default_rng(5)

    def cotangents_of(tensors: Sequence[Tensor]) -> list[Tensor]:
        return [Tensor(relaid(_random(rng, t)), requires_grad=True) for t in tensors]

    inputs = _leaves([relaid(a) for a in arrays])
    outputs = outputs_of(fn, inputs)
    dys = cotangents_of(outputs)
    first = grad(outputs, inputs, dys, create_graph=True, allow_unused=True)
    known = [d for d in first if d is not None]
    second = grad(known, inputs + dys, cotangents_of(known), allow_unused=True)
    return [t.data for t in (*outputs, *known, *second) if t is not None]


def _same(result: Array, expected: Array, rtol: float = 1e-9) -> bool:
    result, expected = to_numpy(result), to_numpy(expected)
    scale = np.abs(expected).max(initial=0.0)
    return result.shape == expected.shape and np.allclose(result, expected, rtol, rtol * scale + 1e-11, equal_nan=True)


# --- the invariants ------------------------------------------------------------------------------


def inputs_and_cotangents_are_left_alone(fn: Callable, arrays: list[Array]) -> None:
    """Forward and backward change nothing that they are given, nor what forward has returned."""
    inputs = _leaves(arrays)
    before = [a.copy() for a in arrays]
    outputs = outputs_of(fn, inputs)
    values = [y.data.copy() for y in outputs]
    dys = _cotangents(outputs)
    dys_before = [dy.data.copy() for dy in dys]
    grad(outputs, inputs, dys, create_graph=True, allow_unused=True)
    for what, now, then in (
        ("input", arrays, before),
        ("cotangent", [dy.data for dy in dys], dys_before),
        ("output", [y.data for y in outputs], values),
    ):
        for i, (a, b) in enumerate(zip(now, then, strict=True)):
            _assert(
                np.array_equal(to_numpy(a), to_numpy(b), equal_nan=True),
                f"{what} {i} was changed in place by forward or backward: work on a copy",
            )


def dtypes_are_kept(fn: Callable, arrays: list[Array]) -> None:
    """Of float32 comes float32, of float64 float64, through two backward passes, and the same but for rounding."""
    wide = derivatives(fn, [a.astype("float32").astype("float64") for a in arrays])
    try:
        narrow = derivatives(fn, [a.astype("float32") for a in arrays])
    except TypeError:  # it holds float64 of its own: a layer's weights, a constant
        narrow = wide
    for results, dtype in ((wide, "float64"), (narrow, wide[0].dtype if narrow is wide else "float32")):
        for result in results:
            _assert(
                result.dtype == dtype,
                f"of {dtype} inputs, a value or gradient is {result.dtype}: was a NumPy float64 number mixed in?",
            )
    for n, w in zip(narrow, wide, strict=True):
        _assert(
            _same(n, w, 2e-2) or not np.isfinite(to_numpy(n)).all(),
            "of float32 inputs, values or gradients are others than of float64, by more than rounding",
        )


def _transposed(order: tuple[int, ...]) -> Callable[[Array], Array]:
    """The same array with its axes in this order of memory, if it has as many."""
    inverse = tuple(int(i) for i in np.argsort(order))

    def relaid(a: Array) -> Array:
        xp = get_array_module(a)
        return xp.ascontiguousarray(a.transpose(order)).transpose(inverse) if a.ndim == len(order) else a

    return relaid


def _every_second(a: Array) -> Array:
    wide = get_array_module(a).full((*a.shape[:-1], 2 * a.shape[-1]) if a.ndim else (), np.nan, a.dtype)
    view = wide[..., ::2] if a.ndim else wide
    view[...] = a
    return view


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "columns first": lambda a: a.copy(order="F"),
    "channels last": _transposed((0, 2, 3, 1)),
    "pixels first": _transposed((2, 3, 0, 1)),
    "a slice, every second element": _every_second,
    "a slice, backwards": lambda a: a[::-1].copy()[::-1] if a.ndim else a,
    "read only": lambda a: get_array_module(a).broadcast_to(a, a.shape),
}


def memory_order_does_not_matter(fn: Callable, arrays: list[Array]) -> None:
    """Transposed, sliced and read-only arrays give what contiguous ones give."""
    plain = derivatives(fn, arrays)
    in_turn = itertools.cycle(LAYOUTS.values())
    for layout, relaid in (LAYOUTS | {"each in another order of memory": lambda a: next(in_turn)(a)}).items():
        try:
            results = derivatives(fn, arrays, relaid)
        except Exception as error:
            raise InvariantError(
                f"with arrays laid out as {layout}, it raises {type(error).__name__}: {error}"
            ) from error
        _assert(
            all(_same(r, p) for r, p in zip(results, plain, strict=True)),
            f"with arrays laid out as {layout}, values or gradients differ: does it rely on contiguous memory?",
        )


def a_broadcast_input_works(fn: Callable, arrays: list[Array]) -> None:
    """One number in memory, shown as a whole array: the gradient is that at a real copy."""
    xp = get_array_module(*arrays)
    shown = [xp.broadcast_to(a.ravel()[:1].reshape((1,) * a.ndim), a.shape) if a.size else a for a in arrays]
    try:
        other = _first_gradients(fn, _leaves([a.copy() for a in shown]))
    except Exception:  # equal numbers are not for this function: a singular matrix, say
        return
    one = _first_gradients(fn, _leaves(shown))
    _assert(
        all(_same(a, b) for a, b in zip(one, other, strict=True)),
        "given np.broadcast_to of one number, gradients differ from those at a copy",
    )


def _first_gradients(fn: Callable, inputs: list[Tensor]) -> list[Array]:
    outputs = outputs_of(fn, inputs)
    return [d.data for d in grad(outputs, inputs, _cotangents(outputs), allow_unused=True) if d is not None]


def gradients_own_their_memory(fn: Callable, arrays: list[Array]) -> None:
    """No `.grad` shares its memory with another, with the cotangent, or with an input."""
    inputs = _leaves(arrays)
    y = outputs_of(fn, inputs)[0]
    (dy,) = _cotangents([y])
    y.backward(dy)
    owned: list[tuple[str, Array]] = [("the cotangent", dy.data), *((f"input {i}", a) for i, a in enumerate(arrays))]
    for i, x in enumerate(inputs):
        if x.grad is None or not x.grad.size:
            continue
        for what, other in owned:
            _assert(
                not _shares_memory(x.grad.data, other),
                f"the gradient of input {i} shares its memory with {what}: changing one would change the other",
            )
        owned.append((f"the gradient of input {i}", x.grad.data))


def _shares_memory(a: Array, b: Array) -> bool:
    return bool(get_array_module(a).shares_memory(a[None], b[None]))  # CuPy finds arrays of no dimensions all alike


def calls_do_not_overwrite_each_other(fn: Callable, arrays: list[Array]) -> None:
    """Two calls may be made before either is walked back, as D(real) and D(fake) are."""
    other = [a[::-1].copy() if a.ndim else a * 1.0 for a in arrays]
    expected = _first_gradients(fn, _leaves(arrays)), _first_gradients(fn, _leaves(other))
    first, second = _leaves(arrays), _leaves(other)
    calls = [(outputs_of(fn, first), first), (outputs_of(fn, second), second)]  # both made before either is walked back
    for (outputs, inputs), gradients in zip(calls, expected, strict=True):
        found = grad(outputs, inputs, _cotangents(outputs), allow_unused=True)
        _assert(
            all(_same(d.data, e) for d, e in zip([d for d in found if d is not None], gradients, strict=True)),
            "called twice before the backward pass, the calls mix: keep what backward needs by save_for_backward, "
            "not on an object that both calls share",
        )


def gradients_add_up_over_two_uses(fn: Callable, arrays: list[Array]) -> None:
    """An input used twice, and one walked back to twice, gets the sum of its gradients."""
    once, twice, again = _leaves(arrays), _leaves(arrays), _leaves(arrays)
    y = outputs_of(fn, once)[0]
    (dy,) = _cotangents([y])
    y.backward(dy)
    (outputs_of(fn, twice)[0] + outputs_of(fn, twice)[0]).backward(dy)
    for _ in range(2):
        outputs_of(fn, again)[0].backward(dy)
    for i, (x, x2, x3) in enumerate(zip(once, twice, again, strict=True)):
        if x.grad is not None:
            _assert(_same(x2.grad.data, 2 * x.grad.data), f"used twice, input {i} does not get twice the gradient")
            _assert(_same(x3.grad.data, 2 * x.grad.data), f"walked back twice, input {i}'s .grad does not add up")


def a_second_backward_raises(fn: Callable, arrays: list[Array]) -> None:
    """After a backward pass without retain_graph there is no other."""
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


def without_a_graph_the_values_are_the_same(fn: Callable, arrays: list[Array]) -> None:
    """no_grad changes what is kept, not what is computed."""
    recorded = outputs_of(fn, _leaves(arrays))
    with no_grad():
        plain = outputs_of(fn, _leaves(arrays))
    for r, p in zip(recorded, plain, strict=True):
        _assert(
            np.array_equal(to_numpy(r.data), to_numpy(p.data), equal_nan=True),
            "under no_grad the values are others: forward must not depend on whether a graph is recorded",
        )


class _Waste:
    """An observer that finds gradients made for inputs that need none."""

    found: str = ""

    def after_forward(self, node: Any, inputs: list, outputs: list) -> None: ...

    def after_backward(self, node: Any, cotangents: list, gradients: list) -> None:
        answers = list(zip(node.needs_input_grad, gradients, strict=True))
        useful = {id(t) for needed, t in answers if needed} | {id(t) for t in cotangents}
        makers = {id(t.creator) for needed, t in answers if needed and t is not None}
        for i, (needed, t) in enumerate(answers):
            free = needed or t is None or id(t) in useful or t.creator is None or id(t.creator) in makers
            if not free and not self.found:
                self.found = f"{node.name}.backward computes the gradient of its input {i}, which needs none"


def a_frozen_input_gets_no_gradient(fn: Callable, arrays: list[Array]) -> None:
    """Each input's gradient alone, the others frozen, is the one it gets among all; a frozen one gets none."""
    together = _leaves(arrays)
    outputs = outputs_of(fn, together)
    expected = grad(outputs, together, _cotangents(outputs), allow_unused=True)
    for i, e in enumerate(expected):
        inputs = _leaves(arrays, [i == j for j in range(len(arrays))])
        outputs = outputs_of(fn, inputs)
        if e is not None:
            (alone,) = grad(outputs, [inputs[i]], _cotangents(outputs))
            _assert(_same(alone.data, e.data, 1e-11), f"with the other inputs frozen, input {i} gets another gradient")
        inputs = _leaves(arrays, [i != j for j in range(len(arrays))])
        y = outputs_of(fn, inputs)[0]
        if y.requires_grad:
            y.backward(*_cotangents([y]))
        _assert(inputs[i].grad is None, f"input {i} requires no gradient, but got one")


def no_work_is_wasted(fn: Callable, arrays: list[Array]) -> None:
    """No gradient is computed for an input that needs none."""
    for i in range(len(arrays)):
        inputs = _leaves(arrays, [i == j for j in range(len(arrays))])
        outputs = outputs_of(fn, inputs)
        waste = _Waste()
        with observe(waste):
            grad(outputs, [inputs[i]], _cotangents(outputs), create_graph=True, allow_unused=True)
        _assert(not waste.found, f"{waste.found}: ask self.needs_input_grad, and return None")


def survives_an_empty_batch(fn: Callable, arrays: list[Array]) -> None:
    """If forward takes arrays with no samples, backward does too."""
    if any(a.ndim == 0 for a in arrays):
        return
    inputs = _leaves([a[:0] if len(a) == len(arrays[0]) else a for a in arrays])
    with np.errstate(all="ignore"):
        try:
            outputs = outputs_of(fn, inputs)
        except Exception:  # it may refuse them
            return
        try:
            grad(outputs, inputs, _cotangents(outputs), allow_unused=True)
        except Exception as error:
            message = f"forward takes an empty batch, but backward raises {type(error).__name__}: {error}"
            raise InvariantError(message) from error


def an_empty_batch_works(fn: Callable, arrays: list[Array], batched: int) -> None:
    """With no samples, everything that goes by samples is empty, and what sums over them is 0."""
    if any(a.ndim == 0 for a in arrays[:batched]):
        return
    empty = [a[:0] if i < batched else a for i, a in enumerate(arrays)]
    try:
        results = derivatives(fn, empty)
    except Exception as error:
        raise InvariantError(f"given an empty batch, it raises {type(error).__name__}: {error}") from error
    _assert(all(not r.any() for r in results), "given an empty batch, a value or gradient is not 0")


INVARIANTS: tuple[Callable[[Callable, list[Array]], None], ...] = (
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
)
