"""Folders and files of images as they come from archives, cameras, scanners and other programs."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from minigan.data import DataError, ImageDataset, load

pytestmark = pytest.mark.host_only("files are read on the host")
GREY = np.random.default_rng(0).integers(0, 256, (5, 12, 9), dtype=np.uint8)
BITS = (GREY > 127).astype("uint8")


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape) + array.tobytes()


def saved(folder, pictures, suffix=".png", **options):
    folder.mkdir(exist_ok=True)
    for i, picture in enumerate(pictures):
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        image.save(folder / f"{i}{suffix}", **options)
    return folder


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


# --- values --------------------------------------------------------------------------------------

SMALL_RANGES = {"0 and 1": (BITS, 1), "0 to 15": (GREY >> 4, 15), "0 to 3": (GREY >> 6, 3), "0 to 63": (GREY >> 2, 63)}


@pytest.mark.parametrize("kind", ["npz", "png", "zip", "idx", "int64"])
@pytest.mark.parametrize("name", SMALL_RANGES)
def test_case_03_bytes_of_few_bits_are_scaled_and_that_is_said(tmp_path, name, kind):
    """GP-GAN#1, UDTransNet#12."""
    values, white = SMALL_RANGES[name]
    match kind:
        case "npz" | "int64":
            path = npz(tmp_path / "x.npz", images=values if kind == "npz" else values.astype(kind))
        case "idx":
            path = tmp_path
            (path / "train-images-idx3-ubyte").write_bytes(idx(values))
        case _:
            path = saved(tmp_path / "x", values)
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            for file in sorted(path.iterdir()):
                archive.write(file, file.name)
        path = tmp_path / "x.zip"
    data = load(path)
    np.testing.assert_array_equal(data.images[:, 0], np.rint(values * (255 / white)))
    assert any(f"[0, {white}]" in note and "--value-range" in note for note in data.notes)
    np.testing.assert_array_equal(load(path, value_range=(0, 255)).images[:, 0], values)


def test_case_03_dark_and_black_images_stay_as_they_are(tmp_path):
    for values in (GREY // 3, np.zeros_like(GREY)):
        data = load(npz(tmp_path / "x.npz", images=values))
        np.testing.assert_array_equal(data.images[:, 0], values)
        assert data.notes == ()


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["png", "tif", "npz"])
def test_case_04_the_depth_of_16_bit_values_is_guessed_over_the_whole_set(tmp_path, bits, kind):
    """pytorch-CycleGAN#321, vision#2218."""
    white = {9: 1023}.get(bits, 2**bits - 1)
    values = (np.linspace(0, 2**bits - 1, 5 * 12 * 9).reshape(5, 12, 9)).astype("uint16")
    path = npz(tmp_path / "x.npz", images=values) if kind == "npz" else saved(tmp_path / "x", values, f".{kind}")
    data = load(path)
    np.testing.assert_array_equal(data.images[:, 0], np.rint(values * (255 / white)))
    assert any(f"[0, {white}]" in note for note in data.notes)
    np.testing.assert_array_equal(load(path, value_range=(0, 65535)).images[:, 0], np.rint(values / 257))


def test_case_05_floats_that_overshoot_are_clipped_and_that_is_said(tmp_path):
    """vision#8216, Pillow#4783."""
    unit = GREY / 255.0
    sharp = np.clip(unit * 1.03 - 0.015, -0.015, 1.015)
    data = load(npz(tmp_path / "x.npz", images=sharp))
    np.testing.assert_array_equal(data.images[:, 0], np.rint(np.clip(sharp, 0, 1) * 255))
    assert "[0, 1], what is beyond clipped," in data.notes[0]
    signed = load(npz(tmp_path / "y.npz", images=sharp * 2 - 1))
    np.testing.assert_array_equal(signed.images, data.images)
    assert "[-1, 1], what is beyond clipped," in signed.notes[0]
    hundreds = load(npz(tmp_path / "z.npz", images=(sharp * 255).astype("float32")))
    np.testing.assert_array_equal(hundreds.images, data.images)
    assert "[0, 255]" in hundreds.notes[0]


