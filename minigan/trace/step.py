"""A training step on record, and objectives compared at one point."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
    step = take_step.__name__.removesuffix("_step")
    with remembered(players.G, players.D) as meeting, step_recorder(players, x, z, **({"step": step} | about)) as r:
        take_step(players, x, z, r.name, watched=True)
    return r.trace.with_comparisons(meeting.compare(z))


def compare_objectives(G: Module, D: Module, z: Tensor, surer: Sequence[float] = SURER) -> tuple[Comparison, ...]:
    """What each objective would send back from D's verdict on G(z): all from the same weights, z and dropout masks.

    surer: by how much the logits are lowered, as if D's last bias were. A D that is sure of its verdict is
    where the saturating loss's gradient vanishes. Nothing is changed: not the weights, their gradients,
    BatchNorm's statistics, nor the random state.
    """
    return Meeting(_Player(G), _Player(D)).compare(z, surer)


@contextmanager
def remembered(G: Module, D: Module) -> Iterator[Meeting]:
    """Remembers, while a step is taken, how D was when it was asked for the verdict from which G learns: the last
    one of a step. In an alternating step D has learnt by then, and each verdict has dropout masks of its own.

        with remembered(G, D) as meeting:
            ...                             # a step
        comparisons = meeting.compare(z)
    """
    meeting, judge = Meeting(_Player(G, _random_state()), _Player(D)), D.forward

    def forward(*inputs: Any, **options: Any) -> Any:
        meeting.D = _Player(D, _random_state())
        return judge(*inputs, **options)

    D.forward = forward
    try:
        yield meeting
    finally:
        del D.forward


def _random_state() -> Any:
    return backend.default_rng().bit_generator.state


class _Player:
    """A network as it is now, copied. state: from which to draw its dropout masks (None: whatever it is by then)."""

    def __init__(self, module: Module, state: Any = None) -> None:
        self.module, self.state = copy.deepcopy(module), state
        vars(self.module).pop("forward", None)  # that of `remembered`, which would call the original

    def __call__(self, x: Tensor) -> Tensor:
        if self.state is not None:
            backend.default_rng().bit_generator.state = self.state
        return self.module(x)


@dataclass
class Meeting:
    """G and D as they were when G's samples came to D, for G to learn from the verdict."""

    G: _Player
    D: _Player

    def compare(self, z: Tensor, surer: Sequence[float] = SURER) -> tuple[Comparison, ...]:
        """See `compare_objectives`."""
        state = _random_state()
        try:
            return _compare(self.G, self.D, Tensor(z.data, requires_grad=True, name="z"), surer)
        finally:
            backend.default_rng().bit_generator.state = state


def _compare(G: _Player, D: _Player, z: Tensor, surer: Sequence[float]) -> tuple[Comparison, ...]:
    with Recorder({"G": G.module, "D": D.module}, {"z": z}) as recorder:
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
