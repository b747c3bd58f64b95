"""Batch normalisation by CUDA kernels, and by its twin in NumPy."""

import sys
from itertools import count

import numpy as np
import pytest

from minigan.autograd import Tensor
from minigan.functions import batch_norm, leaky_relu
from minigan.kernels.layout import to_native
from minigan.kernels.normalization import Statistics, batch_norm_backward, batch_norm_forward, is_positive
from minigan.kernels.normalization import update_running as update

SLOPES = [None, 0.0, 0.2, 1.0, 1.5]
SHAPES = [(2, 1), (7, 33), (3000, 3), (2500, 40), (4, 0), (2, 3, 1, 1), (3, 4, 5, 3), (6, 40, 9, 7)]
TOLERANCE = {"float32": 1e-5, "float64": 1e-13}
EPS = 1e-3


def axes_of(shape):
    return (0, *range(2, len(shape)))


def draw(shape, dtype, offset=0.0):
    """x, γ, β and dy, such that no y is so near to 0 that rounding decides where the gate is open."""
    for seed in count():
        rng = np.random.default_rng(seed)
        x, dy = rng.standard_normal((2, *shape)).astype(dtype)
        gamma, beta = rng.standard_normal((2, 1, shape[1], *(1,) * (len(shape) - 2))).astype(dtype)
        x += x.dtype.type(offset)
        if len(shape) == 4:
            x, dy = to_native(x), to_native(dy)
        y, _ = batch_norm_forward(x, gamma, beta, axes_of(shape), EPS)
        if np.abs(y).min(initial=1) > 1e-5:
            return x, gamma, beta, dy


def put(cupy, *arrays):
    """On the device, in memory as they lie here."""
    put = []
    for a in arrays:
        order = sorted(range(a.ndim), key=lambda i, a=a: -a.strides[i])
        put.append(cupy.asarray(np.ascontiguousarray(a.transpose(order))).transpose(np.argsort(order).tolist()))
    return put


def assert_close(on_device, on_host, tolerance):
    """To the tolerance times the largest number."""
    assert on_device.dtype == on_host.dtype and on_device.shape == on_host.shape
    most = max(1.0, float(np.abs(on_host).max(initial=0)))
    np.testing.assert_allclose(on_device.get(), on_host, rtol=0, atol=tolerance * most)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_both_ways(cupy, shape, slope, dtype):
    x, gamma, beta, dy = draw(shape, dtype)
    axes, device = axes_of(shape), put(cupy, x, gamma, beta, dy)
    y, statistics = batch_norm_forward(x, gamma, beta, axes, EPS, slope)
    y_there, there = batch_norm_forward(*device[:3], axes, EPS, slope)
    assert_close(y_there, y, TOLERANCE[dtype])
    assert y_there.strides == device[0].strides
    for name in ("mean", "var", "inv_std"):
        assert_close(getattr(there, name), getattr(statistics, name), TOLERANCE[dtype])
    gradients = batch_norm_backward(dy, x, gamma, statistics, axes, slope)
    for result, wanted in zip(batch_norm_backward(device[3], *device[:2], there, axes, slope), gradients, strict=True):
        assert_close(result, wanted, TOLERANCE[dtype])


def test_a_large_offset_is_not_in_the_sums(cupy):
    x, gamma, beta, dy = draw((4000, 3), "float32", offset=1e4)
    x[0] += 100  # what the sums are relative to, far from the others
    x_there, *others = put(cupy, x, gamma, beta, dy)
    y, found = batch_norm_forward(x_there, *others[:2], (0,), EPS)
    gradients = batch_norm_backward(others[2], x_there, others[0], found, (0,))

    x, gamma, beta, dy = (a.astype("float64") for a in (x, gamma, beta, dy))
    exact, statistics = batch_norm_forward(x, gamma, beta, (0,), EPS)
    np.testing.assert_allclose(found.mean.get(), statistics.mean, rtol=1e-7)
    np.testing.assert_allclose(found.var.get(), statistics.var, rtol=1e-6)
    # The mean is a float32, of which one in the last place is a thousandth of the deviation here.
    np.testing.assert_allclose(y.get(), exact, atol=2e-3)
    for result, wanted in zip(gradients, batch_norm_backward(dy, x, gamma, statistics, (0,)), strict=True):
        np.testing.assert_allclose(result.get(), wanted, atol=1e-3 * np.abs(wanted).max())


@pytest.mark.parametrize("shape", [(2500, 40), (6, 40, 9, 7)], ids=str)
def test_the_gate_is_where_y_is_positive_to_the_bit(cupy, shape):
    x, gamma, beta, _ = put(cupy, *draw(shape, "float32"))
    gamma[:, 1], beta[:, 1] = 1e-30, 0  # where only the last bits say
    y, statistics = batch_norm_forward(x, gamma, beta, axes_of(shape), EPS)
    mask = is_positive(x, statistics, axes_of(shape))
    assert mask.strides[-1] * 4 == y.strides[-1]
    np.testing.assert_array_equal(mask.get(), y.get() > 0)


