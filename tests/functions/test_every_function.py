"""What holds for each and every function: its derivatives, invariants, one dtype, empty batches."""

import importlib
import pkgutil
import sys

import numpy as np
import pytest
from devices import assert_allclose, host

import minigan as mg
from minigan import backend
from minigan import functions as F
from minigan.backend import is_array
from minigan.functions.derivatives import function_classes
from minigan.testing import assert_gradients, assert_invariants, gradcheck
from minigan.testing.callables import outputs_of
from minigan.testing.cases import CASES, BackwardCoverage
from minigan.testing.invariants import derivatives

PUBLIC = [name for name in CASES if name.split()[0] in F.__all__]
every_function = pytest.mark.parametrize("name", CASES)


def some_calls(name, count):
    rng = np.random.default_rng(1)
    return [CASES[name].draw(rng) for _ in range(count)]


# --- the register --------------------------------------------------------------------------------


@every_function
def test_gradients_are_derivatives(name):
    for call in some_calls(name, 8):
        gradcheck(call, call.inputs, CASES[name].order)


@every_function
def test_invariants(name):
    for call in some_calls(name, 5):
        assert_invariants(call, call.inputs, CASES[name].batched, check_needs_input_grad=True)


def test_every_function_in_the_package_has_a_case():
    seen = BackwardCoverage()
    with mg.observe(seen):
        for name in CASES:
            for call in some_calls(name, 3):
                derivatives(call, call.inputs)
    missing = {c.__name__ for c in set(function_classes()) - seen.classes}
    assert not missing, f"no sample inputs in minigan/testing/cases.py for {sorted(missing)}"


def test_a_function_without_a_case_is_found(monkeypatch):
    class Forgotten(mg.Function):
        __module__ = "minigan.functions.activation"

    monkeypatch.setattr(F.activation, "Forgotten", Forgotten, raising=False)
    assert Forgotten in function_classes()
    Forgotten.__module__ = __name__  # a user's own needs no case
    assert Forgotten not in function_classes()


def test_all_functions_of_the_package_are_in_its_room_of_functions():
    for module in pkgutil.walk_packages(mg.__path__, "minigan."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, bases = set(), [mg.Function]
    while bases:
        classes = [c for c in bases.pop().__subclasses__() if c.__module__.startswith("minigan.")]
        bases += classes
        found |= {c for c in classes if not c.__name__.startswith("_")}
    assert found == set(function_classes())


def test_every_public_function_has_a_case():
    assert {name.split()[0] for name in PUBLIC} == set(F.__all__)


def test_convolutions_and_activations_are_checked_to_third_order():
    assert {name for name, case in CASES.items() if case.order == 3} >= {
        "conv2d", "conv_transpose2d", "ConvWeightGrad", "relu", "leaky_relu", "tanh", "sigmoid", "softplus", "softmax",
        "log_softmax",
    }  # fmt: skip
    assert min(case.order for case in CASES.values()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.order < 3])
def test_third_order_of_all_others(name):
    for call in some_calls(name, 3):
        gradcheck(call, call.inputs, order=3)


# --- dtypes --------------------------------------------------------------------------------------


@every_function
def test_float32_gives_the_values_of_float64_but_for_rounding(name):
    for call in some_calls(name, 2):
        rounded = [a.astype("float32") for a in call.inputs]
        narrow, wide = derivatives(call, rounded), derivatives(call, [a.astype("float64") for a in rounded])
        for n, w in zip(narrow, wide, strict=True):
            assert_allclose(n, w, rtol=1e-3, atol=1e-3 * max(1.0, np.abs(host(w)).max()))


@every_function
def test_results_are_arrays_and_never_numbers_of_numpy(name):
    for call in some_calls(name, 2):
        assert all(is_array(r) for r in derivatives(call, call.inputs))


@pytest.mark.parametrize(
    "number", [2, 2.5, True, np.float64(1.7), np.float32(0.3), np.int64(3)], ids=lambda n: type(n).__name__
)
@pytest.mark.parametrize(
    "call",
    [
        lambda x, c: x + c, lambda x, c: c + x, lambda x, c: x - c, lambda x, c: c - x, lambda x, c: x * c,
        lambda x, c: c * x, lambda x, c: x / c, lambda x, c: c / x, lambda x, c: x**c, lambda x, c: c**x, F.maximum,
        lambda x, c: F.where(x > 1.0, x, c), lambda x, c: x.clip(c, 4), lambda x, c: F.var(x, 1, correction=c / 2),
        F.minimum, F.leaky_relu, lambda x, c: F.batch_norm(x, np.ones(3, "f"), np.zeros(3, "f"), eps=c),
        lambda x, c: F.layer_norm(x, eps=c), lambda x, c: F.pixel_norm(x, eps=c), F.mse_loss, F.l1_loss,
        F.hinge_loss, lambda x, c: F.binary_cross_entropy_with_logits(x, c / 3),
        lambda x, c: F.binary_cross_entropy(x / 4, c / 3),
        lambda x, c: F.dropout(x, c / 10),
    ],
)  # fmt: skip
def test_numbers_do_not_widen_float32(call, number):
    x = np.array([[1.0, 2.0, 3.0], [2.0, 0.5, 1.0]], "float32")
    assert {r.dtype.name for r in derivatives(lambda t: call(t, number), [x])} == {"float32"}


@pytest.mark.parametrize("name", PUBLIC)
def test_float32_and_float64_do_not_mix(name):
    for call in some_calls(name, 3):
        if len(call.inputs) > 1:
            first, *others = call.inputs
            with pytest.raises(TypeError, match=r"float32.*float64|float64.*float32"):
                call(mg.Tensor(first.astype("float32")), *map(mg.Tensor, others))


