"""`.npy` and `.npz` files: shapes, values, keys, damage."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minigan.data import DataError, load_arrays
from minigan.data.resize import crop_box

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 8, 10), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (5, 3, 8, 10), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5])


@pytest.fixture
def npy(tmp_path):
    def npy(array, name="a.npy"):
        np.save(tmp_path / name, array)
        return tmp_path / name

    return npy


@pytest.fixture
def npz(tmp_path):
    def npz(*arrays, name="a.npz", **named):
        np.savez_compressed(tmp_path / name, *arrays, **named)
        return tmp_path / name

    return npz


@pytest.mark.parametrize(
    "stored, expected",
    [
        (GREY, GREY[:, None]),
        (GREY[:, None], GREY[:, None]),
        (GREY[..., None], GREY[:, None]),
        (COLOUR, COLOUR),
        (COLOUR.transpose(0, 2, 3, 1), COLOUR),
        (np.asfortranarray(COLOUR), COLOUR),
        (GREY[:1], GREY[:1, None]),
        (GREY[:, :8, :8].reshape(5, 64), GREY[:, None, :8, :8]),
    ],
    ids=["NHW", "N1HW", "NHW1", "NCHW", "NHWC", "fortran", "one", "flat"],
)
def test_shapes(npy, stored, expected):
    data = load_arrays(npy(stored))
    np.testing.assert_array_equal(data.images, expected)
    assert data.labels is None and data.notes == () and data.name == "a"


@pytest.mark.parametrize(("key", "width"), [("x", 2), ("samples", 4)])
def test_points_as_they_are_with_their_labels(npz, key, width):
    """Any values. Four floats under another name are a flat image of 2×2, and two are one if that is asked for."""
    points = RNG.normal(0, 9, (5, width))
    data = load_arrays(npz(**{key: points}, y=LABELS[:, None]))
    batch = data[:]
    np.testing.assert_array_equal(batch.x, points.astype("float32"))
    np.testing.assert_array_equal(batch.y, LABELS)
    assert data.info.classes == 6 and data.name == "a"
    with pytest.raises(DataError, match=f"{key}: points found, images needed for flip: leave it out"):
        load_arrays(npz(**{key: points}), flip=True)
    assert load_arrays(npz(x=RNG.random((5, 4)))).images.shape == (5, 1, 2, 2)
    assert load_arrays(npz(x=RNG.random((5, 2))), size=(1, 2)).images.shape == (5, 1, 1, 2)


def test_flat_images_of_the_size_asked_for(npy):
    np.testing.assert_array_equal(load_arrays(npy(GREY.reshape(5, 80)), size=(8, 10)).images, GREY[:, None])


@pytest.mark.parametrize(
    "shape, message",
    [
        ((5, 80), "flat images of 80 values found, a square number such as 784 = 28×28 needed"),
        ((8, 10, 3), r"shape \(8, 10, 3\) could be one image or many"),
        ((3, 8, 8), r"shape \(3, 8, 8\) could be one image or many"),
        ((5, 3, 8, 3), r"shape \(5, 3, 8, 3\) could be \(N, C, H, W\) or \(N, H, W, C\)"),
        ((5, 8, 8, 4), r"shape \(5, 8, 8, 4\) found, \(N, H, W\)"),
        ((5, 2, 8, 8), r"shape \(5, 2, 8, 8\) found.*C 1 or 3"),
        ((5,), r"shape \(5,\) found"),
        ((), r"shape \(\) found"),
        ((5, 1, 1, 8, 8), r"shape \(5, 1, 1, 8, 8\) found"),
        ((0, 8, 8), r"no images: shape \(0, 8, 8\) found"),
        ((0,), r"no images: shape \(0,\) found"),
    ],
)
def test_shapes_refused(npy, shape, message):
    path = npy(np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match=message) as error:
        load_arrays(path)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floats_come_back_as_the_bytes_they_were(npy, dtype):
    """Every byte value, through [0, 1] and [-1, 1]. float16 near 1 is 2^-11 apart, finer than 1/255."""
    x = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    for span, y in (("[0, 1]", x / 255), ("[-1, 1]", x / 127.5 - 1)):
        data = load_arrays(npy(y.astype(dtype)))
        np.testing.assert_array_equal(data.images[0], x)
        assert f"were read as {span}" in data.notes[0]


def test_floats_in_parts(npy):
    """More than the 1024 images that are converted at a time."""
    x = RNG.integers(0, 256, (2500, 4, 2), dtype=np.uint8)
    np.testing.assert_array_equal(load_arrays(npy((x / 255).astype("float32"))).images[:, 0], x)


def test_a_little_over_one_is_rounding(npy):
    y = np.full((2, 4, 4), 1 + 1e-6)
    assert load_arrays(npy(y)).images.min() == 255


@pytest.mark.parametrize(
    "array, message",
    [
        (GREY.astype("float32") - 100, r"float32 from -100 to 155 found, whole numbers, or float in .*value_range"),
        (GREY / 255 * 3 - 0.42, "float64 from -0.42 to 2.58 found"),
        (GREY / 255 * 2, "float64 from 0 to 2 found"),
        (GREY / 255 * 2 - 1.5, "float64 from -1.5 to 0.5 found"),
        (np.where(GREY == GREY[0, 0, 0], np.nan, 0.5), "values that are NaN or infinite found"),
        (np.full((2, 4, 4), np.inf), "32 values that are NaN or infinite found"),
        (GREY.astype("int64") - 100, "int64 from -100 to 155 found, whole numbers"),
        (GREY.astype("int64") * 999, "int64 from 0 to 254745 found, whole numbers"),
        (GREY.astype("complex64"), "values of complex64 found"),
        (np.array([["abcd"[i] for i in range(4)]]), "values of <U1 found, whole numbers"),
        (np.zeros(3, [("a", "u1")]), "plain numbers needed"),
    ],
)
def test_values_refused(npy, array, message):
    with pytest.raises(DataError, match=message):
        load_arrays(npy(array))


class Trap:
    """Unpickling this calls `fired`."""

    def __reduce__(self):
        return fire, ()


FIRED = []


def fire():
    FIRED.append(1)
    return 0


def test_nothing_is_unpickled(npy, npz):
    trap = np.array([Trap(), Trap()], dtype=object)
    for path in (npy(trap), npz(images=trap), npz(images=GREY, labels=trap)):
        with pytest.raises(DataError, match="Python objects found, plain numbers needed"):
            load_arrays(path)
    assert not FIRED
    with pytest.raises(ValueError):  # proves that the trap is one: it sits in the file as a pickle
        np.load(npy(trap), allow_pickle=False)
    np.load(npy(trap), allow_pickle=True)
    assert FIRED


@pytest.mark.parametrize("images", ["images", "x", "x_train", "arr_0", "train_images"])
@pytest.mark.parametrize("labels", ["labels", "y", "y_train", "train_labels", None])
def test_keys(npz, images, labels):
    named = {images: GREY} | ({labels: LABELS} if labels else {})
    data = load_arrays(npz(**named))
    np.testing.assert_array_equal(data.images[:, 0], GREY)
    assert data.labels is None if labels is None else data.labels.tolist() == LABELS.tolist()
    assert data.source.endswith(f"a.npz: {images}")


def test_of_several_usual_names_the_first_of_the_readers_is_taken_whatever_the_order_in_the_file(npz):
    images, labels = ("x_train", "train_images", "images", "x", "arr_0"), ("y_train", "train_labels", "labels", "y")
    for k in range(5):
        named = {name: GREY + i for i, name in enumerate(images) if i >= k}
        told = {name: LABELS + i for i, name in enumerate(labels) if i >= k}
        for order in (1, -1):
            data = load_arrays(npz(**dict([*named.items(), *told.items()][::order])))
            np.testing.assert_array_equal(data.images[:, 0], GREY + k)
            assert data.labels is None if k == 4 else data.labels.tolist() == (LABELS + k).tolist()


def test_keras_splits(npz):
    path = npz(x_train=GREY, y_train=LABELS, x_test=GREY[:2], y_test=LABELS[3:])
    assert load_arrays(path).labels.tolist() == [3, 1, 4, 1, 5]
    test = load_arrays(path, split="test")
    np.testing.assert_array_equal(test.images[:, 0], GREY[:2])
    assert test.labels.tolist() == [1, 5]


def test_labels_in_a_column(npz):
    assert load_arrays(npz(images=GREY, labels=LABELS[:, None])).labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    "named, split, message",
    [
        (dict(faces=GREY, ids=LABELS), "train", "no images of the train split: keys faces, ids found, x_train or"),
        (dict(images=GREY), "test", "no images of the test split: keys images found, x_test or test_images needed"),
        (dict(images=GREY, labels=LABELS[:4]), "train", "labels: 4 labels found, 5 needed, one an image"),
    ],
)
def test_npz_refused(npz, named, split, message):
    path = npz(**named)
    with pytest.raises(DataError, match=message) as error:
        load_arrays(path, split=split)
    assert str(error.value).startswith(f"{path}: ")


def test_npy_has_no_test_split(npy):
    with pytest.raises(DataError, match="one array has no test split, an .npz with x_test needed"):
        load_arrays(npy(GREY), split="test")


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, GREY.nbytes + 127))
def test_every_truncation_of_npy_is_seen(tmp_path, cut):
    whole = io.BytesIO()
    np.save(whole, GREY)
    assert len(whole.getvalue()) == GREY.nbytes + 128
    path = tmp_path / "a.npy"
    path.write_bytes(whole.getvalue()[:cut])
    with pytest.raises(DataError) as error:
        load_arrays(path)
    if cut >= 128:
        expected = f"{path}: truncated: {cut - 128} bytes found, 400 needed by its header (5, 8, 10)"
        assert str(error.value) == expected


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["a.npy", "a.npz"]))
def test_damage_raises_nothing_else(tmp_path, data, name):
    whole = io.BytesIO()
    np.save(whole, GREY[:, :2, :2]) if name == "a.npy" else np.savez_compressed(whole, x=GREY, y=LABELS)
    raw = bytearray(whole.getvalue())
    for k in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=3)):
        raw[k] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw)
    try:
        load_arrays(path)
    except DataError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)


def test_a_limit_in_bytes_is_of_the_array_in_memory(npy, npz):
    for path in (npy(GREY), npz(images=GREY)):
        np.testing.assert_array_equal(load_arrays(path, max_bytes=528).images[:, 0], GREY)  # an npz has headers too
        with pytest.raises(DataError, match=r"bytes to be read from [\d,]+ on the disk, at most 399 allowed"):
            load_arrays(path, max_bytes=399)
    load_arrays(npy(GREY), max_bytes=400)


def test_bytes_after_the_end(npy):
    path = npy(GREY)
    path.write_bytes(path.read_bytes() + b"xy")
    with pytest.raises(DataError, match="bytes after its end: more than 400 bytes found, 400 needed"):
        load_arrays(path)


def test_a_header_with_negative_sides(npy):
    """(-5, -8, 10) multiplies to the 400 bytes that are there."""
    path = npy(GREY)
    path.write_bytes(path.read_bytes().replace(b"(5, 8, 10), }  ", b"(-5, -8, 10), }"))
    with pytest.raises(DataError, match=r"its header says \(-5, -8, 10\)"):
        load_arrays(path)


def test_npz_truncated_or_not_one(npz, tmp_path):
    path = npz(images=GREY)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"a.npz: damaged or unreadable \(File is not a zip file\)"):
        load_arrays(path)
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("images.npy", b"not numpy")
    with pytest.raises(DataError, match="b.npz: images: not NumPy data, or damaged"):
        load_arrays(tmp_path / "b.npz")


def test_missing_and_folder(tmp_path):
    with pytest.raises(DataError, match="none.npy: no such file or folder"):
        load_arrays(tmp_path / "none.npy")
    with pytest.raises(DataError, match="cannot be read"):
        load_arrays(tmp_path)


def test_resize_crops_the_centre_and_averages(npy):
    """40×20 to 10×10: rows 10 to 29 remain; a constant image stays constant, an edge stays where it is."""
    images = np.zeros((2, 40, 20), np.uint8)
    images[0, 10:30] = 200
    images[1, :, 10:] = 255
    data = load_arrays(npy(images), size=10)
    assert data.images.shape == (2, 1, 10, 10)
    assert (data.images[0] == 200).all()
    left, right = data.images[1, 0, :, :4], data.images[1, 0, :, 6:]
    assert (left < 30).all() and (right > 225).all()  # Lanczos rings a little beside an edge
    assert data.notes == ("2 images of 40×20 (H×W) were centre-cropped to 20×20 and resized to 10×10.",)


def test_colour_to_grey_is_luma_and_keeps_grey(npy):
    pure = np.zeros((3 + 1, 3, 5, 5), np.uint8)
    for c in range(3):
        pure[c, c] = 255
    pure[3] = 77
    data = load_arrays(npy(pure), channels=1)
    assert data.images[:, 0, 0, 0].tolist() == [76, 150, 29, 77]
    assert data.notes == ("Colour images were made grey (ITU-R 601 luma).",)


def test_grey_luma_equals_pillows(npy):
    from PIL import Image

    data = load_arrays(npy(COLOUR), channels=1)
    for k, image in enumerate(COLOUR):
        pillows = np.asarray(Image.fromarray(image.transpose(1, 2, 0).copy()).convert("L"))
        np.testing.assert_array_equal(data.images[k, 0], pillows)


def test_more_images_than_are_made_grey_at_a_time(npy):
    colour = RNG.integers(0, 256, (2050, 3, 1, 2), dtype=np.uint8)
    exact = np.einsum("nchw,c->nhw", colour.astype(int), [19595, 38470, 7471]) + 32768 >> 16
    np.testing.assert_array_equal(load_arrays(npy(colour), channels=1).images[:, 0], exact)


@pytest.mark.parametrize("size, way", [((16, 20), "BICUBIC"), ((9, 10), "BICUBIC"), ((4, 5), "LANCZOS")])
@pytest.mark.parametrize("images", [GREY[:, None], COLOUR], ids=["grey", "colour"])
def test_resizing_is_pillows_sharp_where_it_shrinks_and_soft_where_it_enlarges(npy, images, size, way):
    from PIL import Image

    data = load_arrays(npy(images), size=size)
    left, top, right, bottom = crop_box((8, 10), size)
    for ours, stored in zip(data.images, images, strict=True):
        cut = stored[:, top:bottom, left:right]
        pillows = [Image.fromarray(c.copy()).resize(size[::-1], getattr(Image.Resampling, way)) for c in cut]
        np.testing.assert_array_equal(ours, np.stack([np.asarray(p) for p in pillows]))


def test_grey_to_colour_repeats_after_resizing(npy):
    data = load_arrays(npy(GREY[:, :8, :8]), size=16, channels=3)
    grey = load_arrays(npy(GREY[:, :8, :8]), size=16)
    np.testing.assert_array_equal(data.images, np.repeat(grey.images, 3, axis=1))