def test_case_05_one_can_say_what_is_black_and_what_is_white(tmp_path):
    path = npz(tmp_path / "x.npz", images=GREY / 255.0 * 3 - 0.42)
    with pytest.raises(DataError, match="--value-range LOW HIGH"):
        load(path)
    np.testing.assert_array_equal(load(path, value_range=(-0.42, 2.58)).images[:, 0], GREY)
    for wrong in ((1, 1), (2, 1), (0, np.inf), (np.nan, 1)):
        with pytest.raises(DataError, match="value range"):
            load(path, value_range=wrong)


# --- folders -------------------------------------------------------------------------------------


def test_case_06_links_to_folders_are_followed_once(tmp_path):
    """vision PR#1580, datasets#6853."""
    real = tmp_path / "real"
    for name in ("a", "b"):
        saved(real / name if (real.mkdir(exist_ok=True) or True) else real, GREY)
    data = tmp_path / "data"
    data.mkdir()
    saved(data / "own", GREY[:2])
    (data / "a").symlink_to(real / "a")
    (data / "b").symlink_to(real / "b")
    (data / "circle").symlink_to(data)
    (data / "b again").symlink_to(real / "b")
    assert len(load(data)) == 12
    (tmp_path / "link").symlink_to(data)
    assert len(load(tmp_path / "link")) == 12


def test_case_20_a_folder_called_as_the_file_beside_it_is_no_file(tmp_path):
    """The archive of MNIST on Kaggle."""
    (tmp_path / "train-images-idx3-ubyte").mkdir()
    (tmp_path / "train-images-idx3-ubyte" / "train-images-idx3-ubyte").write_bytes(idx(GREY))
    (tmp_path / "train-images.idx3-ubyte").write_bytes(idx(GREY))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(np.arange(5, dtype="uint8")))
    data = load(tmp_path)
    np.testing.assert_array_equal(data.images[:, 0], GREY)
    assert data.labels.tolist() == [0, 1, 2, 3, 4]
    assert len(load(tmp_path / "train-images-idx3-ubyte")) == 5


def test_case_20_idx_files_one_and_two_levels_below(tmp_path):
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(idx(GREY))
    for folder in (tmp_path / "data", tmp_path / "data" / "MNIST", raw):
        np.testing.assert_array_equal(load(folder).images[:, 0], GREY)
    other = tmp_path / "data" / "FashionMNIST" / "raw"
    other.mkdir(parents=True)
    (other / "train-images-idx3-ubyte").write_bytes(idx(GREY))
    with pytest.raises(DataError, match=r"several folders.*FashionMNIST.*MNIST"):
        load(tmp_path / "data")
    saved(tmp_path / "data" / "pictures", GREY[:2])
    assert len(load(tmp_path / "data")) == 2  # a folder of images, whatever else lies below


def exif(orientation=None, broken=b""):
    data = Image.Exif()
    if orientation is not None:
        data[0x0112] = orientation
    return data.tobytes() + broken


BROKEN_EXIF = {
    "cut": exif(6)[:12],
    "noise": b"Exif\0\0MM\0*\0\0\0\x08" + bytes(range(200, 256)),
    "text as orientation": exif(6).replace(b"\x01\x12\x00\x03", b"\x01\x12\x00\x02"),
    "an orientation of 99": exif(99),
    "no TIFF": b"Exif\0\0nothing of use",
    "empty": b"Exif\0\0",
    "an endless chain": b"Exif\0\0II*\0\x08\0\0\0\x00\x00\x08\0\0\0",
}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("name", BROKEN_EXIF)
def test_case_25_odd_metadata_do_not_spoil_whole_pixels(tmp_path, name, suffix):
    """Pillow#8605, pilkit PR#12."""
    lossless = {} if suffix == ".png" else {"quality": 95}
    folder = saved(tmp_path / "x", GREY[:1], suffix, exif=BROKEN_EXIF[name], **lossless)
    data = load(folder, channels=1)
    with Image.open(folder / f"0{suffix}") as picture:
        expected = np.asarray(picture.convert("L"))
    np.testing.assert_array_equal(data.images[0, 0], expected)


