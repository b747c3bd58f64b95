"""Arrays, indices and arithmetic that people give a Tensor."""

from __future__ import annotations

import array

import numpy as np
import pytest

import minigan as mg
from minigan import Tensor, nn, no_grad
from minigan import functions as F

W = np.arange(6.0).reshape(2, 3)

REPEATED = {
    "a tuple of tuples": (((0, 0), (1, 1)), (0, 1)),
    "zip of pairs": (tuple(zip((0, 1), (0, 1), strict=True)) + (), (0, 1)),
    "lists": (([0, 0], [1, 1]), (0, 1)),
    "after an ellipsis": ((..., (0, 0)), (0, 0)),
    "a tuple inside": (((0, 0),), (0, 0)),
    "an array": (np.array([0, 0]), (0, 0)),
    "a range and a list": ((range(0, 1), [1, 1]), (0, 1)),
    "array.array": (array.array("q", [0, 0]), (0, 0)),
    "memoryview": (memoryview(np.array([0, 0])), (0, 0)),
}


@pytest.mark.parametrize("name", REPEATED)
def test_case_01_a_repeated_index_adds_its_gradients(name):
    """HIPS/autograd#39, pytorch#1528."""
    index, place = REPEATED[name]
    w = Tensor(W, requires_grad=True)
    F.sum(w[index]).backward()
    expected = np.zeros_like(W)
    np.add.at(expected, index, 1.0)
    np.testing.assert_array_equal(w.grad.numpy(), expected)
    assert expected.max() in (1, 2), place


@pytest.mark.host_only("about NumPy's arrays")
def test_case_02_a_matrix_becomes_an_array():
    """scipy#13244."""
    with pytest.warns(PendingDeprecationWarning):
        a = np.matrix([[1.0, 2.0], [3.0, 4.0]])
    x = Tensor(a)
    assert type(x.data) is np.ndarray
    np.testing.assert_array_equal((x * x).numpy(), [[1, 4], [9, 16]])
    assert type(nn.Parameter(a).data) is np.ndarray
    assert type((Tensor(W[:, :2]) * a).data) is np.ndarray


@pytest.mark.host_only("about NumPy's arrays")
def test_case_02_a_masked_array_is_refused_where_something_is_masked():
    whole = np.ma.masked_array(W, mask=np.zeros_like(W, bool))
    assert type(Tensor(whole).data) is np.ndarray
    with pytest.raises(TypeError, match=r"masked.*filled"):
        Tensor(np.ma.masked_greater(W, 2.0))


NUMPY_FUNCTIONS = {
    "np.dot": lambda x: np.dot(W.T, x),
    "np.concatenate": lambda x: np.concatenate([x, x]),
    "np.stack": lambda x: np.stack([x, x]),
    "np.where": lambda x: np.where(W > 1, x, 0),
    "np.einsum": lambda x: np.einsum("ij->i", x),
    "np.pad": lambda x: np.pad(x, 1),
    "np.sum": lambda x: np.sum(x),
    "np.mean": lambda x: np.mean(x),
    "np.reshape": lambda x: np.reshape(x, -1),
    "np.exp": lambda x: np.exp(x),
}


@pytest.mark.parametrize("name", NUMPY_FUNCTIONS)
def test_case_07_numpy_functions_of_a_tensor_say_that_the_gradient_would_be_lost(name):
    """HIPS/autograd#7, MyGrad PR#364."""
    with pytest.raises(TypeError, match=f"{name} of a Tensor would lose its gradient.*minigan.functions.*data"):
        NUMPY_FUNCTIONS[name](Tensor(W, requires_grad=True))


def test_case_07_a_tensor_of_tensors_says_what_joins_them():
    x = Tensor(W, requires_grad=True)
    for parts in ([x, x], (x, 2 * x), [[x], [x]], [x[0, 0], 1.0]):
        with pytest.raises(TypeError, match=r"Tensors would lose their gradients.*concatenate"):
            Tensor(parts)


