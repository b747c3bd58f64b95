"""detect_anomaly: the first NaN or Inf, by function, layer, and line of the user's code."""

from __future__ import annotations

import gc
import inspect
import sys
import threading
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.objectives import NonSaturating

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def next_line() -> str:
    """The line below the caller's, as the messages show lines."""
    return f"{__file__}:{inspect.currentframe().f_back.f_lineno + 1}: "


def leaf(*values, name=None, dtype="float32"):
    return mg.Tensor(np.array(values, dtype), requires_grad=True, name=name)


def told(function, *inputs, observed=True) -> list[str]:
    """The lines of the error that `function` ends with."""
    with pytest.raises(mg.AnomalyError) as caught:
        if observed:
            with mg.detect_anomaly():
                function(*inputs)
        else:
            function(*inputs)
    assert isinstance(caught.value, mg.GraphError)
    assert str(caught.value).startswith(caught.value.source) and caught.value.cause in str(caught.value)
    assert caught.value.arose_here == caught.value.cause.startswith("it arose here")
    return str(caught.value).split("\n  ")


# --- forward -------------------------------------------------------------------------------------

HERE = "it arose here, as all that went in was finite"


def test_a_forward_pass_is_named_with_what_it_gave_and_its_line():
    x, lines = leaf([1.0, 0.0], [-1.0, 0.0], name="x"), []

    def forward():
        y = x * 1.0
        lines.append(next_line())
        return F.log(y)

    what, cause, where, hint = told(forward)
    assert what == "Log's forward pass gave 1 NaN and 2 Inf in its output of shape (2, 2), the first (-inf) at [0, 1]"
    assert cause == HERE
    assert where == f"Log was called at {lines[0]}return F.log(y)"
    assert hint.startswith("hint: ") and "logits" in hint


def test_what_came_in_is_named_and_gets_no_hint():
    w, nan = leaf(1.0, name="G.w"), leaf(np.nan, 1.0)
    _, cause, where = told(lambda: F.log(nan))
    assert cause == "it came in with its input x of shape (2,), which was not finite already"
    nan.name = "noise"
    what, cause, where = told(lambda: F.mul(w, nan))
    assert cause == "it came in with noise of shape (2,), which was not finite already"
    assert where.startswith("Mul was called with G.w, noise at ")
    assert what.endswith("gave 1 NaN in its output of shape (2,), the first (nan) at [0]")


def test_a_single_number_and_one_of_several_outputs():
    assert told(lambda: F.sum(leaf(3e38, 3e38)))[0] == "Sum's forward pass gave inf as its output"

    class Two(mg.Function):
        def forward(self, x):
            return x, x / 0

    assert " gave 1 Inf in its output 1 of shape (1,)" in told(lambda: Two()(leaf(1.0)))[0]


@pytest.mark.parametrize("quiet", [mg.no_grad, lambda: nn.frozen(nn.Dense(1, 1))], ids=["no_grad", "frozen"])
def test_it_looks_where_no_graph_is_recorded(quiet):
    def forward():
        with quiet():
            F.exp(leaf(1e3))

    assert told(forward)[0].startswith("Exp's forward pass")


def test_whole_numbers_are_finite():
    with mg.detect_anomaly():
        F.reshape(mg.Tensor(np.arange(3)), (3, 1))


class LogOfProbability(nn.Module):
    def forward(self, logits):
        return F.log(F.sigmoid(logits))


class Critic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(nn.Dense(2, 1), LogOfProbability())

    def forward(self, x):
        return self.main(x)


def test_a_discriminator_whose_probability_is_0_is_told_its_layer_and_line():
    """ln σ(l) is −∞ in float32 from l = −104 on: G's fakes are fine, D's verdict is not."""
    G, D = nn.Sequential(nn.Dense(3, 2), nn.Tanh()).named("G"), Critic().named("D")
    D.main[0].weight.data = np.full((1, 2), -1e4, "float32")
    D.main[0].bias.data = np.full(1, -1e5, "float32")
    z = mg.Tensor(np.zeros((4, 3), "float32"))
    what, cause, where, hint = told(lambda: (-F.mean(D(G(z)))).backward())
    assert what.startswith("Log's forward pass in D.main.1 (LogOfProbability) gave 4 Inf in its output of shape (4, 1)")
    source, number = inspect.getsourcelines(LogOfProbability.forward)
    assert cause == HERE and where == f"Log was called at {__file__}:{number + 1}: {source[1].strip()}"
    assert "binary_cross_entropy_with_logits" in hint


def test_the_weight_that_spoils_a_layer_is_named():
    D = Critic().named("D")
    D.main[0].bias.data = np.full(1, np.inf, "float32")
    what, cause, where = told(lambda: D(mg.Tensor(np.ones((4, 2), "float32"))))
    assert what.startswith("Dense's forward pass in D.main.0 (Dense) gave 4 Inf")
    assert cause == "it came in with D.main.0.bias of shape (1,), which was not finite already"
    assert where.startswith("Dense was called with D.main.0.weight, D.main.0.bias at ")
    assert where.endswith(": return self.main(x)")  # the innermost line that is not minigan's


