"""The GPU against the CPU: every function, the optimisers, prefetched batches, a training step, and a run.

Nothing here knows which side is right. But the CPU's derivatives were checked against finite
differences before (`checks`), so where the two differ, it is the GPU that is suspect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from minigan import backend, optim
from minigan.autograd import Tensor, grad
from minigan.backend import Device
from minigan.data import Batch, DataInfo, ImageDataset, prefetch
from minigan.formatting import last_frame, one_line
from minigan.table import Column, print_table
from minigan.testing.callables import outputs_of
from minigan.testing.cases import CASES
from minigan.training.config import Config
from minigan.training.stepping import take_steps
from minigan.training.trainer import Trainer

MODEL = "dcgan28"
DRAWN = 3  # cases of a function, for each dtype
DTYPES = ("float32", "float64")
# The same sum in another order is off by some roundings, and a division by a small variance makes many of few.
TOLERANCE = {dtype: 1000 * float(np.finfo(dtype).eps) for dtype in DTYPES}
# A step is a thousand sums long, and a LeakyReLU whose input is all but 0 may fall on either side.
STEP_TOLERANCE = {"float32": 1e-2, "float64": 1e-8}
RUN_STEPS = 4
# Adam's first steps make much of gradients that are all rounding: each step begins a little further apart.
RUN_TOLERANCE = 1e-2

Results = dict[str, np.ndarray]  # by what they are: "output 0", "the gradient of input 1"
Run = Callable[[Device, str], Results]  # on a device, in a dtype
Draw = Callable[[np.random.Generator], tuple[str, Run]]  # what it is called on, and the call


@dataclass(frozen=True)
class Subject:
    """What is compared. Differences count against the largest value of an array, or against `unit`, if that is more:
    the size of the terms where they may cancel out."""

    name: str
    draw: Draw
    cases: int = DRAWN
    tolerance: dict[str, float] = field(default_factory=TOLERANCE.copy)  # of each dtype that it is compared in
    unit: float = 1.0


@dataclass
class Comparison:
    """What comparing one subject gave. differences: the largest, by dtype. trouble: what is wrong, if anything is."""

    name: str
    cases: int = 0
    differences: dict[str, float] = field(default_factory=dict)
    trouble: str = ""


COLUMNS = [
    Column("function", 40, left=True), Column("cases"), *(Column(d, 9) for d in DTYPES), Column("result", left=True),
]  # fmt: skip


def against_cpu(device: Device) -> list[str]:
    """Print the table and what is wrong; the names of what differs."""
    print(f"{device} against the CPU: values and gradients, by how much they differ at most")
    todo = subjects()
    comparisons = print_table(COLUMNS, _until_lost(todo, device), cells, len(todo), "comparing", indent="  ")
    if len(comparisons) < len(todo):
        print(f"  {device} is lost to this program: the others are not compared")
    wrong = [c for c in comparisons if c.trouble]
    for c in wrong:
        print(f"  {c.name}: {c.trouble}")
    return [c.name for c in wrong]


def cells(comparison: Comparison) -> list[str]:
    """The comparison's line of the table."""
    differences = [f"{comparison.differences[d]:.1e}" if d in comparison.differences else "-" for d in DTYPES]
    return [comparison.name, str(comparison.cases), *differences, "WRONG" if comparison.trouble else "ok"]


def _until_lost(todo: list[Subject], device: Device) -> Iterator[Comparison]:
    """The comparison of each subject, up to one after which CUDA answers no more."""
    for subject in todo:
        comparison = compared(subject, device)
        yield comparison
        if comparison.trouble.startswith(("CUDARuntimeError", "CUDADriverError")):
            return


def subjects() -> list[Subject]:
    """All that is compared."""
    functions = [Subject(name, partial(_drawn_call, name)) for name in CASES]
    classes = (optim.SGD, optim.RMSprop, optim.Adam)
    optimisers = [Subject(f"{c.__name__}.step", partial(_drawn_optimiser, c), 1) for c in classes]
    ahead = Subject("prefetched batches", _drawn_batches, 1, dict.fromkeys(DTYPES, 0.0))
    step = Subject(f"a training step of {MODEL}", _drawn_step, 1, STEP_TOLERANCE, 1e-4)
    run = Subject(f"{RUN_STEPS} steps of a run", _drawn_run, 1, {"float32": RUN_TOLERANCE}, 0.1)
    return [*functions, *optimisers, ahead, step, run]


def compared(subject: Subject, device: Device) -> Comparison:
    """What a subject gives on a device, compared with what it gives on the CPU."""
    comparison, rng = Comparison(subject.name), np.random.default_rng(0)
    for _ in range(subject.cases):
        about, run = subject.draw(rng)
        for dtype in subject.tolerance:
            comparison.cases += 1
            comparison.differences.setdefault(dtype, 0.0)
            try:
                expected = run(backend.CPU, dtype)
                with made_on(device):  # what the functions make on their own account
                    found = run(device, dtype)
                differences = _differences(expected, found, subject.unit)
            except Exception as error:  # it may fail in any way: that is what this is for
                comparison.trouble = f"{type(error).__name__}: {one_line(error)}{_place(error)}, in {dtype}, on {about}"
                return comparison
            what, difference = max(differences.items(), key=lambda item: item[1])
            comparison.differences[dtype] = max(comparison.differences[dtype], difference)
            if difference > subject.tolerance[dtype] and not comparison.trouble:
                comparison.trouble = f"{what} differs by {difference:.1e}, in {dtype}, on {about}"
    return comparison


