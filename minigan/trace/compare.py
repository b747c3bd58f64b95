"""Objectives compared at one point: what each would send back to the generator from the same logits of D."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from minigan.autograd import Function, Tensor, grad, no_grad
from minigan.autograd.hooks import unobserved
from minigan.kernels.activation import sigmoid_forward
from minigan.trace.record import Input, Recorder
from minigan.trace.summary import Array, summarize
from minigan.trace.trace import ComparedLayer, Comparison

SURER = (0.0, 6.0)  # D as it is, and one that gives a fake e⁻⁶ times those odds of being real


def compare(
    recorder: Recorder, objectives: Mapping[str, Any], logits: Tensor, border: Tensor, fake: Tensor, made_in: Any
) -> tuple[Comparison, ...]:
    """What each objective would send back, for each of `SURER`: by how much D's logits are lowered, as if its last
    bias were. A D that is sure of its verdict is where the saturating loss's gradient vanishes.

    logits: D's, computed from the border; fake: what was computed in the call `made_in` of the generator, the same
    numbers as the border. Gradients are walked back in the graphs that are there, which stay as they are; nothing is
    drawn, no .grad is changed, and nobody sees it.
    """
    places = list(_places(recorder, made_in))
    found = []
    with unobserved():
        for shift, (name, objective) in itertools.product(SURER, objectives.items()):
            lowered = logits - shift
            loss = objective.generator_loss(lowered)
            (at_border,) = grad(loss, [border], retain_graph=True)
            real, paid = summarize(sigmoid_forward(lowered.data)), summarize(loss.data)
            layers = tuple(_layers(places, fake, at_border))
            told = name, objective.generator_formula, float(shift), _number(real), _number(paid)
            found.append(Comparison(*told, summarize(at_border.data, signed=True), layers))
    return tuple(found)


def _number(summary: Array) -> float | None:
    return summary.mean if summary.finite else None


# --- on through the generator --------------------------------------------------------------------


class _Place(NamedTuple):
    """Where a layer takes in what it is given."""

    name: str
    kind: str
    node: Function
    given: Input


def _places(recorder: Recorder, made_in: Any) -> Iterator[_Place]:
    """Of each layer of a call, the last first; of those that the graph has, as a backward pass goes through them."""
    numbers = [n for n, called in enumerate(recorder.called) if recorder.root(called.within) is made_in]
    runs = [list(run) for _, run in itertools.groupby(numbers, lambda n: id(recorder.called[n].within))]
    for run in reversed(runs):
        flowing = [
            (called, given)
            for called in (recorder.called[n] for n in run)
            for given in called.inputs
            if hasattr(called.node, "edges") and given.parameter is None and given.maker not in run
        ]
        attached = [entry for entry in flowing if entry[1].key is not None]
        others = [entry for entry in flowing if not entry[1].constant]
        for called, given in (attached or others)[:1]:
            _, name, kind = recorder.describe([recorder.called[n] for n in run])
            yield _Place(name, kind, called.node, given)


def _layers(places: list[_Place], fake: Tensor, at_border: Tensor) -> Iterator[ComparedLayer]:
    """The norms of the gradients at the layers' inputs."""
    keys = [(place.node, 0) if place.given.key is None else place.given.key for place in places]
    arrived = grad(fake, [_standing_for(key) for key in keys], [at_border], retain_graph=True, allow_unused=True)
    for place, gradient in zip(places, arrived, strict=True):
        if gradient is not None and place.given.key is None:
            gradient = _through(place.node, place.given.position, gradient)
        norm = 0.0 if gradient is None else summarize(gradient.data, picture=False).norm
        yield ComparedLayer(place.name, place.kind, norm)


def _standing_for(key: Any) -> Tensor:
    """A tensor by which `grad` knows a leaf, or a function's output: the output itself may be gone."""
    if isinstance(key, Tensor):
        return key
    tensor = Tensor(0.0)
    tensor.creator, tensor.output_index = key
    tensor.requires_grad = True
    return tensor


def _through(node: Function, position: int, dy: Tensor) -> Tensor | None:
    """The gradient of an input that requires none (the noise), by the backward of the function that took it in."""
    before = node.needs_input_grad
    node.needs_input_grad = tuple(i == position for i in range(len(node.edges)))
    try:
        with no_grad():
            gradients = node.backward(dy)
    finally:
        node.needs_input_grad = before
    return gradients if isinstance(gradients, Tensor) else gradients[position]
