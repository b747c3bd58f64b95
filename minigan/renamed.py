"""Names of earlier versions: who imports one is told today's name in one sentence.

Of a module that is gone `_Finder` tells, the last of Python's finders: it is asked only for what no other has. Of a
name that is gone from a module, that module's `__getattr__ = renamed_in(__name__)` tells.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from typing import NoReturn

RENAMED = {
    "minigan.gpu": "minigan.backend.cupy_backend",
    "minigan.distributed": "minigan.backend.distributed",
    "minigan.words": "minigan.formatting",
    "minigan.autograd.errors": "minigan.autograd.tensor",
    "minigan.autograd.walk": "minigan.autograd.backward_pass",
    "minigan.autograd.modes": "minigan.autograd.hooks and minigan.autograd.grad_mode",
    "minigan.data.ahead": "minigan.data.prefetch",
    "minigan.data.fit": "minigan.data.resize",
    "minigan.functions.methods": "minigan.autograd.tensor",
    "minigan.functions.shaping": "minigan.functions.manipulation",
    "minigan.functions.synchronised": "minigan.functions.normalization",
    "minigan.trace.borders": "minigan.trace.border_gradients",
    "minigan.training.replay": "minigan.training.stepping",
    "minigan.algorithms.drawing": "minigan.algorithms.samples",
    "minigan.kernels.loss": "minigan.kernels.activation",
    "minigan.kernels.workspace": "minigan.kernels.parallel",
    "minigan.kernels.runs": "minigan.kernels.layout",
    "minigan.testing.draws": "minigan.testing.random_inputs",
    "minigan.testing.judge": "minigan.testing.assertions",
    "minigan.testing.slopes": "minigan.testing.numerical",
    "minigan.testing.target": "minigan.testing.callables",
    "minigan.trace.figures": "minigan.trace.views.figures",
    "minigan.trace.graph": "minigan.trace.views.graphviz",
    "minigan.trace.page": "minigan.trace.views.page",
    "minigan.trace.record": "minigan.trace.recorder",
    "minigan.trace.step": "minigan.trace.recorder",
    "minigan.trace.story": "minigan.trace.build and minigan.trace.frames",
    "minigan.trace.table": "minigan.trace.views.table",
    "minigan.trace.text": "minigan.trace.views.terminal",
    "minigan.trace.trace": "minigan.trace.schema",
    "minigan.training.averaging": "minigan.training.ema",
    "minigan.training.files": "minigan.training.atomic",
    "minigan.training.folder": "minigan.training.run_dir",
    "minigan.training.mpi": "minigan.training.launch",
    "minigan.training.pictures": "minigan.training.images",
    "minigan.training.players": "minigan.algorithms",
    "minigan.training.run": "minigan.training.trainer",
    "minigan.training.steps": "minigan.algorithms",
    "minigan.training.team": "minigan.backend.distributed",
    "minigan.functions.activation.LeakyGate": "LeakyReLUBackward",
    "minigan.functions.arithmetic.Gate": "MaskMul",
    "minigan.functions.pooling.MaxSpread2d": "MaxUnpool2d",
    "minigan.trace.Array": "ArraySummary",
    "minigan.trace.Back": "LayerBackward",
    "minigan.trace.Call": "NetworkCall",
    "minigan.trace.Crossing": "BorderGradient",
    "minigan.trace.Parameter": "LayerParameter",
    "minigan.trace.Walk": "BackwardPass",
    "minigan.trace.step_recorder": "StepRecorder",
    "minigan.training.NonFiniteLossError": "NonFiniteError",
    "minigan.training.Players": "minigan.algorithms.GAN, whose networks and optimizers are dicts",
    "minigan.training.Run": "Trainer",
    "minigan.training.alternating_step": "minigan.algorithms.GAN.step",
    "minigan.training.generate": "Algorithm.generate, of what load_algorithm gives",
    "minigan.training.load_generator": "load_algorithm",
    "minigan.training.simultaneous_step": "minigan.algorithms.SimultaneousGAN.step",
}


class RenamedError(ImportError):
    """A name of an earlier version; the message says today's."""


def _explain(name: str) -> None:
    if name in RENAMED:
        raise RenamedError(f"{name} is called {RENAMED[name]} since minigan 0.2")


def renamed_in(module: str) -> Callable[[str], NoReturn]:
    """A `__getattr__` for this module, which is asked for what the module lacks."""

    def __getattr__(name: str) -> NoReturn:
        _explain(f"{module}.{name}")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return __getattr__


class _Finder(MetaPathFinder):
    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        _explain(fullname)


sys.meta_path.append(_Finder())
