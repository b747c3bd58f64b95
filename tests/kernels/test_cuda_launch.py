"""What goes into a launch: numbers as wide as the kernel reads them, and arrays of the GPU in use alone."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import optim
from minigan.kernels import activation, cuda
from minigan.kernels.updates import average_update

WHOLE = 5, True, np.int32(5), np.uint8(5), np.int64(5)
BROKEN = 0.5, np.float64(0.5), np.float32(0.5), np.float16(0.5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_number_is_as_wide_as_the_kernel_reads_it(monkeypatch, dtype):
    packed = []
    module = SimpleNamespace(get_function=lambda kernel: lambda grid, block, arguments: packed.extend(arguments))
    monkeypatch.setattr(cuda, "_module", lambda file, letter: module)
    cuda.launch("a file", "a kernel", 1, *WHOLE, *BROKEN, cuda.Double(0.5), dtype=np.dtype(dtype))
    assert [a.dtype for a in packed] == ["int64"] * len(WHOLE) + [dtype] * len(BROKEN) + ["float64"]
    assert packed == [*WHOLE, *BROKEN, 0.5]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("slope", BROKEN, ids=lambda x: type(x).__name__)
def test_and_the_kernel_reads_it(cupy, slope, dtype):
    x, mask, y = cupy.ones(5, dtype), cupy.zeros(5, bool), cupy.empty(5, dtype)
    cuda.launch("activation", "leaky_relu_backward", 5, x, mask, y, slope, np.int32(5), dtype=x.dtype)
    np.testing.assert_array_equal(y.get(), np.full(5, 0.5))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_double_stays_one(cupy, dtype):
    x, y = cupy.ones(3, dtype), cupy.empty((), dtype)
    cuda.launch("reduction", "mean", cuda.BLOCK, x, 3, None, cuda.Double(0.1), y, dtype=x.dtype)
    assert y.get() == np.dtype(dtype).type(0.1 * 3)


@pytest.mark.parametrize("thing", [np.ones(1), np.float64(1) + 1j, "1", [1.0], np.True_], ids=repr)
def test_what_no_kernel_reads_is_refused(cupy, thing):
    x = cupy.ones(1, "float32")
    with pytest.raises(TypeError, match="a kernel takes arrays, numbers and structs, not"):
        cuda.launch("activation", "sigmoid", 1, x, x, thing, dtype=x.dtype)


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("lr", [np.float64(0.01), np.float32(0.01)], ids=lambda x: type(x).__name__)
def test_a_learning_rate_of_numpy(cupy, device, lr):
    """As schedules make them."""
    p = mg.Tensor([1.0], requires_grad=True, device=device)
    optimizer = optim.Adam([p])
    optimizer.lr, p.grad = lr, mg.Tensor([1.0], device=device)
    optimizer.step()
    assert p.item() == pytest.approx(0.99)


def test_a_learning_rate_on_the_gpu(cupy):
    p = mg.Tensor([1.0], requires_grad=True, device="gpu")
    optimizer = optim.Adam([p])
    optimizer.lr, p.grad = cupy.asarray(0.01), mg.Tensor([1.0], device="gpu")
    optimizer.step()
    assert p.item() == pytest.approx(0.99)


# --- another GPU than the one in use --------------------------------------------------------------------------------


@pytest.fixture
def of_gpu_0(cupy, monkeypatch):
    """Arrays of gpu:0; and from now on this thread seems to compute on gpu:1."""
    arrays = [cupy.ones((2, 3), "float32") for _ in range(4)]
    monkeypatch.setattr(cupy.cuda.runtime, "getDevice", lambda: 1)
    return arrays


REFUSED = {
    "of one input, by a kernel": lambda a, b: F.sigmoid(mg.Tensor(a)),
    "of one input, by CuPy": lambda a, b: F.exp(mg.Tensor(a)),
    "of one input that stays as it is": lambda a, b: mg.Tensor(a).reshape(6),
    "of two inputs": lambda a, b: mg.Tensor(a) + mg.Tensor(b),
    "a loss": lambda a, b: F.binary_cross_entropy_with_logits(mg.Tensor(a), mg.Tensor(b)),
    "a kernel": lambda a, b: activation.leaky_relu_forward(a, 0.2),
    "a table of arrays": lambda a, b: average_update([a], [b], 0.9),
}


@pytest.mark.parametrize("use", REFUSED)
def test_nothing_is_computed_there(of_gpu_0, use):
    said = r"an array of shape .* is on gpu:0, but this thread computes on gpu:1: .*mg\.set_default_device\('gpu:0'\)"
    with pytest.raises(mg.DeviceError, match=said):
        REFUSED[use](*of_gpu_0[:2])
    np.testing.assert_array_equal(of_gpu_0[0].get(), 1)


@pytest.mark.parametrize("make", [optim.SGD, optim.RMSprop, optim.Adam], ids=lambda make: make.__name__)
def test_no_step_is_taken_there(of_gpu_0, make):
    p = mg.Tensor(of_gpu_0[0], requires_grad=True)
    optimizer = make([p])
    p.grad = mg.Tensor(of_gpu_0[1])
    with pytest.raises(mg.DeviceError, match=rf"{make.__name__}\.step\(\): an array of shape \(2, 3\) is on gpu:0"):
        optimizer.step()
    np.testing.assert_array_equal(of_gpu_0[0].get(), 1)
    assert optimizer.step_count == 0


def test_there_it_can_be_held_and_brought_back(of_gpu_0):
    assert mg.Tensor(of_gpu_0[0]).to("cpu").numpy().sum() == 6
    assert (mg.Tensor([1.0], device="cpu") + mg.Tensor([1.0], device="cpu")).item() == 2


# --- the source -----------------------------------------------------------------------------------------------------


def test_each_constant_is_written_once():
    """In Python; the sources know it by its name."""
    files = {path.name: re.sub(r"//.*", "", path.read_text("utf-8")) for path in cuda.FOLDER.glob("*.cu")}
    for name in cuda.CONSTANTS:
        assert any(re.search(rf"\b{name}\b", text) for text in files.values()), name
    for name, text in files.items():
        assert not re.search(rf"\b({'|'.join(cuda.CONSTANTS)})\s*=[^=]|\b{cuda.BLOCK}\b", text), name
