"""A folder or a zip of image files."""

from __future__ import annotations

import io
import math
import os
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import numpy as np

from minigan.data.dataset import ImageDataset, name_of
from minigan.data.decode import Decoded, decode, natural_channels, upright_size
from minigan.data.errors import DataError, count, listed, unreadable
from minigan.data.resize import Size, checked, pillow, progress

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
    size = checked(size, channels, split)
    path = Path(path)
    if split == "test":
        raise DataError(f"{path}: images have no test split, 'train' needed")
    files = _Files(path)
    with files.zip or nullcontext(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata is no concern of someone training on the pixels
        warnings.simplefilter("error", pillow().DecompressionBombWarning)  # up to twice the limit, Pillow only warns
        names = [name for name in files.names if name.lower().endswith(SUFFIXES)]
        if not names:
            idx = " or IDX files such as train-images-idx3-ubyte.gz" if path.is_dir() else ""
            raise DataError(
                f"{path}: no images: {listed(files.names)} found, names ending in {', '.join(SUFFIXES)}{idx} needed"
            )
        size, channels = _survey(files, names, size, channels)
        images = np.empty((len(names), channels, *size), np.uint8)
        done = []
        for k, name in enumerate(progress(names, len(names), "reading images")):
            with files.picture(name) as picture:
                images[k], what = decode(picture, size, channels)
            done.append(what)
        notes = _notes(done, size, channels, skipped=len(files.names) - len(names))
    return ImageDataset(images, None, name_of(path), str(path), notes)


class _Files:
    """The files under a folder, or in a zip, which is read in memory: none is unpacked, so no name can lead astray."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.zip: zipfile.ZipFile | None = None
        try:
            if path.is_dir():
                found = [Path(folder) / file for folder, _, files in os.walk(path, onerror=_raise) for file in files]
                names = [file.relative_to(path).as_posix() for file in found]
            else:
                self.zip = zipfile.ZipFile(path)
                names = [info.filename for info in self.zip.infolist() if not info.is_dir()]
        except OSError as error:
            raise unreadable(path, error) from None
        except zipfile.BadZipFile as error:
            raise DataError(f"{path}: not a zip file, or damaged ({error}), a zip of images needed") from None
        self.names = sorted(name for name in names if not _is_junk(name))

    @contextmanager
    def picture(self, name: str) -> Iterator[Image.Image]:
        shown = f"{self.path}: {name}" if self.zip else str(self.path / name)
        with _named(shown), self._open(name) as file, pillow().open(file) as picture:
            yield picture

    def _open(self, name: str) -> IO[bytes]:
        size = self.zip.getinfo(name).file_size if self.zip else (self.path / name).stat().st_size
        if size > _MAX_FILE_BYTES:
            raise DataError(f"{size:,} bytes found, at most {_MAX_FILE_BYTES:,} needed for one image")
        if not self.zip:
            return open(self.path / name, "rb")
        try:
            return io.BytesIO(self.zip.read(name))
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            # RuntimeError: encrypted; NotImplementedError: a compression this Python lacks.
            raise DataError(f"cannot be read from the zip ({error})") from None


def _survey(files: _Files, names: list[str], size: Size | None, channels: int | None) -> tuple[Size, int]:
    """Size and channels, from the images' headers where the caller left them open."""
    if size is not None and channels is not None:
        return size, channels
    found: dict[Size, str] = {}
    colour = 1
    for name in names:
        with files.picture(name) as picture:
            found.setdefault(upright_size(picture), name)
            colour = max(colour, natural_channels(picture))
    if size is None and len(found) > 1:
        (one, name), (other, other_name) = list(found.items())[:2]
        raise DataError(
            f"{files.path}: images of different sizes: {name} is {one[0]}×{one[1]} (H×W) and {other_name} "
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

    found = [what.found for what in done if what.found != size]
    if found:
        least, most = min(found, key=math.prod), max(found, key=math.prod)
        span = f"{least[0]}×{least[1]}" if least == most else f"{least[0]}×{least[1]} to {most[0]}×{most[1]}"
        note(len(found), f"centre-cropped and resized to {size[0]}×{size[1]} (found: {span}, H×W)")
    note(sum(what.transparent for what in done), "transparent in part and put on white")
    note(sum(what.recoloured for what in done), "made grey" if channels == 1 else "grey and made colour")
    if skipped:
        were = "was" if skipped == 1 else "were"
        notes.append(f"{count(skipped, 'file')} without an image's suffix {were} skipped.")
    return tuple(notes)
