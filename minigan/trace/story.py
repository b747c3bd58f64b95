"""From what a recorder wrote down to a trace: functions become layers, layers calls, and all of it frames in order."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from minigan.backend import get_array_module
from minigan.trace.record import Begun, Called, ParameterResult, Recorder, Stepped, Walked
from minigan.trace.summary import Array, summarize
from minigan.trace.trace import (
    Back,
    Border,
    Call,
    Crossing,
    Frame,
    FunctionCall,
    Layer,
    Parameter,
    ParameterGradient,
    ParameterUpdate,
    Trace,
    Update,
    Walk,
)


def tell(recorder: Recorder) -> Trace:
    """The trace of all that a recorder wrote down."""
    return _Teller(recorder).trace()


class _Teller:
    """Takes the events one after another. `moments` are what frames are made of: what happened, and its number."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.called = recorder, recorder.called
        self.moments: list[tuple[str, int]] = []
        self.layer_of: dict[int, int] = {}  # by function
        self.runs: list[list[int]] = []  # the functions of each layer
        self.roots: list[Any] = []  # calls of networks
        self.begun: list[Begun] = []
        self.walked: list[list[Walked]] = []  # the functions of each Back
        self.updates: list[Update] = []
        self.starts = {number for e in recorder.events if isinstance(e, Begun) for number, _ in e.starts}
        self.turn_of: dict[int, str] = {}  # by id of a parameter: in whose turn it changes
        self.parameter_names: dict[int, str] = {}
        self.network_of: dict[int, str] = {}  # by id of a parameter
        for owner, module in recorder.modules.items():
            self._know_parameters(owner, module)
        self.loose = self._loose_functions()
        self._gather()
        self.layers = [self._layer(run) for run in self.runs]
        self.calls = [self._call(i) for i in range(len(self.roots))]

    def trace(self) -> Trace:
        r = self.recorder
        self.backs = [self._back(group) for group in self.walked]
        self.borders: list[Border] = []
        self.entries: list[Any] = []  # what crosses each border
        self.crossings: list[Crossing] = []
        self.carries: dict[int, int] = {}  # walk: the crossing whose gradient it took up
        self._cross()
        self.walks = [self._walk(begun) for begun in self.begun]
        frames = _frames(self)
        return Trace(
            r.about, tuple(self.calls), tuple(self.layers), tuple(self.walks), tuple(self.backs), tuple(self.borders),
            tuple(self.crossings), tuple(self.updates), tuple(frames),
        )  # fmt: skip

    # Functions into layers, steps back into layers walked back.

    def _gather(self) -> None:
        last: Any = None
        for event in self.recorder.events:
            if isinstance(event, Called):
                self._gather_forward(event, last)
            elif isinstance(event, Begun):
                self.begun.append(event)
                self.moments.append(("walk", event.number))
            elif isinstance(event, Walked):
                layer = self.layer_of[event.function]
                if isinstance(last, Walked) and last.walk == event.walk and self.layer_of[last.function] == layer:
                    self.walked[-1].append(event)
                else:
                    self.moments.append(("back", len(self.walked)))
                    self.walked.append([event])
            else:
                self.moments.append(("update", len(self.updates)))
                self.updates.append(self._update(event))
            last = event

    def _gather_forward(self, event: Called, last: Any) -> None:
        number = len(self.layer_of)
        if event.within is None:
            self._gather_loose(number)
            return
        root = self.recorder.root(event.within)
        if all(root is not known for known in self.roots):
            self._know_parameters(self.recorder.owner(root), root.module)
            self.moments.append(("call", len(self.roots)))
            self.roots.append(root)
        if not (isinstance(last, Called) and last.within is event.within):
            self.moments.append(("layer", len(self.runs)))
            self.runs.append([])
        self.runs[-1].append(number)
        self.layer_of[number] = len(self.runs) - 1

    def _gather_loose(self, number: int) -> None:
        first = self.loose[number]
        if first == number:
            self.moments.append(("layer", len(self.runs)))
            self.runs.append([])
            self.layer_of[number] = len(self.runs) - 1
        self.layer_of[number] = self.layer_of[first]
        self.runs[self.layer_of[first]].append(number)

    def _loose_functions(self) -> dict[int, int]:
        """Functions that no network called, each with the first of its layer: a layer are those that were called with
        nothing else between, and computed from one another. A loss ends where it is walked back from."""
        first: dict[int, int] = {}
        members: dict[int, list[int]] = {}  # of the layers that may go on
        number = -1
        for event in self.recorder.events:
            number += isinstance(event, Called)
            if not isinstance(event, Called) or event.within is not None:
                members = {}
                continue
            joined = {first[i.maker] for i in event.inputs if i.maker in first and i.maker not in self.starts}
            layers = sorted(joined & members.keys())
            together = [n for layer in layers for n in members.pop(layer)] + [number]
            members[together[0]] = together
            first |= dict.fromkeys(together, together[0])
        return first

    def _know_parameters(self, owner: str, module: Any) -> None:
        for name, p in module.named_parameters():
            self.parameter_names.setdefault(id(p), f"{owner}.{name}")
            self.network_of.setdefault(id(p), owner)

    def _parameter_name(self, p: Any) -> str:
        return self.parameter_names.get(id(p)) or p.name or "parameter"

    def _layer(self, run: list[int]) -> Layer:
        called = [self.called[n] for n in run]
        within = called[0].within
        if within is None:
            call, kind = None, ", ".join(c.node.name for c in called)
            is_loss = any(n in self.starts or n in self.recorder.losses for n in run)
            owner = "loss" if is_loss else ""
            unnamed = kind if self.recorder.losses else owner or kind  # others were named
            name = next((self.recorder.losses[n] for n in run if n in self.recorder.losses), unnamed)
        else:
            root = self.recorder.root(within)
            call = next(i for i, known in enumerate(self.roots) if known is root)
            owner, name, kind = self.recorder.describe(called)
        entries = self._entries(run)
        parameters = {id(i.parameter): i for c in called for i in c.inputs if i.parameter is not None}
        return Layer(
            name=name,
            kind=kind,
            owner=owner,
            call=call,
            inputs=tuple(i.summary for i in entries),
            sources=tuple(None if i.maker is None else self.layer_of[i.maker] for i in entries),
            detached=tuple(i.maker is not None and not i.attached for i in entries),
            output=called[-1].output,
            functions=tuple(FunctionCall(c.node.name, c.output) for c in called),
            parameters=tuple(
                Parameter(self._parameter_name(i.parameter), i.summary, i.key is None) for i in parameters.values()
            ),
        )

    def _entries(self, run: list[int]) -> list[Any]:
        """What enters a run of functions from outside of it, each once."""
        inside = set(run)
        entries: dict[Any, Any] = {}
        for n in run:
            for i in self.called[n].inputs:
                if i.parameter is None and i.maker not in inside:
                    entries.setdefault(id(i.summary) if i.key is None else i.key, i)
        flowing = [i for i in entries.values() if not i.constant]
        return flowing or list(entries.values())[:1]  # (a module may be called with bare arrays)

    def _functions_of(self, call: int) -> list[int]:
        return [n for layer, run in enumerate(self.runs) if self.layers[layer].call == call for n in run]

    def _call(self, number: int) -> Call:
        root = self.roots[number]
        layers = tuple(i for i, layer in enumerate(self.layers) if layer.call == number)
        entries = self._call_entries(number)
        names = tuple(self._entry_name(i) for i in entries)
        return Call(
            label=self._call_label(number),
            owner=self.recorder.owner(root),
            kind=type(root.module).__name__,
            training=bool(root.module.training),
            inputs=tuple(i.summary for i in entries),
            input_names=names,
            output=self.layers[layers[-1]].output,
            layers=layers,
        )

    def _call_entries(self, number: int) -> list[Any]:
        """What enters a call: what it was given, as its functions took it in, or (labels) not; then all else."""
        taken = self._entries(self._functions_of(number))
        entries = []
        for given in self.recorder.given.get(self.roots[number], ()):
            same = next((i for i in taken if i.summary is given.summary), None)
            entries.append(same or given)
            taken = [i for i in taken if i is not same]
        return entries + taken

    def _entry_name(self, i: Any) -> str:
        """What enters a call: another call's output, or by its name."""
        maker = None if i.maker is None else self.layers[self.layer_of[i.maker]]
        if maker is not None and maker.call is not None:
            return self._call_label(maker.call)
        return i.label or ("input" if maker is None else maker.name)

    def _call_label(self, number: int) -> str:
        names = map(self._entry_name, self._call_entries(number))
        return f"{self.recorder.owner(self.roots[number])}({', '.join(names)})"

    # Back.

    def _back(self, group: list[Walked]) -> Back:
        layer = self.layer_of[group[0].function]
        gradients = {key: summary for walked in group for key, summary in walked.gradients.items()}
        parameters = {id(result.parameter): result for walked in group for result in walked.parameters}
        # All that are frozen, also those that a function without a gradient took in: BatchNorm's, by a reshape.
        for item in (i for n in self.runs[layer] for i in self.called[n].inputs):
            if item.parameter is not None and item.key is None:
                parameters.setdefault(id(item.parameter), ParameterResult(item.parameter, "frozen", None))
        return Back(
            layer=layer,
            walk=group[0].walk,
            gradient_in=group[0].gradient_in,
            gradients_out=tuple(gradients.get(i.key) for i in self._entries(self.runs[layer])),
            parameters=tuple(
                ParameterGradient(self._parameter_name(p.parameter), p.status, p.gradient) for p in parameters.values()
            ),
        )

    def _walk(self, begun: Begun) -> Walk:
        crossing = self.carries.get(begun.number)
        start = self.layer_of[begun.starts[0][0]] if begun.starts else None
        return Walk(
            label=self._label(begun),
            loss=self._loss(begun),
            player=self._player(begun.number),
            start=start,
            carries=None if crossing is None else self.crossings[crossing].border,
            backs=tuple(i for i, back in enumerate(self.backs) if back.walk == begun.number),
        )

    def _label(self, begun: Begun) -> str:
        if begun.number in self.carries:
            crossing = self.crossings[self.carries[begun.number]]
            output = self.calls[self.borders[crossing.border].from_call].label
            return f"∂{self._label(self.begun[crossing.walk])}/∂{output}"
        if begun.loss or not begun.starts:
            return begun.loss or "a backward pass"
        return self.layers[self.layer_of[begun.starts[0][0]]].name

    def _loss(self, begun: Begun) -> float | None:
        outputs = [self.called[number].output for number, _ in begun.starts]
        return outputs[0].mean if len(outputs) == 1 and not outputs[0].shape and outputs[0].finite else None

    def _player(self, walk: int) -> str:
        """For whom it was: in whose turn that changes which it computed, or which the walk did that carried it on."""
        begun = self.begun[walk]
        for name in (*self.recorder.modules, *self.turn_of.values()):
            if begun.loss == f"loss_{name}":
                return name
        computed = [
            (self.layers[self.layer_of[walked.function]].owner, result.parameter)
            for group in self.walked
            if group[0].walk == walk
            for walked in group
            for result in walked.parameters
            if result.status == "computed"
        ]
        names = {self.turn_of.get(id(parameter), owner) for owner, parameter in computed}
        if len(names) == 1:
            return names.pop()
        on = [later for later, crossing in self.carries.items() if self.crossings[crossing].walk == walk]
        return self._player(on[0]) if on and not names else ""

    # The borders.

    def _cross(self) -> None:
        for to_call in range(len(self.calls)):
            for i in self._entries(self._functions_of(to_call)):
                from_call = None if i.maker is None else self.layers[self.layer_of[i.maker]].call
                if from_call is not None:
                    self.borders.append(Border("open" if i.attached else "wall", from_call, to_call, i.summary))
                    self.entries.append(i)
                    walks = {back.walk for back in self.backs if self.layers[back.layer].call == to_call}
                    self.crossings += [self._crossing(len(self.borders) - 1, i, walk) for walk in sorted(walks)]
        for begun in self.begun:
            self._carry(begun)

    def _crossing(self, border: int, i: Any, walk: int) -> Crossing:
        at_input = self.recorder.at_input.get((walk, i.key))
        if i.attached and i.key is not None:
            return self._carried(Crossing("open", border, walk, _summary(at_input), None, 0.0, None), walk, "open")
        return Crossing("wall", border, walk, _summary(at_input), None, 0.0, None)

    def _carry(self, begun: Begun) -> None:
        """A walk that begins at a network's output takes up a gradient that an earlier one left at a border: the
        one that holds the same numbers; if there is none (they were changed on the way), the latest. A border that
        several networks were given is several, with one gradient."""
        found = []
        for number, c in enumerate(self.crossings):
            maker = self.entries[c.border].maker
            arrived = self.recorder.at_input.get((c.walk, self.entries[c.border].key))
            if c.kind == "wall" and c.walk < begun.number and arrived is not None:
                found += [(_difference(arrived, dy) == 0, c.walk, number) for n, dy in begun.starts if n == maker]
        if not found:
            return
        is_exact, walk, first = max(found)
        key = self.entries[self.crossings[first].border].key
        for number in sorted(number for _, w, number in found if w == walk):
            c = self.crossings[number]
            if is_exact and self.entries[c.border].key is not key:
                continue  # its gradient was left where it is
            self.crossings[number] = self._carried(c, begun.number, "door")
            self.borders[c.border] = replace(self.borders[c.border], kind="door")
            self.carries.setdefault(begun.number, number)

    def _carried(self, c: Crossing, on: int, kind: str) -> Crossing:
        """A crossing, and what arrived beyond the border in the walk `on`."""
        i = self.entries[c.border]
        at_input = self.recorder.at_input.get((c.walk, i.key))
        at_output = self.recorder.at_output.get((on, i.maker))
        if at_input is None or at_output is None:
            return replace(c, kind=kind)
        beyond = _summary(at_output)
        difference = _difference(at_input, at_output)
        return replace(c, kind=kind, at_output=beyond, norm_into=beyond.norm, difference=difference)

    # Updates.

    def _update(self, step: Stepped) -> Update:
        changes = [
            ParameterUpdate(
                self._parameter_name(c.parameter), c.weight, c.gradient, c.update,
                c.update / c.weight.norm if c.weight.norm else None,
            )
            for c in step.changes
        ]  # fmt: skip
        owner = self._owner_of(step)
        self.turn_of |= {id(c.parameter): owner for c in step.changes if owner}
        return Update(owner, type(step.optimizer).__name__, step.lr, tuple(changes))

    def _owner_of(self, step: Stepped) -> str:
        """The network that an optimiser changes; of several, what the optimiser is called."""
        parameters = [change.parameter for change in step.changes]
        named = [(p.name or "").rpartition(".")[0].split(".")[0] for p in parameters]
        networks = dict.fromkeys(self.network_of.get(id(p), n) for p, n in zip(parameters, named, strict=True))
        if len(networks) > 1:
            for name, optimizer in self.recorder.optimizers.items():
                if optimizer is step.optimizer:
                    return name
        return " and ".join(filter(None, networks))


