"""`Function`: one call of a differentiable function, and its node in the graph."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import numpy as np

from minigan import backend
from minigan.autograd.errors import GraphError, StaleTensorError
from minigan.autograd.hooks import _mode, _observers, _observers_here
from minigan.autograd.tensor import Tensor, _describe, _owner, _Version
from minigan.backend import Array

_serial = itertools.count()
_FREED = object()  # stands for what a function had saved, after a backward pass let go of it


class Function:
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

    Options go to `__init__`. `backward` is written with Tensors and engine functions, so that it
    can be differentiated in its turn. `self.needs_input_grad[i]` says whether the i-th gradient is
    wanted: return None where it is not, and spare the work.
    """

    needs_input_grad: tuple[bool, ...] = ()
    called_in: Any = None  # the layer, as text its path; known if somebody observed the call

    @classmethod
    def apply(cls, *inputs: Any, **options: Any) -> Any:
        """Make the function with `options` and call it on `inputs`."""
        return cls(**options)(*inputs)

    @property
    def name(self) -> str:
        """The function's name in messages and traces."""
        return type(self).__name__

    def forward(self, *arrays: Array) -> Any:
        """The value: arrays in, an array or a tuple of arrays out."""
        raise TypeError(f"{self.name} has no forward method")

    def backward(self, *cotangents: Tensor) -> Any:
        """The gradient of each input, given the cotangent of each output: Tensors in and out."""
        raise TypeError(f"{self.name} has no backward method")

    def __call__(self, *inputs: Any) -> Any:
        if hasattr(self, "_to_save"):
            raise GraphError(f"this {self.name} was called before: a Function object is one call, make a new one")
        tensors = [x if x is None or isinstance(x, Tensor) else _tensor_of(self, i, x) for i, x in enumerate(inputs)]
        _check_inputs(self, tensors)
        recording = _mode.enabled
        self.needs_input_grad = tuple([recording and t is not None and t.requires_grad for t in tensors])
        recording = any(self.needs_input_grad)
        arrays = _distinct_arrays(tensors)
        self._to_save: tuple[Array, ...] = ()
        self._constants: Any = ()
        result = self.forward(*arrays)
        many = isinstance(result, tuple)
        results = result if many else (result,)
        checked = [_checked_output(self, y) for y in results]
        outputs = [Tensor._of(y, _version_of_view(y, tensors)) for y in checked]
        if recording:
            self._record(tensors, arrays, outputs, results)
        else:
            self._to_save = self._constants = ()
        if _observers:
            self.called_in = _mode.layer
            for observer in _observers_here():
                observer.after_forward(self, tensors, outputs)
        return tuple(outputs) if many else outputs[0]

    def _record(self, tensors: list, arrays: list, outputs: list[Tensor], results: tuple) -> None:
        """Become a node: remember where the inputs came from, and what backward needs."""
        self.serial = next(_serial)
        self.edges = [
            None if not needed else t if t.creator is None else (t.creator, t.output_index)
            for t, needed in zip(tensors, self.needs_input_grad, strict=True)
        ]
        self.input_shapes = [None if t is None else t.shape for t in tensors]
        self.outputs_like = [(y.shape, y.dtype, y.device) for y in outputs]
        self._saved: Any = [self._remember(a, tensors, arrays, outputs, results) for a in self._to_save]
        self._to_save = ()
        for i, y in enumerate(outputs):
            y.requires_grad, y.creator, y.output_index = True, self, i

    def _remember(self, array: Array, tensors: list, arrays: list, outputs: list, results: tuple) -> tuple:
        """An input is kept as its tensor (its graph stays attached), an output as array and number
        (keeping the tensor would tie the node to itself); both with the version seen now."""
        for t, a in zip(tensors, arrays, strict=True):
            if a is array and t is not None:
                return t, None, t._version, t._version.count
        for i, (y, result) in enumerate(zip(outputs, results, strict=True)):
            if result is array:
                return y._data, i, y._version, y._version.count
        raise TypeError(
            f"{self.name}.save_for_backward takes the very arrays that forward was given or returns; "
            "for what else backward needs and does not depend on them, use save_constants"
        )

    def save_for_backward(self, *arrays: Array) -> None:
        """Keep inputs or outputs of `forward` for `backward`, where they are `self.saved_tensors`."""
        self._to_save = arrays

    def save_constants(self, *values: Any) -> None:
        """Keep what backward needs and what must not be differentiated (masks, indices), or what
        backward uses as a cache of something it differentiates by formula."""
        self._constants = values

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """What `save_for_backward` kept, attached to the graph, and checked for changes since."""
        self.check_not_freed()
        restored = []
        for kept, index, version, count in self._saved:
            now = version if index is not None else kept._version  # another one if .data was bound anew
            if now is not version or now.count != count:
                raise StaleTensorError(self._stale_message(kept, index, now, now.count - count))
            if index is None:
                restored.append(kept)
            else:
                tensor = Tensor._of(kept, version)
                tensor.requires_grad, tensor.creator, tensor.output_index = True, self, index
                restored.append(tensor)
        return tuple(restored)

    @property
    def saved_constants(self) -> tuple[Any, ...]:
        """What `save_constants` kept."""
        self.check_not_freed()
        return self._constants

    def free(self) -> None:
        """Let go of all that was saved for backward."""
        self._saved = self._constants = _FREED

    def check_not_freed(self) -> None:
        if self._saved is _FREED:
            raise GraphError(
                f"{self.name} was walked back once already, and its graph was let go of to save memory: pass "
                "retain_graph=True to the first backward, or compute the value again"
            )

    def _stale_message(self, kept: Any, index: int | None, version: _Version, times: int) -> str:
        what = f"its output {index}" if index is not None else _describe(kept)
        times = max(1, times)  # a version begun by binding .data anew has counted nothing yet
        return (
            f"{self.name} saved {what} for its backward pass, but it was changed in place since then "
            f"({times} time{'s' * (times > 1)}, last by {version.cause}), so the gradient would mix old and "
            "new values. Compute the output again after the change (for a GAN: call D(fake) afresh after "
            "D's optimiser has stepped), or take all gradients before the first change"
        )


