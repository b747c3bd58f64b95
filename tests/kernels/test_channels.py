"""Passes with a number for each channel: the same bits as NumPy's broadcasting, by longer rows."""

import numpy as np
import pytest
from devices import assert_array_equal, host, on_device

from minigan.kernels import channels, normalization
from minigan.kernels.layout import to_native


@pytest.mark.host_only("it is a way through the host's memory")
@pytest.mark.parametrize("count", [1, 3, 8, 64, 65])
@pytest.mark.parametrize("rows", [0, 1, 700, 6000])
def test_a_pass_over_long_rows_is_that_over_short_ones(count, rows):
    rng = np.random.default_rng(count)
    x, numbers = rng.standard_normal((rows, count), np.float32), rng.standard_normal(count, np.float32)
    expected, per_channel, out = x - numbers, channels.PerChannel(numbers), np.empty_like(x)
    for _ in range(2):  # the repeated numbers are made once
        assert per_channel.apply(np.subtract, x, out) is out
        assert_array_equal(out, expected)
    assert_array_equal(per_channel.apply(np.subtract, x, x), expected)  # in place


@pytest.mark.parametrize("order", [to_native, lambda images: images])
@pytest.mark.parametrize("count", [1, 3, 100])
def test_numbers_are_added_to_the_channels_of_images(count, order):
    rng = np.random.default_rng(count)
    x, numbers = rng.standard_normal((90, count, 9, 7), np.float32), rng.standard_normal(count, np.float32)
    images = order(on_device(x.copy()))
    channels.add_to_channels(images, on_device(numbers))
    assert_array_equal(host(images), x + numbers[:, None, None])


@pytest.mark.host_only("a GPU has kernels of its own for it")
@pytest.mark.parametrize("slope", [None, 0.2])
def test_batch_norm_has_the_same_bits_by_long_rows(slope, monkeypatch):
    rng = np.random.default_rng(0)
    x, dy = (to_native(rng.standard_normal((50, 6, 16, 17), np.float32)) for _ in range(2))
    gamma, beta = rng.standard_normal((2, 1, 6, 1, 1), np.float32)

    def both_ways():
        y, statistics = normalization.batch_norm_forward(x, gamma, beta, (0, 2, 3), 1e-5, slope)
        return y, *normalization.batch_norm_backward(dy, x, gamma, statistics, (0, 2, 3), slope)

    found = both_ways()
    monkeypatch.setattr(channels, "FEW_CHANNELS", 0)
    for a, b in zip(found, both_ways(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.host_only("a GPU has the array functions' passes")
@pytest.mark.parametrize("slope", [None, 0.0, 0.2, 1.5])
def test_scale_and_shift_have_the_bits_of_plain_array_functions(slope):
    rng = np.random.default_rng(0)
    images = rng.standard_normal((50, 6, 16, 17), np.float32)
    for x in (to_native(images), np.asfortranarray(images), images, images[0].reshape(-1, 6), images[:0]):
        axes = (0, *range(2, x.ndim))
        scale, shift = rng.standard_normal((2, *(1 if a in axes else n for a, n in enumerate(x.shape))), np.float32)
        line = x * scale + shift
        y, mask = normalization.scale_shift_forward(x, scale, shift, axes, slope)
        assert_array_equal(y, line if slope is None else np.where(line > 0, line, line * np.float32(slope)))
        assert mask is None if slope is None else (mask == (line > 0)).all()
        assert normalization.scale_shift_forward(x, scale, shift, axes, slope, with_mask=False)[1] is None
