"""Tensors: what they hold, which dtypes, and what they refuse."""

import numpy as np
import pytest
from devices import on_device

import minigan as mg
from minigan import functions as F
from minigan.autograd import Tensor
from minigan.autograd.tensor import LateBound


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"),
        ([0.1, 0.2], "float32"),
        (np.array([0.1]), "float64"),
        (np.array([0.1], "float32"), "float32"),
        (np.float64(0.1), "float64"),
        (np.float32(0.1), "float32"),
        ([1, 2], "int64"),
        ([True], "bool"),
    ],
)
def test_python_floats_become_float32_and_arrays_keep_their_dtype(data, dtype):
    assert mg.Tensor(data).dtype == dtype


def test_a_dtype_asked_for_is_given_without_rounding_on_the_way():
    assert mg.Tensor(0.1, dtype="float64").item() == 0.1
    assert mg.Tensor([0.1, 0.2], dtype=np.float64).numpy().tolist() == [0.1, 0.2]
    assert mg.Tensor([1, 2], dtype="float32").dtype == np.float32


def test_it_shows_an_arrays_own_memory():
    array = on_device(np.array([1.0, 2.0]))
    assert mg.Tensor(array).data is array


@pytest.mark.host_only("what lies on a device must be copied for NumPy")
def test_numpy_sees_that_memory_too():
    x = mg.Tensor([0.5, 1.5])
    assert x.numpy() is x.data and np.asarray(x) is x.data


def test_its_attributes():
    x = mg.Tensor([[1.0, 2.0, 3.0]], requires_grad=True, name="noise")
    assert (x.shape, x.ndim, x.size, len(x), x.name) == ((1, 3), 2, 3, 1, "noise")
    assert x.requires_grad and x.is_leaf and x.grad is None
    assert x.device == mg.backend.get_default_device()
    y = x * 2
    assert y.requires_grad and not y.is_leaf and y.creator.name == "MulScalar"


def test_a_single_number_can_be_read():
    assert mg.Tensor([[2.5]]).item() == 2.5
    assert float(mg.Tensor(2.5)) == 2.5
    assert mg.Tensor(1.0) and not mg.Tensor(0.0)
    with pytest.raises(ValueError):
        mg.Tensor([1.0, 2.0]).item()


def test_numpy_reads_it_with_its_dtype():
    x = mg.Tensor([0.5, 1.5])
    assert np.asarray(x).dtype == np.float32 and np.asarray(x).tolist() == [0.5, 1.5]
    copy = np.array(x)
    copy[0] = 7
    assert copy.dtype == np.float32 and x.numpy().tolist() == [0.5, 1.5]
    assert np.asarray(x, dtype="float64").tolist() == [0.5, 1.5]
    with pytest.raises(ValueError, match="without a copy"):
        np.array(x, dtype="float64", copy=False)


def test_its_repr_tells_where_it_comes_from():
    x = mg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    where = "" if str(x.device) == "cpu" else f", device={x.device}"
    assert repr(x) == f"Tensor([1., 2.], dtype=float32{where}, requires_grad=True, name='x')"
    assert repr(x + 1) == f"Tensor([2., 3.], dtype=float32{where}, made by AddScalar)"


def test_detached_it_is_the_same_memory_outside_of_the_graph():
    x = mg.Tensor([1.0], requires_grad=True)
    d = (x * 2).detach()
    assert not d.requires_grad and d.is_leaf
    assert x.detach().data is x.data
    assert mg.Tensor([1.0], name="w").detach().name == "w"


def test_to_another_dtype():
    x = mg.Tensor([1.0], requires_grad=True, name="w")
    wide = x.to(dtype="float64")
    assert (wide.dtype, wide.requires_grad, wide.name, wide.is_leaf) == (np.float64, True, "w", True)
    assert x.to(x.device) is x and x.to(dtype="float32") is x


