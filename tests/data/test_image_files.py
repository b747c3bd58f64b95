"""Folders and zips of images: what is found, in which order, and which pixel ends up where."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from drawings import draw_face, zip_of_faces
from PIL import Image

from minigan.data import DataError, load_images
from minigan.data.resize import crop_box

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 8, 10, 3), dtype=np.uint8)


def save(folder, name, array, **options):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(path, **options)
    return path


def zipped(folder, path, prefix=""):
    with zipfile.ZipFile(path, "w") as archive:
        files = [p for p in folder.rglob("*") if p.is_file()]
        for file in reversed(files):  # the order in the zip must not matter
            archive.write(file, prefix + file.relative_to(folder).as_posix())
    return path


@pytest.fixture
def folder(tmp_path):
    """Six images in three places, and what a Mac and a careless person leave beside them."""
    root = tmp_path / "pictures"
    for k, name in enumerate(["b/1.png", "a/2.PNG", "z.png", "a/10.png", "b/0.png", "a/c/5.bmp"]):
        save(root, name, RGB[k])
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "x.png").write_bytes(b"junk")
    (root / "a" / "._2.png").write_bytes(b"junk")
    (root / ".DS_Store").write_bytes(b"junk")
    (root / "read me.txt").write_text("no image")
    return root


ORDER = [3, 1, 5, 4, 0, 2]  # a/10.png a/2.PNG a/c/5.bmp b/0.png b/1.png z.png


def test_folder_is_read_in_the_order_of_the_names(folder):
    data = load_images(folder)
    np.testing.assert_array_equal(data.images, RGB[ORDER].transpose(0, 3, 1, 2))
    assert data.labels is None and data.name == "pictures"
    assert data.notes == ("1 file without an image's suffix was skipped.",)


@pytest.mark.parametrize("prefix", ["", "pictures/"])
def test_zip_equals_folder(folder, tmp_path, prefix):
    data = load_images(zipped(folder, tmp_path / "p.zip", prefix))
    np.testing.assert_array_equal(data.images, load_images(folder).images)
    assert data.fingerprint == load_images(folder).fingerprint and data.name == "p"
    assert data.notes == load_images(folder).notes


def test_size_and_channels_given_equal_those_found(folder):
    given = load_images(folder, size=(8, 10), channels=3)
    assert given.fingerprint == load_images(folder).fingerprint


# --- modes ---------------------------------------------------------------------------------------


def one(tmp_path, picture, name="x.png", size=None, channels=None, **options):
    save(tmp_path / "one", name, picture, **options)
    return load_images(tmp_path / "one", size, channels)


def test_grey_stays_grey(tmp_path):
    data = one(tmp_path, RGB[0, :, :, 0])
    np.testing.assert_array_equal(data.images[0, 0], RGB[0, :, :, 0])
    assert data.info.channels == 1
    colour = load_images(tmp_path / "one", channels=3)
    np.testing.assert_array_equal(colour.images[0], np.stack([RGB[0, :, :, 0]] * 3))
    assert colour.notes == ("1 of 1 image was grey and made colour.",)


def test_one_bit(tmp_path):
    bits = RGB[0, :, :, 0] > 127
    np.testing.assert_array_equal(one(tmp_path, bits).images[0, 0], bits * 255)


def test_colour_to_grey(tmp_path):
    data = one(tmp_path, RGB[0], channels=1)
    exact = RGB[0] @ [0.299, 0.587, 0.114]
    assert np.abs(data.images[0, 0] - exact).max() <= 0.51
    assert data.notes == ("1 of 1 image was made grey.",)


def test_one_coloured_image_among_grey_makes_all_colour(tmp_path):
    save(tmp_path, "a.png", RGB[0, :, :, 0])
    save(tmp_path, "b.png", RGB[1])
    save(tmp_path, "c.png", RGB[2, :, :, 0])
    data = load_images(tmp_path)
    np.testing.assert_array_equal(data.images[0, 2], RGB[0, :, :, 0])
    np.testing.assert_array_equal(data.images[1], RGB[1].transpose(2, 0, 1))


def on_white(colour, alpha):
    alpha = alpha[..., None] / 255 if colour.ndim == 3 else alpha / 255
    return colour * alpha + 255 * (1 - alpha)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_put_on_white(tmp_path, mode):
    alpha = RNG.integers(0, 256, (8, 10), dtype=np.uint8)
    alpha[0], alpha[1] = 0, 255
    colour = RGB[0] if mode == "RGBA" else RGB[0, :, :, 0]
    picture = Image.fromarray(np.dstack([colour, alpha]))
    assert picture.mode == mode
    data = one(tmp_path, picture)
    expected = on_white(colour, alpha)
    expected = expected.transpose(2, 0, 1) if mode == "RGBA" else expected[None]
    assert data.images[0].shape == expected.shape
    assert np.abs(data.images[0] - expected).max() <= 1
    assert (data.images[0][:, 0] == 255).all()  # fully transparent: white, whatever lies beneath
    assert data.notes == ("1 of 1 image was transparent in part and put on white.",)


def test_an_alpha_that_hides_nothing_is_not_worth_a_note(tmp_path):
    data = one(tmp_path, np.dstack([RGB[0], np.full((8, 10), 255, np.uint8)]))
    np.testing.assert_array_equal(data.images[0], RGB[0].transpose(2, 0, 1))
    assert data.notes == ()


@pytest.fixture
def palette():
    picture = Image.fromarray((np.arange(80, dtype=np.uint8) % 4).reshape(8, 10), "P")
    picture.putpalette([10, 20, 30, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    return picture


PALETTE = np.array([[10, 20, 30], [200, 0, 0], [0, 200, 0], [0, 0, 200]])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["x.png", "x.gif"])
def test_palette(tmp_path, palette, name):
    data = one(tmp_path, palette, name)
    np.testing.assert_array_equal(data.images[0].transpose(1, 2, 0), PALETTE[np.arange(80) % 4].reshape(8, 10, 3))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_palette_with_a_transparent_entry_even_when_cropped(tmp_path, palette):
    data = one(tmp_path, palette, transparency=2, size=8)
    expected = np.where(np.arange(4)[:, None] == 2, 255, PALETTE)[np.arange(80) % 4].reshape(8, 10, 3)[:, 1:9]
    np.testing.assert_array_equal(data.images[0].transpose(1, 2, 0), expected)


def test_rgb_with_a_transparent_colour(tmp_path):
    picture = RGB[0].copy()
    picture[0, 0] = 1, 2, 3
    data = one(tmp_path, picture, transparency=(1, 2, 3))
    assert data.images[0, :, 0, 0].tolist() == [255, 255, 255]
    assert data.images[0, :, 3, 3].tolist() == picture[3, 3].tolist()


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.pgm"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path, name):
    values = np.linspace(0, 65535, 80).astype(np.uint16).reshape(8, 10)
    data = one(tmp_path, values, name)
    np.testing.assert_array_equal(data.images[0, 0], np.rint(values / 257.0))
    assert data.info.channels == 1 and data.images.max() == 255
    cropped = load_images(tmp_path / "one", size=8, channels=3)
    np.testing.assert_array_equal(cropped.images[0, 1], np.rint(values[:, 1:9] / 257.0))


def test_cmyk(tmp_path):
    picture = Image.new("CMYK", (10, 8), (0, 255, 255, 0))
    data = one(tmp_path, picture, "x.tif")
    assert data.images[0, :, 0, 0].tolist() == [255, 0, 0]


def test_float_pixels_are_read_as_arrays_are(tmp_path):
    values = np.linspace(0, 1, 80, dtype="float32").reshape(8, 10)
    data = one(tmp_path, values, "x.tif")
    np.testing.assert_array_equal(data.images[0, 0], np.rint(values.astype("float64") * 255))
    assert "[0, 1]" in data.notes[0]


def test_32_bit_pixels_are_refused_unless_their_range_is_said(tmp_path):
    with pytest.raises(DataError, match="int32 from 0 to 70000 found, .*value_range"):
        one(tmp_path, np.array([[0, 70000]], np.int32), "x.tif")
    assert load_images(tmp_path / "one", value_range=(0, 70000)).images.ravel().tolist() == [0, 255]


# --- geometry ------------------------------------------------------------------------------------

# EXIF orientation -> what brings the stored pixels upright (from the standard's table)
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = UPRIGHT[orientation](RGB[0]).transpose(2, 0, 1)
    data = one(tmp_path, RGB[0], exif=exif)
    assert data.info.size == expected.shape[1:]
    np.testing.assert_array_equal(data.images[0], expected)


@pytest.mark.parametrize(
    "source, target, box",
    [
        ((8, 10), (8, 10), (0, 0, 10, 8)),
        ((8, 10), (4, 5), (0, 0, 10, 8)),  # same aspect: nothing is cut
        ((8, 10), (8, 8), (1, 0, 9, 8)),
        ((8, 11), (4, 4), (1, 0, 9, 8)),  # margin of 3: 1 left, 2 right
        ((10, 8), (64, 64), (0, 1, 8, 9)),
        ((218, 178), (64, 64), (0, 20, 178, 198)),  # CelebA
        ((100, 100), (32, 64), (0, 25, 100, 75)),
        ((10, 9), (3, 4), (0, 1, 9, 8)),  # 6.75 rows: 7
        ((9, 20), (4, 3), (6, 0, 13, 9)),  # 6.75 columns: 7
        ((1, 500), (64, 64), (249, 0, 250, 1)),
        ((500, 1), (1, 64), (0, 249, 1, 250)),  # never thinner than a pixel
    ],
)
def test_crop_box(source, target, box):
    assert crop_box(source, target) == box


def test_crop_without_resize_moves_pixels_and_changes_none(tmp_path):
    data = one(tmp_path, RGB[0], size=8)
    np.testing.assert_array_equal(data.images[0], RGB[0, :, 1:9].transpose(2, 0, 1))
    assert data.notes == ("1 of 1 image was centre-cropped and resized to 8×8 (found: 8×10, H×W).",)


def test_shrinking_averages_instead_of_skipping(tmp_path):
    """One-pixel stripes shrunk eight times must be mid-grey; picking pixels would give 0 or 255."""
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    data = one(tmp_path, stripes, size=8)
    assert data.images.min() > 120 and data.images.max() < 135


def test_height_and_width_are_not_swapped(tmp_path):
    picture = np.zeros((40, 20), np.uint8)
    picture[:20] = 255  # top half white
    data = one(tmp_path, picture, size=(20, 10))
    assert data.images.shape == (1, 1, 20, 10)
    assert (data.images[0, 0, :8] > 200).all() and (data.images[0, 0, 12:] < 50).all()


def test_images_and_arrays_are_fitted_alike(tmp_path):
    from minigan.data import load_arrays

    np.save(tmp_path / "a.npy", RGB)
    for k, image in enumerate(RGB):
        save(tmp_path / "f", f"{k}.png", image)
    for size in (None, 4, 16, (5, 9)):
        for channels in (1, 3):
            pictures = load_images(tmp_path / "f", size, channels)
            arrays = load_arrays(tmp_path / "a.npy", size, channels)
            assert pictures.fingerprint == arrays.fingerprint


# --- what is refused -----------------------------------------------------------------------------


def test_different_sizes_need_a_size(tmp_path):
    save(tmp_path, "a.png", RGB[0])
    save(tmp_path, "b.png", RGB[1, :6])
    with pytest.raises(DataError, match=r"a.png is 8×10 \(H×W\) and b.png is 6×10, one size needed"):
        load_images(tmp_path)
    data = load_images(tmp_path, size=6)
    assert data.notes == ("2 of 2 images were centre-cropped and resized to 6×6 (found: 6×10 to 8×10, H×W).",)


def damaged_png(kind):
    whole = io.BytesIO()
    Image.fromarray(RGB[0]).save(whole, "PNG")
    whole = whole.getvalue()
    return {
        "empty": b"",
        "text": b"not an image at all",
        "half": whole[: len(whole) // 2],
        "flipped": whole[:100] + bytes([whole[100] ^ 255]) + whole[101:],
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "text", "half", "flipped"])
@pytest.mark.parametrize("given", [dict(), dict(size=8, channels=3)])
@pytest.mark.parametrize("in_zip", [False, True])
def test_a_broken_image_is_named(folder, tmp_path, kind, given, in_zip):
    (folder / "b" / "1.png").write_bytes(damaged_png(kind))
    path = zipped(folder, tmp_path / "p.zip") if in_zip else folder
    with pytest.raises(DataError) as error:
        load_images(path, **given)
    message = str(error.value)
    assert message.startswith(f"{path}: b/1.png: " if in_zip else f"{path / 'b' / '1.png'}: ")
    assert "image" in message and "\n" not in message


def png_header(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [10_000, 50_000])  # Pillow warns about the first and refuses the second
def test_a_picture_that_would_fill_the_memory(tmp_path, side):
    (tmp_path / "x.png").write_bytes(png_header(side, side))
    with pytest.raises(DataError, match=r"x.png: \d+×\d+ pixels found, too many.*268,435,456 are allowed.*--max-bytes"):
        load_images(tmp_path, size=64, channels=3)


def test_a_zip_member_that_would_fill_the_memory(tmp_path):
    with zipfile.ZipFile(tmp_path / "p.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.png", bytes(1001))
    with pytest.raises(DataError, match="p.zip: x.png: .*1,001 bytes to be read from .*, at most 1,000 allowed"):
        load_images(tmp_path / "p.zip", size=8, channels=3, max_bytes=1000)


@pytest.mark.parametrize("names, found", [([], "nothing"), (["a.txt", "b.csv"], "a.txt, b.csv")])
def test_no_images(tmp_path, names, found):
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in names:
        (empty / name).write_text("x")
    for path in (empty, zipped(empty, tmp_path / "e.zip")):
        with pytest.raises(DataError, match=rf"{path.name}: no images: {found} found, .*\.png, .*\.jpg, .*needed"):
            load_images(path)


def test_zip_damaged_and_encrypted(tmp_path, folder):
    path = zipped(folder, tmp_path / "p.zip")
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(DataError, match="p.zip: not a zip file, or damaged"):
        load_images(path)
    locked = bytearray(whole)
    at = -1
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        while (at := locked.find(signature, at + 1)) >= 0:
            locked[at + flags] |= 1
    path.write_bytes(locked)
    with pytest.raises(DataError, match="p.zip: a/10.png: cannot be read from the zip .*encrypted"):
        load_images(path)


def test_missing_and_test_split(tmp_path):
    with pytest.raises(DataError, match="none.zip: no such file or folder"):
        load_images(tmp_path / "none.zip")
    with pytest.raises(DataError, match="images have no test split, 'train' needed"):
        load_images(tmp_path, split="test")


def test_pillow_missing_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(DataError, match="Pillow is not installed.*pip install pillow"):
        load_images(tmp_path)


# --- the real thing ------------------------------------------------------------------------------


def test_faces(tmp_path):
    """PNG and JPEG in one zip: each pixel as Pillow decodes it, and near what was drawn."""
    path = zip_of_faces(tmp_path / "faces64.zip", 60)
    data = load_images(path, size=64, channels=3)
    assert data.images.shape == (60, 3, 64, 64) and data.notes == () and data.name == "faces64"
    with zipfile.ZipFile(path) as archive:
        decoded = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in sorted(archive.namelist())]
    np.testing.assert_array_equal(data.images, np.stack(decoded).transpose(0, 3, 1, 2))
    drawn = np.stack([draw_face(k) for k in range(60)]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(data.images[::2], drawn[::2])
    lost = abs(data.images[1::2] - drawn[1::2].astype(float)).mean((1, 2, 3))
    assert 0 < lost.min() and lost.max() < 8  # JPEG keeps no pixel, but a face does not become another
