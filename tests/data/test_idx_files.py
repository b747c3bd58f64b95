"""IDX files and folders of them."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigan.data import DataError, load_idx_folder, read_idx
from minigan.data.idx import idx_key, parse_idx


def zip_(raw, level=9):
    return gzip.compress(raw, level, mtime=0)  # no time stamp: test names and bytes stay the same


def idx(array, kind=8):
    array = np.asarray(array, np.uint8)
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 6), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


@pytest.fixture
def write(tmp_path):
    def write(name, data):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@settings(derandomize=True, deadline=None)
@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=4), zipped=st.booleans(), seed=st.integers(0, 99))
def test_round_trip(shape, zipped, seed):
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    raw = zip_(idx(array)) if zipped else idx(array)
    got = parse_idx(raw, "x")
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("shape", [(70_000, 1, 2), (1, 70_000, 2), (1, 2, 70_000), (70_000,)])
def test_lengths_are_of_32_bits(shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(parse_idx(idx(array), "x"), array)


@settings(derandomize=True, deadline=None)
@given(cut=st.integers(0, len(idx(IMAGES)) - 1), zipped=st.booleans())
def test_every_truncation_is_seen(cut, zipped):
    raw = idx(IMAGES)[:cut]
    with pytest.raises(DataError, match=f"^x: truncated: {cut} bytes found, .*needed"):
        parse_idx(zip_(raw) if zipped else raw, "x")


@settings(derandomize=True, deadline=None, max_examples=200)
@given(cut=st.integers(0, len(zip_(idx(IMAGES))) - 1))
def test_every_truncation_of_the_gzip_file_is_seen(cut):
    with pytest.raises(DataError, match="^x: (truncated|not an IDX file)"):
        parse_idx(zip_(idx(IMAGES))[:cut], "x")


@settings(derandomize=True, deadline=None, max_examples=300)
@given(raw=st.binary(max_size=60), prefix=st.sampled_from([b"", b"\x1f\x8b", b"\0\0\x08\x03", b"\0\0\x08\x01"]))
def test_no_bytes_raise_anything_else(raw, prefix):
    try:
        parse_idx(prefix + raw, "x")
    except DataError:
        pass


def test_truncated_says_what_the_header_needs(write):
    path = write("a", idx(IMAGES)[:-7])
    with pytest.raises(DataError) as error:
        read_idx(path)
    assert str(error.value) == f"{path}: truncated: 129 bytes found, 136 needed by its header (5×4×6)"
    path = write("a.gz", zip_(idx(IMAGES)[:-7]))
    with pytest.raises(DataError) as error:
        read_idx(path)
    assert str(error.value) == f"{path}: truncated: 129 bytes found, 136 needed by its header (5×4×6)"


def test_a_header_that_lies_about_a_giant_does_not_eat_the_memory():
    raw = bytes([0, 0, 8, 3]) + b"\xff" * 12 + b"abc"
    for data, message in ((raw, "truncated: 19 bytes found"), (zip_(raw), "bytes to be read from .*--max-bytes")):
        with pytest.raises(DataError, match=message):
            parse_idx(data, "x")


def test_a_gzip_bomb_is_not_inflated_to_its_end():
    bomb = zip_(idx(LABELS) + bytes(200_000_000), level=1)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="bytes after its end: more than 13 bytes found, 13 needed"):
            parse_idx(bomb, "x")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def _flipped_checksum(raw):
    return raw[:-8] + bytes([raw[-8] ^ 1]) + raw[-7:]


@pytest.mark.parametrize(
    "raw, ndim, message",
    [
        (idx(LABELS) + b"\0", 1, r"bytes after its end: 14 bytes found, 13 needed by its header \(5\)"),
        (zip_(idx(LABELS)) + b"zz", 1, "bytes after its end: 2 found behind its gzip data"),
        (zip_(idx(LABELS))[:-1], 1, "truncated: its gzip data ends before its checksum"),
        (_flipped_checksum(zip_(idx(LABELS))), 1, r"gzip data is corrupt \(incorrect data check\)"),
        (b"\x1f\x8bnonsense", 1, "gzip data is corrupt"),
        (b"\x89PNG\r\n\x1a\n", 3, "not an IDX file: it starts with 89 50 4e 47, 00 00 08"),
        (idx(IMAGES, kind=0x0D), 3, r"type 0d \(float32\) found, 08 \(uint8\) needed"),
        (idx(LABELS), 3, "1 dimension found, 3 needed for grey images"),
        (idx(IMAGES), 1, "3 dimensions found, 1 needed for labels"),
        (b"", 3, "truncated: 0 bytes found"),
        (idx(IMAGES)[:9], 3, "truncated: 9 bytes found, 16 needed for its header alone"),
    ],
)
def test_damaged(write, raw, ndim, message):
    path = write("file", raw)
    with pytest.raises(DataError, match=message) as error:
        read_idx(path, ndim)
    assert str(error.value).startswith(f"{path}: ")


def test_missing(tmp_path):
    with pytest.raises(DataError, match="none: no such file or folder"):
        read_idx(tmp_path / "none")
    with pytest.raises(DataError, match="none: no such file or folder"):
        load_idx_folder(tmp_path / "none")


@pytest.mark.parametrize(
    "images, labels",
    [
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters-train-labels-idx1-ubyte.gz"),
    ],
)
def test_spellings(write, tmp_path, images, labels):
    for name, array in ((images, IMAGES), (labels, LABELS)):
        write(name, zip_(idx(array)) if name.endswith(".gz") else idx(array))
    data = load_idx_folder(tmp_path)
    np.testing.assert_array_equal(data.images[:, 0], IMAGES)
    assert data.labels.tolist() == LABELS.tolist()
    assert data.source.endswith(images)
    assert bool(data.notes) == images.startswith("emnist")


@pytest.mark.parametrize("test_name", ["t10k-images-idx3-ubyte", "test-images-idx3-ubyte"])
def test_splits_are_not_mixed_up(write, tmp_path, test_name):
    write("train-images-idx3-ubyte", idx(IMAGES))
    write("train-labels-idx1-ubyte", idx(LABELS))
    write(test_name, idx(IMAGES[:2]))
    write("._train-images-idx3-ubyte", b"junk that macOS leaves")
    assert len(load_idx_folder(tmp_path)) == 5
    test = load_idx_folder(tmp_path, split="test")
    assert len(test) == 2 and test.labels is None


def test_plain_wins_over_its_own_gz(write, tmp_path):
    write("train-images-idx3-ubyte.gz", zip_(idx(IMAGES[:1])))
    write("train-images-idx3-ubyte", idx(IMAGES))
    assert len(load_idx_folder(tmp_path)) == 5


def test_size_and_channels(write, tmp_path):
    write("train-images-idx3-ubyte", idx(IMAGES))
    data = load_idx_folder(tmp_path, size=(4, 4), channels=3)
    np.testing.assert_array_equal(data.images, np.repeat(IMAGES[:, None, :, 1:5], 3, axis=1))
    assert "centre-cropped to 4×4" in data.notes[0]


def test_label_count(write, tmp_path):
    write("train-images-idx3-ubyte", idx(IMAGES))
    path = write("train-labels-idx1-ubyte", idx(LABELS[:4]))
    with pytest.raises(DataError) as error:
        load_idx_folder(tmp_path)
    assert str(error.value) == (f"{path}: 4 labels found, 5 needed, one for each image of train-images-idx3-ubyte")


def test_split_not_there(write, tmp_path):
    write("train-images-idx3-ubyte", idx(IMAGES))
    message = "no IDX images of the test split: train-images-idx3-ubyte found, t10k-images-idx3-ubyte.* needed"
    with pytest.raises(DataError, match=message):
        load_idx_folder(tmp_path, split="test")


def test_two_data_sets_in_one_folder(write, tmp_path):
    write("emnist-letters-train-images-idx3-ubyte", idx(IMAGES))
    write("emnist-digits-train-images-idx3-ubyte", idx(IMAGES))
    with pytest.raises(DataError, match="more than one data set: emnist-digits.*, emnist-letters"):
        load_idx_folder(tmp_path)


def test_no_images(write, tmp_path):
    write("train-images-idx3-ubyte", idx(np.zeros((0, 28, 28))))
    with pytest.raises(DataError, match="no images: 0×28×28 found"):
        load_idx_folder(tmp_path)


@pytest.mark.parametrize("name", ["train-images.txt", "idx3-ubyte", "train-images-idx3-ubyte.gz.part", "a.png"])
def test_other_names_are_not_idx(name):
    assert idx_key(name) is None


def test_corrupt_byte_in_the_middle_is_never_silent():
    whole = zip_(idx(np.zeros((3, 28, 28))))
    for k in range(10, len(whole) - 8):
        raw = whole[:k] + bytes([whole[k] ^ 0x55]) + whole[k + 1 :]
        with pytest.raises(DataError):
            parse_idx(raw, "x")
    assert zlib.decompress(whole, 31) == idx(np.zeros((3, 28, 28)))