def test_assigning_data_keeps_dtype_and_shape():
    x = mg.Tensor([1.0, 2.0])
    x.data = np.array([3.0, 4.0])
    assert x.dtype == np.float32 and x.numpy().tolist() == [3, 4]
    x.data += 1
    assert x.numpy().tolist() == [4, 5]
    x.data = mg.Tensor([0.0, 1.0])
    assert x.numpy().tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"tensor of shape \(2,\) cannot take data of shape \(3,\)"):
        x.data = np.zeros(3)
    shown = x.data
    assert x.copy_(7).numpy().tolist() == shown.tolist() == [7, 7], "in the memory that it had"


@pytest.mark.parametrize("function", [F.add, F.mul, F.matmul, F.maximum])
def test_float32_and_float64_do_not_mix(function):
    a, b = mg.Tensor(np.ones((2, 2), "float32")), mg.Tensor(np.ones((2, 2)))
    with pytest.raises(
        TypeError, match=r"a of shape \(2, 2\) is float32, but b of shape \(2, 2\) is float64: .*\.to\(dtype=…\)"
    ):
        function(a, b)
    assert function(a.to(dtype="float64"), b).dtype == np.float64


OPERATORS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "@": lambda a, b: a @ b,
}


@pytest.mark.parametrize("symbol", OPERATORS)
def test_operators(symbol):
    apply = OPERATORS[symbol]
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 9.0]])
    expected = apply(a, b)
    for left, right in [(mg.Tensor(a), mg.Tensor(b)), (mg.Tensor(a), b), (a, mg.Tensor(b))]:
        result = apply(left, right)
        assert isinstance(result, mg.Tensor)
        np.testing.assert_allclose(result.numpy(), expected)
    if symbol != "@":
        np.testing.assert_allclose(apply(mg.Tensor(a), 2).numpy(), apply(a, 2))
        np.testing.assert_allclose(apply(2, mg.Tensor(a)).numpy(), apply(2, a))


def test_methods():
    array = np.arange(1.0, 7.0).reshape(2, 3)
    x = mg.Tensor(array)
    for result, expected in [
        (-x, -array), (x**2, array**2), (abs(-x), array), (x[1], array[1]), (x.T, array.T),
        (x.reshape(3, 2), array.reshape(3, 2)), (x.reshape((3, 2)), array.reshape(3, 2)),
        (x.reshape(-1), array.reshape(-1)), (x.transpose(), array.T), (x.transpose(1, 0), array.T),
        (x.transpose((1, 0)), array.T), (x.sum(), array.sum()), (x.mean(0), array.mean(0)),
        (x.max(1), array.max(1)), (x.min(axis=0, keepdims=True), array.min(0, keepdims=True)),
        (x.exp(), np.exp(array)), (x.log(), np.log(array)), (x.sqrt(), np.sqrt(array)), ((-x).abs(), array),
    ]:  # fmt: skip
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-14)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "norm", "var"])
def test_reductions_as_methods_have_the_options_of_the_function(name):
    x = mg.Tensor(np.random.default_rng(0).standard_normal((2, 3, 4)))
    several = [{}, {"axis": 1}, {"axis": (0, -1)}, {"keepdims": True}, {"axis": -2, "keepdims": True}]
    for options in several + [{"axis": 1, "correction": 0}] * (name == "var"):
        expected = getattr(F, name)(x, **options).numpy()
        np.testing.assert_array_equal(getattr(x, name)(**options).numpy(), expected, strict=True)


def test_clip_as_a_method():
    x = mg.Tensor([-2.0, 0.0, 2.0])
    clipped = x.clip(-1, 1), x.clip(min=-1), x.clip(max=1)
    assert [y.numpy().tolist() for y in clipped] == [[-1, 0, 1], [-1, 0, 2], [-2, 0, 1]]


def test_operators_and_methods_carry_their_own_names():
    functions = {name: f for name, f in vars(Tensor).items() if isinstance(f, type(lambda: 0))}
    assert {"__radd__", "__itruediv__", "__le__", "__neg__", "exp", "mean"} <= functions.keys()
    for name, function in functions.items():
        assert (function.__name__, function.__qualname__) == (name, f"Tensor.{name}")


def test_operators_find_the_public_functions_and_no_others():
    assert LateBound.functions == {name: getattr(F, name) for name in F.__all__}
