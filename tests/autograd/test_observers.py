"""Observers see every call and every step back, in order."""

import pytest

import minigan as mg
from minigan import functions as F


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
    assert [line[1:] for line in diary.lines] == [
        ("forward", "Mul", [3, 2], [6]),
        ("forward", "Sub", [2, 6], [-4]),
    ]
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
