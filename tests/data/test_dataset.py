"""`Dataset`: what it holds, the numbers a batch becomes, the fingerprint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minigan.data import DataError, Dataset
from minigan.data.dataset import name_of


def dataset(images, labels=None, **kwargs):
    return Dataset(images, labels, kwargs.pop("name", "d"), "made here", **kwargs)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 3, 4, 5), dtype=np.uint8)


def test_properties(images):
    data = dataset(images, np.arange(7, dtype=np.uint8))
    assert (len(data), data.channels, data.size) == (7, 3, (4, 5))
    assert data.labels.dtype == np.int64
    assert repr(data) == "Dataset('d', images (7, 3, 4, 5), labelled)"


def test_every_byte_value_lands_where_the_formula_says():
    data = dataset(np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16))
    y = data.batch([0])
    x = np.arange(256)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.ravel(), ((x - 127.5) / 127.5).astype(np.float32))
    assert (y.min(), y.max()) == (-1, 1)
    np.testing.assert_array_equal(y.ravel(), -y.ravel()[::-1])
    np.testing.assert_allclose(data.batch([0], dtype="float64").ravel(), x / 127.5 - 1, atol=1e-15)


def test_batch_takes_the_images_asked_for_in_that_order(images):
    data = dataset(images)
    y = data.batch(np.array([5, 0, 5]))
    np.testing.assert_array_equal(np.rint((y + 1) * 127.5), images[[5, 0, 5]])
    np.testing.assert_array_equal(data.batch(slice(1, 3)), data.batch([1, 2]))
    with pytest.raises(IndexError):
        data.batch([7])


def test_batch_is_a_copy(images):
    data = dataset(images)
    data.batch(slice(None))[:] = 0
    np.testing.assert_array_equal(data.images, images)


def test_arrays_are_read_only_but_the_callers_own_stays_as_it_was(images):
    data = dataset(images, np.arange(7))
    with pytest.raises(ValueError):
        data.images[0] = 0
    with pytest.raises(ValueError):
        data.labels[0] = 0
    images[0] = 0


def test_fingerprint_sees_every_pixel_label_and_shape(images):
    base = dataset(images, np.arange(7)).fingerprint
    assert len(base) == 16
    changed = images.copy()
    changed[-1, -1, -1, -1] ^= 1
    others = [
        dataset(changed, np.arange(7)),
        dataset(images, np.arange(7)[::-1]),
        dataset(images),
        dataset(images.reshape(7, 3, 5, 4), np.arange(7)),
        dataset(images[::-1], np.arange(7)),
    ]
    assert len({base, *(d.fingerprint for d in others)}) == 6


def test_fingerprint_does_not_see_name_memory_order_or_label_type(images):
    base = dataset(images, np.arange(7)).fingerprint
    columns = np.asfortranarray(images)
    assert dataset(columns, np.arange(7, dtype=np.uint8), name="other").fingerprint == base
    assert dataset(images, np.arange(7)).fingerprint == base


@pytest.mark.parametrize(
    "shape, dtype, labels, message",
    [
        ((2, 1, 4, 4), "float32", None, r"d: images of float32 with shape \(2, 1, 4, 4\) found, uint8"),
        ((2, 4, 4), "uint8", None, r"shape \(2, 4, 4\) found, uint8 \(N, C, H, W\)"),
        ((2, 2, 4, 4), "uint8", None, "C 1 or 3 needed"),
        ((0, 1, 4, 4), "uint8", None, "no images"),
        ((2, 1, 4, 4), "uint8", [0, 1, 2], r"labels of int64 with shape \(3,\) found.*\(2,\) needed"),
        ((2, 1, 4, 4), "uint8", [0.0, 1.0], "labels of float64"),
    ],
)
def test_refused(shape, dtype, labels, message):
    with pytest.raises(DataError, match=message):
        dataset(np.zeros(shape, dtype), None if labels is None else np.array(labels))


@pytest.mark.parametrize(
    "path, name", [("My faces.zip", "My-faces"), ("x/a_b.npz", "a_b"), ("é.npy", "data"), ("/", "data")]
)
def test_name_is_safe_in_a_file_name(path, name):
    assert name_of(Path(path)) == name
