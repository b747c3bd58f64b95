"""`minigan doctor`: what is installed, what computes, and whether the engine computes rightly here."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np

import minigan
from minigan import backend
from minigan import functions as F
from minigan.autograd import Tensor

PACKAGES = ("numpy", "matplotlib", "pillow", "tqdm", "safetensors", "cupy-cuda12x", "cupy-cuda13x")


def examine(device: str | None = None) -> bool:
    """Print the report; whether every check passed."""
    print(f"minigan {minigan.__version__}, Python {platform.python_version()}, {platform.platform()}")
    for package in PACKAGES:
        print(f"  {package:<14}{_version(package)}")
    print(f"BLAS    {_blas()}")
    print(f"cores   {_cores()} usable of {os.cpu_count()}")
    chosen, why = backend.choose_device(device)
    print(f"device  {chosen} ({why})")
    print("self-check")
    return all([_passes(name, check) for name, check in CHECKS.items()])


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _blas() -> str:
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    limits = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    threads = f"threads limited by {', '.join(limits)}" if limits else f"{_cores()} threads (no limit set)"
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}, {threads}, {_product_speed()}"


def _product_speed() -> str:
    """How fast a large float32 matrix product runs: training can be no faster."""
    a = np.ones((1024, 1024), "float32")
    a @ a
    times = []
    for _ in range(5):
        began = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - began)
    return f"{2 * 1024**3 / min(times) / 1e9:.0f} GFLOP/s in a matrix product"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _passes(name: str, check: Callable[[], str]) -> bool:
    began = time.perf_counter()
    try:
        found, passed = check(), True
    except Exception as error:  # a check may fail in any way: that is what it is for
        found, passed = f"{type(error).__name__}: {error}", False
    print(f"  {'ok    ' if passed else 'FAILED'}  {name:<42} {time.perf_counter() - began:5.1f} s  {found}")
    sys.stdout.flush()
    return passed


# --- the checks: each returns what it found, or raises -------------------------------------------


def _check_gradients() -> str:
    from minigan.testing import gradcheck

    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 2, 6, 6)), rng.standard_normal((4, 2, 3, 3))
    wt = rng.standard_normal((2, 3, 4, 4))
    gamma, beta = rng.standard_normal(2), rng.standard_normal(2)
    gradcheck(lambda x, w: F.conv2d(x, w, stride=2, padding=1), [x, w], order=2)
    gradcheck(lambda x, w: F.conv_transpose2d(x, w, stride=2, padding="same"), [x, wt], order=2)
    gradcheck(lambda x, g, b: F.batch_norm(x, g, b), [x, gamma, beta], order=2)
    gradcheck(lambda a, b: F.dense(F.tanh(a), b), [rng.standard_normal((5, 4)), rng.standard_normal((3, 4))], order=2)
    target = rng.uniform(size=(6, 1))
    gradcheck(lambda s: F.binary_cross_entropy_with_logits(s, target), [rng.standard_normal((6, 1))], order=2)
    return "convolutions, BatchNorm, dense, cross-entropy, to second order"


def _check_convolution() -> str:
    from minigan.kernels import convolution, im2col
    from minigan.kernels.geometry import Geometry

    rng = np.random.default_rng(0)
    geometry = Geometry.of_conv((14, 14), (5, 5), 2, "same")
    x = rng.standard_normal((64, 64, 14, 14)).astype("float32")
    w = rng.standard_normal((128, 64, 5, 5)).astype("float32")
    fast = convolution.conv_forward(x, w, geometry)
    plain = im2col.conv_forward(x.astype("float64"), w.astype("float64"), geometry)
    error = float(abs(fast - plain).max() / abs(plain).max())
    if not error < 1e-4:
        raise ArithmeticError(f"the fast convolution differs from the plain one by {error:.1e}")
    return f"the fast one differs from the plain one by {error:.0e} of the largest value"


def _check_training() -> str:
    from minigan import models, objectives, optim
    from minigan.training.steps import Players, alternating_step

    state = backend.default_rng().bit_generator.state
    G, D = models.build("mlp")
    backend.default_rng().bit_generator.state = state
    rng = np.random.default_rng(0)
    players = Players(G, D, optim.Adam(G.parameters()), optim.Adam(D.parameters()), objectives.NonSaturating())
    x = Tensor(np.tanh(rng.standard_normal((64, 1, 28, 28))).astype("float32"))
    losses = [
        alternating_step(players, x, Tensor(rng.standard_normal((64, 64)).astype("float32"))).loss_D.item()
        for _ in range(10)
    ]
    if not losses[-1] < losses[0]:
        raise ArithmeticError(f"D's loss went from {losses[0]:.3f} to {losses[-1]:.3f} in ten steps")
    return f"D's loss fell from {losses[0]:.2f} to {losses[-1]:.2f} in ten steps"


def _check_checkpoint() -> str:
    from minigan.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
    from minigan.training.config import Config

    array = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.safetensors"
        save_checkpoint(path, Checkpoint({"G.a": array}, {"step": 1}, Config()))
        if not (load_checkpoint(path).arrays["G.a"] == array).all():
            raise OSError("a checkpoint read back is not what was written")
    return "written and read back"


def _check_data() -> str:
    from minigan.data import load_mnist

    return f"{len(load_mnist()):,} training images, checksum right"


CHECKS: dict[str, Callable[[], str]] = {
    "gradients, against finite differences": _check_gradients,
    "convolution, fast against plain": _check_convolution,
    "training": _check_training,
    "checkpoints": _check_checkpoint,
    "MNIST": _check_data,
}
