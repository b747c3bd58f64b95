"""The embedded MNIST: it is the real one, and an altered one is refused."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import time

import numpy as np
import pytest

import minigan.data.mnist as mnist
from minigan.data import DataError, load, load_mnist


@pytest.fixture(scope="module")
def train():
    return load_mnist()


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package's folder that a test may damage."""
    folder = tmp_path / "mnist"
    shutil.copytree(mnist.FOLDER, folder)
    monkeypatch.setattr(mnist, "FOLDER", folder)
    return folder


def test_training_set_is_the_known_one(train):
    assert train.images.shape == (60000, 1, 28, 28)
    assert train.images.dtype == np.uint8
    assert (train.info.channels, train.info.size, len(train), train.name) == (1, (28, 28), 60000, "mnist")
    counts = np.bincount(train.labels).tolist()
    assert counts == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert train.images.mean() == pytest.approx(255 * 0.1306604762738429, rel=1e-12)
    assert train.notes == ()
    assert "Burges" in train.source and "CC BY-SA 3.0" in train.source


def test_test_set_is_another_one():
    test = load("mnist", split="test")
    assert test.images.shape == (10000, 1, 28, 28)
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_contents_are_the_original_idx_bytes():
    """The gzip wrapping is not that of the original downloads, so compare the MD5s of what is inside."""
    known = {
        "train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
    }
    for name, md5 in known.items():
        assert hashlib.md5(gzip.decompress((mnist.FOLDER / name).read_bytes())).hexdigest() == md5


def test_readme_lists_the_checksums_that_the_code_uses():
    text = (mnist.FOLDER / "README.md").read_text(encoding="utf-8")
    for name, sha256 in mnist.SHA256.items():
        assert f"| `{name}` | `{sha256}` |" in text
    assert "Attribution-ShareAlike 3.0" in text


def test_orientation_and_polarity(train):
    """Digits are white on black, and a 7 has its bar at the top: catches inverted or transposed images."""
    sevens = train.images[train.labels == 7, 0].mean(axis=0)
    assert sevens[0].max() == 0
    assert sevens[7:10].sum() > 1.5 * sevens[17:20].sum()
    ones = train.images[train.labels == 1, 0].mean(axis=0)
    assert (ones.mean(axis=1) > 10).sum() > (ones.mean(axis=0) > 10).sum()  # tall, not wide


def test_one_altered_byte_is_refused(copy):
    path = copy / "train-labels-idx1-ubyte.gz"
    data = bytearray(path.read_bytes())
    data[4] ^= 1  # the time stamp in the gzip header: contents the same, file not
    path.write_bytes(data)
    with pytest.raises(DataError) as error:
        load_mnist()
    message = str(error.value)
    assert str(path) in message and "altered" in message
    assert hashlib.sha256(data).hexdigest() in message and mnist.SHA256[path.name] in message
    assert len(load_mnist("test")) == 10000  # the other split is whole


def test_a_missing_file_says_so(copy):
    (copy / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte.gz: no such file.*reinstall"):
        load_mnist("test")


def test_resized_and_coloured():
    data = load_mnist("test", size=32, channels=3)
    assert data.images.shape == (10000, 3, 32, 32)
    assert (data.images[:, 0] == data.images[:, 2]).all()
    assert data.notes == (
        "10,000 images of 28×28 (H×W) were resized to 32×32.",
        "Grey images were repeated over three channels.",
    )


def test_loading_is_fast():
    start = time.perf_counter()
    load_mnist().fingerprint  # noqa: B018
    assert time.perf_counter() - start < 3  # 0.2 s on an idle machine


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(split="val"), "split: 'val' found, 'train' or 'test' needed"),
        (dict(size=0), "size: 0 found"),
        (dict(size=(28, 28, 1)), r"size: \(28, 28, 1\) found"),
        (dict(size=28.0), "size: 28.0 found"),
        (dict(channels=4), r"channels: 4 found, 1 \(grey\) or 3 \(colour\) needed"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(DataError, match=message):
        load_mnist(**arguments)
