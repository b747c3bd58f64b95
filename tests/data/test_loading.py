"""`load`: the right reader for what lies at a path, and a helpful sentence where nothing does."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from PIL import Image

from minigan.data import DataError, load

GREY = np.random.default_rng(0).integers(0, 256, (5, 8, 10), dtype=np.uint8)


@pytest.fixture
def house(tmp_path):
    """The same five images in every form that `load` takes."""
    for form in ("pictures", "idx"):
        (tmp_path / form).mkdir()
    for k, image in enumerate(GREY):
        Image.fromarray(image).save(tmp_path / "pictures" / f"{k}.png")
    header = bytes([0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 10])
    (tmp_path / "idx" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + GREY.tobytes()))
    (tmp_path / "idx" / "preview.png").write_bytes(b"an IDX folder stays one")
    np.save(tmp_path / "a.npy", GREY)
    np.savez(tmp_path / "A.NPZ", images=GREY)
    (tmp_path / "A.NPZ.npz").rename(tmp_path / "A.NPZ")
    import zipfile

    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for k in range(5):
            archive.write(tmp_path / "pictures" / f"{k}.png", f"{k}.png")
    return tmp_path


@pytest.mark.parametrize("name", ["pictures", "idx", "a.npy", "A.NPZ", "p.zip"])
def test_every_form_gives_the_same_images(house, name):
    for spec in (house / name, str(house / name)):
        np.testing.assert_array_equal(load(spec).images[:, 0], GREY)
    data = load(house / name, size=4, channels=3)
    assert data.images.shape == (5, 3, 4, 4)
    assert data.fingerprint == load(house / "a.npy", 4, 3).fingerprint


def test_mnist_by_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert load("MNIST", split="test").notes == ()
    (tmp_path / "mnist").mkdir()
    data = load("mnist", split="test")
    assert len(data) == 10000 and "./mnist" in data.notes[-1]
    with pytest.raises(DataError, match="mnist: no images: nothing found, names ending in .*IDX files"):
        load("./mnist/")
    with pytest.raises(DataError, match="mnist: no images"):
        load(tmp_path / "mnist")


@pytest.mark.parametrize("spec", ["mnsit", "minst", "Mnits", "mnist1"])
def test_a_slip_of_the_keyboard(spec):
    with pytest.raises(DataError) as error:
        load(spec)
    message = str(error.value)
    assert message.startswith(f"{spec}: no such data set, file or folder; 'mnist', 'paired-digits', ")
    assert "'moons', a folder of IDX files, an .npz" in message
    assert message.endswith("needed; did you mean 'mnist'?")


def test_a_slip_in_a_path(house):
    with pytest.raises(DataError) as error:
        load(house / "pictuers")
    assert str(error.value).endswith(f"did you mean {str(house / 'pictures')!r}?")
    with pytest.raises(DataError) as error:
        load(house / "something else")
    assert "did you mean" not in str(error.value)


@pytest.mark.parametrize(
    "spec, message",
    [
        ("", "data: an empty name found, 'mnist', .* a folder"),
        ("notes.txt", "a file ending in '.txt' found, 'mnist', .* a folder of IDX files, an .npz or .npy file"),
        ("plain", "a file without a suffix found"),
        ("pictures/0.png", "one image found, the folder that holds it needed: .*pictures"),
        ("idx/train-images-idx3-ubyte.gz", "one IDX file found, the folder that holds it needed: .*idx"),
        ("x" * 5000, "cannot be read|no such"),
    ],
)
def test_refused(house, monkeypatch, spec, message):
    monkeypatch.chdir(house)
    for name in ("notes.txt", "plain"):
        (house / name).write_text("x")
    with pytest.raises(DataError, match=message):
        load(spec)


@pytest.mark.parametrize("name", ["pictures", "idx", "a.npy", "A.NPZ", "p.zip"])
def test_no_split_is_passed_off_as_another(house, name):
    with pytest.raises(DataError, match="no .*test split|of the test split"):
        load(house / name, split="test")
    with pytest.raises(DataError, match="split: 'val' found"):
        load(house / name, split="val")