def test_the_line_is_the_users_and_not_that_of_minigans_own_models_and_objectives():
    logits = leaf(np.inf)
    expected = next_line()
    where = told(lambda: NonSaturating().generator_loss(logits))[2]
    assert where.startswith(f"BinaryCrossEntropyWithLogits was called at {expected}")


# --- backward ------------------------------------------------------------------------------------


def test_a_backward_pass_is_named_with_both_lines():
    x = leaf(0.0, 1.0, name="x")

    def step():
        called = next_line()
        y = F.sum(F.sqrt(x))
        walked = next_line()
        y.backward()
        return called, walked

    called, walked = step()  # nobody looks
    what, cause, at, back, hint = told(step)
    assert what == "Sqrt's backward pass gave 1 Inf in the gradient of x of shape (2,), the first (inf) at [0]"
    assert cause == HERE
    assert at == f"Sqrt was called with x at {called}y = F.sum(F.sqrt(x))"
    assert back == f"the backward pass was called at {walked}y.backward()"
    assert "add a small number" in hint


def test_the_layer_of_a_backward_pass_is_that_of_the_forward_call():
    class Root(nn.Module):
        def forward(self, x):
            return F.sqrt(x)

    D = nn.Sequential(Root()).named("D")
    what, *_ = told(lambda: F.sum(D(leaf(0.0) * 1.0)).backward())
    assert what.startswith("Sqrt's backward pass in D.0 (Root) gave 1 Inf in the gradient of its input x of shape (1,)")


def test_it_works_for_a_graph_made_before_and_for_one_made_in_an_earlier_block():
    x = leaf(0.0)
    y = F.sqrt(x)
    _, _, where, back, _ = told(lambda: y.backward(np.ones(1)))
    assert where == "where Sqrt was called is not known: it was not under detect_anomaly"
    assert back.endswith("y.backward(np.ones(1)))")
    with mg.detect_anomaly():
        expected = next_line()
        y = F.sqrt(x)
    assert told(lambda: y.backward(np.ones(1)))[2] == f"Sqrt was called at {expected}y = F.sqrt(x)"


def test_what_came_into_a_backward_pass_is_told():
    x = leaf(1.0)
    _, cause, *_ = told(lambda: F.exp(x).backward(np.array([np.nan], "float32")))
    assert cause == "it came in with the gradient that the backward pass was given, which was not finite already"
    y = F.mul(x, mg.Tensor(np.array([np.nan], "float32")))  # nobody looked
    _, cause, *_ = told(lambda: y.backward(np.ones(1, "float32")))
    assert cause == "it came in with what its forward pass had saved, which was not finite already"
    assert told(lambda: F.log(x * 0.0 + 1e-40).backward(np.ones(1, "float32")))[1] == HERE


def test_what_a_backward_pass_computes_on_the_way_may_overflow():
    class Safe(mg.Function):
        """dx = dy / (1 + e^1000), which is 0."""

        def forward(self, x):
            return x * 0

        def backward(self, dy):
            return dy / (F.exp(dy * 1000.0) + 1.0)

    x = leaf(1.0)
    with mg.detect_anomaly():
        Safe()(x).backward(np.ones(1))
    assert x.grad.item() == 0


def test_a_gradient_that_nobody_wants_is_not_looked_at():
    class Careless(mg.Function):
        def forward(self, x, t):
            return x + t

        def backward(self, dy):
            return dy, mg.Tensor(np.full(1, np.inf, "float32"))

    x = leaf(1.0)
    with mg.detect_anomaly():
        Careless()(x, mg.Tensor(np.ones(1, "float32"))).backward(np.ones(1))
    assert x.grad.item() == 1


def test_gradients_that_overflow_when_they_meet():
    x = leaf(1.0, name="x")
    big = np.full(1, 3e38, "float32")
    what, cause, back = told(lambda: (x * 1.0 + x * 1.0).backward(big))
    assert what == "Adding up the gradients of x gave 1 Inf in the sum of shape (1,), the first (inf) at [0]"
    assert cause == HERE and back.startswith("the backward pass was called at")

    def at_an_output():
        y = F.tanh(x)
        (y * 1.0 + y * 1.0).backward(big)

    what, _, where, _ = told(at_an_output)
    assert what.startswith("Adding up the gradients of Tanh's output gave 1 Inf")
    assert where.endswith(": y = F.tanh(x)")

    def over_two_passes():
        for _ in range(2):
            (x * 1.0).backward(big)

    assert told(over_two_passes)[0].startswith("Adding up the gradients of x gave 1 Inf")
    x.grad.data = np.full(1, np.nan, "float32")
    assert told(lambda: (x * 1.0).backward(np.ones(1)))[1].startswith("it came in with one of them")


