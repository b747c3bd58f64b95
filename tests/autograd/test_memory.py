"""What a graph holds on to, and when it lets go."""

import gc
import weakref

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F


@pytest.fixture(autouse=True)
def without_the_cycle_collector():
    """What is no longer needed must go at once: large arrays cannot wait for the collector."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def body(x, weight):
    """A loss, and weak references to a tensor and two arrays that its backward pass needs."""
    h = F.dense(x, weight)
    y = F.tanh(h * h)
    kept = weakref.ref(h), weakref.ref(h.data), weakref.ref(y.data)
    return y.sum(), kept


def leaves():
    return mg.Tensor(np.ones((2, 3)), requires_grad=True), mg.Tensor(np.ones((4, 3)), requires_grad=True)


def test_a_backward_pass_lets_go_of_what_was_saved():
    loss, kept = body(*leaves())
    assert all(ref() is not None for ref in kept)
    loss.backward()
    assert all(ref() is None for ref in kept)
    assert loss.item()  # the loss itself is still at hand


def test_a_backward_pass_lets_go_of_constants_too():
    y = F.relu(leaves()[0])
    mask = weakref.ref(y.creator.saved_constants[0])
    y.sum().backward()
    assert mask() is None


def test_retain_graph_keeps_it():
    loss, kept = body(*leaves())
    loss.backward(retain_graph=True)
    assert all(ref() is not None for ref in kept)


def test_a_graph_goes_with_its_last_output():
    loss, kept = body(*leaves())
    del loss
    assert all(ref() is None for ref in kept)


def test_without_a_graph_nothing_is_kept():
    with mg.no_grad():
        loss, kept = body(*leaves())
    assert all(ref() is None for ref in kept)
    x, weight = leaves()
    loss, kept = body(x.detach(), weight.detach())
    assert all(ref() is None for ref in kept)


def test_a_graph_of_a_gradient_goes_with_it():
    x, weight = leaves()
    loss, kept = body(x, weight)
    (dx,) = mg.grad(loss, x, create_graph=True)
    penalty = (dx * dx).sum()
    penalty.backward()
    del loss, dx, penalty
    assert all(ref() is None for ref in kept)


def test_a_slice_does_not_keep_the_whole():
    x = mg.Tensor(np.ones((1000, 2)))
    part, whole = x[:1], weakref.ref(x.data)
    del x
    assert whole() is None and part.shape == (1, 2)
