"""Lesson 3, solved."""


def sum_to(dy, shape):
    """Over the axes in front, and over those where shape has length 1."""
    in_front = dy.ndim - len(shape)
    axes = [*range(in_front), *(in_front + i for i, length in enumerate(shape) if length == 1)]
    return dy.sum(axis=tuple(axes), keepdims=True).reshape(shape)