def _summary(array: Any) -> Array | None:
    return None if array is None else summarize(array, signed=True)


def _difference(a: Any, b: Any) -> float | None:
    """max|a − b|; None if it is no number."""
    difference = float(get_array_module(a).abs(a - b).max())
    return difference if math.isfinite(difference) else None


# --- frames --------------------------------------------------------------------------------------


def _frames(t: _Teller) -> list[Frame]:
    turns = _turns(t)
    frames = []
    for (what, i), turn in zip(t.moments, turns, strict=True):
        frames += _TELL[what](t, i, turn)
    return frames


def _turns(t: _Teller) -> list[str]:
    """Whose turn each moment belongs to: of those who are updated next."""
    turns: list[str] = []
    owners: set[str] = set()
    before = None
    for what, i in reversed(t.moments):
        if what == "update":
            owners = owners if before == "update" else set()
            owners = owners | {t.updates[i].owner}
        turns.append({0: "", 1: next(iter(owners), ""), 2: "both"}.get(len(owners), "all"))
        before = what
    turns.reverse()
    own = {"walk": lambda i: t.walks[i].player, "back": lambda i: t.walks[t.backs[i].walk].player,
           "update": lambda i: t.updates[i].owner}  # fmt: skip
    moments = zip(t.moments, turns, strict=True)
    return [own[what](i) if turn in ("both", "all") and what in own else turn for (what, i), turn in moments]


