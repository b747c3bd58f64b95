"""A training step on record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minigan.algorithms import Algorithm
from minigan.autograd import GraphError, Tensor
from minigan.data import Batch
from minigan.trace.compare import compare
from minigan.trace.record import Recorder
from minigan.trace.trace import Comparison, Trace


def trace_step(algorithm: Algorithm, batches: Iterator[Batch], **about: Any) -> Trace:
    """Take one step of an algorithm, and give its trace, objectives compared. The step is the same to the bit.

    about: said of the trace: model="dcgan28", at=300 (the step's number).
    """
    with step_recorder(algorithm, **about) as recorder:
        algorithm(batches)
    return recorder.trace


def step_recorder(algorithm: Algorithm, **about: Any) -> StepRecorder:
    """A recorder for one step that is taken in its `with` block, whoever takes it. about: as for `trace_step`."""
    return StepRecorder(algorithm, **about)


class StepRecorder(Recorder):
    """Records a step of an algorithm, and compares objectives at the point from which its generator learns.

    That point is where the backward pass of loss_G begins, for a network G of the algorithm whose output was given to
    another one: there the graph from that one's output (D's logits) back through both networks is at hand.
    """

    def __init__(self, algorithm: Algorithm, **about: Any) -> None:
        said = {"algorithm": type(algorithm).__name__}
        objective = getattr(algorithm, "objective", None)
        if isinstance(objective, str):
            said["objective"] = objective
        super().__init__(algorithm.networks, algorithm.optimizers, **said)
        self._more_about = about
        self._alternatives = dict(algorithm.losses_to_compare())
        self._outputs: dict[Any, Tensor] = {}  # what calls of networks returned
        self._entered: list[tuple[Any, Tensor, Any]] = []  # (call, what entered it, the call that made that)
        self._comparisons: tuple[Comparison, ...] = ()

    def __exit__(self, kind: Any, *rest: Any) -> None:
        self.about |= self._more_about
        comparisons = self._comparisons
        super().__exit__(kind, *rest)
        if self.trace is not None:
            self.trace = self.trace.with_comparisons(comparisons)

    def before_module(self, call: Any, inputs: tuple) -> None:
        """Remember what is compared later, and how many samples the step is on."""
        super().before_module(call, inputs)
        if self.root(call) is not call:
            return
        first = next((t for t in inputs if isinstance(t, Tensor) and t.ndim), None)
        if first is not None and "batch" not in self.about:
            self.about |= {"batch": len(first), "dtype": str(first.dtype), "device": str(first.device)}
        if self._alternatives:
            for t in inputs:
                maker = self.made_by(t) if isinstance(t, Tensor) and t.requires_grad else None
                if maker is not None:
                    self._entered.append((call, t, maker))

    def after_module(self, call: Any, output: Any) -> None:
        """Remember it."""
        if self._alternatives and isinstance(output, Tensor) and self.root(call) is call:
            self._outputs[call] = output

    def before_backward_pass(
        self, outputs: list[Tensor], cotangents: list[Tensor], wanted: set | None, create_graph: bool
    ) -> None:
        """Compare, if this is the pass from which the generator learns."""
        if self._alternatives:
            self._compare(outputs)
        super().before_backward_pass(outputs, cotangents, wanted, create_graph)

    def _compare(self, outputs: list[Tensor]) -> None:
        learns = {f"loss_{name}": module for name, module in self.modules.items()}.get(self.loss_of(outputs))
        if learns is None:
            return
        before = _nodes_before(outputs)
        for call, border, maker in self._entered:
            logits, fake = self._outputs.get(call), self._outputs.get(maker)
            if maker.module is not learns or logits is None or logits.creator not in before:
                continue
            if fake is not None and fake.data is border.data:
                try:
                    self._comparisons = compare(self, self._alternatives, logits, border, fake, maker)
                except GraphError:  # the generator's graph was let go of already: nothing can be walked through it
                    pass
            return


def _nodes_before(outputs: list[Tensor]) -> set:
    """All functions that these were computed by."""
    seen = {y.creator for y in outputs if y.creator is not None}
    stack = list(seen)
    while stack:
        for edge in stack.pop().edges:
            if isinstance(edge, tuple) and edge[0] not in seen:
                seen.add(edge[0])
                stack.append(edge[0])
    return seen
