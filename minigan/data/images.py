"""A folder or a zip of image files."""

from __future__ import annotations

import io
import math
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from minigan.data.dataset import ImageDataset, name_of
from minigan.data.decode import FORMATS, Decoded, decode, is_deep, natural_channels, upright_size
from minigan.data.errors import DataError, count, listed, unreadable
from minigan.data.reading import EXPANSION, ReadOptions, Size
from minigan.data.resize import mirrored, pillow, progress
from minigan.data.values import BYTES, Range, extremes, range_note, range_of
from minigan.files import open_file

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm",
)  # fmt: skip

# One picture is decoded at a time. A larger JPEG is decoded at a half, a quarter or an eighth of its size.
_PICTURE_BYTES = 256 * 2**20
_NAMED = 50  # broken images in one message


def load_images(
    path: str | os.PathLike[str], size: int | Size | None = None, channels: int | None = None, split: str = "train",
    **options: Any,
) -> ImageDataset:  # fmt: skip
    """Every image in a folder and its subfolders, or in a zip, in the order of their names.

    Each is turned upright (EXIF), centre-cropped to the aspect of `size`, resized to it, and made
    grey or colour. size None: the images must all have one size already. channels None: 3 if any
    image has colour, else 1. Transparent parts become white. Hidden files and `__MACOSX` are skipped.
    There are no labels and no test split. options: see `ReadOptions`.
    Raises DataError, naming all images that cannot be read.
    """
    asked = ReadOptions(size, channels, split, **options)
    path = Path(path)
    if split == "test":
        raise DataError(f"{path}: images have no test split, 'train' needed")
    files = _Files(path, asked)
    with files.zip or nullcontext(), _no_warnings():
        names = [name for name in files.names if _is_image(name)]
        if not names:
            idx = " or IDX files such as train-images-idx3-ubyte.gz" if path.is_dir() else ""
            raise DataError(
                f"{path}: no images: {listed(files.names)} found, names ending in {', '.join(SUFFIXES)}{idx} needed"
            )
        survey = _survey(files, names, asked)
        images, done = _decode_all(files, survey, asked.value_range or survey.deep_range, asked.value_range)
        if (
            not asked.value_range
            and done
            and (flat := range_of(np.dtype("uint8"), 0, images.max(), str(path))) != BYTES
        ):
            images, done = _decode_all(files, survey, None, flat)
            survey.notes.append(range_note(images.dtype, 0, float(flat[1]), flat))
        _check_broken(files, len(names), asked)
        notes = [*survey.notes, *_notes(done, survey, skipped=len(files.names) - len(names))]
        if files.broken:
            broken = listed(list(files.broken), _NAMED)
            notes.append(f"{len(files.broken)} of {count(len(names), 'image')} could not be read: {broken}.")
    return ImageDataset(mirrored(images, asked, notes), None, name_of(path), str(path), tuple(notes))


def has_images(folder: Path) -> bool:
    """Whether the folder or one below holds a file named like an image."""
    return any(_is_image(name) for name in _names_below(folder))


