"""Functions that move numbers: what they return is NumPy's, and each one's gradient is its transpose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices, integer_array_indices

import minigan as mg
from minigan import functions as F
from minigan.kernels.layout import is_native
from minigan.testing import gradcheck
from minigan.testing.random_inputs import padding_per_side
from minigan.testing.strategies import array_shapes, arrays, mutually_broadcastable_shapes, paddings, several_arrays

full = arrays(array_shapes(min_dims=1))


def test_what_becomes_images_is_laid_out_for_convolutions():
    y = F.reshape(mg.Tensor(np.arange(24.0).reshape(2, 12)), (2, 3, 2, 2))
    assert is_native(y.data)
    np.testing.assert_array_equal(y.numpy(), np.arange(24.0).reshape(2, 3, 2, 2))


@given(full, st.data())
def test_reshape(x, data):
    target = data.draw(st.permutations([*x.shape, 1]))
    target[data.draw(st.integers(0, x.ndim))] = -1
    np.testing.assert_array_equal(F.reshape(x, target).numpy(), x.reshape(target))
    gradcheck(lambda t: F.reshape(t, target), x)


@given(full, st.data())
def test_transpose(x, data):
    axes = data.draw(st.permutations(range(x.ndim)))
    axes = [a - x.ndim if data.draw(st.booleans()) else a for a in axes]
    np.testing.assert_array_equal(F.transpose(x, axes).numpy(), x.transpose(axes))
    np.testing.assert_array_equal(F.transpose(x).numpy(), x.T)
    gradcheck(lambda t: F.transpose(t, axes), x)


@given(mutually_broadcastable_shapes(), st.data())
def test_broadcast_to_and_sum_to_are_each_others_transpose(pair, data):
    small, large = pair[0], np.broadcast_shapes(*pair)
    x, y = data.draw(several_arrays([small, large]))
    broadcast, summed = F.broadcast_to(x, large), F.sum_to(y, small)
    np.testing.assert_array_equal(broadcast.numpy(), np.broadcast_to(x, large))
    np.testing.assert_allclose((broadcast.numpy() * y).sum(), (x * summed.numpy()).sum(), rtol=1e-12, atol=1e-13)
    gradcheck(lambda t: F.broadcast_to(t, large), x)
    gradcheck(lambda t: F.sum_to(t, small), y)


@given(full, st.data())
def test_getitem_by_slices_integers_and_new_axes(x, data):
    index = data.draw(basic_indices(x.shape, allow_newaxis=True))
    np.testing.assert_array_equal(F.getitem(x, index).numpy(), x[index])
    gradcheck(lambda t: F.getitem(t, index), x)


@given(full, st.data())
def test_getitem_by_arrays_adds_up_the_gradients_of_repeated_elements(x, data):
    index = data.draw(integer_array_indices(x.shape))
    np.testing.assert_array_equal(F.getitem(x, index).numpy(), x[index])
    gradcheck(lambda t: F.getitem(t, index), x)


@given(full)
def test_getitem_by_a_mask(x):
    np.testing.assert_array_equal(F.getitem(x, x > 0).numpy(), x[x > 0])
    gradcheck(lambda t: F.getitem(t, x > 0), x)


@pytest.mark.parametrize("of", [lambda i: i, lambda i: (i, slice(None)), mg.Tensor], ids=["array", "tuple", "tensor"])
def test_an_index_written_over_before_the_backward_pass(of):
    x, rows = mg.Tensor(np.ones((3, 2)), requires_grad=True), np.array([0, 0])
    y = x[of(rows)]
    rows[...] = 2
    y.sum().backward()
    assert x.grad.numpy().tolist() == [[2, 2], [0, 0], [0, 0]]


def test_a_list_as_index_written_over_before_the_backward_pass():
    x, rows = mg.Tensor(np.ones(3), requires_grad=True), [0, 0]
    y = x[rows]
    rows[:] = [2, 2]
    y.sum().backward()
    assert x.grad.numpy().tolist() == [2, 0, 0]


def test_shapes_and_axes_may_be_lists_and_numpys_numbers():
    x, six = mg.Tensor(np.ones((2, 3))), np.int64(6)
    for shape in (x.reshape(six), x.reshape([six]), x.reshape((six,)), F.reshape(x, six), F.reshape(x, np.array([6]))):
        assert shape.shape == (6,)
    assert x.reshape(six, 1).shape == x.reshape([6, np.int64(1)]).shape == (6, 1)
    assert x.transpose([1, np.int64(0)]).shape == x.transpose(np.int64(1), 0).shape == (3, 2)
    assert x[0].transpose(np.int64(0)).shape == (3,)


def test_getitem_by_tensors_and_lists():
    x = mg.Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
    x[mg.Tensor([2, 2]), [1, 1]].sum().backward()
    assert x.grad.data[2, 1] == 2 and x.grad.data.sum() == 2


def test_a_slice_is_memory_of_its_own():
    x = mg.Tensor([1.0, 2.0, 3.0])
    part = x[:2]
    x.copy_(0.0)
    assert part.numpy().tolist() == [1, 2]


def test_a_tensor_can_be_looped_over():
    rows = list(mg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True))
    assert [row.numpy().tolist() for row in rows] == [[1, 2], [3, 4]]
    assert all(row.requires_grad for row in rows)


@given(array_shapes(min_dims=1), st.integers(1, 3), st.data())
def test_concatenate(shape, count, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    all_shapes = [list(shape) for _ in range(count)]
    for s in all_shapes:
        s[axis] = data.draw(st.integers(0, 3))
    parts = data.draw(several_arrays(all_shapes))
    np.testing.assert_array_equal(F.concatenate(parts, axis).numpy(), np.concatenate(parts, axis))
    gradcheck(lambda *ts: F.concatenate(ts, axis), parts)


@given(array_shapes(), st.integers(1, 3), st.data())
def test_stack(shape, count, data):
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    parts = data.draw(several_arrays([shape] * count))
    np.testing.assert_array_equal(F.stack(parts, axis).numpy(), np.stack(parts, axis))
    gradcheck(lambda *ts: F.stack(ts, axis), parts)


@given(arrays((2, 1, 3, 2)), paddings(2, same=False))
def test_pad2d(x, padding):
    np.testing.assert_array_equal(F.pad2d(x, padding).numpy(), np.pad(x, ((0, 0), (0, 0), *padding_per_side(padding))))
    gradcheck(lambda t: F.pad2d(t, padding), x)
