"""`Function`: one call of a differentiable function, and its node in the graph."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from minigan.autograd.checks import checked_inputs, checked_output
from minigan.autograd.errors import FunctionError, GraphError, StaleTensorError
from minigan.autograd.grad_mode import grad_mode
from minigan.autograd.hooks import context
from minigan.autograd.tensor import Node, Tensor, Version, describe, owner_of
from minigan.backend import CPU, Array, device_of

Inputs = list[Tensor | None]
Arrays = list[Array | None]

_serial = itertools.count()


class Function(Node):
    """A differentiable function and, once called, its node in the graph.

    Subclass it with two methods side by side:

        class Square(Function):
            '''y = x²        dx = 2x · dy'''

            def forward(self, x):               # arrays in, array (or tuple of arrays) out
                self.save_for_backward(x)
                return x * x

            def backward(self, dy):             # Tensors in, Tensors out: one for each input
                (x,) = self.saved_tensors
                return dy * x * 2

        y = Square()(x)                         # or Square.apply(x)

    Options go to `__init__`. `backward` is written with Tensors and engine functions, so that it can be differentiated
    in its turn. Where `self.needs_input_grad[i]` is false, return None for the i-th gradient, and spare the work.
    """

    _called = False
    _to_save: tuple[Array, ...] = ()
    _constants: Any = ()
    _saved: Any = ()

    @classmethod
    def apply(cls, *inputs: Any, **options: Any) -> Any:
        """Make the function with `options` and call it on `inputs`."""
        return cls(**options)(*inputs)

    def forward(self, *arrays: Any) -> Any:
        """The value: arrays in, an array or a tuple of arrays out."""
        raise FunctionError(f"{self.name} has no forward method")

    def backward(self, *cotangents: Any) -> Any:
        """The gradient of each input, given the cotangent of each output: Tensors in and out."""
        raise FunctionError(f"{self.name} has no backward method")

    def __call__(self, *inputs: Any) -> Any:
        if self._called:
            raise GraphError(f"this {self.name} was called before: a Function object is one call, make a new one")
        self._called = True
        tensors, arrays = checked_inputs(self, inputs)
        enabled, needs = grad_mode.enabled, []
        for t in tensors:  # a loop: up to Python 3.11 a comprehension is a call of its own
            needs.append(enabled and t is not None and t._requires_grad)
        self.needs_input_grad = tuple(needs)
        result = self.forward(*arrays)
        results, outputs = result if isinstance(result, tuple) else (result,), []
        for y in results:
            outputs.append(self._output(y, tensors, arrays))
        if True in needs:
            self._record(tensors, arrays, outputs, results)
        else:
            self._to_save = self._constants = ()
        if context.observers:
            self.called_in = context.layer
            for observer in context.observers:
                observer.after_forward(self, tensors, outputs)
        return tuple(outputs) if isinstance(result, tuple) else outputs[0]

    def _output(self, array: Any, tensors: Inputs, arrays: Arrays) -> Tensor:
        """A Tensor of what forward returned. Where that shows an input's memory (a reshape, a transpose), changes in
        place are counted for both."""
        if type(array) is not np.ndarray:
            array = checked_output(self, array)
        owner = None if array.base is None else owner_of(array)
        for t, a in zip(tensors, arrays, strict=True):
            if t is not None and (a is array or (owner is not None and owner_of(t.array) is owner)):
                return Tensor.from_array(array, t._version)
        return Tensor.from_array(array)

    def _record(self, tensors: Inputs, arrays: Arrays, outputs: list[Tensor], results: tuple) -> None:
        self.serial = next(_serial)
        self.edges, self.input_shapes, self.outputs_like = [], [], []
        for t, array, needed in zip(tensors, arrays, self.needs_input_grad, strict=True):
            leaf = None if not needed else t
            self.edges.append(leaf if leaf is None or leaf.creator is None else (leaf.creator, leaf.output_index))
            self.input_shapes.append(() if array is None else array.shape)
        for i, y in enumerate(outputs):
            y._requires_grad, y.creator, y.output_index = True, self, i
            array = y.array
            self.outputs_like.append((array.shape, array.dtype, CPU if type(array) is np.ndarray else device_of(array)))
        if self._to_save:
            self._saved = []
            for array in self._to_save:
                self._saved.append(self._remember(array, tensors, arrays, outputs, results))
            self._to_save = ()

    # What is kept for backward.

    def save_for_backward(self, *arrays: Array) -> None:
        """Keep inputs or outputs of `forward` for `backward`, where they are `self.saved_tensors`."""
        self._to_save = arrays

    def save_constants(self, *values: Any) -> None:
        """Keep what backward needs and what must not be differentiated (masks, indices), or what backward uses as a
        cache of something it differentiates by formula. In `__init__`, too: forward then finds it as backward does."""
        self._constants = values

    def _remember(self, array: Array, tensors: Inputs, arrays: Arrays, outputs: list[Tensor], results: tuple) -> tuple:
        """An input is kept as its tensor (its graph stays attached), an output as array and number
        (keeping the tensor would tie the node to itself); both with the version seen now."""
        for t, a in zip(tensors, arrays, strict=True):
            if a is array and t is not None:
                return t, None, t._version, t._version.count
        for i, (y, result) in enumerate(zip(outputs, results, strict=True)):
            if result is array:
                return y.array, i, y._version, y._version.count
        raise FunctionError(
            f"{self.name}.save_for_backward takes the very arrays that forward was given or returns; "
            "for what else backward needs and does not depend on them, use save_constants"
        )

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """What `save_for_backward` kept, attached to the graph, and checked for changes since."""
        if self.freed:
            raise self.freed_error()
        restored = []
        for kept, index, version, count in self._saved:
            now = version if index is not None else kept._version  # another one if .data was bound anew
            if now is not version or now.count != count:
                raise StaleTensorError(self._stale_message(kept, index, now, now.count - count))
            if index is None:
                restored.append(kept)
            else:
                tensor = Tensor.from_array(kept, version)
                tensor._requires_grad, tensor.creator, tensor.output_index = True, self, index
                restored.append(tensor)
        return tuple(restored)

    @property
    def saved_constants(self) -> tuple[Any, ...]:
        """What `save_constants` kept."""
        if self.freed:
            raise self.freed_error()
        return self._constants

    @property
    def saved_arrays(self) -> list[Array]:
        """The arrays that `save_for_backward` kept and no backward pass has let go of."""
        return [getattr(kept, "array", kept) for kept, *_ in self._saved]

    def free(self) -> None:
        """Let go of all that was saved for backward."""
        self._saved = self._constants = ()
        self.freed = True

    def freed_error(self) -> GraphError:
        """What is raised where `free` was called and what had been saved is needed."""
        return GraphError(
            f"{self.name} was differentiated once already, and its graph was freed to save memory: pass "
            "retain_graph=True to the first backward, or compute the value again"
        )

    def _stale_message(self, kept: Any, index: int | None, version: Version, times: int) -> str:
        what = f"its output {index}" if index is not None else describe(kept)
        times = max(1, times)  # a version begun by binding .data anew has counted nothing yet
        return (
            f"{self.name} saved {what} for its backward pass, but it was changed in place since then "
            f"({times} time{'s' * (times > 1)}, last by {version.cause}), so the gradient would mix old and "
            "new values. Compute the output again after the change (for a GAN: call D(fake) afresh after "
            "D's optimiser has stepped), or take all gradients before the first change"
        )
