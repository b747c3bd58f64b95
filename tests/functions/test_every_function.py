"""What holds for each and every function: right derivatives, one dtype, inputs left alone, any order of memory."""

import importlib
import pkgutil

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck

from .cases import ALL, CASES, EMPTY_BATCHES, FLOATING
from .derivatives import as_tuple, values_and_gradients

every_case = pytest.mark.parametrize("name", ALL)


# --- the register --------------------------------------------------------------------------------


class Differentiated:
    """An observer that collects the classes whose backward pass was walked."""

    def __init__(self):
        self.classes = set()

    def after_forward(self, node, inputs, outputs):
        pass

    def after_backward(self, node, cotangents, gradients):
        self.classes.add(type(node))


def all_function_classes():
    """Every Function in minigan.functions, private bases left out."""
    modules = [importlib.import_module(f"minigan.functions.{m.name}") for m in pkgutil.iter_modules(F.__path__)]
    members = {c for module in modules for c in vars(module).values() if isinstance(c, type)}
    return {c for c in members - {mg.Function} if issubclass(c, mg.Function) and not c.__name__.startswith("_")}


@every_case
def test_gradients_are_derivatives(name):
    gradcheck(*ALL[name], order=2)


def test_every_class_has_a_case():
    seen = Differentiated()
    with mg.observe(seen):
        for case in ALL.values():
            gradcheck(*case, order=1)
    missing = {c.__name__ for c in all_function_classes() - seen.classes}
    assert not missing, f"no gradient check in tests/functions/cases.py for {sorted(missing)}"


def test_every_public_function_has_a_case():
    tested = {name.split()[0] for name in CASES}
    assert tested == set(F.__all__)


# --- dtypes --------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_dtype_stays_as_it_is_through_two_backward_passes(name, dtype):
    call, inputs = ALL[name]
    results = values_and_gradients(call, [a.astype(dtype) for a in inputs])
    assert {r.dtype.name for r in results} == {dtype}
    assert all(isinstance(r, np.ndarray) for r in results)  # never a NumPy scalar


@every_case
def test_float32_gives_the_values_of_float64_but_for_rounding(name):
    call, inputs = ALL[name]
    rounded = [a.astype("float32") for a in inputs]
    narrow = values_and_gradients(call, rounded)
    wide = values_and_gradients(call, [a.astype("float64") for a in rounded])
    for n, w in zip(narrow, wide, strict=True):
        np.testing.assert_allclose(n, w, rtol=3e-4, atol=3e-4 * max(1.0, np.abs(w).max()))


@pytest.mark.parametrize(
    "number", [2, 2.5, True, np.float64(1.7), np.float32(0.3), np.int64(3)], ids=lambda n: type(n).__name__
)
@pytest.mark.parametrize(
    "call",
    [
        lambda x, c: x + c, lambda x, c: c + x, lambda x, c: x - c, lambda x, c: c - x, lambda x, c: x * c,
        lambda x, c: c * x, lambda x, c: x / c, lambda x, c: c / x, lambda x, c: x**c, F.power, F.maximum,
        F.minimum, F.leaky_relu, lambda x, c: F.batch_norm(x, np.ones(3, "f"), np.zeros(3, "f"), eps=c),
        lambda x, c: F.layer_norm(x, eps=c), lambda x, c: F.pixel_norm(x, eps=c), F.mse_loss, F.l1_loss,
        F.hinge_loss, F.binary_cross_entropy_with_logits, lambda x, c: F.binary_cross_entropy(x / 4, c),
        lambda x, c: F.dropout(x, c / 10),
    ],
)  # fmt: skip
def test_numbers_do_not_widen_float32(call, number):
    x = np.array([[1.0, 2.0, 3.0], [2.0, 0.5, 1.0]], "float32")
    assert {r.dtype.name for r in values_and_gradients(lambda t: call(t, number), [x])} == {"float32"}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if len(case.inputs) > 1])
def test_float32_and_float64_do_not_mix(name):
    call, (first, *others) = CASES[name]
    with pytest.raises(TypeError, match=r"float32.*float64|float64.*float32"):
        call(mg.Tensor(first.astype("float32")), *map(mg.Tensor, others))


