"""One picture, in whatever mode its file has, as 8-bit grey or colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minigan.data.errors import DataError
from minigan.data.resize import Size, crop_box, pillow, resized

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112  # the EXIF tag
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")


class Decoded(NamedTuple):
    """What was done to a picture, for the notes; found: its size."""

    found: Size
    transparent: bool
    recoloured: bool


def upright_size(picture: Image.Image) -> Size:
    """(H, W) as a viewer shows it: EXIF orientations 5 to 8 lie on their side. Reads the header only."""
    sideways = picture.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
    return (picture.width, picture.height) if sideways else (picture.height, picture.width)


def natural_channels(picture: Image.Image) -> int:
    """1 for the grey modes, 3 for all others."""
    return 1 if picture.mode in ("1", "L", "LA", "La", "I", "F") or picture.mode.startswith("I;16") else 3


def decode(picture: Image.Image, size: Size, channels: int) -> tuple[np.ndarray, Decoded]:
    """uint8 (C, H, W): upright, centre-cropped to the aspect of `size`, on white where transparent, resized.

    Raises DataError for a mode that has no one way to 8 bits; and whatever Pillow raises for bad data.
    """
    from PIL import ImageOps

    recoloured = natural_channels(picture) != channels
    picture = ImageOps.exif_transpose(picture)
    found = picture.height, picture.width
    if found != size:
        picture = picture.crop(crop_box(found, size))
    picture, transparent = _opaque_8_bit(picture)
    picture = resized(picture.convert("L" if channels == 1 else "RGB"), size)
    pixels = np.asarray(picture)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1), Decoded(found, transparent, recoloured)


def _opaque_8_bit(picture: Image.Image) -> tuple[Image.Image, bool]:
    """The picture in an 8-bit mode without alpha, and whether any of it was transparent."""
    image = pillow()
    if picture.mode.startswith("I;16") or picture.mode == "I":
        values = np.asarray(picture)
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > 65535:
            raise DataError(f"32-bit pixels from {low} to {high} found, 0 to 65535 needed")
        # round(v · 255 / 65535). Pillow's own convert("L") would clip everything above 255 to white.
        return image.fromarray(((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)), False
    if picture.mode == "F":
        raise DataError("32-bit float pixels (mode F) found, 8-bit or 16-bit pixels needed")
    if picture.mode in _ALPHA_MODES or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        transparent = bool(np.asarray(rgba.getchannel("A")).min() < 255)
        white = image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return image.alpha_composite(white, rgba).convert("RGB"), transparent
    if picture.mode in ("1", "L"):
        return picture.convert("L"), False
    return picture.convert("RGB"), False  # P, CMYK, YCbCr, ...
