"""What hypothesis draws: shapes and options. Numbers come from a seeded generator, away from kinks."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes

shapes = array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
full_shapes = array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)
sides = st.integers(1, 3)
shape_pairs = mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=1, max_side=3).map(
    lambda drawn: drawn.input_shapes
)
seeds = st.integers(0, 2**16)


def normal(seed, *shapes):
    """Normal arrays of these shapes."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def positive(seed, *shapes):
    """Arrays of numbers in 0.5 … 2."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.5, 2.0, shape) for shape in shapes]


def distinct(seed, *shapes):
    """Arrays of numbers no two of which, in one or two arrays, lie within 0.05 of each other or of 0."""
    rng = np.random.default_rng(seed)
    size = sum(int(np.prod(shape)) for shape in shapes)
    numbers = (rng.permutation(size) - size // 2 + 0.5) * 0.1
    parts = np.split(numbers, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


@st.composite
def axes_of(draw, shape):
    """None, an axis, or several, some counted from the end."""
    if not shape:
        return None
    some = draw(st.none() | st.lists(st.sampled_from(range(len(shape))), min_size=1, unique=True))
    if some is None:
        return None
    signed = tuple(a - len(shape) if draw(st.booleans()) else a for a in some)
    return signed[0] if len(signed) == 1 and draw(st.booleans()) else signed


def paddings(most, same=True):
    """Every way to write a padding of at most so many pixels a side."""
    number = st.integers(0, most)
    pair = st.tuples(number, number)
    forms = [number, pair, st.tuples(pair, pair)]
    return st.one_of(*forms, st.just("same")) if same else st.one_of(*forms)


def per_side(padding):
    """An int, (ph, pw) or ((top, bottom), (left, right)) as the last of them."""
    if isinstance(padding, int):
        return ((padding, padding), (padding, padding))
    return tuple((p, p) if isinstance(p, int) else p for p in padding)