def test_case_07_what_numpy_says_about_a_tensor_it_may_say():
    x = Tensor(W, requires_grad=True)
    assert np.shape(x) == (2, 3) and np.ndim(x) == 2 and np.size(x) == 6
    assert np.allclose(x, W) and np.array_equal(x, W)
    np.testing.assert_allclose(np.asarray(x), W)
    assert f"{np.array(x)}" == f"{W}"


def test_case_01_a_tensor_as_index():
    w, index = Tensor(W, requires_grad=True), Tensor(np.array([0, 0]))
    F.sum(w[index]).backward()
    assert w.grad.numpy()[0].tolist() == [2, 2, 2]


AUGMENTED = ["p -= d", "p += d", "p *= d", "p /= d", "p **= 2", "p @= m"]


@pytest.mark.parametrize("statement", AUGMENTED)
def test_case_08_augmented_assignment_changes_a_parameter_under_no_grad(statement):
    """pytorch#74158."""
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    p, alias = nn.Parameter(values), values.copy()
    names = {"p": p, "d": 0.5, "m": np.array([[0.0, 1.0], [1.0, 1.0]])}
    with no_grad():
        exec(statement, names)
    exec(statement, expected := {**names, "p": alias})
    assert names["p"] is p
    np.testing.assert_allclose(p.numpy(), expected["p"])


@pytest.mark.parametrize("statement", AUGMENTED)
def test_case_08_augmented_assignment_of_a_parameter_raises_with_a_graph(statement):
    p = nn.Parameter(np.ones((2, 2)))
    with pytest.raises(RuntimeError, match=r"no_grad\(\)"):
        exec(statement, {"p": p, "d": 0.5, "m": np.eye(2)})
    np.testing.assert_array_equal(p.numpy(), np.ones((2, 2)))


def test_case_08_a_gradient_descent_loop_moves_every_parameter():
    G = nn.Sequential(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 1))
    before = [p.numpy().copy() for p in G.parameters()]
    F.sum(G(Tensor(np.ones((2, 3), "float32")))).backward()
    with no_grad():
        for p in G.parameters():
            p -= 0.1 * p.grad
    for p, b in zip(G.parameters(), before, strict=True):
        np.testing.assert_allclose(p.numpy(), b - np.float32(0.1) * p.grad.numpy(), rtol=1e-6)


def test_case_08_buffers_move_and_sums_of_losses_keep_their_graph():
    buffer = Tensor(np.ones(3))
    alias = buffer
    buffer *= 0.5
    assert alias is buffer and alias.numpy().tolist() == [0.5] * 3
    x, total = Tensor(2.0, requires_grad=True, dtype="float64"), Tensor(0.0, dtype="float64")
    for k in (1.0, 2.0):
        total += k * x * x
    total.backward()
    assert x.grad.item() == 12.0


def test_case_08_a_saved_tensor_changed_by_it_is_noticed():
    x, w = Tensor(np.ones(3), requires_grad=True), nn.Parameter(np.ones(3))
    y = F.sum(x * w)
    with no_grad():
        w *= 2.0
    with pytest.raises(mg.GraphError, match="changed"):
        y.backward()


def test_case_08_what_does_not_fit_in_place_is_refused():
    x = Tensor(np.ones(3))
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        x += np.ones((2, 3))
    assert x.shape == (3,)


def test_case_12_float16_does_not_overflow_in_silence():
    """numpy#7930, pytorch#44350."""
    half = np.full(100_000, 10.0, "float16")
    with pytest.raises(TypeError, match=r"float16.*float32"):
        Tensor(half)
    with pytest.raises(TypeError, match=r"float16.*float32"):
        nn.Dense(2, 2).to(dtype="float16")
    assert F.mean(Tensor(half, dtype="float32")).item() == 10.0


