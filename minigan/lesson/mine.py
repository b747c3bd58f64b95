"""Training with the learner's own backward passes, by putting them in place of the engine's.

Each part below belongs to a lesson, and says which methods of which of the engine's Functions compute with its answer.
Around an answer stands only what the lesson left out: padding and cropping, further axes, a bias, an activation that
the engine computes in the same pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple

import numpy as np

from minigan.autograd import Function, Tensor, grad, is_grad_enabled, set_grad_enabled
from minigan.backend import Array
from minigan.functions.activation import LeakyReLUBackward
from minigan.functions.convolution import Conv2d, ConvTranspose2d, ConvWeightGrad
from minigan.functions.dense import Dense
from minigan.functions.loss import BinaryCrossEntropyWithLogits
from minigan.functions.manipulation import SumTo, reshape, transpose
from minigan.functions.normalization import BatchNorm
from minigan.kernels.normalization import is_positive
from minigan.lesson.cells import SOLVED
from minigan.lesson.checking import answer, check_lesson
from minigan.lesson.places import find, folder
from minigan.lesson.translation import translated
from minigan.terminal import columns_of

Methods = Mapping[type[Function], Mapping[str, Callable[..., Any]]]


class Part(NamedTuple):
    """A part of a training step that a lesson's answer can compute."""

    lesson: str
    what: str
    answer: str  # what the lesson calls it
    methods: Callable[[Any], Methods]  # those that compute with an answer


class Judged(NamedTuple):
    """A part, what its check said, and the answer if it is right."""

    part: Part
    said: str
    answer: Any

    @property
    def is_right(self) -> bool:
        return self.said == SOLVED

    def __str__(self) -> str:
        """A line of a table, in the learner's language."""
        number, what = translated(f"lesson {self.part.lesson}"), translated(self.part.what)
        said = self.said.splitlines()[0]
        whose = translated(f"yours, {self.part.answer}" if self.is_right else f"the engine's ({said})")
        return f"{number}  {what}{' ' * (29 - columns_of(what))}  {whose}"


def judge() -> list[Judged]:
    """What the checks say of the learner's answers, now."""
    found = []
    for part in PARTS:
        path = find(part.lesson, folder())
        said = check_lesson(path)
        found.append(Judged(part, said, answer(path, part.answer) if said == SOLVED else None))
    return found


@contextmanager
def computing_with(judged: Sequence[Judged]) -> Iterator[None]:
    """Let the learner's answers compute what they are the answers to; afterwards the engine does again."""
    with in_place_of_the_engines(*(each.part.methods(each.answer) for each in judged)):
        yield


@contextmanager
def in_place_of_the_engines(*several: Methods) -> Iterator[None]:
    """Give Functions of the engine other methods, and put their own back."""
    kept = []
    try:
        for methods in several:
            for function, others in methods.items():
                for name, method in others.items():
                    kept.append((function, name, vars(function)[name]))
                    setattr(function, name, method)
        yield
    finally:
        for function, name, method in reversed(kept):
            setattr(function, name, method)


# --- the parts -----------------------------------------------------------------------------------


def _sum_to(answer: Callable[..., Array]) -> Methods:
    """The sum over what was broadcast; a convolution's bias is broadcast over images and places."""

    def forward(self: SumTo, x: Array) -> Array:
        return _like(answer(x, self.shape), x)

    def with_bias(backward: Callable[..., Any]) -> Callable[..., Any]:
        def backward_with_bias(self: Function, dy: Tensor) -> tuple[Tensor | None, ...]:
            dx, dw, *db = backward(self, dy)
            channels = dy.shape[1]
            if db and db[0] is not None:
                db = [reshape(SumTo((1, channels, 1, 1))(dy), (channels,))]
            return dx, dw, *db

        return backward_with_bias

    convolutions: Methods = {each: {"backward": with_bias(each.backward)} for each in (Conv2d, ConvTranspose2d)}
    return {SumTo: {"forward": forward}, **convolutions}


def _dense(answer: Callable[..., Any]) -> Methods:
    def backward(self: Dense, dy: Tensor) -> tuple[Tensor | None, ...]:
        gradients = answer(*self.saved_tensors, dy)
        return tuple(g if needed else None for g, needed in zip(gradients, self.needs_input_grad, strict=False))

    return {Dense: {"backward": backward}}


