"""Matrix products."""

import numpy as np
import pytest
from hypothesis import given

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck
from minigan.testing.strategies import calls

from .fixed import normal


@given(calls("matmul"))
def test_matmul(call):
    a, b = call.inputs
    expected = a @ b
    result = F.matmul(a, b).numpy()
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-13)
    gradcheck(F.matmul, [a, b])


@given(calls("dense"))
def test_dense(call):
    x, weight, *bias = call.inputs
    expected = np.einsum("...c,oc->...o", x, weight) + (bias[0] if bias else 0)
    np.testing.assert_allclose(F.dense(*call.inputs).numpy(), expected, rtol=1e-12, atol=1e-13)
    gradcheck(F.dense, call.inputs)


def test_a_single_vector():
    x, weight = normal((3,), (2, 3))
    np.testing.assert_allclose(F.dense(x, weight).numpy(), weight @ x, rtol=1e-12)
    gradcheck(F.dense, [x, weight])


class CountedProducts:
    def __init__(self):
        self.count = 0

    def after_forward(self, node, inputs, outputs):
        self.count += node.name in ("MatMul", "DenseWeightGrad")

    def after_backward(self, node, cotangents, gradients):
        pass


@pytest.mark.parametrize(("frozen", "products"), [((), 2), (("weight",), 1), (("x",), 1)])
def test_only_the_products_needed_are_made(frozen, products):
    x, weight, bias = normal((4, 3), (2, 3), (2,))
    x = mg.Tensor(x, requires_grad="x" not in frozen)
    weight = mg.Tensor(weight, requires_grad="weight" not in frozen)
    y = F.dense(x, weight, mg.Tensor(bias, requires_grad=True)).sum()
    counted = CountedProducts()
    with mg.observe(counted):
        y.backward()
    assert counted.count == products
    assert (x.grad is None) == ("x" in frozen) and (weight.grad is None) == ("weight" in frozen)


def test_the_gradient_at_the_input_makes_one_product():
    x, weight = (mg.Tensor(a, requires_grad=True) for a in normal((4, 3), (2, 3)))
    counted = CountedProducts()
    with mg.observe(counted):
        mg.grad(F.dense(x, weight).sum(), x)  # not calling for the weight's
    assert counted.count == 1