ELEMENTWISE = [
    "abs", "exp", "leaky_relu", "log", "max", "mean", "min", "neg", "power", "relu", "sigmoid", "softplus", "sqrt",
    "sum", "tanh", "add", "sub", "mul", "div", "maximum", "minimum", "mse_loss", "l1_loss", "hinge_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits",
]  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_arrays_of_no_dimensions(name):
    function = getattr(F, name)
    pair = [np.asarray(0.8), np.asarray(0.3)]
    inputs = pair if name in ELEMENTWISE[ELEMENTWISE.index("add") :] else pair[:1]
    assert_gradients(lambda *xs: function(*xs, 2.5) if name == "power" else function(*xs), inputs)


# Which functions make no sense of integers: with them, each would give numbers cut off, or of another dtype.
FLOATING = {
    "avg_pool2d", "batch_norm", "binary_cross_entropy", "binary_cross_entropy_with_logits", "clip", "conv2d",
    "conv_transpose2d", "cross_entropy", "dense", "div", "dropout", "exp", "group_norm", "hinge_loss", "instance_norm",
    "l1_loss", "layer_norm", "leaky_relu", "log", "log_softmax", "max_pool2d", "mean", "mse_loss", "norm",
    "pixel_norm", "power of two arrays", "sigmoid", "softmax", "softplus", "sqrt", "tanh", "upsample_nearest2d", "var",
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
@pytest.mark.parametrize("name", sorted(FLOATING))
def test_integers_are_refused_where_floats_are_needed(name, dtype):
    (call,) = some_calls(name, 1)
    with pytest.raises(
        TypeError, match=rf"^{name.split()[0]}: \w+ is {dtype}, but must be floating: convert it with \.to\("
    ):
        call(*(mg.Tensor(np.ones(a.shape, dtype)) for a in call.inputs))


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d", "dense"])
def test_integer_images_do_not_meet_floating_weights(name):
    (call,) = some_calls(name, 1)
    first, *others = call.inputs
    with pytest.raises(TypeError, match=rf"{name}: x is uint8, but must be floating"):
        call(mg.Tensor(np.ones(first.shape, "uint8")), *map(mg.Tensor, others))


# --- on a device ---------------------------------------------------------------------------------


def test_the_host_never_waits_for_the_device():
    """Nothing is read back, forward or backward. What was made on the host, labels say, may be sent."""
    if "cusim" not in sys.modules or backend.get_default_device() == backend.CPU:
        pytest.skip("copies are counted by the simulator, tests/cusim")
    read_back = {}
    for name in CASES:
        (call,) = some_calls(name, 1)
        inputs = [mg.Tensor(a.astype("float32"), requires_grad=True) for a in call.inputs]
        before = sys.modules["cusim"].counters()
        outputs = outputs_of(call, inputs)
        gradients = mg.grad(outputs, inputs, [y.detach() for y in outputs], allow_unused=True)
        after = sys.modules["cusim"].counters()
        read_back[name] = sum(after[what] - before[what] for what in ("d2h", "sync"))
        assert {t.device for t in (*outputs, *gradients) if t is not None} == {backend.get_default_device()}
    assert not {name: times for name, times in read_back.items() if times}


# --- empty batches that the register does not draw -----------------------------------------------


def none(*shape):
    return np.zeros(shape)


EMPTY = {
    "add": (F.add, [none(0, 3), np.ones(3)]),
    "mul": (F.mul, [none(0, 3), np.ones((1, 3))]),
    "concatenate": (lambda a, b: F.concatenate([a, b], 1), [none(0, 3), none(0, 1)]),
    "stack": (lambda a, b: F.stack([a, b], 1), [none(0, 3), none(0, 3)]),
    "where": (lambda a, b: F.where(np.zeros((0, 1), bool), a, b), [none(0, 3), np.ones(3)]),
    "power": (F.power, [none(0, 3), np.ones(3)]),
    "norm of each image": (lambda x: F.norm(x, (1, 2, 3)), [none(0, 3, 2, 2)]),
    "norm over the batch": (lambda x: F.norm(x, 0), [none(0, 3)]),
    "var of each image": (lambda x: F.var(x, (2, 3)), [none(0, 3, 2, 2)]),
    "matmul": (F.matmul, [none(0, 3, 4), np.ones((4, 2))]),
    "mean of each image": (lambda x: F.mean(x, (2, 3)), [none(0, 3, 2, 2)]),
    "max of each image": (lambda x: F.max(x, (2, 3)), [none(0, 3, 2, 2)]),
    "sum over the batch": (lambda x: F.sum(x, 0), [none(0, 3)]),
    "softmax": (F.softmax, [none(0, 3)]),
    "cross_entropy": (lambda x: F.cross_entropy(x, np.zeros(0, int), "sum"), [none(0, 4)]),
    "hinge_loss": (lambda x: F.hinge_loss(x, 1.0, "sum"), [none(0, 1)]),
    "binary_cross_entropy": (lambda x: F.binary_cross_entropy(x, 1.0, "sum"), [none(0, 1)]),
    "binary_cross_entropy_with_logits": (
        lambda x: F.binary_cross_entropy_with_logits(x, 1.0, "sum"), [none(0, 1)],
    ),
    "l1_loss": (lambda x: F.l1_loss(x, 1.0, "sum"), [none(0, 1)]),
    "mse_loss": (lambda x: F.mse_loss(x, 1.0, "sum"), [none(0, 1)]),
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_of_no_samples_everything_is_empty_or_zero(name):
    assert not any(result.any() for result in derivatives(*EMPTY[name]))
