"""One line of test code checks a user's function: right ones pass, each broken invariant is found."""

import functools

import numpy as np
import pytest
from testing.user_functions import Exp

import minigan as mg
from minigan import functions as F
from minigan.testing import GradientError, InvariantError, NoInputsError, assert_gradients, assert_invariants, gradcheck
from minigan.testing.assertions import guess_inputs
from minigan.testing.cases import CASES


class GatedTanh(mg.Function):
    """y = tanh(a) σ(b), as a user would write it."""

    def forward(self, a, b):
        self.save_for_backward(a, b)
        return np.tanh(a) / (1 + np.exp(-b))

    def backward(self, dy):
        a, b = self.saved_tensors
        t, s = F.tanh(a), F.sigmoid(b)
        return F.sum_to((1.0 - t * t) * s * dy, a.shape), F.sum_to(t * s * (1.0 - s) * dy, b.shape)


class Log(mg.Function):
    def forward(self, x):
        self.save_for_backward(x)
        return np.log(x)

    def backward(self, dy):
        (x,) = self.saved_tensors
        return dy / x


class LogOdds(mg.Function):
    def forward(self, p):
        self.save_for_backward(p)
        return np.log(p / (1 - p))

    def backward(self, dy):
        (p,) = self.saved_tensors
        return dy / (p * (1.0 - p))


class ColumnNorms(mg.Function):
    """Takes matrices of two columns only, and says how to draw some."""

    @staticmethod
    def samples(rng):
        return [rng.standard_normal((int(rng.integers(1, 4)), 2)) + 3]

    def forward(self, x):
        if x.shape[1:] != (2,):
            raise ValueError("two columns, please")
        self.save_for_backward(x)
        return np.sqrt((x * x).sum(axis=1))

    def backward(self, dy):
        (x,) = self.saved_tensors
        return x * F.reshape(dy / F.sqrt(F.sum(x * x, 1)), (-1, 1))


@pytest.mark.parametrize("fn", [GatedTanh, Log, LogOdds, ColumnNorms, F.tanh, F.log, F.matmul, F.conv2d])
def test_right_functions_pass_in_one_line(fn):
    assert assert_gradients(fn).error < 1e-6


def test_inputs_may_be_given_or_drawn():
    assert_gradients(GatedTanh, [np.ones((2, 3)), np.ones(3)])
    assert_gradients(F.tanh, np.ones(3), order=3)
    drawn = []

    def draw(rng):
        drawn.append(rng.standard_normal((2, len(drawn) + 1)))
        return drawn[-1]

    assert_gradients(F.tanh, draw, cases=4)
    assert [x.shape for x in drawn] == [(2, 1), (2, 2), (2, 3), (2, 4)]


def test_guessed_inputs_are_small_and_large_too():
    draw, rng = guess_inputs(F.tanh), np.random.default_rng(0)
    sizes = [np.abs(draw(rng)[0]).max() for _ in range(12)]
    assert sum(size > 8 for size in sizes) >= 3 and sum(size < 0.4 for size in sizes) >= 3


def test_guessed_inputs_stay_in_the_domain():
    draw, rng = guess_inputs(lambda p: F.log(p) + F.log(1.0 - p)), np.random.default_rng(0)
    assert all(0 < p < 1 for _ in range(12) for p in draw(rng)[0].ravel())


def test_inputs_that_cannot_be_guessed():
    with pytest.raises(NoInputsError, match="<lambda> does not say how many inputs it takes"):
        assert_gradients(lambda *xs: xs[0])
    with pytest.raises(NoInputsError, match=r"Two takes none of the 1 inputs .*two columns, please.*samples\(rng\)"):
        assert_gradients(type("Two", (ColumnNorms,), {"samples": None}))


