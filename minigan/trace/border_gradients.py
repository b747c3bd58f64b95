"""Where one network's output became another's input, and each gradient that came there."""

from __future__ import annotations

import math
from dataclasses import replace

from minigan.backend import Array, get_array_module
from minigan.trace.events import BackwardStart, FunctionInput
from minigan.trace.grouping import Grouping
from minigan.trace.schema import Border, BorderGradient
from minigan.trace.summary import summarize


class Borders:
    """The borders of a trace and the gradients that came there.

    carried: by the number of a backward pass, the first of the gradients that it took up at a border.
    """

    def __init__(self, grouping: Grouping) -> None:
        self.borders: list[Border] = []
        self.gradients: list[BorderGradient] = []
        self.carried: dict[int, int] = {}
        self._inputs: list[FunctionInput] = []  # of each border
        self._starts = grouping.starts
        for to_call in range(len(grouping.calls)):
            firsts = [e[0] for e in grouping.layer_backwards if grouping.call_of[e[0].function.layer] == to_call]
            passes = sorted({event.start.number for event in firsts})
            for entry in grouping.inputs_of_call(to_call):
                from_call = grouping.source_call(entry)
                if from_call is not None:
                    kind = "attached" if entry.attached else "detached"
                    self._inputs.append(entry)
                    self.gradients += [self._gradient(kind, len(self.borders), number, number) for number in passes]
                    self.borders.append(Border(kind, from_call, to_call, entry.summary))
        for start in grouping.starts:
            self._carry(start)

    def _carry(self, start: BackwardStart) -> None:
        """A backward pass that begins at a network's output carries on the gradient that an earlier one left at a
        border: the one that holds the same numbers; if there is none (they were changed on the way), the latest.
        A border that several networks were given is several, with one gradient."""
        found = []
        for number, gradient in enumerate(self.gradients):
            arrived = self._arrived(gradient.border, gradient.backward_pass)
            maker = self._inputs[gradient.border].maker
            if gradient.kind == "detached" and gradient.backward_pass < start.number and arrived is not None:
                begun = [start.at_output[function] for function in start.functions if function is maker]
                same = [_difference(arrived, dy) == 0 for dy in begun]
                found += [(is_same, gradient.backward_pass, number) for is_same in same]
        if not found:
            return
        is_exact, backward_pass, first = max(found)
        key = self._inputs[self.gradients[first].border].key
        for number in sorted(number for _, earlier, number in found if earlier == backward_pass):
            border = self.gradients[number].border
            if is_exact and self._inputs[border].key is not key:
                continue  # its gradient was left where it is
            self.gradients[number] = self._gradient("carried", border, backward_pass, start.number)
            self.borders[border] = replace(self.borders[border], kind="carried")
            self.carried.setdefault(start.number, number)

    def _arrived(self, border: int, backward_pass: int) -> Array | None:
        """∂L/∂input of the second network."""
        key = self._inputs[border].key
        return None if key is None else self._starts[backward_pass].at_input.get(key)

    def _gradient(self, kind: str, border: int, backward_pass: int, onward: int) -> BorderGradient:
        """The gradient that a backward pass brought to a border, and what arrived beyond it in the pass `onward`."""
        at_input, maker = self._arrived(border, backward_pass), self._inputs[border].maker
        at_output = None if maker is None or kind == "detached" else self._starts[onward].at_output.get(maker)
        arrived = None if at_input is None else summarize(at_input, signed=True)
        gradient = BorderGradient(kind, border, backward_pass, arrived)
        if at_input is None or at_output is None:
            return gradient
        beyond, difference = summarize(at_output, signed=True), _difference(at_input, at_output)
        return replace(gradient, at_output=beyond, norm_into=beyond.norm, difference=difference)


def _difference(a: Array, b: Array) -> float | None:
    """max|a − b|; None if it is no number."""
    difference = float(get_array_module(a).abs(a - b).max())
    return difference if math.isfinite(difference) else None
