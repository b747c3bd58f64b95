"""Dropout's masks from the device: NumPy's own draws to the bit, and the generator after them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigan.kernels.cuda.random import _drawn, _jumped
from minigan.kernels.random import keep_mask


def state(rng: np.random.Generator) -> dict:
    """As plain numbers that can be compared (MT19937's holds an array)."""
    return {key: str(value) for key, value in rng.bit_generator.state.items()}


def begun(seed: int, used: int, bit_generator: type = np.random.PCG64) -> np.random.Generator:
    """A generator after `used` draws of 32 bits: after an odd number half a draw of 64 is left over."""
    rng = np.random.Generator(bit_generator(seed))
    rng.random(used, dtype="float32")
    return rng


SIZES = st.one_of(st.integers(0, 9), st.integers(4080, 4110), st.integers(0, 20_000))


@given(st.integers(0, 2**63), st.integers(0, 5), st.lists(SIZES, min_size=1, max_size=4), st.floats(0.01, 0.99))
def test_masks_are_those_of_the_host(cupy, seed, used, sizes, p):
    here, there = begun(seed, used), begun(seed, used)
    for size in sizes:
        wanted = keep_mask(np.zeros(1, "float32"), (size,), p, here)
        np.testing.assert_array_equal(keep_mask(cupy.zeros(1, "float32"), (size,), p, there).get(), wanted)
        assert state(there) == state(here)
    assert there.random() == here.random() and there.random(dtype="float32") == here.random(dtype="float32")


@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize("used", [0, 1])
def test_the_half_of_a_draw_left_over_comes_first_and_may_do(cupy, used, size):
    here, there = begun(3, used), begun(3, used)
    for p in (0.1, 0.9):
        wanted = keep_mask(np.zeros(1, "float32"), (size,), p, here)
        np.testing.assert_array_equal(keep_mask(cupy.zeros(1, "float32"), (size,), p, there).get(), wanted)
        assert state(there) == state(here)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_of_any_shape_and_dtype(cupy, dtype):
    here, there = begun(0, 0), begun(0, 0)
    wanted = keep_mask(np.zeros(1, dtype), (3, 5, 2, 7), 0.3, here)
    mask = keep_mask(cupy.zeros(1, dtype), (3, 5, 2, 7), 0.3, there)
    assert mask.dtype == dtype and mask.flags.c_contiguous
    np.testing.assert_array_equal(mask.get(), wanted)
    assert set(np.unique(wanted)) == {0, wanted.dtype.type(1 / 0.7)}


def test_a_draw_equal_to_p_is_kept(cupy):
    """Where p is a number that is drawn, and where it lies between two."""
    for p in np.sort(begun(5, 0).random(50, dtype="float32")):
        for at in (np.nextafter(p, np.float32(0)), p, np.nextafter(p, np.float32(1)), float(p) + 1e-9):
            mask = keep_mask(cupy.zeros(1, "float32"), (50,), float(at), begun(5, 0))
            np.testing.assert_array_equal(mask.get(), keep_mask(np.zeros(1, "float32"), (50,), float(at), begun(5, 0)))


@pytest.mark.parametrize(
    "kind", [np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64], ids=lambda kind: kind.__name__
)
def test_other_generators_draw_on_the_host(cupy, kind):
    here, there = begun(1, 1, kind), begun(1, 1, kind)
    wanted = keep_mask(np.zeros(1, "float32"), (101,), 0.5, here)
    np.testing.assert_array_equal(keep_mask(cupy.zeros(1, "float32"), (101,), 0.5, there).get(), wanted)
    assert state(there) == state(here)


@given(st.integers(0, 2**63), st.integers(0, 2**47))
def test_a_jump_is_so_many_draws(seed, steps):
    generator = np.random.PCG64(seed)
    now = generator.state["state"]
    generator.advance(steps)
    assert _jumped(now["state"], now["inc"], steps) == generator.state["state"]["state"]
    assert _drawn(_jumped(now["state"], now["inc"], steps + 1)) == generator.random_raw()
