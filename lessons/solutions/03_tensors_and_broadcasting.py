"""Lesson 3, solved."""


def sum_to(dy, shape):
    """Over the axes in front, and over those where shape has length 1."""
    in_front = dy.ndim - len(shape)
    axes = [*range(in_front), *(in_front + i for i, length in enumerate(shape) if length == 1)]
    return dy.sum(axis=tuple(axes), keepdims=True).reshape(shape)


def uses(small, large):
    """So many times as many numbers."""
    return np.prod(large, dtype=int) // np.prod(small, dtype=int)  # noqa: F821 (the lesson's own names)


def centred_backward(dy):
    """A mean goes back as a mean: centring is its own transpose."""
    return dy - dy.mean(axis=0)