def _differences(expected: Results, found: Results, unit: float) -> dict[str, float]:
    """By how much each array differs; infinity where NaN or Inf is on one side."""
    if expected.keys() != found.keys():
        raise LookupError(f"only one of the two has {', '.join(sorted(expected.keys() ^ found.keys()))}")
    differences = {}
    for what, a in expected.items():
        b = found[what]
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise TypeError(f"{what} is {b.dtype} {b.shape}, on the CPU {a.dtype} {a.shape}")
        with np.errstate(all="ignore"):
            largest = max(unit, float(abs(a).max(initial=0)))
            difference = float(abs(a - b).max(initial=0)) / largest
        differences[what] = difference if np.isfinite(difference) else np.inf
    return differences


@contextmanager
def made_on(device: Device) -> Iterator[None]:
    """Meanwhile it is the default device."""
    before = backend.get_default_device()
    backend.set_default_device(device)
    try:
        yield
    finally:
        backend.set_default_device(before)


def _place(error: Exception) -> str:
    """Where in minigan it arose: " at kernels/updates.py:12"."""
    package = Path(__file__).parents[1]
    at = last_frame(error, lambda file: package in Path(file).parents)
    return f" at {Path(at.filename).relative_to(package).as_posix()}:{at.lineno}" if at else ""


def _drawn_call(name: str, rng: np.random.Generator) -> tuple[str, Run]:
    """A function of the register: its outputs, and its gradients for random cotangents."""
    call, seed = CASES[name].draw(rng), int(rng.integers(2**31))

    def run(device: Device, dtype: str) -> Results:
        inputs = [Tensor(x, True, dtype, device) for x in call.inputs]
        outputs = outputs_of(call, inputs)
        cotangents = np.random.default_rng(seed)
        dys = [Tensor(cotangents.standard_normal(y.shape), dtype=dtype, device=device) for y in outputs]
        gradients = grad(outputs, inputs, dys, allow_unused=True)
        results = {f"output {i}": y.numpy() for i, y in enumerate(outputs)}
        return results | {f"the gradient of input {i}": dx.numpy() for i, dx in enumerate(gradients) if dx is not None}

    return str(call), run


def _drawn_optimiser(make: Callable[[list[Tensor]], optim.Optimizer], rng: np.random.Generator) -> tuple[str, Run]:
    """Three steps of an optimiser with given gradients, over weights of several sizes."""
    shapes = ((3, 4, 5, 5), (257,), (33, 7), ())
    numbers = [[rng.standard_normal(s) for s in shapes] for _ in range(4)]

    def run(device: Device, dtype: str) -> Results:
        weights, *gradients = ([Tensor(x.copy(), True, dtype, device) for x in row] for row in numbers)
        optimiser = make(weights)
        for row in gradients:
            for w, g in zip(weights, row, strict=True):
                w.grad = g.detach()
            optimiser.step()
        return {f"weight {i}": w.numpy() for i, w in enumerate(weights)}

    return f"weights {', '.join(map(str, shapes))}", run


def _drawn_batches(rng: np.random.Generator) -> tuple[str, Run]:
    """Batches sent while the device is behind with its work: what it finds in them, late, is what was sent."""
    batches, matrix = rng.standard_normal((8, 64, 1, 28, 28)), rng.standard_normal((1024, 1024))

    def run(device: Device, dtype: str) -> Results:
        work, found = Tensor(matrix, dtype=dtype, device=device).data, []
        for batch in prefetch((Batch(x=b.astype(dtype)) for b in batches), device):
            for _ in range(4 if device != backend.CPU else 0):
                work @ work
            found.append(Tensor(batch.x + 0.0, device=device))
        return {f"batch {i}": x.numpy() for i, x in enumerate(found)}

    return f"{len(batches)} batches", run


def _drawn_step(rng: np.random.Generator) -> tuple[str, Run]:
    """A step as it is trained with: its figures, every gradient, and what BatchNorm keeps.

    Weights, noise and dropout masks are drawn on the host from one seed, and so are the same on both.
    """
    n, config = 8, Config.for_model(MODEL)
    x = np.tanh(rng.standard_normal((n, 1, 28, 28)))

    def run(device: Device, dtype: str) -> Results:
        algorithm = config.make_algorithm().build(DataInfo({"x": x.shape[1:]}), 0, device, dtype)
        figures = algorithm(iter([Batch(x=x)]))
        results = {name: value.numpy() for name, value in figures.items()}
        for player, network in algorithm.networks.items():
            weights = dict(network.named_parameters())
            tensors = {f"the gradient of {name}": p.grad for name, p in weights.items() if p.grad is not None}
            tensors |= dict(network.named_buffers())
            if dtype == "float64":  # in float32 Adam's first step makes a sign of a gradient that is all rounding
                tensors |= weights
            results |= {f"{player}: {name}": t.numpy() for name, t in tensors.items()}
        return results

    return f"{n} images", run


def _drawn_run(rng: np.random.Generator) -> tuple[str, Run]:
    """A run as `minigan train` makes it, up to its folder: order, noise, dropout, prefetched batches, the average.

    Its figures at each step, and what the averaged generator then draws.
    """
    images = rng.integers(0, 256, (2 * RUN_STEPS, 1, 28, 28), "uint8")
    data = ImageDataset(images, None, "random", "random images")
    config = Config.for_model(MODEL, batch_size=2, ema_decay=0.9)

    def run(device: Device, dtype: str) -> Results:
        trainer = Trainer(config.with_choices(device=str(device)), data)
        steps = take_steps(trainer, RUN_STEPS)
        results = {"a sample": trainer.sample(2)}
        for n, figures in enumerate(steps, 1):
            results |= {f"{name} at step {n}": value.numpy() for name, value in figures.items()}
        return results

    return f"{len(images)} images", run