def _tell_call(t: _Teller, i: int, turn: str) -> list[Frame]:
    call, frames = t.calls[i], []
    entering = {b.to_call: (n, b) for n, b in enumerate(t.borders) if b.to_call == i}
    if i in entering:
        number, border = entering[i]
        maker = t.calls[border.from_call].label
        title, note = {
            "wall": (f"The wall: {maker} enters {call.owner}, cut from what made it",
                     "The same numbers, and no way back: no gradient that arrives here will reach "
                     f"{t.calls[border.from_call].owner}."),
            "door": (f"The threshold: {maker} enters {call.owner} as a leaf",
                     "The same numbers on both sides, and a place where the gradient that comes back can be met."),
            "open": (f"{maker} enters {call.owner}", "One graph runs through both: the gradient will pass by itself."),
        }[border.kind]  # fmt: skip
        values = {"input": border.value, "output": border.value}
        return [Frame(title, note, turn, call.owner, "border", call=i, border=number, **values)]
    for name, array in zip(call.input_names, call.inputs, strict=True):
        title = f"{name} enters {call.owner}"
        frames.append(Frame(title, _shape(array), turn, call.owner, "enter", call=i, input=array, output=array))
    return frames


def _tell_layer(t: _Teller, i: int, turn: str) -> list[Frame]:
    layer = t.layers[i]
    value, given = layer.output, layer.inputs[0] if layer.inputs else None
    if layer.owner == "loss":
        title = f"{layer.name} = {value.mean:.4g}" if not value.shape else layer.name
        return [Frame(title, f"{layer.kind}", turn, "loss", "loss", layer=i, input=given, output=value)]
    where = "" if layer.call is None else f" in {t.calls[layer.call].label}"
    note = f"{_shape(given)} → {_shape(value)}" if given else _shape(value)
    title = f"Forward through {_named(layer)}{where}"
    return [Frame(title, note, turn, layer.owner, "forward", call=layer.call, layer=i, input=given, output=value)]