def test_second_order_is_named_by_the_function_whose_backward_pass_it_is_of():
    x = leaf(1e-15, name="x")

    def step():
        called = next_line()
        y = F.log(x)
        first = next_line()
        (dx,) = mg.grad(F.sum(y), x, create_graph=True)
        second = next_line()
        (ddx,) = mg.grad(F.sum(dx), x, create_graph=True)
        third = next_line()
        F.sum(ddx).backward()
        return called, first, second, third

    lines = step()
    what, cause, *notes, hint = told(step)
    assert what == "Div's backward pass gave 1 Inf in the gradient of its input b of shape (1,), the first (inf) at [0]"
    assert cause == HERE and "divide" in hint
    assert [note.split("(")[0] for note in notes] == [
        f"Div was called in Div's backward pass at {lines[2]}",
        f"Div was called in Log's backward pass with x at {lines[1]}",
        f"Log was called with x at {lines[0]}y = F.log",
        f"the backward pass was called at {lines[3]}F.sum",
    ]


@pytest.mark.parametrize(
    "function, value, direction, says",
    [
        (F.log, 0.0, "forward", "logits"),
        (F.sqrt, -1.0, "forward", "negative"),
        (F.sqrt, 0.0, "backward", "slope at 0"),
        (lambda x: F.div(mg.Tensor(np.ones(1, "float32")), x), 0.0, "forward", "divides by 0"),
        (F.exp, 89.0, "forward", "overflows"),
        (lambda x: 1.0 / x, 0.0, "forward", "negative power"),
        (lambda x: F.power(x, 0.5), 0.0, "backward", "slope at 0"),
        (lambda x: F.power(x, 0.5), -1.0, "forward", "NaN"),
    ],
)
def test_usual_suspects_get_a_hint(function, value, direction, says):
    lines = told(lambda: F.sum(function(leaf(value))).backward())
    assert f"'s {direction} pass" in lines[0] and lines[-1].startswith("hint: ") and says in lines[-1]


def test_there_is_no_hint_without_a_suspicion():
    assert not any(line.startswith("hint") for line in told(lambda: leaf(3e38) * 10.0))


# --- the mode itself -----------------------------------------------------------------------------


def test_as_a_decorator_nested_and_again():
    @mg.detect_anomaly()
    def log(x):
        return F.log(x)

    for _ in range(2):
        assert told(log, leaf(0.0), observed=False)[0].startswith("Log's forward pass")
        assert told(log, leaf(0.0))[0].startswith("Log's forward pass")
    with mg.detect_anomaly():
        assert log(leaf(1.0)).item() == 0
        told(F.log, leaf(0.0), observed=False)  # the inner one has ended, the outer one has not
    F.log(leaf(0.0))


def test_an_error_within_ends_it():
    with pytest.raises(KeyError), mg.detect_anomaly():
        raise KeyError
    F.log(leaf(0.0))
    told(F.log, leaf(0.0))
    F.log(leaf(0.0))


def test_it_concerns_its_own_thread():
    ended = []

    def in_a_thread(observed):
        try:
            if observed:
                with mg.detect_anomaly():
                    F.log(leaf(0.0))
            else:
                F.log(leaf(0.0))
            ended.append(None)
        except mg.AnomalyError as error:
            ended.append(error.source)

    with mg.detect_anomaly():
        for observed in (True, False):
            thread = threading.Thread(target=in_a_thread, args=(observed,))
            thread.start()
            thread.join()
    assert ended == ["Log's forward pass", None]


def test_it_keeps_no_graph_alive():
    with mg.detect_anomaly():
        x = leaf(2.0)
        y = F.log(x)
        (dx,) = mg.grad(y, x, np.ones(1, "float32"), create_graph=True)
        log = weakref.ref(y.creator)
        ddx = dx * 1.0  # its graph holds the Div of Log's backward pass, and not the Log
        del y
        gc.collect()
        assert log() is None
        div = weakref.ref(dx.creator)
        del dx, ddx
        gc.collect()
        assert div() is None
    assert mg.autograd.in_backward_of() is None


def test_nothing_is_noted_when_it_is_not_asked_for():
    y = F.log(leaf(2.0))
    with mg.detect_anomaly():
        z = F.log(leaf(2.0))
    assert not hasattr(y.creator, "_place") and hasattr(z.creator, "_place")


@pytest.mark.host_only("it stands in for a device, where there is none")
def test_a_device_array_is_looked_at_by_its_own_module(monkeypatch):
    class OnDevice(np.ndarray):
        def __array_ufunc__(self, *arguments, **options):
            raise TypeError("NumPy was asked to work on a device's array")

        __array_function__ = __array_ufunc__
        device = SimpleNamespace(id=0)

    def on_device(function):
        return lambda array, *rest: function(np.asarray(array).view(np.ndarray), *rest)

    of_numpy = {name: on_device(getattr(np, name)) for name in ("isfinite", "isnan", "isinf", "unravel_index")}
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(__name__="cupy", ndarray=OnDevice, **of_numpy))

    class Spoil(mg.Function):
        def forward(self, x):
            return np.array([1.0, np.inf], "float32").view(OnDevice)

    assert told(lambda: Spoil()(leaf(1.0)))[0].endswith("1 Inf in its output of shape (2,), the first (inf) at [1]")
