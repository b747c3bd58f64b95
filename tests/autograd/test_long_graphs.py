"""Graphs longer than Python's stack is deep."""

import gc

import pytest

import minigan as mg
from minigan import functions as F

LENGTH = 100_000


def chain(step, length=LENGTH):
    x = mg.Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = step(y)
    return x, y


def test_forward_backward_and_deletion():
    x, y = chain(lambda y: y + 1.0)
    y.backward()
    assert y.item() == LENGTH + 1 and x.grad.item() == 1
    del y
    gc.collect()


@pytest.mark.parametrize("step", [F.tanh, lambda y: F.mul(y, y)], ids=["output", "input"])
def test_deletion_of_a_graph_never_walked(step):
    """Functions that save their output, and those that save their inputs, hold the chain together in two ways."""
    x, y = chain(step, length=50_000)
    del y
    gc.collect()
    assert x.grad is None


def test_a_graph_of_a_gradient():
    x, y = chain(lambda y: y * 1.0, length=30_000)
    (dx,) = mg.grad(y, x, create_graph=True)
    assert dx.item() == 1
    del y, dx
    gc.collect()
