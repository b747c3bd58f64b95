"""Where one network's output became another's input, and each gradient that came there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from minigan.backend import Array, get_array_module
from minigan.trace.events import BackwardStart, FunctionInput
from minigan.trace.grouping import Grouping
from minigan.trace.schema import Border, BorderGradient, LayerBackward
from minigan.trace.summary import ArraySummary, summarize


class Borders:
    """The borders of a trace and the gradients that came there.

    carried: by the number of a backward pass, the first of the gradients that it took up at a border.
    """

    def __init__(self, grouping: Grouping, layer_backwards: Sequence[LayerBackward]) -> None:
        self.borders: list[Border] = []
        self.gradients: list[BorderGradient] = []
        self.carried: dict[int, int] = {}
        self._inputs: list[FunctionInput] = []  # of each border
        self._at_input = grouping.recorder.at_input
        self._at_output = grouping.recorder.at_output
        passes: dict[int | None, set[int]] = {}  # by call: those that went back through it
        for backward in layer_backwards:
            passes.setdefault(grouping.call_of[backward.layer], set()).add(backward.backward_pass)
        for to_call in range(len(grouping.calls)):
            for entry in grouping.inputs(grouping.call_functions(to_call)):
                from_call = grouping.source_call(entry)
                if from_call is not None:
                    self._add(entry, from_call, to_call, sorted(passes.get(to_call, ())))
        for start in grouping.starts:
            self._carry(start)

    def _add(self, entry: FunctionInput, from_call: int, to_call: int, passes: list[int]) -> None:
        border, kind = len(self.borders), "attached" if entry.attached else "detached"
        self.borders.append(Border(kind, from_call, to_call, entry.summary))
        self._inputs.append(entry)
        for backward_pass in passes:
            arrived = _summary(self._arrived(border, backward_pass))
            gradient = BorderGradient(kind, border, backward_pass, arrived)
            if entry.attached and entry.key is not None:
                gradient = self._beyond(gradient, backward_pass, kind)
            self.gradients.append(gradient)

    def _carry(self, start: BackwardStart) -> None:
        """A backward pass that begins at a network's output carries on the gradient that an earlier one left at a
        border: the one that holds the same numbers; if there is none (they were changed on the way), the latest.
        A border that several networks were given is several, with one gradient."""
        found = []
        for number, gradient in enumerate(self.gradients):
            arrived = self._arrived(gradient.border, gradient.backward_pass)
            if gradient.kind == "detached" and gradient.backward_pass < start.number and arrived is not None:
                maker = self._inputs[gradient.border].maker
                same = [_difference(arrived, dy) == 0 for function, dy in start.starts if function == maker]
                found += [(is_same, gradient.backward_pass, number) for is_same in same]
        if not found:
            return
        is_exact, backward_pass, first = max(found)
        key = self._inputs[self.gradients[first].border].key
        for number in sorted(number for _, earlier, number in found if earlier == backward_pass):
            gradient = self.gradients[number]
            if is_exact and self._inputs[gradient.border].key is not key:
                continue  # its gradient was left where it is
            self.gradients[number] = self._beyond(gradient, start.number, "carried")
            self.borders[gradient.border] = replace(self.borders[gradient.border], kind="carried")
            self.carried.setdefault(start.number, number)

    def _arrived(self, border: int, backward_pass: int) -> Array | None:
        """∂L/∂input of the second network."""
        key = self._inputs[border].key
        return None if key is None else self._at_input.get((backward_pass, key))

    def _beyond(self, gradient: BorderGradient, backward_pass: int, kind: str) -> BorderGradient:
        """A gradient at a border, and what arrived beyond it in a backward pass."""
        at_input = self._arrived(gradient.border, gradient.backward_pass)
        maker = self._inputs[gradient.border].maker
        at_output = None if maker is None else self._at_output.get((backward_pass, maker))
        beyond = _summary(at_output)
        if at_input is None or at_output is None or beyond is None:
            return replace(gradient, kind=kind)
        difference = _difference(at_input, at_output)
        return replace(gradient, kind=kind, at_output=beyond, norm_into=beyond.norm, difference=difference)


def _summary(array: Array | None) -> ArraySummary | None:
    return None if array is None else summarize(array, signed=True)


def _difference(a: Array, b: Array) -> float | None:
    """max|a − b|; None if it is no number."""
    difference = float(get_array_module(a).abs(a - b).max())
    return difference if math.isfinite(difference) else None
