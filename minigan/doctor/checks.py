"""What is checked everywhere: each check returns what it found, or raises. What trains does so on the device."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from minigan import backend, data
from minigan.algorithms import GAN
from minigan.backend import Device
from minigan.data import Batch, DataInfo
from minigan.kernels import convolution, cook_toom, im2col
from minigan.kernels.geometry import Geometry
from minigan.testing.check import checks_of, run_checks
from minigan.training import checkpoint
from minigan.training.config import Config

Check = Callable[[Device], str]


def _check_gradients(device: Device) -> str:
    # On the CPU: there the functions run on complex numbers too, fast, and a GPU is compared with it afterwards.
    results = list(run_checks(checks_of([], order=None, cases=1, seed=0), whole=False))
    for result in results:
        if result.error:
            raise ArithmeticError(f"{result.name}: {str(result.error).splitlines()[0]}")
    largest = max(result.agreement.error for result in results)
    return f"{len(results)} functions, to second order; the largest error is {largest:.0e}"


def _check_convolution(device: Device) -> str:
    rng = np.random.default_rng(0)
    geometry = Geometry.of_conv((14, 14), (5, 5), 2, "same")
    shapes = (16, 32, 14, 14), (48, 32, 5, 5), (16, 48, *geometry.out_size)
    x, w, dy = (rng.standard_normal(shape) for shape in shapes)
    errors = []
    fast_one = cook_toom if device.kind == "cpu" else convolution  # of this size, `convolution` would take im2col
    for name, a, b in (("conv_forward", x, w), ("conv_input_grad", dy, w), ("conv_weight_grad", x, dy)):
        plain = getattr(im2col, name)(a, b, geometry)
        a, b = (backend.to_device(array.astype("float32"), device) for array in (a, b))
        fast = backend.to_numpy(getattr(fast_one, name)(a, b, geometry))
        errors.append(float(abs(fast - plain).max() / abs(plain).max()))
        if not errors[-1] < 1e-4:
            raise ArithmeticError(f"the fast {name} differs from the plain one by {errors[-1]:.1e}")
    return f"forward and both gradients differ by at most {max(errors):.0e} of the largest value"


def _check_training(device: Device) -> str:
    x = np.tanh(np.random.default_rng(0).standard_normal((64, 1, 28, 28), "float32"))
    gan = GAN(model="mlp", lr_G=1e-3, lr_D=1e-3).build(DataInfo({"x": (1, 28, 28)}), device=device)
    losses = [gan(iter([Batch(x=x)]))["loss_D"].item() for _ in range(10)]
    if not losses[-1] < losses[0]:
        raise ArithmeticError(f"D's loss went from {losses[0]:.3f} to {losses[-1]:.3f} in ten steps")
    return f"D's loss fell from {losses[0]:.2f} to {losses[-1]:.2f} in ten steps"


def _check_checkpoint(device: Device) -> str:
    array = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.safetensors"
        saved = checkpoint.Checkpoint({"G.a": array}, {"step": 1}, Config(), DataInfo({"x": (1, 28, 28)}))
        checkpoint.save_checkpoint(path, saved)
        if not (checkpoint.load_checkpoint(path).arrays["G.a"] == array).all():
            raise OSError("a checkpoint read back is not what was written")
    return "written and read back"


def _check_data(device: Device) -> str:
    return f"{len(data.load_mnist()):,} training images, checksum right"


CHECKS: dict[str, Check] = {
    "gradients on the CPU, finite differences": _check_gradients,
    "convolution, fast against plain": _check_convolution,
    "training": _check_training,
    "checkpoints": _check_checkpoint,
    "MNIST": _check_data,
}
