"""Tensor.backward: what arrives in .grad, and the errors."""

import numpy as np
import pytest
from devices import share_memory

import minigan as mg
from minigan import functions as F
from minigan.autograd import backward


def test_it_adds_to_what_is_in_grad():
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    assert x.grad.numpy().tolist() == [2, 4]
    (x * 3).sum().backward()
    assert x.grad.numpy().tolist() == [5, 7]
    assert isinstance(x.grad, mg.Tensor) and x.grad.dtype == np.float32 and not x.grad.requires_grad


def test_only_leaves_that_require_it_get_a_gradient():
    x, frozen = mg.Tensor([1.0], requires_grad=True), mg.Tensor([2.0])
    h = x * frozen
    h.backward()
    assert x.grad.item() == 2 and frozen.grad is None and h.grad is None


def test_a_cotangent_weighs_the_outputs():
    x = mg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x * x).backward([1.0, 10.0, 100.0])
    assert x.grad.numpy().tolist() == [2, 40, 600]


def test_a_leaf_is_its_own_derivative():
    x = mg.Tensor(5.0, requires_grad=True)
    x.backward()
    assert x.grad.item() == 1


def test_a_diamond():
    x = mg.Tensor(3.0, requires_grad=True)
    a = x * x
    b, c = a * 2, a + 1
    (b * c).backward()  # 2x²(x² + 1): 8x³ + 4x
    assert x.grad.item() == 8 * 27 + 12


def test_a_tensor_used_many_times_over_and_at_different_depths():
    x = mg.Tensor(2.0, requires_grad=True)
    y = x
    for _ in range(10):
        y = y + x * y
    y.backward()  # x (1 + x)^10
    assert x.grad.item() == pytest.approx(3**10 + 2 * 10 * 3**9)


def test_what_was_made_first_may_be_used_last():
    x = mg.Tensor(2.0, requires_grad=True)
    early = x * 3
    late = x * x * x
    (late * early).backward()  # 3x⁴
    assert x.grad.item() == 12 * 8


def test_a_second_pass_needs_retain_graph():
    x = mg.Tensor(3.0, requires_grad=True)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 12
    with pytest.raises(mg.GraphError, match=r"Mul was differentiated once.*retain_graph=True.*compute the value"):
        y.backward()


def test_two_losses_over_one_body():
    x = mg.Tensor(3.0, requires_grad=True)
    body = x * x
    first, second = body * 2, body * body
    first.backward(retain_graph=True)
    second.backward()
    assert x.grad.item() == 12 + 4 * 27


@pytest.mark.parametrize(("retain", "create"), [(False, False), (True, False), (False, True)])
def test_create_graph_gives_gradients_a_graph(retain, create):
    x = mg.Tensor(3.0, requires_grad=True)
    (x * x * x).backward(retain_graph=retain, create_graph=create)
    assert x.grad.item() == 27 and x.grad.requires_grad == create
    if create:
        (ddx,) = mg.grad(x.grad, x)
        assert ddx.item() == 18


def test_the_gradients_of_two_passes_add_up_with_their_graphs():
    x = mg.Tensor(3.0, requires_grad=True)
    for _ in range(2):
        (x * x * x).backward(create_graph=True)
    (ddx,) = mg.grad(x.grad, x)
    assert (x.grad.item(), ddx.item()) == (54, 36)


def test_a_cotangent_of_the_right_size_and_another_shape_is_refused():
    x = mg.Tensor(np.ones((2, 3), "float32"), requires_grad=True)
    for shape in ((3, 2), (6,), (1, 2, 3)):
        with pytest.raises(ValueError, match="must have its output's"):
            (x * 2).backward(np.ones(shape, "float32"))
    with pytest.raises(ValueError, match="must have its output's"):
        x.sum().backward(np.ones(1, "float32"))
    with pytest.raises(TypeError, match="the cotangent has dtype float64, but must have its output's, float32"):
        (x * 2).backward(mg.Tensor(np.ones((2, 3))))