class _Files:
    """The files under a folder, or in a zip, which is read in memory: none is unpacked, so no name can lead astray.

    broken: the images that could not be read, and why."""

    def __init__(self, path: Path, asked: ReadOptions) -> None:
        self.path, self.asked = path, asked
        self.zip: zipfile.ZipFile | None = None
        self.broken: dict[str, str] = {}
        try:
            if path.is_dir():
                names = list(_names_below(path))
            else:
                open_file(path).close()  # a regular one
                self.zip = zipfile.ZipFile(path)
                names = [info.filename for info in self.zip.infolist() if not info.is_dir()]
        except OSError as error:
            raise unreadable(path, error) from None
        except zipfile.BadZipFile as error:
            raise DataError(f"{path}: not a zip file, or damaged ({error}), a zip of images needed") from None
        self.names = sorted(name for name in names if not _is_junk(name))

    def visit(self, names: list[str], doing: str, use: Callable[[str, Image.Image], None]) -> None:
        """Open each picture and `use` it; one with which that goes wrong is noted in `broken`."""
        for name in progress(names, len(names), doing):
            if name in self.broken:
                continue
            try:
                with _reasons(), self._open(name) as file, pillow().open(file, formats=FORMATS) as picture:
                    use(name, picture)
            except DataError as error:
                self.broken[name] = str(error)

    def shown(self, name: str) -> str:
        """What messages call an image."""
        return f"{self.path}: {name}" if self.zip else str(self.path / name)

    def bytes_of(self, name: str) -> int:
        """What its file takes on the disk."""
        return self.zip.getinfo(name).compress_size if self.zip else (self.path / name).stat().st_size

    def check_pixels(self, picture: Image.Image, name: str) -> bool:
        """Whether the picture, a JPEG, must be made smaller while it is decoded. DataError if it takes too much."""
        limit = self.asked.max_bytes or max(_PICTURE_BYTES, EXPANSION * self.bytes_of(name))
        needed = picture.width * picture.height * (4 if is_deep(picture) else len(picture.getbands()))
        if needed > limit * (64 if picture.format in ("JPEG", "MPO") else 1):
            pixels = f"{picture.width}×{picture.height} pixels found, too many"
            raise DataError(f"{pixels}: {needed:,} bytes, {limit:,} are allowed, and more with --max-bytes (max_bytes)")
        return needed > limit

    def _open(self, name: str) -> IO[bytes]:
        if not self.zip:
            return open_file(self.path / name)
        info = self.zip.getinfo(name)
        self.asked.check_bytes(info.file_size, info.compress_size, "its entry in the zip")
        try:
            return io.BytesIO(self.zip.read(name))
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            # RuntimeError: encrypted; NotImplementedError: a compression this Python lacks.
            raise DataError(f"cannot be read from the zip ({error})") from None


def _names_below(path: Path) -> Iterator[str]:
    """The files under a folder, by their path in it. Links to folders are followed, each folder once."""
    seen = set()
    for folder, below, files in os.walk(path, onerror=_raise, followlinks=True):
        place = os.stat(folder)
        if (place.st_dev, place.st_ino) in seen:
            below.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        below.sort()
        yield from ((Path(folder) / file).relative_to(path).as_posix() for file in files)


@dataclass
class _Survey:
    """What is known before decoding. names: of images that can be opened; deep_range: of those of more than 8 bits."""

    names: list[str]
    size: Size
    channels: int
    deep_range: Range | None = None
    notes: list[str] = field(default_factory=list)


def _survey(files: _Files, names: list[str], asked: ReadOptions) -> _Survey:
    """Size and channels, from the images' headers where the caller left them open, and the range of deep pixels."""
    found: dict[Size, str] = {}
    colour = 1
    deep: list[tuple[np.dtype, float, float]] = []  # kind, least and largest value of the images of more than 8 bits
    opened = []

    def look(name: str, picture: Image.Image) -> None:
        nonlocal colour
        files.check_pixels(picture, name)
        shown_size, channels = upright_size(picture), natural_channels(picture)
        if is_deep(picture) and not asked.value_range:
            pixels = np.asarray(picture)
            deep.append((pixels.dtype, *extremes(pixels, "its pixels")))
        found.setdefault(shown_size, name)
        colour = max(colour, channels)
        opened.append(name)

    files.visit(names, "looking at images", look)
    if not opened or not asked.skip_broken:
        _check_broken(files, len(names), asked)
    if asked.shape is None and len(found) > 1:
        (one, name), (other, other_name) = list(found.items())[:2]
        raise DataError(
            f"{files.path}: images of different sizes: {name} is {one[0]}×{one[1]} (H×W) and {other_name} "
            f"is {other[0]}×{other[1]}, one size needed; name the size they should have"
        )
    survey = _Survey(opened, asked.shape or next(iter(found)), asked.channels or colour)
    if deep:
        dtype, low, high = deep[0][0], min(d[1] for d in deep), max(d[2] for d in deep)
        survey.deep_range = range_of(dtype, low, high, str(files.path))
        survey.notes.append(range_note(dtype, low, high, survey.deep_range))
    on_disk = sum(files.bytes_of(name) for name in opened)
    asked.check_bytes(len(opened) * survey.channels * survey.size[0] * survey.size[1], on_disk, str(files.path))
    return survey


