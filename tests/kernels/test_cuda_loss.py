"""Cross-entropy with logits on the device, against the host."""

from __future__ import annotations

import numpy as np
import pytest

from minigan import functions as F
from minigan.autograd import Tensor
from minigan.kernels.loss import cross_entropy_with_logits, cross_entropy_with_logits_slope

TOLERANCE = {"float32": 3e-7, "float64": 1e-15, "complex128": 1e-14}
SHAPES = [(), (0, 1), (1, 1), (7, 1), (257,), (5, 3, 4)]
ENDS = [0.0, -0.0, 15.0, -15.0, 90.0, -90.0, 1e30, -1e30, np.nan, np.inf, -np.inf]


def logits_and_target(shape, dtype):
    rng = np.random.default_rng(0)
    logits, target = (3 * rng.standard_normal(shape)).astype(dtype), rng.random(shape).astype(dtype)
    if logits.size > len(ENDS) and dtype != "complex128":
        logits.reshape(-1)[: len(ENDS)] = ENDS
        target.reshape(-1)[::2] = 1  # −∞ among them: its loss is ∞, and no NaN
    return logits, target


def one_number(xp, value, shape, dtype):
    return xp.broadcast_to(xp.asarray(value, dtype), shape)


def straight(_, a):
    return a


def turned(_, a):
    """The same numbers in another order of memory."""
    return a.copy(order="F")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_device_agrees_with_the_host(cupy, shape, dtype):
    logits, target = logits_and_target(shape, dtype)
    g = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    tolerance = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    for lay in (straight, turned):
        for make in (straight, turned, lambda xp, a: one_number(xp, 0.9, a.shape, dtype)):
            values, slopes = [], []
            for xp in (np, cupy):
                x, t, dy = lay(xp, xp.asarray(logits)), make(xp, xp.asarray(target)), make(xp, xp.asarray(g))
                with np.errstate(invalid="ignore"):  # ∞ − ∞
                    values.append(cross_entropy_with_logits(x, t))
                    slopes.append(cross_entropy_with_logits_slope(dy, x, t))
            for here, there in (values, slopes):
                assert there.dtype == dtype and there.shape == shape
                np.testing.assert_allclose(there.get(), here, **tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", [0.0, 0.9, 1])
def test_to_the_second_order_through_the_engine(cupy, dtype, target):
    logits, _ = logits_and_target((5, 3), dtype)
    results = []
    for device in ("cpu", "gpu"):
        x = Tensor(np.nan_to_num(logits, posinf=0, neginf=0), requires_grad=True, device=device)
        loss = F.binary_cross_entropy_with_logits(x, target)
        loss.backward(create_graph=True)
        slope, x.grad = x.grad, None
        (slope * slope).sum().backward()
        results.append([loss.numpy(), slope.numpy(), x.grad.numpy()])
    for here, there in zip(*results, strict=True):
        np.testing.assert_allclose(there, here, rtol=10 * TOLERANCE[dtype], atol=TOLERANCE[dtype])
