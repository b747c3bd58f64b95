"""no_grad, as a context and as a decorator."""

import pytest

import minigan as mg

X = mg.Tensor([1.0], requires_grad=True)


def test_nothing_is_recorded_within():
    with mg.no_grad():
        y = X * 2
        with mg.no_grad():
            pass
        z = X * 2  # the inner one has ended, the outer one has not
    assert not y.requires_grad and y.is_leaf and not z.requires_grad
    assert (X * 2).requires_grad


def test_it_ends_with_an_error():
    with pytest.raises(KeyError), mg.no_grad():
        raise KeyError
    assert (X * 2).requires_grad


def test_as_a_decorator():
    @mg.no_grad()
    def sample(x, times=1):
        """Draw."""
        return x * times

    assert not sample(X, times=3).requires_grad and sample(X, times=3).item() == 3
    assert (X * 2).requires_grad
    assert sample.__name__ == "sample" and sample.__doc__ == "Draw."


def test_a_backward_pass_works_within_and_can_still_make_a_graph():
    x = mg.Tensor(3.0, requires_grad=True)
    y = x * x * x
    with mg.no_grad():
        (dx,) = mg.grad(y, x, create_graph=True)
        (ddx,) = mg.grad(dx, x)
        assert not (x * 2).requires_grad
    assert (dx.item(), ddx.item()) == (27, 18)


def test_a_decorated_function_records_nothing_in_any_of_its_calls():
    @mg.no_grad()
    def twice(x, again=True):
        return (twice(x, again=False) if again else x) * 2

    x = mg.Tensor(3.0, requires_grad=True)
    for _ in range(2):
        assert not twice(x).requires_grad and (x * 2).requires_grad


def test_the_backward_pass_leaves_recording_on():
    x = mg.Tensor(3.0, requires_grad=True)
    (x * x).backward()
    assert (x * 2).requires_grad


def test_an_error_in_the_backward_pass_leaves_recording_on():
    class Broken(mg.Function):
        def forward(self, x):
            return x + 1

        def backward(self, dy):
            raise KeyError("broken")

    x = mg.Tensor(3.0, requires_grad=True)
    with pytest.raises(KeyError):
        Broken()(x).backward()
    assert (x * 2).requires_grad
