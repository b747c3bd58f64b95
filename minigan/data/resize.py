"""Make images fit the model: centre crop to its aspect, resize to its size, its number of channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from minigan.data.errors import DataError, count

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")
Size = tuple[int, int]  # (H, W), everywhere in this room

# ITU-R BT.601 luma in 16-bit fixed point, the same numbers as Pillow's convert("L"), so that a colour
# array and a colour PNG of the same pixels give the same grey. They add up to 65536: grey stays grey.
_LUMA = np.array([19595, 38470, 7471], dtype=np.uint32)


def pillow() -> ModuleType:
    """`PIL.Image`, imported on first use: MNIST, IDX files and arrays of the right size do without it."""
    try:
        from PIL import Image
    except ImportError:
        raise DataError(
            "Pillow is not installed and is needed to read and resize images; "
            "`pip install pillow` installs it (it also comes with matplotlib)"
        ) from None
    return Image


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """`items`, with a bar on stderr if that is a terminal and a second has gone by."""
    from tqdm import tqdm

    return iter(tqdm(items, total=total, desc=what, unit="img", disable=None, delay=1, leave=False))


def checked(size: int | Size | None, channels: int | None, split: str) -> Size | None:
    """The size as (H, W); None stays None. Raises DataError for what no reader can give."""
    if split not in ("train", "test"):
        raise DataError(f"split: {split!r} found, 'train' or 'test' needed")
    if channels not in (None, 1, 3):
        raise DataError(f"channels: {channels!r} found, 1 (grey) or 3 (colour) needed")
    if size is None:
        return None
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    whole = all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) and s >= 1 for s in pair)
    if len(pair) != 2 or not whole:
        raise DataError(f"size: {size!r} found, a whole number >= 1 or a pair (H, W) of them needed")
    return int(pair[0]), int(pair[1])


def crop_box(source: Size, target: Size) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the largest centred part of `source` with `target`'s aspect.

    Whole pixels; where the margin is odd, the extra row or column is cut at the bottom or the right.
    """
    h, w = source
    th, tw = target
    if w * th > h * tw:
        cut_h, cut_w = h, max(1, round(h * tw / th))
    else:
        cut_h, cut_w = max(1, round(w * th / tw)), w
    top, left = (h - cut_h) // 2, (w - cut_w) // 2
    return left, top, left + cut_w, top + cut_h


def resized(picture: Image.Image, size: Size) -> Image.Image:
    """An 8-bit grey or RGB picture resized to (H, W); one that has that size already comes back untouched.

    Shrinking uses Lanczos, which Pillow widens by the scale and so does not alias; enlarging uses
    bicubic, which rings less around hard edges such as those of digits.
    """
    if (picture.height, picture.width) == size:
        return picture
    resampling = pillow().Resampling
    shrinks = size[0] * size[1] < picture.height * picture.width
    return picture.resize((size[1], size[0]), resampling.LANCZOS if shrinks else resampling.BICUBIC)


def fit(images: np.ndarray, size: Size | None, channels: int | None) -> tuple[np.ndarray, list[str]]:
    """Images uint8 (N, C, H, W) at the size and channels asked for, and sentences saying what was done.

    Colour to grey is luma, (19595 R + 38470 G + 7471 B + 32768) // 65536; grey to colour repeats.
    """
    notes: list[str] = []
    if channels == 1 and images.shape[1] == 3:
        images = _grey(images)
        notes.append("Colour images were made grey (ITU-R 601 luma).")
    if size is not None and images.shape[2:] != size:
        images, note = _resize(images, size)
        notes.append(note)
    if channels == 3 and images.shape[1] == 1:  # last: repeated pixels need no resizing of their own
        images = np.repeat(images, 3, axis=1)
        notes.append("Grey images were repeated over three channels.")
    return images, notes


def _grey(images: np.ndarray) -> np.ndarray:
    out = np.empty((len(images), 1, *images.shape[2:]), np.uint8)
    for k in range(0, len(images), 1024):  # in parts: the 32-bit products are four times the images
        products = np.einsum("nchw,c->nhw", images[k : k + 1024].astype(np.uint32), _LUMA)
        out[k : k + 1024, 0] = (products + 32768) >> 16
    return out


def _resize(images: np.ndarray, size: Size) -> tuple[np.ndarray, str]:
    image = pillow()
    n, c, h, w = images.shape
    left, top, right, bottom = crop_box((h, w), size)
    cropped = images[:, :, top:bottom, left:right]
    out = np.empty((n, c, *size), np.uint8)
    for k, pixels in enumerate(progress(cropped, n, "resizing")):
        pixels = pixels[0] if c == 1 else pixels.transpose(1, 2, 0)
        fitted = np.asarray(resized(image.fromarray(np.ascontiguousarray(pixels)), size))
        out[k] = fitted if c == 1 else fitted.transpose(2, 0, 1)
    cut = cropped.shape[2:]
    crop = f"centre-cropped to {cut[0]}×{cut[1]} and " if cut != (h, w) else ""
    were = "was" if n == 1 else "were"
    return out, f"{count(n, 'image')} of {h}×{w} (H×W) {were} {crop}resized to {size[0]}×{size[1]}."