def test_a_mistake_in_the_code_is_raised_as_it_is():
    class Mistaken(mg.Function):
        def forward(self, x):
            return x * 2

        def backward(self, dy):
            return undefined(dy)  # noqa: F821

    with pytest.raises(NameError, match="^name 'undefined' is not defined$"):
        assert_gradients(Mistaken)
    with pytest.raises(AttributeError, match="^'Tensor' object has no attribute 'nothing'$"):
        assert_gradients(lambda x: x.nothing)
    with pytest.raises(TypeError, match="must return a Tensor or a tuple of them, but returned NoneType$"):
        assert_gradients(lambda x: None)


def test_the_order_is_as_asked():
    class Detached(Log):
        def backward(self, dy):
            return dy / super().saved_tensors[0].detach()

    assert_gradients(Detached, order=1)
    with pytest.raises(GradientError, match="second-order"):
        assert_gradients(Detached)


# --- the invariants: each with a function that breaks it and has right derivatives ------------------


def is_writable(array):
    """CuPy's arrays always are."""
    return getattr(array.flags, "writeable", True)


class ChangesItsInput(Exp):
    def forward(self, x):
        y = super().forward(x)
        if is_writable(x):
            x[x > 1e300] = 0  # harmless, and never
            x *= 1 + 1e-12
        return y


class ChangesItsCotangent(Exp):
    def backward(self, dy):
        dx = super().backward(dy)
        if is_writable(dy.data):
            dy.data[...] = 0
        return dx


class Widens(Exp):
    def forward(self, x):
        y = np.exp(x) * np.float64(1)
        self.save_for_backward(y)
        return y


class MinesMemory(Exp):
    """Reads the elements in the order of memory."""

    def forward(self, x):
        y = np.exp(x.ravel(order="K").reshape(x.shape))
        self.save_for_backward(y)
        return y


class WrongInFloat32(Exp):
    def backward(self, dy):
        return super().backward(dy) * (2.0 if dy.dtype == np.float32 else 1.0)


class WritesToItsInput(Exp):
    def forward(self, x):
        x += 0
        return super().forward(x)


class KeepsItOnTheClass(Exp):
    def forward(self, x):
        type(self).kept = np.exp(x)
        return type(self).kept

    def backward(self, dy):
        return dy * type(self).kept


class ComputesLessWithoutAGraph(Exp):
    def forward(self, x):
        return super().forward(x) if any(self.needs_input_grad) else np.exp(x.astype("float32")).astype(x.dtype)


class RefusesNoSamples(Exp):
    def forward(self, x):
        return super().forward(x + 0 * x.max())


class Wasteful(mg.Function):
    def forward(self, a, b):
        self.save_for_backward(a, b)
        return a * b

    def backward(self, dy):
        a, b = self.saved_tensors
        return dy * b, dy * a


X = np.random.default_rng(0).standard_normal((3, 4))
BROKEN = {
    ChangesItsInput: "input 0 was changed in place",
    ChangesItsCotangent: "cotangent 0 was changed in place",
    Widens: "of float32 inputs, a value or gradient is float64",
    WrongInFloat32: "of float32 inputs, values or gradients are others than of float64",
    MinesMemory: "laid out as columns first, .* differ: does it rely on contiguous memory",
    KeepsItOnTheClass: "called twice before the backward pass, the calls mix: .* save_for_backward",
    ComputesLessWithoutAGraph: "under no_grad the values are others",
}


@pytest.mark.host_only("no array of CuPy is read-only")
def test_writing_to_an_input_is_found_where_it_changes_nothing():
    gradcheck(WritesToItsInput, X, order=1)
    with pytest.raises(InvariantError, match="laid out as read only, it raises ValueError"):
        assert_invariants(WritesToItsInput.apply, [X])


@pytest.mark.parametrize("broken", BROKEN, ids=lambda c: c.__name__)
def test_each_broken_invariant_is_found(broken):
    gradcheck(broken, X, order=1)
    with pytest.raises(InvariantError, match=BROKEN[broken]):
        assert_invariants(broken.apply, [X])
    with pytest.raises(AssertionError):
        assert_gradients(broken)


