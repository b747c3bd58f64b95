"""Small promises: modes nest, dtypes stay, optimisers take what they can change."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import nn, optim


def test_one_no_grad_object_may_be_entered_within_itself():
    x, off = mg.Tensor([1.0], requires_grad=True), mg.no_grad()
    with off:
        with off:
            assert not (x * 2.0).requires_grad
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).requires_grad


def test_a_backward_that_widens_is_refused():
    class Widening(mg.Function):
        def forward(self, x):
            return x * 2

        def backward(self, dy):
            return mg.Tensor(dy.data.astype("float64") * 2)

    y = Widening()(mg.Tensor([1.0], requires_grad=True))
    with pytest.raises(mg.GraphError, match="float64 for input 0, which is float32"):
        y.backward()


def test_integers_and_floats_do_not_mix_in_one_call():
    class Sum(mg.Function):
        def forward(self, a, b):
            return a + b

    with pytest.raises(TypeError, match=r"Sum: a of shape \(2,\) is int64, but b of shape \(2,\) is float32"):
        Sum()(mg.Tensor(np.ones(2, "int64")), mg.Tensor(np.ones(2, "float32")))


def test_an_optimiser_takes_one_tensor_each_once_and_only_leaves():
    w = mg.Tensor([1.0], requires_grad=True)
    for params in (w, [w, w]):
        w.data, w.grad = np.ones(1, "float32"), mg.Tensor([1.0])
        optim.SGD(params, lr=0.5).step()
        assert w.item() == 0.5
    for wrong in ([w * 2.0], [np.ones(2)]):
        with pytest.raises(TypeError, match="SGD takes tensors that no function made"):
            optim.SGD(wrong)


def test_a_module_passes_keywords_on():
    class Conditional(nn.Module):
        def forward(self, x, labels=None):
            return labels

    assert Conditional()(mg.Tensor([1.0]), labels=3) == 3
