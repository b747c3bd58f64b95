"""Observers see every call and every step back, in order."""

import pytest

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.autograd.hooks import unobserved


class Diary:
    def __init__(self, name="", lines=None):
        self.name, self.lines = name, [] if lines is None else lines

    def after_forward(self, node, inputs, outputs):
        self.lines.append((self.name, "forward", node.name, [t.item() for t in inputs], [t.item() for t in outputs]))

    def after_backward(self, node, cotangents, gradients):
        values = [None if g is None else g.item() for g in gradients]
        self.lines.append((self.name, "backward", node.name, [t.item() for t in cotangents], values))


def test_they_see_values_and_gradients_in_order():
    x, c = mg.Tensor(3.0, requires_grad=True), mg.Tensor(2.0)
    diary = Diary()
    with mg.observe(diary):
        y = F.mul(x, c)
        z = F.sub(c, y)
    assert [line[1:] for line in diary.lines] == [("forward", "Mul", [3, 2], [6]), ("forward", "Sub", [2, 6], [-4])]
    diary.lines.clear()
    with mg.observe(diary):
        z.backward()
    steps = [line[2:] for line in diary.lines if line[1] == "backward"]
    assert steps == [("Sub", [1], [None, -1]), ("Mul", [-1], [-2, None])]


def test_several_are_called_in_the_order_they_came():
    lines = []
    with mg.observe(Diary("first", lines)), mg.observe(Diary("second", lines)):
        F.exp(mg.Tensor(0.0))
    assert [line[0] for line in lines] == ["first", "second"]


def test_outside_of_the_context_they_see_nothing_even_after_an_error():
    diary = Diary()
    with pytest.raises(KeyError), mg.observe(diary):
        raise KeyError
    F.exp(mg.Tensor(0.0))
    assert diary.lines == []


def test_they_see_calls_under_no_grad():
    diary = Diary()
    with mg.observe(diary), mg.no_grad():
        F.exp(mg.Tensor(0.0, requires_grad=True))
    assert len(diary.lines) == 1


class OfModules(Diary):
    def before_module(self, call, inputs):
        self.lines.append(("before", str(call), [t.item() for t in inputs]))

    def after_module(self, call, output):
        self.lines.append(("after", str(call), output.item()))


class Twice(nn.Module):
    def forward(self, x, y):
        return F.mul(x, y)


def test_they_are_told_what_a_module_is_given_and_returns_with_its_functions_between():
    diary = OfModules()
    with mg.observe(diary):
        Twice()(mg.Tensor(3.0), y=mg.Tensor(2.0))
    assert [line[:2] if line[0] in ("before", "after") else line[2] for line in diary.lines] == [
        ("before", "Twice"), "Mul", ("after", "Twice"),
    ]  # fmt: skip
    assert diary.lines[0][2] == [3, 2] and diary.lines[-1][2] == 6


def test_what_an_observer_computes_itself_is_seen_by_none_and_has_a_graph():
    x, first, last, inside = mg.Tensor(2.0, requires_grad=True), Diary(), Diary(), Diary()
    with mg.observe(first), mg.observe(last), mg.no_grad():
        with pytest.raises(KeyError), unobserved():
            with mg.observe(inside):
                (dx,) = mg.grad(F.mul(x, x), [x])
            raise KeyError
        lines = first.lines = last.lines = []
        F.exp(x)
    assert dx.item() == 4 and [line[2] for line in inside.lines if line[1] == "backward"] == ["Mul"]
    assert [line[2] for line in lines] == ["Exp", "Exp"]


def test_what_an_observer_wants_besides_is_computed_and_handed_to_nobody():
    x, y = (mg.Tensor(value, requires_grad=True) for value in (3.0, 2.0))

    class Curious(Diary):
        def before_backward_pass(self, outputs, cotangents, wanted, create_graph):
            self.create_graph = create_graph
            wanted.add(x)

    diary = Curious()
    product = F.mul(x, y)
    with mg.observe(diary):
        gradients = mg.grad(product, [y])
    assert [g.item() for g in gradients] == [3] and x.grad is None and diary.create_graph is False
    assert diary.lines[-1][2:] == ("Mul", [1], [2, 3])