def test_case_25_an_orientation_that_is_whole_is_still_followed(tmp_path):
    folder = saved(tmp_path / "x", GREY[:1], ".png", exif=exif(6))
    np.testing.assert_array_equal(load(folder).images[0, 0], np.rot90(GREY[0], -1))


LABELS = {
    "many at once": (np.eye(14, dtype="uint8")[:5] + np.eye(14, k=3, dtype="uint8")[:5], None, "left out"),
    "one-hot": (np.eye(7)[[3, 1, 4, 1, 5]], [3, 1, 4, 1, 5], "One-hot labels of 7"),
    "names": (np.array(["cat", "dog", "ape", "dog", "cat"]), [1, 2, 0, 2, 1], "3 names"),
    "bytes": (np.array([b"b", b"a", b"b", b"a", b"b"]), [1, 0, 1, 0, 1], "2 names"),
    "whole floats": (np.array([3.0, 1, 4, 1, 5]), [3, 1, 4, 1, 5], ""),
    "numbers": (np.array([0.5, 1, 2, 3, 4]), None, "left out"),
    "boxes": (np.zeros((5, 4, 2)), None, "left out"),
    "a column": (np.array([[3], [1], [4], [1], [5]]), [3, 1, 4, 1, 5], ""),
}


@pytest.mark.parametrize("name", LABELS)
def test_case_27_labels_of_any_form_do_not_keep_the_images_from_being_read(tmp_path, name):
    """MedMNIST#53."""
    labels, expected, note = LABELS[name]
    data = load(npz(tmp_path / "x.npz", train_images=GREY, train_labels=labels))
    assert data.labels is None if expected is None else data.labels.tolist() == expected
    assert note in " ".join(data.notes)


def test_case_28_all_broken_images_are_named_at_once(tmp_path):
    """lightweight-gan#109."""
    folder = saved(tmp_path / "x", GREY)
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:60])
    (folder / "3.png").write_bytes(b"")
    (folder / "notes.jpg").write_text("no image")
    for given in ({}, {"size": 8, "channels": 1}):
        with pytest.raises(DataError) as error:
            load(folder, **given)
        message = str(error.value)
        assert message.startswith("3 of 6 images cannot be read") and "--skip-broken" in message
        assert all(name in message for name in ("1.png", "3.png", "notes.jpg")) and "\n" not in message
        data = load(folder, skip_broken=True, **given)
        assert len(data) == 3
        assert any("3 of 6 images could not be read: " in note and "1.png" in note for note in data.notes)
    np.testing.assert_array_equal(load(folder, skip_broken=True).images[:, 0], GREY[[0, 2, 4]])


def test_case_28_nothing_but_broken_images_is_an_error_all_the_same(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    for skip in (False, True):
        with pytest.raises(DataError, match=r"a\.png"):
            load(tmp_path, skip_broken=skip)


def test_case_31_a_gzip_file_of_several_members(tmp_path):
    """zlib#984."""
    raw = idx(GREY)
    for cuts in ((1,), (16,), (20, 300), (len(raw),)):
        ends = (0, *cuts, len(raw))
        members = b"".join(gzip.compress(raw[a:b]) for a, b in zip(ends, ends[1:], strict=False))
        (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(members)
        np.testing.assert_array_equal(load(tmp_path).images[:, 0], GREY)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(raw) + gzip.compress(b"more"))
    with pytest.raises(DataError, match="bytes after its end"):
        load(tmp_path)


def test_case_32_a_phone_picture_of_108_megapixels(tmp_path):
    """detectron2#1221."""
    side = np.linspace(0, 255, 12_000, dtype="uint8")
    Image.fromarray(np.broadcast_to(side, (9_000, 12_000))).convert("RGB").save(tmp_path / "a.jpg")
    data = load(tmp_path, size=(9, 12))
    np.testing.assert_allclose(data.images[0, 0, 4], np.linspace(255 / 24, 255 - 255 / 24, 12), atol=3)
    assert "9000×12000" in data.notes[0]


def test_case_32_a_limit_that_one_can_set(tmp_path):
    Image.new("RGB", (300, 200), (200, 100, 50)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"300×200 pixels found, too many: 180,000 bytes, 100,000 are allowed"):
        load(tmp_path, size=8, max_bytes=100_000)
    Image.new("RGB", (300, 200), (200, 100, 50)).save(tmp_path / "a.png")
    assert load(tmp_path, size=8, max_bytes=180_000).images[0, :, 0, 0].tolist() == [200, 100, 50]
    (tmp_path / "a.png").unlink()
    Image.new("RGB", (300, 200), (200, 100, 50)).save(tmp_path / "a.jpg")
    large = load(tmp_path, size=8, max_bytes=100_000)  # decoded at an eighth of its size
    np.testing.assert_allclose(large.images[0, :, 4, 4], [200, 100, 50], atol=4)
    assert "200×300" in large.notes[0]


@pytest.mark.parametrize("suffix", [".gif", ".png", ".tif", ".webp"])
def test_case_33_several_frames_are_noted(tmp_path, suffix):
    """MMInstruct#4, napari#3745."""
    frames = [Image.fromarray(g) for g in GREY[:3]]
    options = {"lossless": True} if suffix == ".webp" else {}
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], **options)
    frames[0].save(tmp_path / f"b{suffix}", **options)
    data = load(tmp_path, channels=1)
    np.testing.assert_array_equal(data.images[0, 0], GREY[0])
    assert any("1 of 2 images was of several frames" in note for note in data.notes)