def _tell_walk(t: _Teller, i: int, turn: str) -> list[Frame]:
    return [_border_frame(t, t.carries[i], turn)] if i in t.carries else []


def _tell_back(t: _Teller, i: int, turn: str) -> list[Frame]:
    back = t.backs[i]
    layer = t.layers[back.layer]
    where = "" if layer.call is None else f" in {t.calls[layer.call].label}"
    title = f"Back through {_named(layer)}{where}"
    out = next((dx for dx in back.gradients_out if dx is not None), None)
    counts: dict[str, int] = {}
    for p in back.parameters:
        counts[p.status] = counts.get(p.status, 0) + 1
    note = "; ".join(f"{n} parameter gradient{'s' * (n > 1)} {_IN_A_NOTE.get(s, s)}" for s, n in counts.items())
    frames = [
        Frame(
            title, note, turn, layer.owner, "backward", "backward", call=layer.call, layer=back.layer, back=i,
            walk=back.walk, input=layer.inputs[0] if layer.inputs else None, output=layer.output,
            gradient_in=back.gradient_in, gradient_out=out,
        )
    ]  # fmt: skip
    for number, c in enumerate(t.crossings):
        if c.walk == back.walk and c.kind != "door" and i == _last_back(t, c):
            frames.append(_border_frame(t, number, turn))
    return frames


