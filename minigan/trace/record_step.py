"""Recording one training step of an algorithm, with its objectives compared."""

from __future__ import annotations

from collections.abc import Iterator

from minigan.algorithms import Algorithm
from minigan.autograd import Function, GraphError, Tensor
from minigan.data import Batch
from minigan.nn.module import ModuleCall
from minigan.trace.compare import compare
from minigan.trace.events import GradientKey
from minigan.trace.recorder import Recorder
from minigan.trace.schema import Comparison, Trace


def trace_step(algorithm: Algorithm, batches: Iterator[Batch], **about: str | int | float) -> Trace:
    """Take one step of an algorithm, and give its trace, objectives compared. The step is the same to the bit.

    about: said of the trace: model="dcgan28", at=300 (the step's number).
    """
    with StepRecorder(algorithm, **about) as recorder:
        algorithm(batches)
    assert recorder.trace is not None  # the block has ended without an error
    return recorder.trace


class StepRecorder(Recorder):
    """Records one step of an algorithm, taken in its `with` block, and compares objectives at the point from which
    its generator learns. about: as for `trace_step`.

    That point is where the backward pass of loss_G begins, for a network G of the algorithm whose output was given to
    another one: there the graph from that one's output (D's logits) back through both networks is at hand.
    """

    def __init__(self, algorithm: Algorithm, **about: str | int | float) -> None:
        known = {"algorithm": type(algorithm).__name__}
        objective = getattr(algorithm, "objective", None)
        if isinstance(objective, str):
            known["objective"] = objective
        super().__init__(algorithm.networks, algorithm.optimizers, **known)
        self._more_about = about
        self._objectives = dict(algorithm.losses_to_compare())
        self._outputs: dict[ModuleCall, Tensor] = {}  # of calls of networks
        self._inputs: list[tuple[ModuleCall, Tensor, ModuleCall]] = []  # (call, what it was given, made in which call)
        self._comparisons: tuple[Comparison, ...] = ()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.about |= self._more_about
        comparisons = self._comparisons
        super().__exit__(kind, *rest)
        if self.trace is not None:
            self.trace = self.trace.with_comparisons(comparisons)

    def before_module(self, call: ModuleCall, inputs: tuple[object, ...]) -> None:
        """Note how many samples the step is on, and what one network is given of another."""
        super().before_module(call, inputs)
        if self.network_call(call) is not call:
            return
        tensors = [t for t in inputs if isinstance(t, Tensor)]
        first = next((t for t in tensors if t.ndim), None)
        if first is not None and "batch" not in self.about:
            self.about |= {"batch": len(first), "dtype": str(first.dtype), "device": str(first.device)}
        if self._objectives:
            made = [(t, self.made_in(t)) for t in tensors if t.requires_grad]
            self._inputs += [(call, t, maker) for t, maker in made if maker is not None]

    def after_module(self, call: ModuleCall, output: object) -> None:
        """Note what a network returned."""
        if self._objectives and isinstance(output, Tensor) and self.network_call(call) is call:
            self._outputs[call] = output

    def before_backward_pass(
        self, outputs: list[Tensor], cotangents: list[Tensor], wanted: set[GradientKey] | None, create_graph: bool
    ) -> None:
        """Compare, if this is the pass from which the generator learns."""
        if self._objectives:
            self._compare(outputs)
        super().before_backward_pass(outputs, cotangents, wanted, create_graph)

    def _compare(self, outputs: list[Tensor]) -> None:
        generators = {f"loss_{name}": module for name, module in self.modules.items()}
        generator = generators.get(self.loss_of(outputs) or "")
        if generator is None:
            return
        before = _functions_before(outputs)
        for call, border, made_in in self._inputs:
            logits, fake = self._outputs.get(call), self._outputs.get(made_in)
            if made_in.module is not generator or logits is None or logits.creator not in before:
                continue
            if fake is not None and fake.data is border.data:
                try:
                    self._comparisons = compare(self, self._objectives, logits, border, fake, made_in)
                except GraphError:  # the generator's graph was freed: there is no way back through it
                    pass
            return


def _functions_before(outputs: list[Tensor]) -> set[Function]:
    """All functions that these were computed by."""
    seen = {y.creator for y in outputs if y.creator is not None}
    stack = list(seen)
    while stack:
        for edge in stack.pop().edges:
            if isinstance(edge, tuple) and edge[0] not in seen:
                seen.add(edge[0])
                stack.append(edge[0])
    return seen