def _bce(answer: type[Function]) -> Methods:
    """The answer is of the mean over all entries; the engine's is of each, and its mean comes after it."""

    def backward(self: BinaryCrossEntropyWithLogits, dy: Tensor) -> tuple[Tensor | None, ...]:
        logits, target = self.saved_tensors
        need_l, need_t = self.needs_input_grad
        dl = None
        if need_l:
            differentiable = is_grad_enabled()
            with set_grad_enabled(True):
                of_sum = Tensor(np.asarray(logits.size, logits.dtype))
                (slopes,) = grad(answer()(logits, target), [logits], of_sum, create_graph=differentiable)
            dl = slopes * dy
        return dl, dy * -logits if need_t else None

    return {BinaryCrossEntropyWithLogits: {"backward": backward}}


def _conv_weight_grad(answer: Callable[..., Array]) -> Methods:
    """The answer takes images with the zeros of their padding around them."""

    def forward(self: ConvWeightGrad, x: Array, g: Array) -> Array:
        self.save_for_backward(x, g)
        it = self.geometry
        sides = []
        for size, out, kernel, stride, before in zip(
            x.shape[2:], it.out_size, it.kernel, it.stride, it.pad, strict=True
        ):
            sides.append((before, max(0, (out - 1) * stride + kernel - before - size)))
        return _like(answer(np.pad(x, ((0, 0), (0, 0), *sides)), g, it.kernel, it.stride), x)

    return {ConvWeightGrad: {"forward": forward}}


def _conv_transpose(answer: Callable[..., Array]) -> Methods:
    """The answer gives the full output, of which the padding is cropped; pixels that no stamp reaches are 0."""

    def forward(self: ConvTranspose2d, x: Array, weight: Array, bias: Array | None = None) -> Array:
        self.save_for_backward(x, weight)
        (top, left), (height, width) = self.geometry.pad, self.geometry.in_size
        full = answer(x, weight, self.geometry.stride)
        part = full[:, :, top : top + height, left : left + width]
        y = np.zeros((len(x), weight.shape[1], height, width), x.dtype)
        y[:, :, : part.shape[2], : part.shape[3]] = part
        if bias is not None:
            y += bias[:, None, None]
        return y

    return {ConvTranspose2d: {"forward": forward}}


def _batch_norm(answer: Callable[..., Any]) -> Methods:
    """The answer is of (M, C): the axes that are averaged over become one, in front, and all others the other."""

    def backward(self: BatchNorm, dy: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, gamma = self.saved_tensors
        if self.slope is not None:  # an activation that was computed in the same pass
            (statistics,) = self.saved_constants
            dy = LeakyReLUBackward(is_positive(x.array, statistics, self.axes), self.slope)(dy)
        order = (*self.axes, *(a for a in range(x.ndim) if a not in self.axes))
        rows = prod(x.shape[a] for a in self.axes)
        table = (rows, x.size // rows)

        def as_table(t: Tensor) -> Tensor:
            return reshape(transpose(t, order), table)

        dx, dgamma, dbeta = answer(as_table(dy), as_table(x), reshape(gamma, table[1:]), self.eps)
        in_order = reshape(dx, tuple(x.shape[a] for a in order))
        back = tuple(order.index(a) for a in range(x.ndim))
        return transpose(in_order, back), reshape(dgamma, gamma.shape), reshape(dbeta, gamma.shape)

    return {BatchNorm: {"backward": backward}}


def _like(result: Any, x: Array) -> Array:
    """What an answer returned, with the dtype of its input: it may have computed in float64."""
    return np.ascontiguousarray(result, x.dtype).reshape(np.shape(result))


PARTS = (
    Part("03", "sum over what was broadcast", "sum_to", _sum_to),
    Part("04", "dense layer", "dense_backward", _dense),
    Part("06", "cross-entropy on logits", "BCEWithLogits", _bce),
    Part("07", "convolution: its kernel's", "conv_weight_grad", _conv_weight_grad),
    Part("08", "transposed convolution", "conv_transpose2d", _conv_transpose),
    Part("09", "batch normalisation", "batch_norm_backward", _batch_norm),
)