@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_one_function_gives_what_two_give(cupy, slope):
    x, gamma, beta, dy = put(cupy, *draw((6, 40, 9, 7), "float32"))

    def run(activated):
        tensors = [Tensor(a, requires_grad=True) for a in (x, gamma.reshape(-1), beta.reshape(-1))]
        y = activated(*tensors)
        y.backward(dy)
        return [a.tobytes() for a in (y.numpy(), *(t.grad.numpy() for t in tensors))]

    assert run(lambda *t: batch_norm(*t, negative_slope=slope)) == run(lambda *t: leaky_relu(batch_norm(*t), slope))


@pytest.mark.parametrize("which", ["x", "dy", "gamma", "all"])
def test_arrays_that_lie_otherwise(cupy, which):
    """Images in C order take functions of CuPy's; γ, β and dy are copied."""
    x, gamma, beta, dy = draw((6, 5, 4, 3), "float64")
    device = put(cupy, x, gamma, beta, dy)
    if which in ("x", "all"):
        device[0] = cupy.ascontiguousarray(device[0])
    if which in ("dy", "all"):
        device[3] = cupy.ascontiguousarray(device[3])
    if which in ("gamma", "all"):
        device[1:3] = (cupy.repeat(a, 2, axis=1)[:, ::2] for a in device[1:3])
    y, statistics = batch_norm_forward(x, gamma, beta, (0, 2, 3), EPS, 0.2)
    y_there, there = batch_norm_forward(*device[:3], (0, 2, 3), EPS, 0.2)
    assert_close(y_there, y, 1e-13)
    gradients = batch_norm_backward(dy, x, gamma, statistics, (0, 2, 3), 0.2)
    for result, wanted in zip(
        batch_norm_backward(device[3], *device[:2], there, (0, 2, 3), 0.2), gradients, strict=True
    ):
        assert_close(result, wanted, 1e-13)


@pytest.mark.parametrize("dtype", ["float16", "complex128"])
def test_dtypes_without_a_kernel(cupy, dtype):
    x, gamma, beta, _ = (a.astype(dtype) for a in draw((6, 5), "float64"))
    y, _ = batch_norm_forward(*put(cupy, x, gamma, beta), (0,), EPS)
    wanted, _ = batch_norm_forward(*(a.real.astype("float64") for a in (x, gamma, beta)), (0,), EPS)
    np.testing.assert_allclose(y.get(), wanted, atol=1e-2 if dtype == "float16" else 1e-12)


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_running_averages(cupy, dtype, step, counted):
    """step 2: the averages are every other number of longer arrays, which the kernel cannot write."""
    channels = 300
    rng = np.random.default_rng(0)
    batch = Statistics(*rng.uniform(1, 2, (3, 1, channels)).astype(dtype))
    running = list(rng.uniform(1, 2, (2, channels * step)).astype(dtype))
    there = [cupy.asarray(a)[::step] for a in running]
    running = [a[::step] for a in running]
    if counted:
        running.append(np.array(41))
        there.append(cupy.asarray(41))
    update(batch, 0.1, 1.5, *running)
    update(Statistics(*put(cupy, *batch[:3])), 0.1, 1.5, *there)
    for result, wanted in zip(there, running, strict=True):
        assert_close(result, wanted, TOLERANCE[dtype])
    assert not counted or int(there[2]) == 42


def test_the_same_numbers_give_the_same_bits(cupy):
    x, gamma, beta, dy = put(cupy, *draw((2500, 40), "float32"))
    runs = []
    for _ in range(2):
        y, statistics = batch_norm_forward(x, gamma, beta, (0,), EPS, 0.2)
        runs.append([a.get().tobytes() for a in (y, *batch_norm_backward(dy, x, gamma, statistics, (0,), 0.2))])
    assert runs[0] == runs[1]


def test_the_gate_needs_no_room_for_sums(cupy, monkeypatch):
    x, gamma, beta, _ = put(cupy, *draw((2500, 40), "float32"))
    _, statistics = batch_norm_forward(x, gamma, beta, (0,), EPS, 0.2)
    monkeypatch.setattr(cupy, "empty", lambda *arguments: pytest.fail("made for nothing"))
    is_positive(x, statistics, (0,))


def test_launches(cupy):
    if "cusim" not in sys.modules:
        pytest.skip("a card does not count them, a simulator does")
    counters = sys.modules["cusim"].counters
    x, gamma, beta, dy = (Tensor(a) for a in put(cupy, *draw((6, 40, 9, 7), "float32")))
    gamma, beta = (Tensor(t.data.reshape(-1), requires_grad=True) for t in (gamma, beta))
    running = [Tensor(a) for a in (cupy.zeros(40, "f"), cupy.ones(40, "f"))]
    batches = Tensor(cupy.zeros((), "int64"))
    at = []
    for _ in range(2):  # the first time, kernels are loaded
        at = [counters()]
        y = batch_norm(x, gamma, beta, *running, negative_slope=0.2, num_batches_tracked=batches)
        at.append(counters())
        gamma.grad = beta.grad = None
        y.backward(dy)
        at.append(counters())
    forward, backward = ({key: b[key] - a[key] for key in a} for a, b in zip(at, at[1:], strict=False))
    assert (forward.pop("launch"), backward.pop("launch")) == (4, 3)
    assert not any(forward.values()) and not any(backward.values())