def test_a_retained_gradient_adds_up_and_is_memory_of_its_own():
    x = mg.Tensor(np.ones(3, "float32"), requires_grad=True)
    h = x + 1
    h.retain_grad()
    y = h.sum()
    y.backward(retain_graph=True)
    y.backward()
    assert h.grad.numpy().tolist() == x.grad.numpy().tolist() == [2, 2, 2]
    once = x + 1
    once.retain_grad()
    x.grad = None
    once.sum().backward()
    once.grad.copy_(7)
    assert x.grad.numpy().tolist() == [1, 1, 1]


def test_create_graph_gives_a_graph_to_gradients_that_are_one():
    a, b, c = (mg.Tensor(v, requires_grad=True) for v in (1.0, 2.0, 3.0))
    ((a + b) * c).backward(create_graph=True)
    for gradient in (a.grad, b.grad):
        assert mg.grad(gradient, c, retain_graph=True)[0].item() == 1


def test_gradients_have_memory_of_their_own():
    """An addition hands the same cotangent to both inputs; a sum hands on one number as many."""
    a, b = mg.Tensor([1.0, 2.0], requires_grad=True), mg.Tensor([3.0, 4.0], requires_grad=True)
    dy = mg.Tensor([5.0, 6.0])
    (a + b).backward(dy)
    assert not share_memory(a.grad.data, b.grad.data)
    assert not share_memory(a.grad.data, dy.data) and not share_memory(b.grad.data, dy.data)
    a.grad.data *= 0
    assert b.grad.numpy().tolist() == [5, 6] and dy.numpy().tolist() == [5, 6]


@pytest.mark.parametrize(
    "loss",
    [
        lambda a, b: (a + b.reshape(3, 2).T).sum(),
        lambda a, b: (a + b.reshape(3, 2).T).sum() * 2,
        lambda a, b: (a + b.reshape(3, 2).T).mean(),
        lambda a, b: F.broadcast_to(a, (2, 2, 3)).sum(0).sum() * 3 + b.sum() * 3,
        lambda a, b: a.mean() - b.mean(),
    ],
)
def test_gradients_can_be_changed_in_place_one_by_one(loss):
    a, b = mg.Tensor(np.ones((2, 3)), requires_grad=True), mg.Tensor(np.ones(6), requires_grad=True)
    loss(a, b).backward()
    other = b.grad.numpy().copy()
    a.grad.data[0, 0] = 100.0
    a.grad.data[1, 1] -= 1.0
    assert (a.grad.data == 100).sum() == 1
    np.testing.assert_array_equal(b.grad.numpy(), other)


def test_several_roots_are_walked_back_together():
    """A loss on G's output, and a gradient that came back to it from elsewhere: one pass, each function once."""

    class Counted(mg.Function):
        calls = 0

        def forward(self, x):
            return x * 3

        def backward(self, dy):
            Counted.calls += 1
            return dy * 3.0

    def made():
        w = mg.Tensor(np.array([1.0, 2.0]), requires_grad=True)
        y = Counted()(w * w)
        return w, y, (y * y).sum()

    arrived = np.array([0.5, -1.0])
    w, y, loss = made()
    backward([y, loss], [mg.Tensor(arrived), None])
    assert Counted.calls == 1
    twice, y2, loss2 = made()
    loss2.backward(retain_graph=True)
    y2.backward(arrived)
    np.testing.assert_allclose(w.grad.numpy(), twice.grad.numpy())
    np.testing.assert_allclose(w.grad.numpy(), (arrived + 2 * 3 * w.numpy() ** 2) * 3 * 2 * w.numpy())


def test_one_cotangent_for_each_root():
    y = mg.Tensor([1.0, 2.0], requires_grad=True) * 2.0
    with pytest.raises(ValueError, match="1 grad_tensors were given for 2 tensors"):
        backward([y, y], [None])
    with pytest.raises(mg.GraphError, match="needs the cotangent"):
        backward([y])


def test_a_gradient_shares_no_memory_with_any_cotangent_that_was_given():
    a, b = (mg.Tensor(np.ones(2), requires_grad=True) for _ in range(2))
    given = [mg.Tensor(np.ones(2)), mg.Tensor(np.ones(2))]
    backward([a + 0.0, b + 0.0], given)
    a.grad.data += 1.0
    b.grad.data += 1.0
    np.testing.assert_array_equal(given[0].numpy(), 1.0), np.testing.assert_array_equal(given[1].numpy(), 1.0)
