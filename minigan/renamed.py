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
    "minigan.words": "minigan.formatting",
    "minigan.autograd.walk": "minigan.autograd.backward_pass",
    "minigan.autograd.modes": "minigan.autograd.hooks and minigan.autograd.grad_mode",
    "minigan.data.fit": "minigan.data.resize",
    "minigan.functions.methods": "minigan.autograd.tensor",
    "minigan.functions.shaping": "minigan.functions.manipulation",
    "minigan.functions.synchronised": "minigan.functions.normalization",
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
    "minigan.training.ahead": "minigan.data.prefetch",
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
    "minigan.testing.strategies.Drawn": "HypothesisRNG",
    "minigan.testing.strategies.drawn": "from_rng",
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

# What has no other name today, and what to do.
REMOVED = {
    "minigan.testing.strategies.invalid_convolutions": "draw from convolutions, and make one argument wrong",
    "minigan.testing.strategies.invalid_transposed_convolutions": "draw from transposed_convolutions, and make one "
    "argument wrong",
}

# What users of PyTorch type, and what it is here.
PEER_NAMES = {
    "minigan.cat": "F.concatenate",
    "minigan.stack": "F.stack",
    "minigan.tensor": "minigan.Tensor",
    "minigan.as_tensor": "minigan.Tensor",
    "minigan.from_numpy": "minigan.Tensor",
    "minigan.randn": "Tensor(rng.standard_normal(shape), dtype='float32'), of a numpy.random.Generator",
    "minigan.rand": "Tensor(rng.random(shape), dtype='float32'), of a numpy.random.Generator",
    "minigan.zeros": "Tensor(np.zeros(shape, 'float32'))",
    "minigan.ones": "Tensor(np.ones(shape, 'float32'))",
    "minigan.save": "minigan.training.save_checkpoint, or safetensors.numpy.save_file(net.state_dict(), path)",
    "minigan.load": "minigan.training.load_checkpoint, or net.load_state_dict(safetensors.numpy.load_file(path))",
    "minigan.device": "the text 'cpu', 'gpu' or 'gpu:N'",
    "minigan.cuda": "minigan.set_default_device('gpu')",
    "minigan.autograd.Variable": "minigan.Tensor",
    "minigan.nn.functional": "minigan.functions",
    "minigan.nn.Linear": "nn.Dense",
    "minigan.nn.BatchNorm1d": "nn.BatchNorm",
    "minigan.nn.BatchNorm2d": "nn.BatchNorm",
    "minigan.nn.InstanceNorm2d": "nn.InstanceNorm",
    "minigan.nn.Dropout2d": "nn.Dropout",
    "minigan.nn.AdaptiveAvgPool2d": "nn.AvgPool2d('global')",
    "minigan.nn.Unflatten": "nn.Reshape",
    "minigan.nn.Softmax": "F.softmax",
    "minigan.nn.BCELoss": "F.binary_cross_entropy",
    "minigan.nn.BCEWithLogitsLoss": "F.binary_cross_entropy_with_logits",
    "minigan.nn.MSELoss": "F.mse_loss",
    "minigan.nn.L1Loss": "F.l1_loss",
    "minigan.nn.CrossEntropyLoss": "F.cross_entropy",
    "minigan.nn.utils": "nn.SpectralNorm and optim.clip_grad_norm_",
    "minigan.functions.linear": "F.dense",
    "minigan.functions.cat": "F.concatenate",
    "minigan.functions.pad": "F.pad2d",
    "minigan.functions.interpolate": "F.upsample_nearest2d",
    "minigan.functions.pow": "F.power",
    "minigan.functions.permute": "F.transpose",
    "minigan.functions.view": "F.reshape",
    "minigan.functions.bmm": "F.matmul",
    "minigan.functions.mm": "F.matmul",
    "minigan.functions.clamp": "F.clip",
    "minigan.functions.std": "F.sqrt(F.var(x))",
    "minigan.clamp": "F.clip",
    "minigan.where": "F.where",
    "minigan.pow": "F.power",
    "minigan.norm": "F.norm",
    "minigan.var": "F.var",
    "Tensor.view": "reshape",
    "Tensor.permute": "transpose",
    "Tensor.t": "T",
    "Tensor.flatten": "reshape(-1)",
    "Tensor.squeeze": "reshape",
    "Tensor.unsqueeze": "reshape, or x[:, None]",
    "Tensor.expand": "F.broadcast_to",
    "Tensor.clone": "x * 1.0, or of the values alone x.data.copy()",
    "Tensor.contiguous": "x itself: every order of memory will do",
    "Tensor.cuda": "to('gpu')",
    "Tensor.cpu": "to('cpu')",
    "Tensor.float": "to(dtype='float32')",
    "Tensor.double": "to(dtype='float64')",
    "Tensor.long": "to(dtype='int64')",
    "Tensor.type": "to(dtype=…)",
    "Tensor.dim": "ndim",
    "Tensor.numel": "size",
    "Tensor.tolist": "numpy().tolist()",
    "Tensor.grad_fn": "creator",
    "Tensor.zero_": "data[...] = 0",
    "Tensor.fill_": "copy_",
    "Tensor.add_": "x += …, within no_grad()",
    "Tensor.mul_": "x *= …, within no_grad()",
    "Tensor.requires_grad_": "requires_grad = True",
    "Tensor.pow": "x ** …",
    "Tensor.clamp": "clip",
    "Tensor.clamp_": "copy_(x.clip(…))",
    "Tensor.std": "F.sqrt(x.var())",
    "Tensor.mm": "x @ y",
    "Tensor.matmul": "x @ y",
    "Tensor.sigmoid": "F.sigmoid(x)",
    "Tensor.tanh": "F.tanh(x)",
    "Tensor.relu": "F.relu(x)",
    "Tensor.argmax": "numpy().argmax()",
}


def peer_name(place: str, name: str) -> str:
    """The end of an AttributeError's sentence that says what minigan calls what PyTorch calls so; or nothing."""
    ours = PEER_NAMES.get(f"{place}.{name}")
    return f": minigan calls it {ours}" if ours else ""


class RenamedError(ImportError):
    """A name of an earlier version; the message says today's, or what to do without."""


def _explain(name: str) -> None:
    if name in RENAMED:
        raise RenamedError(f"{name} is called {RENAMED[name]} since minigan 0.2")
    if name in REMOVED:
        raise RenamedError(f"{name} is gone since minigan 0.2: {REMOVED[name]}")


def renamed_in(module: str) -> Callable[[str], NoReturn]:
    """A `__getattr__` for this module, which is asked for what the module lacks."""

    def __getattr__(name: str) -> NoReturn:
        _explain(f"{module}.{name}")
        raise AttributeError(f"module {module!r} has no attribute {name!r}{peer_name(module, name)}")

    return __getattr__


class _Finder(MetaPathFinder):
    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        _explain(fullname)


sys.meta_path.append(_Finder())