def test_an_empty_batch():
    assert_invariants(Exp.apply, [X], batched=1)
    with pytest.raises(InvariantError, match="given an empty batch, it raises ValueError"):
        assert_invariants(RefusesNoSamples.apply, [X], batched=1)


def test_forward_that_takes_an_empty_batch_needs_a_backward_that_does():
    class Halfway(Exp):
        def backward(self, dy):
            return super().backward(dy) + 0.0 * dy.max()

    for inputs in (None, [X], lambda rng: rng.standard_normal((3, 4))):
        with pytest.raises(InvariantError, match="forward takes an empty batch, but backward raises ValueError"):
            assert_gradients(Halfway, inputs)


def test_forward_that_gives_nan_for_an_empty_batch_does_not_take_it():
    class Mean(mg.Function):
        def forward(self, x):
            self.shape = x.shape
            return x.mean()

        def backward(self, dy):
            return F.broadcast_to(dy, self.shape) * (1 / np.prod(self.shape))  # of nothing, a division by 0

    assert_gradients(Mean, [X])


def test_layers_constants_and_options():
    rng = np.random.default_rng(0)
    weight = mg.Tensor(rng.standard_normal((2, 4)))
    assert_gradients(lambda x: F.dense(x, weight), [X])  # float64 of its own: float32 has to be left out
    assert_gradients(mg.nn.Dense(4, 3).to(dtype="float64"), [X])
    assert_gradients(mg.nn.Tanh())

    class Times(mg.Function):
        def __init__(self, factor):
            self.factor = factor

        def forward(self, x):
            return x * self.factor

        def backward(self, dy):
            return dy * self.factor

    for fn in (Times(3.0), lambda x: Times(3.0)(x), functools.partial(Times.apply, factor=3.0), Exp.apply):
        assert_gradients(fn)
    with pytest.raises(NoInputsError, match=r"Times takes none .* check lambda x: F\(option\)\(x\)"):
        assert_gradients(Times)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: assert_gradients(mg.nn.Tanh, [X]), TypeError, "Tanh is a class, but no Function: give an instance"),
        (lambda: assert_gradients(3, [X]), TypeError, "must take Tensors, but int cannot be called"),
        (lambda: assert_gradients(lambda x: [x], [X]), TypeError, "a Tensor or a tuple of them, but returned list"),
        (lambda: assert_gradients(F.tanh, cases=0), ValueError, "cases must be 1 or more, not 0"),
    ],
)
def test_what_cannot_be_checked(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_unneeded_gradients_are_found_where_it_is_asked_for():
    assert_invariants(Wasteful.apply, [X, X])
    with pytest.raises(
        InvariantError, match=r"Wasteful.backward computes the gradient of its input 1.*needs_input_grad"
    ):
        assert_invariants(Wasteful.apply, [X, X], check_needs_input_grad=True)
    assert_invariants(F.mul, [X, X], check_needs_input_grad=True)


# --- invariants of the engine, broken by a patch -------------------------------------------------


def test_gradients_that_share_memory_are_found(monkeypatch):
    monkeypatch.setattr("minigan.autograd.backward_pass._unshared", lambda gradients, cotangent: gradients)
    with pytest.raises(InvariantError, match="the gradient of input 0 shares its memory with the cotangent"):
        assert_invariants(F.add, [X, X])


def test_gradients_that_do_not_add_up_are_found(monkeypatch):
    monkeypatch.setattr(
        "minigan.autograd.backward_pass._accumulate", lambda arrived, key, gradient: arrived.update({key: gradient})
    )
    with pytest.raises(InvariantError, match="used twice, input 0 does not get twice the gradient"):
        assert_invariants(F.tanh, [X])


def test_a_second_backward_that_passes_is_found(monkeypatch):
    monkeypatch.setattr(mg.Function, "free", lambda self: None)
    with pytest.raises(InvariantError, match="second backward pass .* does not raise"):
        assert_invariants(F.tanh, [X])


def test_cases_are_printed_briefly():
    rng = np.random.default_rng(3)
    assert all(len(str(case.draw(rng))) < 200 for case in CASES.values())
