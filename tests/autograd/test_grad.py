"""mg.grad: gradients as values, of any order, and no more work than they need."""

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F


class Walked:
    """An observer that notes which functions were called, and which were differentiated."""

    def __init__(self):
        self.forward, self.backward = [], []

    def after_forward(self, node, inputs, outputs):
        self.forward.append(node.name)

    def after_backward(self, node, cotangents, gradients):
        self.backward.append(node.name)


def leaves(*values):
    return [mg.Tensor(np.array(v), requires_grad=True) for v in values]


def test_it_returns_a_tuple_and_touches_no_grad():
    x, w = leaves([1.0, 2.0], [3.0, 4.0])
    dx, dw = mg.grad((x * w).sum(), [x, w])
    assert dx.numpy().tolist() == [3, 4] and dw.numpy().tolist() == [1, 2]
    assert x.grad is None and w.grad is None
    assert isinstance(mg.grad((x * w).sum(), x), tuple)


def test_it_walks_only_what_leads_to_the_inputs():
    x, w = leaves(np.ones((2, 3)), np.ones((4, 3)))
    loss = (F.dense(x, F.tanh(w * 2)) * F.exp(w).sum()).sum()
    walked = Walked()
    with mg.observe(walked):
        mg.grad(loss, x)
    assert walked.backward == ["Sum", "Mul", "Dense"]  # neither the weight's Tanh nor its Exp
    assert walked.forward.count("MatMul") == 1  # nor the product for dense's weight


def test_inputs_may_lie_on_the_way():
    (x,) = leaves([1.0, 2.0])
    h = x * 3
    k = F.exp(h)
    dh, dx, dk = mg.grad((k * h).sum(), [h, x, k])
    e = np.exp([3, 6])
    np.testing.assert_allclose(dk.numpy(), [3, 6])
    np.testing.assert_allclose(dh.numpy(), e * [4, 7])
    np.testing.assert_allclose(dx.numpy(), 3 * e * [4, 7])


def test_what_comes_before_an_intermediate_input_is_left_alone():
    (x,) = leaves([1.0])
    h = F.exp(x)
    walked = Walked()
    with mg.observe(walked):
        mg.grad(F.tanh(h), h, [[1.0]])
    assert walked.backward == ["Tanh"]


def test_an_output_is_its_own_derivative():
    (x,) = leaves([1.0, 2.0])
    y = x * 2
    dy, dx = mg.grad(y, [y, x], np.array([5.0, 6.0]))
    assert dy.numpy().tolist() == [5, 6] and dx.numpy().tolist() == [10, 12]


def test_several_outputs_add_up():
    x, w = leaves([1.0, 2.0], [3.0, 4.0])
    a, b = x * w, x.sum()
    (dx,) = mg.grad([a, b], [x], grad_outputs=[np.array([1.0, 10.0]), None], retain_graph=True)
    assert dx.numpy().tolist() == [4, 41]
    (dx,) = mg.grad([b, b], x)
    assert dx.numpy().tolist() == [2, 2]


@pytest.mark.parametrize("dy", [np.array([1.0, 10.0]), mg.Tensor(np.array([1.0, 10.0]))], ids=["array", "Tensor"])
def test_the_cotangent_of_one_output_needs_no_list(dy):
    (x,) = leaves([1.0, 2.0])
    (dx,) = mg.grad(x * x, x, dy)
    assert dx.numpy().tolist() == [2, 40]


def test_inputs_may_come_from_a_generator():
    x, w = leaves(2.0, 3.0)
    dx, dw = mg.grad(x * w, (t for t in (x, w)))
    assert (dx.item(), dw.item()) == (3, 2)


def test_unused_inputs():
    x, other = leaves([1.0], [2.0])
    with pytest.raises(mg.GraphError, match=r"do not depend on input 1 \(tensor of shape \(1,\)\).*allow_unused=True"):
        mg.grad((x * 2).sum(), [x, other])
    dx, none = mg.grad((x * 2).sum(), [x, other], allow_unused=True)
    assert dx.item() == 2 and none is None
    assert mg.grad(x.detach().sum(), x, allow_unused=True) == (None,)


def test_the_graph_is_kept_only_if_asked_for():
    (x,) = leaves(3.0)
    y = x * x
    mg.grad(y, x, retain_graph=True)
    mg.grad(y, x, create_graph=True)
    mg.grad(y, x)
    with pytest.raises(mg.GraphError, match="retain_graph=True"):
        mg.grad(y, x)


def test_the_graph_may_be_let_go_of_where_the_gradient_has_its_own():
    x = mg.Tensor(3.0, requires_grad=True)
    y = x**2
    (dx,) = mg.grad(y, x, create_graph=True, retain_graph=False)
    assert mg.grad(dx, x)[0].item() == 2
    with pytest.raises(mg.GraphError, match="was differentiated once already"):
        mg.grad(y, x)


def test_a_pass_for_one_input_leaves_the_next_complete():
    x, w = leaves([2.0], [3.0])
    y = (x * w).sum()
    mg.grad(y, x, retain_graph=True)
    y.backward()
    assert x.grad.item() == 3 and w.grad.item() == 2


@pytest.mark.parametrize(
    ("function", "derivatives"),
    [
        (lambda x: x**4, [lambda x: 4 * x**3, lambda x: 12 * x**2, lambda x: 24 * x, lambda x: 24 + 0 * x]),
        (lambda x: x * x * x * x, [lambda x: 4 * x**3, lambda x: 12 * x**2, lambda x: 24 * x, lambda x: 24 + 0 * x]),
        (F.exp, [np.exp] * 4),
        (
            F.tanh,
            [
                lambda x: 1 - np.tanh(x) ** 2,
                lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
                lambda x: (6 * np.tanh(x) ** 2 - 2) * (1 - np.tanh(x) ** 2),
                lambda x: (16 * np.tanh(x) - 24 * np.tanh(x) ** 3) * (1 - np.tanh(x) ** 2),
            ],
        ),
    ],
    ids=["power", "product", "exp", "tanh"],
)
def test_derivatives_to_fourth_order(function, derivatives):
    points = np.array([0.3, -1.2, 2.0])
    x = mg.Tensor(points, requires_grad=True)
    y = function(x)
    for derivative in derivatives:
        (y,) = mg.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.numpy(), derivative(points), rtol=1e-12)


def test_a_gradient_penalty():
    """E (‖∂D/∂x‖ − 1)², differentiated with respect to the weights: for D(x) = w·x it is 2(‖w‖ − 1) w/‖w‖."""
    x, w = leaves(np.ones((5, 3)), [[1.0, 2.0, 2.0]])
    (dx,) = mg.grad(F.dense(x, w).sum(), x, create_graph=True)
    norms = F.sqrt((dx * dx).sum(1))
    ((norms - 1) ** 2).mean().backward()
    np.testing.assert_allclose(w.grad.numpy(), 2 * (3 - 1) * np.array([[1, 2, 2]]) / 3)


def test_without_create_graph_gradients_have_none():
    (x,) = leaves(3.0)
    (dx,) = mg.grad(x * x, x)
    assert not dx.requires_grad and dx.is_leaf


def test_the_number_of_cotangents_must_fit():
    (x,) = leaves([1.0, 2.0])
    with pytest.raises(ValueError, match="2 grad_outputs were given for 1 outputs"):
        mg.grad(x * x, x, [np.ones(2), np.ones(2)])
