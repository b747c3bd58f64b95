"""Objectives compared at one point: what each would send back to the generator from the same logits of D."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from minigan.autograd import Node, Tensor, grad, no_grad, unobserved
from minigan.autograd.tensor import Key
from minigan.backend import Array
from minigan.kernels.activation import sigmoid_forward
from minigan.nn.module import ModuleCall
from minigan.objectives import Objective
from minigan.trace.events import FunctionInput, Recording
from minigan.trace.schema import ComparedLayer, Comparison
from minigan.trace.summary import summarize

LOGIT_SHIFTS = (0.0, 6.0)  # D as it is, and one for which the odds of a fake being real are e⁻⁶ times as high

LayerInput = tuple[str, str, Node, FunctionInput]  # name and kind of a layer, and the input of a function of it


def compare(
    recording: Recording, objectives: Mapping[str, Objective], logits: Tensor, border: Tensor, fake: Tensor,
    made_in: ModuleCall,
) -> tuple[Comparison, ...]:  # fmt: skip
    """What each objective would send back, for each of `LOGIT_SHIFTS`: by how much D's logits are lowered, as if its
    last bias were. A D that is sure of its logits is where the saturating loss's gradient vanishes.

    logits: D's, computed from the border; fake: what was computed in the call `made_in` of the generator, the same
    numbers as the border. Gradients go back through the graphs that are there, which stay as they are; nothing is
    drawn, no .grad is changed, and no observer sees it.
    """
    layers = list(_layer_inputs(recording, made_in))
    found = []
    with unobserved():
        for shift, (name, objective) in itertools.product(LOGIT_SHIFTS, objectives.items()):
            lowered = logits - shift
            loss = objective.generator_loss(lowered)
            (at_border,) = grad(loss, [border], retain_graph=True)
            assert at_border is not None  # the loss was computed from it
            comparison = Comparison(
                name, objective.generator_formula, shift, _finite_mean(sigmoid_forward(lowered.data)),
                _finite_mean(loss.data), summarize(at_border.data, signed=True),
                tuple(_compared_layers(layers, fake, at_border)),
            )  # fmt: skip
            found.append(comparison)
    return tuple(found)


def _finite_mean(array: Array) -> float | None:
    summary = summarize(array, picture=False)
    return summary.mean if summary.finite else None


# --- on through the generator --------------------------------------------------------------------


def _layer_inputs(recording: Recording, made_in: ModuleCall) -> Iterator[LayerInput]:
    """For each layer of a call that the graph has, in the order of a backward pass."""
    of_call = [f for f in recording.functions if f.network is made_in]
    for run in reversed([list(run) for _, run in itertools.groupby(of_call, lambda f: f.module_call)]):
        in_graph = [f for f in run if hasattr(f.node, "edges")]
        flowing = [(f.node, i) for f in in_graph for i in f.inputs if i.parameter is None and i.maker not in run]
        attached = [entry for entry in flowing if entry[1].key is not None]
        others = [entry for entry in flowing if not entry[1].constant]
        for node, item in (attached or others)[:1]:
            _, name, kind = recording.describe(run)
            yield name, kind, node, item


def _compared_layers(layers: list[LayerInput], fake: Tensor, at_border: Tensor) -> Iterator[ComparedLayer]:
    """The norms of the gradients at the layers' inputs."""
    known = [_known_by((node, 0) if item.key is None else item.key) for _, _, node, item in layers]
    arrived: tuple[Tensor | None, ...] = grad(fake, known, [at_border], retain_graph=True, allow_unused=True)
    for (name, kind, node, item), gradient in zip(layers, arrived, strict=True):
        if gradient is not None and item.key is None:
            gradient = _input_gradient(node, item.position, gradient)
        yield ComparedLayer(name, kind, 0.0 if gradient is None else summarize(gradient.data, picture=False).norm)


def _known_by(key: Key) -> Tensor:
    """A tensor by which `grad` knows a leaf, or a function's output: the output itself may be gone."""
    if isinstance(key, Tensor):
        return key
    tensor = Tensor(0.0, requires_grad=True)
    tensor.creator, tensor.output_index = key
    return tensor


def _input_gradient(node: Node, position: int, dy: Tensor) -> Tensor | None:
    """The gradient of an input that requires none (the noise), by the backward of the function that took it in."""
    before = node.needs_input_grad
    node.needs_input_grad = tuple(i == position for i in range(len(node.edges)))
    try:
        with no_grad():
            gradients = node.backward(dy)
    finally:
        node.needs_input_grad = before
    return gradients if isinstance(gradients, Tensor) else gradients[position]