_IN_A_NOTE = {"not asked": "not asked for"}


def _last_back(t: _Teller, crossing: Crossing) -> int:
    to_call = t.borders[crossing.border].to_call
    return max(
        i for i, b in enumerate(t.backs) if b.walk == crossing.walk and t.layers[b.layer].call == to_call
    )  # fmt: skip


def _border_frame(t: _Teller, number: int, turn: str) -> Frame:
    c = t.crossings[number]
    border = t.borders[c.border]
    from_call, to_call = t.calls[border.from_call], t.calls[border.to_call]
    title, note = {
        "wall": (f"The wall: the gradient stops at {to_call.owner}'s input",
                 f"Nothing of it goes on into {from_call.owner}: exactly 0."),
        "door": (f"The door: ∂L/∂{to_call.owner}.input becomes ∂L/∂{from_call.owner}.output",
                 f"max|∂L/∂{to_call.owner}.input − ∂L/∂{from_call.owner}.output| = {c.difference}"),
        "open": (f"The border: ∂L/∂{to_call.owner}.input is ∂L/∂{from_call.owner}.output",
                 f"max|∂L/∂{to_call.owner}.input − ∂L/∂{from_call.owner}.output| = {c.difference}"),
    }[c.kind]  # fmt: skip
    return Frame(
        title, note, turn, to_call.owner, "border", "backward", call=border.to_call, walk=c.walk, border=c.border,
        crossing=number, input=border.value, output=border.value, gradient_in=c.at_input, gradient_out=c.at_output,
    )  # fmt: skip


def _tell_update(t: _Teller, i: int, turn: str) -> list[Frame]:
    update = t.updates[i]
    changed = [p for p in update.parameters if p.gradient is not None]
    ratios = [p.ratio for p in changed if p.ratio is not None]
    note = f"{update.optimizer}, learning rate {update.lr:g}: {len(changed)} parameters changed"
    if ratios:
        which = "" if len(ratios) == len(changed) else f"{len(ratios)} of them "
        note += f", {which}by {min(ratios):.1e} to {max(ratios):.1e} of their norms"
    if 0 < len(ratios) < len(changed):
        note += f"; the norms of the other {len(changed) - len(ratios)} were 0"
    return [Frame(f"{update.owner}'s update", note, turn, update.owner, "update", update=i)]


_TELL = {"call": _tell_call, "layer": _tell_layer, "walk": _tell_walk, "back": _tell_back, "update": _tell_update}


def _named(layer: Layer) -> str:
    return layer.name if layer.owner == "loss" or layer.kind == layer.name else f"{layer.name} ({layer.kind})"


def _shape(array: Array) -> str:
    return "×".join(map(str, array.shape)) or "a number"
