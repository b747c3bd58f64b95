"""Matrix products."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck

from .strategies import normal, seeds, shape_pairs, sides


@given(shape_pairs, sides, sides, sides, st.booleans(), st.booleans(), seeds)
def test_matmul(batches, n, k, m, vector_a, vector_b, seed):
    a_shape = (k,) if vector_a else (*batches[0], n, k)
    b_shape = (k,) if vector_b else (*batches[1], k, m)
    a, b = normal(seed, a_shape, b_shape)
    expected = a @ b
    result = F.matmul(a, b).numpy()
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-13)
    gradcheck(F.matmul, [a, b])


@given(st.sampled_from([(), (3,), (2, 3), (1, 1, 2)]), sides, sides, st.booleans(), seeds)
def test_dense(batch, c, o, has_bias, seed):
    x, weight, bias = normal(seed, (*batch, c), (o, c), (o,))
    expected = np.einsum("...c,oc->...o", x, weight) + (bias if has_bias else 0)
    inputs = [x, weight, bias] if has_bias else [x, weight]
    np.testing.assert_allclose(F.dense(*inputs).numpy(), expected, rtol=1e-12, atol=1e-13)
    gradcheck(F.dense, inputs)


class CountedProducts:
    def __init__(self):
        self.count = 0

    def after_forward(self, node, inputs, outputs):
        self.count += node.name in ("MatMul", "DenseWeightGrad")

    def after_backward(self, node, cotangents, gradients):
        pass


@pytest.mark.parametrize(("frozen", "products"), [((), 2), (("weight",), 1), (("x",), 1)])
def test_only_the_products_needed_are_made(frozen, products):
    x, weight, bias = normal(0, (4, 3), (2, 3), (2,))
    x = mg.Tensor(x, requires_grad="x" not in frozen)
    weight = mg.Tensor(weight, requires_grad="weight" not in frozen)
    y = F.dense(x, weight, mg.Tensor(bias, requires_grad=True)).sum()
    counted = CountedProducts()
    with mg.observe(counted):
        y.backward()
    assert counted.count == products
    assert (x.grad is None) == ("x" in frozen) and (weight.grad is None) == ("weight" in frozen)


def test_the_gradient_at_the_input_makes_one_product():
    x, weight = (mg.Tensor(a, requires_grad=True) for a in normal(0, (4, 3), (2, 3)))
    counted = CountedProducts()
    with mg.observe(counted):
        mg.grad(F.dense(x, weight).sum(), x)  # not calling for the weight's
    assert counted.count == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.matmul(np.ones((2, 3)), np.ones((2, 3))), r"matmul: shapes \(2, 3\) and \(2, 3\) do not fit"),
        (lambda: F.matmul(np.ones(3), np.ones(2)), r"matmul: shapes \(3,\) and \(2,\) do not fit"),
        (lambda: F.matmul(np.ones(()), np.ones(2)), r"matmul: shapes \(\) and \(2,\) do not fit"),
        (
            lambda: F.matmul(np.ones((2, 1, 3)), np.ones((3, 3, 1))),
            r"matmul: \(2, 1, 3\) and \(3, 3, 1\) do not broadcast before their last two axes",
        ),
        (
            lambda: F.dense(np.ones((2, 3)), np.ones((3, 2))),
            r"dense: x has shape \(2, 3\), weight \(3, 2\): .*\(out, in\)",
        ),
        (lambda: F.dense(np.ones((2, 3)), np.ones(3)), r"dense: x has shape \(2, 3\), weight \(3,\)"),
        (lambda: F.dense(np.ones(()), np.ones((2, 3))), r"dense: x has shape \(\)"),
        (
            lambda: F.dense(np.ones((2, 3)), np.ones((4, 3)), np.ones(3)),
            r"dense: bias has shape \(3,\), but must have \(4,\)",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