# --- what is no file, and what would do harm -----------------------------------------------------


def not_regular(path, kind):
    match kind:
        case "a pipe":
            os.mkfifo(path)
        case "a device":
            path.symlink_to("/dev/zero")
        case "a link to itself":
            path.symlink_to(path.name)
        case "nothing":
            path.symlink_to("nowhere")


@pytest.mark.parametrize("kind", ["a pipe", "a device", "a link to itself", "nothing"])
@pytest.mark.parametrize("name", ["x.npz", "x.npy", "x.zip", "x/a.png", "x/train-images-idx3-ubyte"])
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this system's file system")
def test_case_38_only_regular_files_are_read(tmp_path, name, kind):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    not_regular(path, kind)
    with pytest.raises(DataError) as error:
        load(path if path.parent == tmp_path else path.parent)
    assert "\n" not in str(error.value)


def test_case_38_a_tilde_may_be_part_of_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    npz("~x.npz", images=GREY)
    assert len(load("~x.npz")) == 5
    with pytest.raises(DataError, match="no such data set"):
        load("~nosuchuser/x")


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("name", ["a.png", "a.eps.jpg", "a.tif"])
@pytest.mark.parametrize("zipped", [False, True])
def test_case_42_no_reader_starts_a_program(tmp_path, name, zipped, monkeypatch):
    """A PostScript file with an image's name: Pillow would start Ghostscript on it."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for program in ("gs", "gswin32c", "gswin64c"):
        (programs / program).write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        (programs / program).chmod(0o700)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / name).write_bytes(EPS)
    if zipped:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.write(folder / name, name)
    with pytest.raises(DataError, match="not an image of the formats PNG"):
        load(tmp_path / "x.zip" if zipped else folder)
    assert not (tmp_path / "started").exists()


def png(width, height, mode=2):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, mode, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def lying(claim, real, name):
    """A zip whose entry claims another size than it has."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, real)
    raw = bytearray(buffer.getvalue())
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = raw.find(signature)
        raw[start + at : start + at + 4] = struct.pack("<I", claim)
    return bytes(raw)