def test_case_15_the_gradient_of_a_tensor_that_was_computed():
    """pytorch#2677."""
    x = Tensor(W, requires_grad=True)
    y, z = x * 2.0, x * 3.0
    z.retain_grad()
    F.sum(y * z).backward()
    with pytest.warns(UserWarning, match=r"computed.*retain_grad\(\)"):
        assert y.grad is None
    np.testing.assert_allclose(z.grad.numpy(), 2.0 * W)
    np.testing.assert_allclose(x.grad.numpy(), 12.0 * W)


def test_case_15_whole_numbers_require_no_gradient():
    x = Tensor(np.arange(3))
    with pytest.raises(TypeError, match="floating"):
        x.requires_grad = True
    assert not x.requires_grad
    with pytest.raises(TypeError, match="floating"):
        x.retain_grad()


def test_case_16_a_loss_compares_and_prints_as_a_number():
    """Lasagne's and PyTorch's habits."""
    loss = Tensor(np.array(2.5), requires_grad=True) * 1.0
    assert loss == 2.5 and loss != 2.0 and 2.5 == loss and not loss == 2.0
    assert loss > 1 and loss >= 2.5 and loss < 3 and loss <= 2.5 and not loss > 3 and 1 < loss
    assert loss == Tensor(2.5) and loss > Tensor(1.0)
    assert f"{loss:.4f}" == "2.5000" and f"{loss:8.1e}" == " 2.5e+00" and f"{loss}" == str(loss)
    assert max([Tensor(1.0), Tensor(3.0), Tensor(2.0)]).item() == 3.0
    assert (loss == "no number") is False and (loss == None) is False  # noqa: E711
    with pytest.raises(TypeError):
        f"{Tensor(W):.4f}"


def test_case_16_comparisons_of_arrays_are_elementwise():
    x = Tensor(W)
    np.testing.assert_array_equal((x > 2).numpy(), W > 2)
    np.testing.assert_array_equal((x == Tensor(W)).numpy(), np.ones_like(W, bool))
    np.testing.assert_array_equal((x != Tensor(W)).numpy(), np.zeros_like(W, bool))
    assert len({x, Tensor(W)}) == 2 and {x: 1}[x] == 1  # hashed by what it is, not by its values


@pytest.mark.host_only("about NumPy's arrays")
def test_case_17_a_parameter_is_a_copy_and_a_tensor_is_not():
    """astnn#8."""
    W0 = np.ones((2, 2), "float32")
    a, b = nn.Parameter(W0), nn.Parameter(W0)
    with no_grad():
        a -= 1.0
    assert W0.min() == 1 and b.numpy().min() == 1
    assert np.shares_memory(Tensor(W0).data, W0) and "memory" in Tensor.__doc__


def test_case_18_what_leaves_the_engine_is_in_the_order_of_c():
    """safetensors#825."""
    x = Tensor(np.ones((2, 3, 4, 5)).transpose(0, 2, 3, 1))
    assert x.numpy().flags.c_contiguous
    G = nn.Sequential(nn.Conv2d(3, 4, 3, padding="same"), nn.BatchNorm(4), nn.LeakyReLU(0.2))
    assert G(Tensor(np.ones((2, 3, 6, 6), "float32"))).numpy().flags.c_contiguous


BYTES = np.array([1, 2, 255], "uint8")
ABS = abs


@pytest.mark.parametrize(
    "compute",
    [lambda u: u - 1, lambda u: 255 - u, lambda u: -u, lambda u: u + 1, lambda u: u * 2, ABS, lambda u: u**2],
    ids=["u-1", "255-u", "-u", "u+1", "u*2", "abs", "u**2"],
)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int64", "bool"])
@pytest.mark.host_only("CuPy's whole numbers follow rules of their own")
def test_case_26_whole_numbers_compute_as_numpys(compute, dtype):
    """numpy#26998."""
    u = BYTES.astype(dtype)
    if dtype == "bool" and compute is ABS:
        pytest.skip("abs of booleans is refused: they are no numbers")
    try:
        expected = compute(u)
    except (TypeError, ValueError, OverflowError):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            compute(Tensor(u))
        return
    result = compute(Tensor(u)).numpy()
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)
