"""In which layer a function was called: known while somebody observes, for nothing when nobody does."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.nn import module as module_file

X = np.ones((2, 3), np.float32)


class Layers:
    """An observer that notes each function with its layer."""

    def __init__(self) -> None:
        self.forward: list[tuple[str, str]] = []
        self.backward: list[tuple[str, str]] = []
        self.calls: list = []

    def after_forward(self, node, inputs, outputs) -> None:
        self.forward.append((node.name, str(node.called_in)))
        self.calls.append(node.called_in)

    def after_backward(self, node, cotangents, gradients) -> None:
        self.backward.append((node.name, str(node.called_in)))


def layers(function, *inputs) -> list[tuple[str, str]]:
    seen = Layers()
    with mg.observe(seen):
        function(*(mg.Tensor(x) for x in inputs))
    return seen.forward


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Dense(3, 3)

    def forward(self, x):
        return F.exp(self.dense(x))


class Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(nn.Tanh(), Block())

    def forward(self, z):
        return F.sigmoid(self.main(z))


def test_the_path_leads_from_the_module_that_was_called_to_the_innermost():
    paths = ["main.0 (Tanh)", "main.1.dense (Dense)", "main.1 (Block)"]
    assert layers(Generator(), X) == [
        ("Tanh", "Generator.main.0 (Tanh)"),
        ("Dense", "Generator.main.1.dense (Dense)"),
        ("Exp", "Generator.main.1 (Block)"),
        ("Sigmoid", "Generator"),
    ]
    named = layers(Generator().named("G"), X)
    assert [layer for _, layer in named] == [*(f"G.{path}" for path in paths), "G (Generator)"]


def test_a_module_called_by_nobody_is_a_root():
    G = Generator()
    assert layers(G.main[1], X) == [("Dense", "Block.dense (Dense)"), ("Exp", "Block")]
    G.named("G")
    assert layers(G.main[1], X) == [("Dense", "G.main.1.dense (Dense)"), ("Exp", "G.main.1 (Block)")]
    assert layers(F.exp, X) == [("Exp", "None")]


class Detour(nn.Module):
    """Calls a part of a part, and a module that is no part of its own."""

    def __init__(self, guest) -> None:
        super().__init__()
        self.inner = nn.Sequential(Block())
        self.guest = lambda: guest  # not found as a part

    def forward(self, x):
        return self.guest()(self.inner[0].dense(x))


def test_a_part_of_a_part_and_a_guest_are_named_from_where_they_are_found():
    assert layers(Detour(nn.Tanh()), X) == [("Dense", "Detour.inner.0.dense (Dense)"), ("Tanh", "Tanh")]
    part = nn.Tanh()
    outer = nn.Sequential(part, Detour(part))  # the guest is a part of its caller's caller
    assert layers(outer, X)[-1] == ("Tanh", "Sequential.0 (Tanh)")
    shared = nn.Sequential(nn.Tanh()).named("first")
    holder = nn.Sequential(shared[0]).named("second")
    assert layers(shared, X) == [("Tanh", "first.0 (Tanh)")]
    assert layers(holder, X) == [("Tanh", "second.0 (Tanh)")]


def test_two_calls_of_a_module_are_two():
    D, seen = nn.Tanh(), Layers()
    with mg.observe(seen):
        D(mg.Tensor(X)), D(mg.Tensor(X))
    first, second = seen.calls
    assert first is not second and first.module is second.module is D and first.caller is None


def test_what_a_backward_pass_calls_belongs_to_the_layer_of_the_node():
    G, x = Generator(), mg.Tensor(X, requires_grad=True)
    seen = Layers()
    with mg.observe(seen):
        y = F.sum(G(x))
        seen.forward.clear()
        (dx,) = mg.grad(y, x, create_graph=True)
        inner = list(seen.forward)
        F.sum(dx * dx)
    assert seen.backward[:3] == [("Sum", "None"), ("Sigmoid", "Generator"), ("Exp", "Generator.main.1 (Block)")]
    assert ("Mul", "Generator.main.1 (Block)") in inner  # Exp's dy · y
    assert {layer for _, layer in inner} == {
        "None", "Generator", "Generator.main.0 (Tanh)", "Generator.main.1 (Block)", "Generator.main.1.dense (Dense)",
    }  # fmt: skip
    assert [layer for _, layer in seen.forward[len(inner) :]] == ["None", "None"]  # after the walk
    with mg.observe(seen):
        seen.backward.clear()
        F.sum(dx * dx).backward()
    assert ("Mul", "Generator.main.1 (Block)") in seen.backward  # second order: the Mul of Exp's backward pass


class Penalised(nn.Module):
    """Walks back within its forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Tanh()

    def forward(self, x):
        (dx,) = mg.grad(F.sum(self.part(x)), x)
        return F.exp(dx)


def test_after_a_walk_within_a_layer_one_is_in_that_layer_again():
    seen = Layers()
    with mg.observe(seen):
        Penalised()(mg.Tensor(X, requires_grad=True))
    assert seen.forward[-1] == ("Exp", "Penalised")


def test_an_error_within_a_layer_leaves_it():
    broken = nn.Sequential(nn.Dense(7, 1))
    seen = Layers()
    with mg.observe(seen):
        with pytest.raises(ValueError):
            broken(mg.Tensor(X))
        F.exp(mg.Tensor(X))
    assert seen.forward == [("Exp", "None")]


def test_when_nobody_observes_nothing_is_noted(monkeypatch):
    def never(*arguments):
        raise AssertionError("a call was noted")

    y = None
    with monkeypatch.context() as patch:
        patch.setattr(module_file, "ModuleCall", never)
        y = Generator()(mg.Tensor(X, requires_grad=True))
        F.sum(y).backward()
    assert y.creator.called_in is None
    with mg.observe(Layers()):
        y = Generator()(mg.Tensor(X, requires_grad=True))
    assert str(y.creator.called_in) == "Generator"
    assert mg.autograd.hooks.context.layer is None and not mg.autograd.hooks.context.observers


def test_an_observer_sees_its_own_thread():
    """Two threads meet within a layer: neither sees the other's functions or layers."""
    meet = threading.Barrier(2, timeout=10)

    class Meeting(nn.Module):
        def forward(self, x):
            meet.wait()
            y = F.exp(x)
            meet.wait()
            return y

    found = {}

    def run(name):
        found[name] = layers(Meeting().named(name), X)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {name: [("Exp", f"{name} (Meeting)")] for name in ("one", "two")}
