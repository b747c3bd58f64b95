"""A folder or a zip of image files."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import numpy as np

from minigan.data.dataset import ImageDataset, name_of
from minigan.data.decode import Decoded, decode, natural_channels, upright_size
from minigan.data.errors import DataError, check_split, count, listed, unreadable
from minigan.data.progress import progress
from minigan.data.resize import Size, check_channels, check_size, pillow

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")

# No honest image file is larger; a zip can claim any number for a few bytes of its own.
_MAX_FILE_BYTES = 512 * 2**20


def load_images(
    path: str | os.PathLike[str], size: int | Size | None = None, channels: int | None = None, split: str = "train"
) -> ImageDataset:
    """Every image in a folder and its subfolders, or in a zip, in the order of their names.

    Each is turned upright (EXIF), centre-cropped to the aspect of `size`, resized to it, and made
    grey or colour. size None: the images must all have one size already. channels None: 3 if any
    image has colour, else 1. Transparent parts become white. Hidden files and `__MACOSX` are skipped.
    There are no labels and no test split.
    Raises DataError, naming the image, for one that cannot be read.
    """
    check_split(split)
    size, channels = check_size(size), check_channels(channels)
    path = Path(path)
    if split == "test":
        raise DataError(f"{path}: images have no test split, 'train' needed")
    archive = _Folder(path) if path.is_dir() else _Zip(path)
    with archive, _bombs_are_errors():
        names = sorted(name for name in archive.names if _is_image(name))
        if not names:
            idx = " or IDX files such as train-images-idx3-ubyte.gz" if path.is_dir() else ""
            raise DataError(
                f"{path}: no images: {listed(sorted(archive.names))} found, "
                f"names ending in {', '.join(SUFFIXES)}{idx} needed"
            )
        size, channels = _survey(archive, names, size, channels)
        images = np.empty((len(names), channels, *size), np.uint8)
        done = []
        for k, name in enumerate(progress(names, len(names), "reading images")):
            with archive.picture(name) as picture:
                result = decode(picture, size, channels)
            images[k] = result.pixels
            done.append(result._replace(pixels=images[k]))
        notes = _notes(done, size, channels, skipped=len(archive.names) - len(names))
    return ImageDataset(images, None, name_of(path), str(path), notes)


class _Folder:
    """The files under a folder, by their path relative to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = []
        try:
            for folder, _, files in os.walk(path, onerror=_raise):
                inside = Path(folder).relative_to(path)
                self.names += [(inside / file).as_posix() for file in files]
        except OSError as error:
            raise unreadable(path, error) from None
        self.names = [name for name in self.names if not _is_junk(name)]

    def __enter__(self) -> _Folder:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    @contextmanager
    def picture(self, name: str) -> Iterator[Image.Image]:
        with _named(str(self.path / name)), open(self.path / name, "rb") as file:
            _check_bytes(os.fstat(file.fileno()).st_size)
            with pillow().open(file) as picture:
                yield picture


class _Zip:
    """The files in a zip, read in memory: nothing is unpacked to disk, so no name can lead astray."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.zip = zipfile.ZipFile(path)
        except OSError as error:
            raise unreadable(path, error) from None
        except zipfile.BadZipFile as error:
            raise DataError(f"{path}: not a zip file, or damaged ({error}), a zip of images needed") from None
        files = [info.filename for info in self.zip.infolist() if not info.is_dir()]
        self.names = [name for name in files if not _is_junk(name)]

    def __enter__(self) -> _Zip:
        return self

    def __exit__(self, *_: object) -> None:
        self.zip.close()

    @contextmanager
    def picture(self, name: str) -> Iterator[Image.Image]:
        with _named(f"{self.path}: {name}"):
            _check_bytes(self.zip.getinfo(name).file_size)
            with pillow().open(self._bytes(name)) as picture:
                yield picture

    def _bytes(self, name: str) -> IO[bytes]:
        try:
            return io.BytesIO(self.zip.read(name))
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            # RuntimeError: encrypted; NotImplementedError: a compression this Python lacks.
            raise DataError(f"cannot be read from the zip ({error})") from None


def _survey(archive: _Folder | _Zip, names: list[str], size: Size | None, channels: int | None) -> tuple[Size, int]:
    """Size and channels, from the images' headers where the caller left them open."""
    if size is not None and channels is not None:
        return size, channels
    found: dict[Size, str] = {}
    colour = 1
    for name in names:
        with archive.picture(name) as picture:
            found.setdefault(upright_size(picture), name)
            colour = max(colour, natural_channels(picture))
    if size is None and len(found) > 1:
        (one, name), (other, other_name) = list(found.items())[:2]
        raise DataError(
            f"{archive.path}: images of different sizes: {name} is {one[0]}×{one[1]} (H×W) and {other_name} "
            f"is {other[0]}×{other[1]}, one size needed; name the size they should have"
        )
    return size or next(iter(found)), channels or colour


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Whatever goes wrong inside becomes one sentence that begins with the image's name."""
    image = pillow()
    try:
        yield
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    except (image.DecompressionBombError, image.DecompressionBombWarning):
        limit = f"at most {image.MAX_IMAGE_PIXELS:,} pixels needed"
        raise DataError(f"{name}: too many pixels to be an honest image, {limit}") from None
    except FileNotFoundError as error:
        raise unreadable(name, error) from None
    except image.UnidentifiedImageError:
        raise DataError(f"{name}: not an image Pillow can read, or a damaged one") from None
    except Exception as error:  # broken data makes Pillow's readers raise nearly anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{name}: broken image ({reason}), a whole one needed") from None


@contextmanager
def _bombs_are_errors() -> Iterator[None]:
    """Pillow only warns about a picture of up to twice its limit; here that is an error as well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata is no concern of someone training on the pixels
        warnings.simplefilter("error", pillow().DecompressionBombWarning)
        yield


def _check_bytes(found: int) -> None:
    if found > _MAX_FILE_BYTES:
        raise DataError(f"{found:,} bytes found, at most {_MAX_FILE_BYTES:,} needed for one image")


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _is_junk(name: str) -> bool:
    """Hidden files, among them macOS's `._x` doubles, and the folder macOS adds to its zips."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _raise(error: OSError) -> None:
    raise error


def _notes(done: list[Decoded], size: Size, channels: int, skipped: int) -> tuple[str, ...]:
    """What was done to how many images, in sentences."""
    notes = []

    def note(number: int, what: str) -> None:
        if number:
            were = "was" if number == 1 else "were"
            notes.append(f"{number:,} of {count(len(done), 'image')} {were} {what}.")

    found = [result.found for result in done if result.resized]
    if found:
        least, most = min(found, key=_area), max(found, key=_area)
        span = f"{least[0]}×{least[1]}" if least == most else f"{least[0]}×{least[1]} to {most[0]}×{most[1]}"
        note(len(found), f"centre-cropped and resized to {size[0]}×{size[1]} (found: {span}, H×W)")
    note(sum(result.transparent for result in done), "transparent in part and put on white")
    note(sum(result.recoloured for result in done), "made grey" if channels == 1 else "grey and made colour")
    if skipped:
        were = "was" if skipped == 1 else "were"
        notes.append(f"{count(skipped, 'file')} without an image's suffix {were} skipped.")
    return tuple(notes)


def _area(size: Size) -> int:
    return size[0] * size[1]
