"""A training step on record, and objectives compared at one point."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from minigan import backend
from minigan.autograd import Tensor, grad
from minigan.kernels.activation import sigmoid_forward
from minigan.nn import Module
from minigan.objectives import OBJECTIVES
from minigan.trace.record import Recorder
from minigan.trace.summary import Array, summarize
from minigan.trace.trace import ComparedLayer, Comparison, Trace

FORMULAS = {
    "minimax": "E ln(1 − σ(D(G(z))))",
    "non-saturating": "−E ln σ(D(G(z)))",
    "least-squares": "½ E(D(G(z)) − 1)²",
}

SURER = (0.0, 6.0)  # D as it is, and one that gives a fake e⁻⁶ times those odds of being real


def step_recorder(players: Any, x: Tensor, z: Tensor, **about: Any) -> Recorder:
    """A recorder for a step of `training.Players` on real images x (N, C, H, W) and noise z (N, z_dim)."""
    known = {
        "objective": type(players.objective).__name__,
        "batch": len(x),
        "dtype": str(x.dtype),
        "device": str(x.device),
    }
    return Recorder({"G": players.G, "D": players.D}, {"x": x, "z": z}, **(known | about))


def trace_step(take_step: Callable[..., Any], players: Any, x: Tensor, z: Tensor, **about: Any) -> Trace:
    """Take a step (`training.alternating_step` or another of its kind), and give its trace.

    about: said of the trace: model="dcgan28", at=300 (the step's number).
    """
    comparisons = compare_objectives(players.G, players.D, z)
    step = take_step.__name__.removesuffix("_step")
    with step_recorder(players, x, z, **({"step": step} | about)) as recorder:
        take_step(players, x, z, recorder.name, watched=True)
    return recorder.trace.with_comparisons(comparisons)


def compare_objectives(G: Module, D: Module, z: Tensor, surer: Sequence[float] = SURER) -> tuple[Comparison, ...]:
    """What each objective would send back from D's verdict on G(z): all from the same weights, z and dropout masks.

    surer: by how much the logits are lowered, as if D's last bias were. A D that is sure of its verdict is
    where the saturating loss's gradient vanishes. Nothing is changed: not the weights, their gradients,
    BatchNorm's statistics, nor the random state.
    """
    G, D = copy.deepcopy(G), copy.deepcopy(D)
    state = backend.default_rng().bit_generator.state
    z = Tensor(z.data, requires_grad=True, name="z")
    try:
        with Recorder({"G": G, "D": D}, {"z": z}) as recorder:
            fake = G(z)
            border = fake.detach()
            border.requires_grad = True
            logits = D(border)
            found = []
            for shift, (name, objective) in itertools.product(surer, OBJECTIVES.items()):
                verdict = logits - shift
                loss = objective().generator_loss(verdict)
                (at_border,) = grad(loss, [border], retain_graph=True)
                grad(fake, [z], [at_border], retain_graph=True)
                real, paid = summarize(sigmoid_forward(verdict.data)), summarize(loss.data)
                formula = FORMULAS.get(name, "")
                found.append(
                    (name, formula, float(shift), _number(real), _number(paid), summarize(at_border.data, signed=True))
                )
    finally:
        backend.default_rng().bit_generator.state = state
    trace = recorder.trace
    on = [walk for walk in trace.walks if walk.carries is not None]
    return tuple(
        Comparison(*told, layers=tuple(_compared(trace, i) for i in walk.backs))
        for told, walk in zip(found, on, strict=True)
    )


def _number(summary: Array) -> float | None:
    return summary.mean if summary.finite else None


def _compared(trace: Trace, back: int) -> ComparedLayer:
    b = trace.backs[back]
    layer = trace.layers[b.layer]
    return ComparedLayer(layer.name, layer.kind, next((dx.norm for dx in b.gradients_out if dx is not None), 0.0))
