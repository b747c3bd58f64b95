"""Functions as a user writes them, right and wrong."""

import numpy as np
import pytest

import minigan as mg
from minigan.testing import gradcheck


class Square(mg.Function):
    """y = x²        dx = 2x · dy"""

    def forward(self, x):
        self.save_for_backward(x)
        return x * x

    def backward(self, dy):
        (x,) = self.saved_tensors
        return dy * x * 2


class SumAndProduct(mg.Function):
    """s = a + b, p = a · b        da = ds + b · dp        db = ds + a · dp"""

    def forward(self, a, b):
        self.save_for_backward(a, b)
        return a + b, a * b

    def backward(self, ds, dp):
        a, b = self.saved_tensors
        return ds + b * dp, ds + a * dp


class SquareRoot(mg.Function):
    """y = √x        dx = dy / 2y, from the output"""

    def forward(self, x):
        y = np.sqrt(x)
        self.save_for_backward(y)
        return y

    def backward(self, dy):
        (y,) = self.saved_tensors
        return dy / (y * 2)


class Scaled(mg.Function):
    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return x * self.factor

    def backward(self, dy):
        return dy * self.factor


def test_square():
    x = mg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    Square()(x).sum().backward()
    assert x.grad.numpy().tolist() == [2, 4, 6]
    assert Square.apply(x).creator.name == "Square"
    gradcheck(lambda t: Square()(t), np.array([[0.3, -1.0]]))


def test_options_go_to_init():
    assert Scaled.apply(mg.Tensor(2.0), factor=3.0).item() == 6
    gradcheck(lambda t: Scaled(3.0)(t), np.array([0.3, -1.0]))


def test_several_outputs():
    gradcheck(lambda a, b: SumAndProduct()(a, b), [np.array([0.3, -1.0]), np.array([2.0, 0.7])])


@pytest.mark.parametrize(("which", "expected"), [(0, (1, 1)), (1, (5, 3))])
def test_of_several_outputs_some_may_be_left_unused(which, expected):
    a, b = mg.Tensor(3.0, requires_grad=True), mg.Tensor(5.0, requires_grad=True)
    SumAndProduct()(a, b)[which].backward()
    assert (a.grad.item(), b.grad.item()) == expected


def test_a_saved_output_is_differentiated_through():
    gradcheck(lambda t: SquareRoot()(t), np.array([0.5, 2.0]))
    gradcheck(lambda t: SquareRoot()(t), np.asarray(2.0))  # NumPy makes a scalar of it


def test_arrays_and_numbers_are_taken_as_tensors():
    assert Square()(np.array([3.0])).numpy().tolist() == [9]


def test_one_array_in_two_tensors_is_told_apart():
    """x and a Tensor of the same array: the gradient must reach the right one."""

    class Product(mg.Function):
        def forward(self, a, b):
            self.save_for_backward(b, a)
            return a * b

        def backward(self, dy):
            b, a = self.saved_tensors
            return dy * b, dy * a

    array = np.array([2.0, 3.0])
    x, same = mg.Tensor(array, requires_grad=True, name="x"), mg.Tensor(array, requires_grad=True, name="same")
    y = Product()(x, same)
    assert [t.name for t in y.creator.saved_tensors] == ["same", "x"]
    (dx,) = mg.grad(y.sum(), x, create_graph=True)
    (ddx,) = mg.grad(dx.sum(), same)  # d(xs)/dx = s, whose derivative is for `same`, not for x
    assert ddx.numpy().tolist() == [1, 1]
    with pytest.raises(mg.GraphError, match="do not depend on input 0"):
        mg.grad(mg.grad(Product()(x, same).sum(), x, create_graph=True)[0].sum(), x)


def test_a_call_is_made_once():
    square = Square()
    x = mg.Tensor([2.0], requires_grad=True)
    square(x)
    with pytest.raises(mg.GraphError, match="this Square was called before: a Function object is one call"):
        square(x)


def returning(value):
    class Wrong(mg.Function):
        def forward(self, a, b):
            return a + b

        def backward(self, dy):
            return value(dy)

    return Wrong


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda dy: dy, r"Wrong\.backward returned 1 gradients for 2 inputs"),
        (lambda dy: (dy, dy, dy), r"Wrong\.backward returned 3 gradients for 2 inputs"),
        (lambda dy: (dy, dy.sum()), r"Wrong\.backward returned shape \(\) for input 1, which has shape \(2,\)"),
        (lambda dy: (dy.data, dy), r"Wrong\.backward must return Tensors, but gradient 0 is ndarray"),
        (lambda dy: (1.0, dy), r"Wrong\.backward must return Tensors, but gradient 0 is float"),
    ],
)
def test_a_backward_that_returns_the_wrong_thing(value, message):
    a, b = mg.Tensor([1.0, 2.0], requires_grad=True), mg.Tensor([1.0, 2.0], requires_grad=True)
    y = returning(value)()(a, b)
    with pytest.raises(mg.GraphError, match=message):
        y.sum().backward()


def test_none_is_the_gradient_of_what_needs_none():
    a, b = mg.Tensor([1.0, 2.0], requires_grad=True), mg.Tensor([1.0, 2.0])
    returning(lambda dy: (dy, None))()(a, b).sum().backward()
    assert a.grad.numpy().tolist() == [1, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mg.Function()(1.0), "Function has no forward method"),
        (
            lambda: type("OnlyForward", (mg.Function,), {"forward": lambda self, x: x + 1})(),
            "OnlyForward has no backward",
        ),
        (
            lambda: type("Bad", (mg.Function,), {"forward": lambda self, x: None})(),
            r"Bad\.forward must return an array",
        ),
        (
            lambda: type(
                "Saver", (mg.Function,), {"forward": lambda self, x: self.save_for_backward(x + 1) or x * 2}
            )(),
            r"Saver\.save_for_backward takes the very arrays that forward was given or returns.*save_constants",
        ),
    ],
)
def test_unfinished_functions(make, message):
    x = mg.Tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match=message):
        make()(x).backward()


def test_needs_input_grad_tells_forward_and_backward_what_is_wanted():
    seen = []

    class Watching(mg.Function):
        def forward(self, a, b):
            seen.append(self.needs_input_grad)
            return a * b

        def backward(self, dy):
            seen.append(self.needs_input_grad)
            return dy, dy

    a, b, c = mg.Tensor(1.0, requires_grad=True), mg.Tensor(2.0), mg.Tensor(3.0, requires_grad=True)
    Watching()(a, b).backward()
    assert seen == [(True, False)] * 2
    seen.clear()
    mg.grad(Watching()(a, c), a)  # only a's is asked for
    assert seen == [(True, True), (True, False)]
    seen.clear()
    with mg.no_grad():
        Watching()(a, c)
    assert seen == [(False, False)]
