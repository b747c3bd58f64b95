"""Sizes, strides and paddings: the formulas of PyTorch and TensorFlow, and errors one can act on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigan.kernels.geometry import Geometry, normalize_crop, normalize_padding, normalize_pair

more = settings(max_examples=5 * settings().max_examples)
small = st.integers(1, 12)


def test_pairs():
    assert normalize_pair(3, "stride") == (3, 3)
    assert normalize_pair([2, np.int64(1)], "stride") == (2, 1)
    for wrong in (1.5, "3", (1, 2, 3), (1,), None, (1, 2.0)):
        with pytest.raises(ValueError, match="stride must be an int or a pair of ints"):
            normalize_pair(wrong, "stride")


def test_forms_of_padding():
    sizes = (9, 9), (3, 3), (1, 1)
    assert normalize_padding(2, *sizes) == ((2, 2), (2, 2))
    assert normalize_padding((1, 2), *sizes) == ((1, 1), (2, 2))
    assert normalize_padding(((0, 1), (2, 3)), *sizes) == ((0, 1), (2, 3))
    assert normalize_crop(((0, 1), (2, 3)), (3, 3), (1, 1)) == ((0, 1), (2, 3))
    for wrong in ("valid", 0.5, (1, 2, 3), ((1, 2, 3), 0), None):
        with pytest.raises(ValueError, match="padding must be an int"):
            normalize_padding(wrong, *sizes)
    with pytest.raises(ValueError, match="padding must not be negative: -1"):
        normalize_crop(-1, (3, 3), (1, 1))


def test_same_is_tensorflows_rule():
    assert normalize_padding("same", (28, 7), (5, 5), (2, 1)) == ((1, 2), (2, 2))
    assert normalize_padding("same", (7, 8), (2, 1), (3, 2)) == ((0, 1), (0, 0))
    assert normalize_crop("same", (5, 5), (2, 1)) == ((1, 2), (2, 2))
    assert normalize_crop("same", (2, 4), (3, 2)) == ((0, -1), (1, 1))


@more
@given(h=small, k=small, s=small)
def test_same_sizes(h, k, s):
    assert Geometry.of_conv((h, h), k, s, "same").out_size == (-(-h // s),) * 2
    assert Geometry.of_conv_transpose((h, h), k, s, "same").in_size == (h * s,) * 2


@more
@given(h=small, k=small, s=small, p=st.integers(0, 4))
def test_pytorchs_sizes(h, k, s, p):
    if h + 2 * p >= k:
        assert Geometry.of_conv((h, h), k, s, p).out_size == ((h + 2 * p - k) // s + 1,) * 2
    large = (h - 1) * s - 2 * p + k + (s - 1)
    if large >= 1:
        geometry = Geometry.of_conv_transpose((h, h), k, s, p, s - 1)
        assert geometry.in_size == (large,) * 2
        assert geometry.out_size == (h, h)
        assert geometry.pad == (p, p)


def test_a_transposed_convolution_undoes_the_sizes_of_its_convolution():
    """Keras' and PyTorch's 5×5 stride 2 layers, 7 -> 14, are one pixel apart."""
    keras = Geometry.of_conv_transpose((7, 7), 5, 2, "same")
    torch = Geometry.of_conv_transpose((7, 7), 5, 2, 2, output_padding=1)
    assert keras == Geometry.of_conv((14, 14), 5, 2, "same")
    assert torch == Geometry.of_conv((14, 14), 5, 2, 2)
    assert (keras.pad, torch.pad) == ((1, 1), (2, 2))


def test_geometry_is_a_dictionary_key():
    assert {Geometry.of_conv((5, 5), 3): 1}[Geometry.of_conv((5, 5), (3, 3), 1, ((0, 0), (0, 0)))] == 1
    assert len({Geometry.of_conv((5, 5), 3, padding=p) for p in (0, 1)}) == 2


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Geometry.of_conv((3, 4), 5), "a 5x5 kernel does not fit an image of 3x4 pixels"),
        (lambda: Geometry.of_conv((4, 4), (0, 3)), "kernel size must be at least 1, not 0x3"),
        (lambda: Geometry.of_conv((4, 4), 3, 0), "stride must be at least 1"),
        (lambda: Geometry.of_conv((4, 4), 3, "2"), "stride must be an int or a pair of ints, not '2'"),
        (lambda: Geometry.of_conv_transpose((1, 1), 2, 1, 1), "leaves 0x0 pixels"),
        (
            lambda: Geometry.of_conv_transpose((4, 4), 3, 2, 1, 2),
            r"output_padding \(2, 2\) must be at least 0 and less than the stride \(2, 2\)",
        ),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