def npy(shape, data=b"", dtype="|u1"):
    text = (str({"descr": dtype, "fortran_order": False, "shape": shape}) + "\n").encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def zeros(header, count):
    """A zip of an honest array of zeros: 1,000 times smaller than it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as file:
            file.write(header)
            for _ in range(count // 2**24):
                file.write(bytes(2**24))
    return buffer.getvalue()


GIGABYTE = (2**20, 32, 32)
THREE = bytes([0, 0, 8, 3]) + struct.pack(">III", 3 * 2**20, 32, 32)
BOMBS = {
    "an honest npz of a gigabyte of zeros": ("x.npz", lambda: zeros(npy(GIGABYTE), 2**30)),
    "a gzip file that claims three": ("train-images-idx3-ubyte.gz", lambda: gzip.compress(THREE)),
    "an npz whose array claims much": ("y.npz", lambda: lying(200, npy((2**40, 28, 28)), "images.npy")),
    "labels of a gigabyte": ("z.npz", None),
    "a zip entry that claims little": ("a.zip", lambda: lying(1000, bytes(10_000_000), "a.png")),
    "a zip entry that claims much": ("b.zip", lambda: lying(2**32 - 2, bytes(1000), "a.png")),
    "a picture of 88 megapixels in a few bytes": ("a.png", lambda: png(9_400, 9_400, 6)),
    "a picture of a line of two billion": ("b.png", lambda: png(2**31 - 1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_case_43_sizes_are_checked_before_and_while_reading(tmp_path, name):
    import tracemalloc

    file, make = BOMBS[name]
    if make is None:
        with zipfile.ZipFile(tmp_path / file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.npy", npy(GREY.shape, GREY.tobytes()))
            archive.writestr("labels.npy", npy((2**31,), b"", "<i8"))
    else:
        (tmp_path / file).write_bytes(make())
    path = tmp_path if file.endswith((".png", "ubyte.gz")) else tmp_path / file
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as error:
            load(path, size=16)
        assert tracemalloc.get_traced_memory()[1] < 30 * 2**20
    finally:
        tracemalloc.stop()
    assert "\n" not in str(error.value)


def test_case_43_an_honest_large_file_is_read(tmp_path):
    """What lies on the disk uncompressed may be as large as it is; and what compresses well, if it is allowed."""
    np.save(tmp_path / "x.npy", np.full((20, 28, 28), 200, "uint8"))
    assert len(load(tmp_path / "x.npy", max_bytes=None)) == 20
    np.savez_compressed(tmp_path / "x.npz", images=np.full((500, 28, 28), 200, "uint8"))
    with pytest.raises(DataError, match="--max-bytes"):
        load(tmp_path / "x.npz", max_bytes=392_127)
    assert len(load(tmp_path / "x.npz", max_bytes=392_128)) == 500


# --- what is asked for ---------------------------------------------------------------------------


def test_mirrored_images_keep_their_colours(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (5, 3, 12, 9), dtype=np.uint8)
    images = load(npz(tmp_path / "x.npz", images=colour), flip=True).images
    np.testing.assert_array_equal(images, np.concatenate([colour, colour[..., ::-1]]))


@pytest.mark.parametrize("kind", ["npz", "folder", "idx"])
def test_flip_adds_each_image_mirrored(tmp_path, kind):
    labels = np.arange(5, dtype="uint8")
    if kind == "npz":
        path = npz(tmp_path / "x.npz", images=GREY, labels=labels)
    elif kind == "folder":
        path = saved(tmp_path / "x", GREY)
    else:
        path = tmp_path
        (path / "train-images-idx3-ubyte").write_bytes(idx(GREY))
        (path / "train-labels-idx1-ubyte").write_bytes(idx(labels))
    data = load(path, flip=True)
    np.testing.assert_array_equal(data.images[:, 0], np.concatenate([GREY, GREY[..., ::-1]]))
    assert data.labels is None if kind == "folder" else data.labels.tolist() == [0, 1, 2, 3, 4] * 2
    assert data.notes[-1] == "Each image was also mirrored, left to right: 10 in all."


def test_mirrored_digits_have_the_labels_of_their_own():
    digits, mirrored = load("mnist", split="test"), load("mnist", split="test", flip=True)
    np.testing.assert_array_equal(mirrored.images[len(digits) :], digits.images[..., ::-1])
    np.testing.assert_array_equal(mirrored.labels, np.tile(digits.labels, 2))


def test_a_key_names_the_array_of_images(tmp_path):
    path = npz(tmp_path / "x.npz", faces=GREY, ids=np.arange(5))
    with pytest.raises(DataError, match=r"faces, ids found.*--key"):
        load(path)
    assert isinstance(data := load(path, key="faces"), ImageDataset) and len(data) == 5
    with pytest.raises(DataError, match="nose needed"):
        load(path, key="nose")