def _decode_all(
    files: _Files, survey: _Survey, deep: Range | None, flat: Range | None
) -> tuple[np.ndarray, list[Decoded]]:
    """The images, and what was done to each. deep, flat: the range of those of more than 8 bits, and of the others."""
    images = np.empty((len(survey.names), survey.channels, *survey.size), np.uint8)
    done: list[Decoded] = []

    def take(name: str, picture: Image.Image) -> None:
        too_large = files.check_pixels(picture, name)
        found = upright_size(picture)
        if too_large:
            picture.draft(picture.mode, (picture.width // 8, picture.height // 8))
        black_and_white = deep if is_deep(picture) else flat
        images[len(done)], what = decode(picture, survey.size, survey.channels, black_and_white)
        done.append(what._replace(found=found))

    files.visit(survey.names, "reading images", take)
    return images[: len(done)], done


def _check_broken(files: _Files, total: int, asked: ReadOptions) -> None:
    """Raise DataError for all images that could not be read, unless they may be skipped and there are others."""
    if not files.broken or asked.skip_broken and len(files.broken) < total:
        return
    broken = [f"{files.shown(name)}: {reason}" for name, reason in files.broken.items()]
    skip = "" if asked.skip_broken else "; --skip-broken (skip_broken) goes on without"
    if len(broken) == 1:
        raise DataError(f"{broken[0]}{skip}")
    raise DataError(f"{len(broken)} of {count(total, 'image')} cannot be read: {listed(broken, _NAMED)}{skip}")


@contextmanager
def _reasons() -> Iterator[None]:
    """Whatever goes wrong with a picture inside becomes a DataError that says why."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError("no such file or folder") from None
    except pillow().UnidentifiedImageError:
        raise DataError(f"not an image of the formats {', '.join(FORMATS)}, or a damaged one") from None
    except Exception as error:  # broken data makes Pillow's readers raise nearly anything
        reason = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
        raise DataError(f"broken image ({reason}), a whole one needed") from None


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Pillow says nothing of odd metadata, which are no concern of someone who trains on the pixels, and sets no limit
    of its own to the number of pixels: `check_pixels` does."""
    image: Any = pillow()
    before = image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            image.MAX_IMAGE_PIXELS = before


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _is_junk(name: str) -> bool:
    """Hidden files, among them macOS's `._x` doubles, and the folder macOS adds to its zips."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _raise(error: OSError) -> None:
    raise error


def _notes(done: list[Decoded], survey: _Survey, skipped: int) -> list[str]:
    """What was done to how many images, in sentences."""
    notes = []
    size = survey.size

    def note(number: int, what: str) -> None:
        if number:
            were = "was" if number == 1 else "were"
            notes.append(f"{number:,} of {count(len(done), 'image')} {were} {what}.")

    found = [what.found for what in done if what.found != size]
    if found:
        least, most = min(found, key=math.prod), max(found, key=math.prod)
        span = f"{least[0]}×{least[1]}" if least == most else f"{least[0]}×{least[1]} to {most[0]}×{most[1]}"
        note(len(found), f"centre-cropped and resized to {size[0]}×{size[1]} (found: {span}, H×W)")
    note(sum(what.transparent for what in done), "transparent in part and put on white")
    note(sum(what.recoloured for what in done), "made grey" if survey.channels == 1 else "grey and made colour")
    note(sum(what.several for what in done), "of several frames, of which the first was taken")
    if skipped:
        were = "was" if skipped == 1 else "were"
        notes.append(f"{count(skipped, 'file')} without an image's suffix {were} skipped.")
    return notes
