"""What was saved for the backward pass and then changed must not be used: and only that."""

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F


def setup():
    x = mg.Tensor([[1.0, 2.0]], requires_grad=True)
    weight = mg.Tensor([[3.0, 4.0], [5.0, 6.0]], requires_grad=True, name="D.weight")
    return x, weight


def assign(t):
    t.data = t.data * 2


def add_in_place(t):
    t.data += 1


def change_a_view(view):
    def change(t):
        view(t).copy_(0.0)

    return change


CHANGES = {
    "an assignment to .data": (assign, "an assignment to its .data"),
    "an augmented assignment": (add_in_place, "an assignment to its .data"),
    "copy_": (lambda t: t.copy_(0.0), r"copy_\(\)"),
    "copy_ with a cause": (lambda t: t.copy_(0.0, "Adam.step()"), r"Adam\.step\(\)"),
    "a reshaped view": (change_a_view(lambda t: t.reshape(-1)), r"copy_\(\)"),
    "a transposed view": (change_a_view(lambda t: t.T), r"copy_\(\)"),
    "a view of a view": (change_a_view(lambda t: t.T.reshape(2, 2).T), r"copy_\(\)"),
    "a detached view": (change_a_view(lambda t: t.detach()), r"copy_\(\)"),
    "a Tensor made of it": (change_a_view(mg.Tensor), r"copy_\(\)"),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_change_before_backward_raises_and_teaches(how):
    change, cause = CHANGES[how]
    x, weight = setup()
    loss = F.dense(x, weight).sum()
    change(weight)
    with pytest.raises(mg.StaleTensorError) as caught:
        loss.backward()
    message = str(caught.value)
    assert "Dense saved tensor 'D.weight' of shape (2, 2)" in message and "1 time, last by" in message
    assert "Compute the output again after the change" in message
    assert caught.match(cause)


def test_a_change_of_a_tensor_saved_through_a_view():
    x, weight = setup()
    loss = F.matmul(x, weight.T).sum()
    add_in_place(weight)
    with pytest.raises(mg.StaleTensorError, match="MatMul saved tensor of shape"):
        loss.backward()


def test_a_change_of_a_saved_output():
    x, _ = setup()
    y = F.tanh(x)
    y.data *= 2
    with pytest.raises(mg.StaleTensorError, match="Tanh saved its output 0"):
        y.sum().backward()


def test_a_change_between_two_passes():
    x, weight = setup()
    loss = F.dense(x, weight).sum()
    loss.backward(retain_graph=True)
    add_in_place(weight)
    add_in_place(weight)
    with pytest.raises(mg.StaleTensorError, match="2 times"):
        loss.backward()


def test_a_change_between_a_gradient_and_its_gradient():
    x = mg.Tensor([2.0], requires_grad=True)
    (dx,) = mg.grad((x * x * x).sum(), x, create_graph=True)
    add_in_place(x)
    with pytest.raises(mg.StaleTensorError):
        dx.backward()


def test_a_change_of_a_saved_output_between_a_gradient_and_its_gradient():
    x, dy = mg.Tensor([2.0], requires_grad=True), mg.Tensor([1.0], requires_grad=True)
    y = F.exp(x)
    (dx,) = mg.grad(y, x, dy, create_graph=True)  # dy · y
    add_in_place(y)
    with pytest.raises(mg.StaleTensorError, match="Mul saved"):
        mg.grad(dx, dy)


def test_the_stale_discriminator():
    """D's loss on the fake, D's step, then G's loss on the old output."""
    z, g, d = (mg.Tensor([[v]], requires_grad=True) for v in (1.0, 2.0, 3.0))
    fake = F.dense(z, g)
    output = F.dense(fake, d)
    mg.grad(output, d, retain_graph=True)
    d.data -= 0.1
    with pytest.raises(mg.StaleTensorError, match=r"call D\(fake\) afresh"):
        output.backward()


def test_changes_of_other_tensors_do_not_alarm():
    x, weight = setup()
    other, copy = mg.Tensor([1.0], requires_grad=True), mg.Tensor(weight.data.copy())
    part, same_value = weight[0], mg.Tensor(weight.numpy().copy())
    loss = F.dense(x, weight).sum()
    for t in (other, copy, part, same_value):
        add_in_place(t)
    loss.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[8, 10]])


def test_a_reshape_that_had_to_copy_is_no_view():
    x, weight = setup()
    flat = weight.T.reshape(-1)  # its numbers lie in another order: NumPy copies
    loss = (flat * flat).sum()
    add_in_place(weight)
    loss.backward()
    np.testing.assert_array_equal(weight.grad.numpy(), [[6, 8], [10, 12]])


def test_changes_after_backward_do_not_alarm():
    x, weight = setup()
    F.dense(x, weight).sum().backward()
    add_in_place(weight)
    F.dense(x, weight).sum().backward()


def test_changes_of_what_was_not_saved_do_not_alarm():
    x, weight = setup()
    loss = (x + weight).sum() * 2
    add_in_place(weight)
    loss.backward()
    np.testing.assert_array_equal(weight.grad.numpy(), np.full((2, 2), 2))


def test_a_function_that_returns_its_input_shares_its_changes():
    class Identity(mg.Function):
        def forward(self, x):
            return x

        def backward(self, dy):
            return dy

    x, weight = setup()
    loss = F.dense(x, Identity()(weight)).sum()
    add_in_place(weight)
    with pytest.raises(mg.StaleTensorError):
        loss.backward()


def test_binding_data_anew_is_stale_for_the_tensor_and_not_for_others_of_the_old_memory():
    a = mg.Tensor([1.0, 2.0], requires_grad=True, name="a")
    old = a.detach()
    x = mg.Tensor([3.0, 4.0], requires_grad=True)
    of_old, of_a = (x * old).sum(), (x * a).sum()
    a.data = np.array([5.0, 6.0], "float32")
    of_old.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 2.0])
    with pytest.raises(mg.StaleTensorError, match="'a'.*an assignment to its .data"):
        of_a.backward()


def test_memory_taken_over_from_another_tensor_is_watched_with_it():
    a, b = mg.Tensor([1.0]), mg.Tensor([2.0])
    b.data = a
    x = mg.Tensor([3.0], requires_grad=True)
    y = x * b
    a.copy_([7.0])
    with pytest.raises(mg.StaleTensorError):
        y.backward()