def _distinct_arrays(tensors: list[Tensor | None]) -> list[Array | None]:
    """The tensors' arrays, no two tensors by the same object: saved arrays are told apart by identity."""
    if len(tensors) == 1:
        return [None if tensors[0] is None else tensors[0]._data]
    arrays: list[Array | None] = []
    for i, t in enumerate(tensors):
        array = None if t is None else t._data
        if array is not None and any(a is array and tensors[j] is not t for j, a in enumerate(arrays[:i])):
            array = array[...]
        arrays.append(array)
    return arrays


def _tensor_of(function: Function, i: int, x: Any) -> Tensor:
    try:
        return Tensor(x)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{function.name}: {_label(function, i)}: {error}") from None


def _check_inputs(function: Function, tensors: list[Tensor | None]) -> None:
    """One dtype and one device to a call, and that the one this thread computes on. Every call comes here: names are
    looked up only for what seems wrong."""
    kind = None
    for t in tensors:
        if t is not None:
            array = t._data
            if kind is None:
                kind, dtype = type(array), array.dtype
            elif array.dtype is not dtype or type(array) is not kind:
                labels = [_label(function, i) for i in range(len(tensors))]
                check_alike(function.name, dict(zip(labels, tensors, strict=True)))
                break
    if kind is not np.ndarray:
        backend.check_here(function.name, *[t._data for t in tensors if t is not None])


def check_alike(name: str, inputs: dict[str, Tensor | None]) -> None:
    """One device to a call, and one dtype if any is floating: NumPy would widen float32 to float64
    without a word. inputs: what function `name` was given, by the names of its arguments."""
    (first, a), *others = [(label, t) for label, t in inputs.items() if t is not None]
    for label, b in others:
        if b.device != a.device:
            raise backend.DeviceError(
                f"{name}: {first} of shape {a.shape} is on {a.device}, but {label} of shape {b.shape} is on "
                f"{b.device}: move one with .to(device)"
            )
        if b.dtype != a.dtype and (a.dtype.kind in "fc" or b.dtype.kind in "fc"):
            raise TypeError(
                f"{name}: {first} of shape {a.shape} is {a.dtype}, but {label} of shape {b.shape} is {b.dtype}: "
                "one call takes one dtype, convert one with .to(dtype=…)"
            )


def _label(function: Function, i: int) -> str:
    """What `forward` calls its input i."""
    names = []
    for parameter in inspect.signature(function.forward).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            break
        names.append(parameter.name)
    return names[i] if i < len(names) else f"input {i}"


def _version_of_view(array: Array, inputs: list[Tensor | None]) -> _Version | None:
    """The version of the input whose memory an output shows (a reshape, a transpose); None if it has its own."""
    if array.base is None and not any(t is not None and t._data is array for t in inputs):
        return None
    owner = _owner(array)
    return next((t._version for t in inputs if t is not None and _owner(t._data) is owner), None)


def _checked_output(function: Function, value: Any) -> Array:
    """Forward's result as an array: a reduction's NumPy scalar becomes an array of no dimensions."""
    if backend.is_array(value):
        return value
    if isinstance(value, np.generic):
        return np.asarray(value)
    raise TypeError(f"{function.name}.forward must return an array or a tuple of arrays, not {type(value).__name__}")
