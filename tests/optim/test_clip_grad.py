"""Gradients clipped by the norm of all together."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import nn, optim


def parameters(*gradients: object, dtype: str = "float32") -> list[nn.Parameter]:
    made = []
    for g in gradients:
        made.append(nn.Parameter(np.ones(np.shape(g), dtype)))
        made[-1].grad = None if g is None else mg.Tensor(np.asarray(g, dtype))
    return made


def test_all_are_scaled_by_one_number():
    a, b, none = parameters([3.0, 0.0], [[4.0]], None)
    total = optim.clip_grad_norm_([a, b, none], 1.0)
    assert isinstance(total, mg.Tensor) and total.item() == 5.0 and not total.requires_grad
    np.testing.assert_allclose(a.grad.numpy(), [0.6, 0], rtol=1e-6)
    np.testing.assert_allclose(b.grad.numpy(), [[0.8]], rtol=1e-6)
    assert none.grad is None and a.grad.dtype == total.dtype == np.float32


@pytest.mark.parametrize("limit", [5.1, 100, float("inf")])
def test_small_gradients_stay_as_they_are(limit):
    a, b = parameters([3.0, 0.0], [[4.0]])
    assert optim.clip_grad_norm_((p for p in (a, b)), limit).item() == 5
    assert a.grad.numpy().tolist() == [3, 0] and b.grad.numpy().tolist() == [[4]]


def test_of_one_tensor_and_of_no_gradient():
    (a,) = parameters([3.0, 4.0])
    optim.clip_grad_norm_(a, 2.5)
    np.testing.assert_allclose(a.grad.numpy(), [1.5, 2], rtol=1e-6)
    a.grad = None
    assert optim.clip_grad_norm_([a], 1.0).item() == 0


def test_an_array_that_is_the_gradient_of_two_is_scaled_once():
    """The gradients of a sum are one and the same array, which may be a read-only view."""
    a, b = parameters(None, None)
    mg.functions.broadcast_to(a + b, (4,)).sum().backward()
    before = a.grad
    optim.clip_grad_norm_([a, b, a], np.sqrt(8))
    np.testing.assert_allclose([a.grad.item(), b.grad.item()], 2, rtol=1e-6)
    assert before.item() == 4, "who holds the old gradient keeps it"


def test_zero_gradients_do_not_become_nan():
    (a,) = parameters([0.0, 0.0])
    assert optim.clip_grad_norm_([a], 1.0).item() == 0 and a.grad.numpy().tolist() == [0, 0]


@pytest.mark.parametrize("limit", [0.5, 3.0, 1e4])
def test_as_pytorch_does(limit):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s) for s in ((3, 4), (), (5,))]
    ours, theirs = parameters(*arrays, dtype="float64"), [torch.nn.Parameter(torch.tensor(a)) for a in arrays]
    for p, a in zip(theirs, arrays, strict=True):
        p.grad = torch.tensor(a)
    total, expected = optim.clip_grad_norm_(ours, limit), torch.nn.utils.clip_grad_norm_(theirs, limit)
    assert total.item() == pytest.approx(expected.item(), rel=1e-12)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)


def test_a_limit_that_is_none():
    with pytest.raises(ValueError, match="clip_grad_norm_: max_norm must be a number of 0 or more, not -1"):
        optim.clip_grad_norm_(parameters([1.0]), -1)