ELEMENTWISE = [
    "abs", "exp", "leaky_relu", "log", "max", "mean", "min", "mse_loss", "neg", "power", "relu", "sigmoid", "softplus",
    "sqrt", "sum", "tanh", "add", "sub", "mul", "div", "maximum", "minimum", "l1_loss", "hinge_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits",
]  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_arrays_of_no_dimensions(name):
    function = getattr(F, name)
    pair = [np.asarray(0.8), np.asarray(0.3)]
    two = len(CASES[name].inputs) == 2 or name == "hinge_loss"
    call = (lambda x: function(x, 2.5)) if name == "power" else function
    gradcheck(call, pair if two else pair[:1])
    for result in values_and_gradients(call, [a.astype("float32") for a in (pair if two else pair[:1])]):
        assert isinstance(result, np.ndarray) and result.dtype == np.float32


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
@pytest.mark.parametrize("name", sorted(FLOATING))
def test_integers_are_refused_where_floats_are_needed(name, dtype):
    call, (first, *others) = CASES[name]
    with pytest.raises(TypeError, match=rf"^{name}: x is {dtype}, but must be floating: convert it with \.to\("):
        call(mg.Tensor(np.ones(first.shape, dtype)), *(mg.Tensor(np.ones(a.shape, dtype)) for a in others))


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d", "dense"])
def test_integer_images_do_not_meet_floating_weights(name):
    call, (first, *others) = CASES[name]
    with pytest.raises(TypeError, match=rf"{name}: x is uint8, but must be floating"):
        call(mg.Tensor(np.ones(first.shape, "uint8")), *map(mg.Tensor, others))


# --- empty batches -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EMPTY_BATCHES)
def test_of_no_samples_everything_is_empty_or_zero(name):
    for result in values_and_gradients(*EMPTY_BATCHES[name]):
        assert (result == 0).all()


# --- memory --------------------------------------------------------------------------------------


@every_case
def test_inputs_and_cotangents_are_left_as_they_were(name):
    call, arrays = ALL[name]
    before = [a.copy() for a in arrays]
    inputs = [mg.Tensor(a, requires_grad=True) for a in arrays]
    outputs = as_tuple(call(*inputs))
    dys = [mg.Tensor(np.random.default_rng(i).standard_normal(y.shape)) for i, y in enumerate(outputs)]
    dys_before, values_before = [dy.data.copy() for dy in dys], [y.data.copy() for y in outputs]
    mg.grad(outputs, inputs, dys, create_graph=True)
    after = [*arrays, *(dy.data for dy in dys), *(y.data for y in outputs)]
    for now, then in zip(after, before + dys_before + values_before, strict=True):
        np.testing.assert_array_equal(now, then)


def transposed(order):
    """a with its axes in this order of memory, if it has as many; its values unchanged."""
    inverse = np.argsort(order)
    return lambda a: np.ascontiguousarray(a.transpose(order)).transpose(inverse) if a.ndim == len(order) else a


def every_second(a):
    wide = np.full((*a.shape[:-1], 2 * a.shape[-1]), np.nan) if a.ndim else a.copy()
    view = wide[..., ::2] if a.ndim else wide
    view[...] = a
    return view


def reversed_rows(a):
    return a[::-1].copy()[::-1]


LAYOUTS = {
    "columns first": lambda a: np.array(a, order="F"),
    "channels last": transposed((0, 2, 3, 1)),
    "pixels first": transposed((2, 3, 0, 1)),
    "every second": every_second,
    "backwards": lambda a: reversed_rows(a) if a.ndim else a,
    "read only": lambda a: np.broadcast_to(a, a.shape),
}


@every_case
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_order_of_memory_does_not_matter(name, layout):
    call, inputs = ALL[name]
    plain = values_and_gradients(call, inputs)
    for result, expected in zip(values_and_gradients(call, inputs, LAYOUTS[layout]), plain, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-11)


@every_case
def test_inputs_and_cotangents_in_different_orders_of_memory(name):
    call, inputs = ALL[name]
    for one, other in [("channels last", "pixels first"), ("pixels first", "channels last")]:
        layouts = iter([LAYOUTS[one]] * len(inputs) + [LAYOUTS[other]] * 99)
        plain = values_and_gradients(call, inputs)
        mixed = values_and_gradients(call, inputs, lambda a, layouts=layouts: next(layouts)(a))
        for result, expected in zip(mixed, plain, strict=True):
            np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-11)


@every_case
def test_without_a_graph_the_values_are_the_same(name):
    call, arrays = ALL[name]
    recorded = as_tuple(call(*[mg.Tensor(a, requires_grad=True) for a in arrays]))
    with mg.no_grad():
        plain = as_tuple(call(*[mg.Tensor(a, requires_grad=True) for a in arrays]))
    for r, p in zip(recorded, plain, strict=True):
        assert r.requires_grad and not p.requires_grad
        np.testing.assert_array_equal(r.data, p.data)


@every_case
def test_only_the_gradients_asked_for_are_needed(name):
    """Each input's gradient, asked for alone with the others as constants, is the one it gets among all."""
    call, arrays = ALL[name]
    inputs = [mg.Tensor(a, requires_grad=True) for a in arrays]
    outputs = as_tuple(call(*inputs))
    dys = [mg.Tensor(np.random.default_rng(i).standard_normal(y.shape)) for i, y in enumerate(outputs)]
    together = mg.grad(outputs, inputs, dys)
    for i, expected in enumerate(together):
        inputs = [mg.Tensor(a, requires_grad=i == j) for j, a in enumerate(arrays)]
        (alone,) = mg.grad(as_tuple(call(*inputs)), [inputs[i]], dys)
        np.testing.assert_allclose(alone.data, expected.data, rtol=1e-12, atol=1e-13)
