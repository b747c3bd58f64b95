"""Recording one training step of an algorithm, with its objectives compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from minigan.algorithms import Algorithm
from minigan.autograd import GraphError, Tensor
from minigan.autograd.backward_pass import nodes_before
from minigan.autograd.tensor import Key
from minigan.data import Batch
from minigan.nn.module import ModuleCall
from minigan.trace.compare import compare
from minigan.trace.recorder import Recorder
from minigan.trace.schema import Trace


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
        self._inputs: list[tuple[ModuleCall, Tensor]] = []  # of such calls

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.recording.about |= self._more_about
        super().__exit__(kind, *rest)

    def before_module(self, call: ModuleCall, inputs: tuple[object, ...]) -> None:
        """Note how many samples the step is on, and what one network is given of another."""
        super().before_module(call, inputs)
        if self.recording.network_call(call) is not call:
            return
        tensors = [t for t in inputs if isinstance(t, Tensor)]
        first = next((t for t in tensors if t.ndim), None)
        if first is not None and "batch" not in self.recording.about:
            self.recording.about |= {"batch": len(first), "dtype": str(first.dtype), "device": str(first.device)}
        if self._objectives:
            self._inputs += [(call, t) for t in tensors if t.requires_grad]

    def after_module(self, call: ModuleCall, output: object) -> None:
        """Note what a network returned."""
        if self._objectives and isinstance(output, Tensor) and self.recording.network_call(call) is call:
            self._outputs[call] = output

    def before_backward_pass(
        self, outputs: list[Tensor], cotangents: list[Tensor], wanted: set[Key] | None, create_graph: bool
    ) -> None:
        """Compare, if this is the pass from which the generator learns."""
        if self._objectives:
            self._compare(outputs)
        super().before_backward_pass(outputs, cotangents, wanted, create_graph)

    def _compare(self, outputs: list[Tensor]) -> None:
        generators = {f"loss_{name}": module for name, module in self.recording.modules.items()}
        generator = generators.get(self.loss_of(outputs) or "")
        before = nodes_before(outputs) if generator else []
        for call, border in self._inputs:
            made_in, logits = self.made_in(border), self._outputs.get(call)
            if made_in is None or made_in.module is not generator or logits is None or logits.creator not in before:
                continue
            fake = self._outputs.get(made_in)
            if fake is not None and fake.data is border.data:
                with suppress(GraphError):  # the generator's graph was freed: there is no way back through it
                    self.recording.comparisons = compare(
                        self.recording, self._objectives, logits, border, fake, made_in
                    )
            return
