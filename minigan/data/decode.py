"""One picture, in whatever mode its file has, as 8-bit grey or colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minigan.data.reading import Size
from minigan.data.resize import crop_box, pillow, resized
from minigan.data.values import BYTES, Range, to_bytes

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112  # the EXIF tag
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")

# The only formats that are read, whatever a file's name is: Pillow would start Ghostscript for PostScript.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM")


class Decoded(NamedTuple):
    """What was done to a picture, for the notes; found: its size."""

    found: Size
    transparent: bool
    recoloured: bool
    several: bool  # frames, of which the first was taken


def _orientation(picture: Image.Image) -> int:
    """1 to 8; 1, upright, also where the metadata are broken: the pixels are whole all the same."""
    if picture.format == "PNG":  # whose metadata may come after the pixels: what is wrong with these must be told
        picture.load()
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # odd metadata make Pillow's readers raise nearly anything
        return 1


def upright_size(picture: Image.Image) -> Size:
    """(H, W) as a viewer shows it: EXIF orientations 5 to 8 lie on their side. Reads the header only."""
    sideways = _orientation(picture) in (5, 6, 7, 8)
    return (picture.width, picture.height) if sideways else (picture.height, picture.width)


def _upright(picture: Image.Image) -> Image.Image:
    turn = pillow().Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT, 3: turn.ROTATE_180, 4: turn.FLIP_TOP_BOTTOM, 5: turn.TRANSPOSE,
        6: turn.ROTATE_270, 7: turn.TRANSVERSE, 8: turn.ROTATE_90,
    }  # fmt: skip
    how = turns.get(_orientation(picture))
    return picture if how is None else picture.transpose(how)


def is_deep(picture: Image.Image) -> bool:
    """Whether its pixels have more than 8 bits."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def natural_channels(picture: Image.Image) -> int:
    """1 for the grey modes, 3 for all others."""
    return 1 if picture.mode in ("1", "L", "LA", "La") or is_deep(picture) else 3


def decode(
    picture: Image.Image, size: Size, channels: int, black_and_white: Range | None = None
) -> tuple[np.ndarray, Decoded]:
    """uint8 (C, H, W): upright, centre-cropped to the aspect of `size`, on white where transparent, resized.

    black_and_white: the values that stand for them; None: 0 and 255. Raises whatever Pillow raises for bad data.
    """
    found = upright_size(picture)
    several = getattr(picture, "n_frames", 1) > 1
    recoloured = natural_channels(picture) != channels
    picture = _upright(picture)
    if (picture.height, picture.width) != size:
        picture = picture.crop(crop_box((picture.height, picture.width), size))
    picture, transparent = _opaque_8_bit(picture, black_and_white or BYTES)
    picture = resized(picture.convert("L" if channels == 1 else "RGB"), size)
    pixels = np.asarray(picture)
    pixels = pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
    return pixels, Decoded(found, transparent, recoloured, several)


def _opaque_8_bit(picture: Image.Image, black_and_white: Range) -> tuple[Image.Image, bool]:
    """The picture in an 8-bit mode without alpha, and whether any of it was transparent."""
    image = pillow()
    if is_deep(picture):
        return image.fromarray(to_bytes(np.asarray(picture), black_and_white)), False
    transparent = False
    if picture.mode in _ALPHA_MODES or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        transparent = bool(np.asarray(rgba.getchannel("A")).min() < 255)
        white = image.new("RGBA", rgba.size, (255, 255, 255, 255))
        picture = image.alpha_composite(white, rgba).convert("RGB")
    else:
        picture = picture.convert("L" if picture.mode in ("1", "L") else "RGB")  # P, CMYK, YCbCr, ...
    if black_and_white != BYTES:
        table = to_bytes(np.arange(256, dtype=np.uint8), black_and_white).tolist()
        picture = picture.point(table * len(picture.getbands()))
    return picture, transparent
