"""Datasets: what they hold, the numbers a batch becomes, the fingerprint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minigan.data import ArrayDataset, DataError, DataInfo, ImageDataset, UnpairedDataset
from minigan.data.dataset import name_of


def dataset(images, labels=None, **kwargs):
    return ImageDataset(images, labels, kwargs.pop("name", "d"), "made here", **kwargs)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 3, 4, 5), dtype=np.uint8)


def test_properties(images):
    data = dataset(images, np.arange(7, dtype=np.uint8))
    assert len(data) == 7
    assert data.labels.dtype == np.int64
    assert repr(data) == "ImageDataset('d', images (7, 3, 4, 5), labelled)"
    assert data.info == DataInfo({"x": (3, 4, 5), "y": ()}, classes=7)
    assert (data.info.channels, data.info.size) == (3, (4, 5))
    assert dataset(images).info == DataInfo({"x": (3, 4, 5)}, classes=None)


def test_every_byte_value_lands_where_the_formula_says():
    data = dataset(np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16))
    y = data[[0]].x
    x = np.arange(256)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.ravel(), ((x - 127.5) / 127.5).astype(np.float32))
    assert (y.min(), y.max()) == (-1, 1)
    np.testing.assert_array_equal(y.ravel(), -y.ravel()[::-1])


def test_batch_takes_the_images_asked_for_in_that_order(images):
    data = dataset(images)
    y = data[np.array([5, 0, 5])].x
    np.testing.assert_array_equal(np.rint((y + 1) * 127.5), images[[5, 0, 5]])
    np.testing.assert_array_equal(data[slice(1, 3)].x, data[[1, 2]].x)
    with pytest.raises(IndexError):
        data[[7]]


def test_labels_come_with_their_images_as_they_are(images):
    batch = dataset(images, np.arange(10, 17, dtype=np.uint8))[[5, 0, 5]]
    assert batch.y.dtype == np.int64 and batch.y.tolist() == [15, 10, 15]
    assert "y" not in dataset(images)[[5]]


def test_batch_is_a_copy(images):
    data = dataset(images, np.arange(7))
    batch = data[slice(None)]
    batch.x[:], batch.y[:] = 0, 3
    np.testing.assert_array_equal(data.images, images)
    assert data.labels.tolist() == list(range(7))


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


# --- any arrays ----------------------------------------------------------------------------------

RNG = np.random.default_rng(1)


def points(n=5, **more):
    return ArrayDataset({"x": RNG.standard_normal((n, 2))} | more, "points", "made here")


def test_arrays_are_taken_row_by_row_and_only_bytes_become_others():
    arrays = {"x": RNG.standard_normal((5, 2)), "tokens": np.arange(15).reshape(5, 3), "b": np.full((5, 4), 255, "u1")}
    batch = ArrayDataset(arrays, "d", "made here")[[4, 1]]
    assert len(batch) == 2
    for name in ("x", "tokens"):
        assert batch[name].dtype == arrays[name].dtype
        np.testing.assert_array_equal(batch[name], arrays[name][[4, 1]])
    assert batch.b.dtype == np.float32 and (batch.b == 1).all()


def test_info_of_arrays():
    labels = np.array([0, 3, 1, 2, 0])
    assert points(y=labels).info == DataInfo({"x": (2,), "y": ()}, classes=4)
    assert points(y=2 * labels).info.classes == 7, "of labels that do not all occur too"
    assert points(y=labels.astype("float32")).info.classes is None
    assert points(y=labels[:, None]).info == DataInfo({"x": (2,), "y": (1,)})
    assert points(tokens=np.zeros((5, 3), int)).info == DataInfo({"x": (2,), "tokens": (3,)})


def test_a_batch_of_any_arrays_is_a_copy_too():
    data = points()
    before = data.arrays["x"].copy()
    for indices in (slice(1, 3), [1, 2], np.array([1, 2])):
        data[indices].x[:] = 0
    np.testing.assert_array_equal(data.arrays["x"], before)


@pytest.mark.parametrize("arrays", [{}, {"x": np.zeros((0, 2))}, {"a": np.zeros((3, 2)), "b": np.zeros((4, 2))}])
def test_arrays_of_several_lengths_or_of_none_are_refused(arrays):
    with pytest.raises(DataError, match="d: arrays of one length, of 1 or more samples, needed"):
        ArrayDataset(arrays, "d", "made here")


def test_the_fingerprint_of_arrays_sees_numbers_names_shapes_and_dtypes():
    x = RNG.standard_normal((4, 6)).astype("float32")
    changed = x.copy()
    changed[-1, -1] += 1e-6
    forms = [
        {"x": x}, {"a": x}, {"x": changed}, {"x": x.reshape(4, 2, 3)}, {"x": x.astype("float64")},
        {"x": x.view("int32")}, {"x": x, "y": np.arange(4)},
    ]  # fmt: skip
    found = [ArrayDataset(arrays, "d", "made here").fingerprint for arrays in forms]
    assert len(set(found)) == len(forms)
    strided = np.asfortranarray(x)
    assert ArrayDataset({"x": strided}, "other", "from elsewhere").fingerprint == found[0]


# --- two unpaired sets ---------------------------------------------------------------------------


@pytest.fixture
def unpaired():
    """7 points, and 3: every number tells whose it is, and which."""
    a, b = np.arange(7.0)[:, None], 10 + np.arange(3.0)[:, None]
    return UnpairedDataset(ArrayDataset({"x": a}, "a", "here", ("cut",)), ArrayDataset({"x": b}, "b", "there"))


def test_both_sets_are_in_a_batch_each_shuffled_by_itself(unpaired):
    assert len(unpaired) == 7 and (unpaired.name, unpaired.notes) == ("a-b", ("cut",))
    assert unpaired.source == "here, and unpaired there"
    assert unpaired.info == DataInfo({"a": (1,), "b": (1,)})
    order = unpaired.order(np.random.default_rng(0))
    batch = unpaired[order]
    a, b = batch.a.ravel(), batch.b.ravel()
    assert sorted(a) == list(range(7))
    assert sorted(b[:3]) == sorted(b[3:6]) == [10, 11, 12] and b[6] in (10, 11, 12)  # the smaller begins again
    assert a.tolist() != sorted(a) and b.tolist() != [10, 11, 12, 10, 11, 12, 10]
    again = unpaired.order(np.random.default_rng(1))
    assert (again != order).any(axis=0).all()
    # A part of an order is the same part of a batch.
    np.testing.assert_array_equal(unpaired[order[2:5]].b, batch.b[2:5])


def test_the_partner_of_a_sample_is_another_one_in_another_epoch():
    """Pairs that were shuffled together would be the same for good."""
    same = ArrayDataset({"x": np.arange(50)}, "d", "here")
    batch = UnpairedDataset(same, same)
    batch = batch[batch.order(np.random.default_rng(0))]
    assert (batch.a == batch.b).sum() < 10


def test_the_smaller_set_is_in_another_order_each_time_it_begins_again():
    many, few = (ArrayDataset({"x": np.arange(n)}, "d", "here") for n in (100, 20))
    column = UnpairedDataset(many, few).order(np.random.default_rng(0))[:, 1]
    rounds = {tuple(column[k : k + 20]) for k in range(0, 100, 20)}
    assert len(rounds) == 5 and all(sorted(order) == list(range(20)) for order in rounds)


def test_without_an_order_of_theirs_both_sets_are_as_they_are(unpaired):
    batch = unpaired[slice(1, 5)]
    assert batch.a.ravel().tolist() == [1, 2, 3, 4] and batch.b.ravel().tolist() == [11, 12, 10, 11]
    assert unpaired[[6, 0]].b.ravel().tolist() == [10, 10]


def test_the_fingerprint_of_two_sets_sees_both_and_which_is_which():
    one, two = points(), points()
    found = [UnpairedDataset(*pair).fingerprint for pair in ((one, two), (two, one), (one, one), (two, two))]
    assert len(set(found)) == 4 and UnpairedDataset(one, two).fingerprint == found[0]
