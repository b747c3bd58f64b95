"""Colour pictures to read and to learn from, drawn: faces of 64×64, no two alike, all alike in what matters."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

Y, X = (np.mgrid[:64, :64] - 31.5) / 32  # from -1, above and to the left, to 1
SKIN, HAIR, EYE, MOUTH, WALL = np.array(
    [[222, 170, 135], [70, 45, 30], [40, 60, 90], [190, 70, 80], [25, 45, 110]], "float64"
)


def draw_face(k: int) -> np.ndarray:
    """The kth face, (64, 64, 3) as bytes: before a wall, with hair, eyes and a mouth."""
    rng = np.random.default_rng(k)

    def colour(usual: np.ndarray) -> np.ndarray:
        return usual * rng.uniform(0.75, 1.1) + rng.normal(0, 8, 3)

    def ellipse(y: float, x: float, height: float, width: float) -> np.ndarray:
        return ((Y - top - y) / height) ** 2 + ((X - left - x) / width) ** 2 < 1

    top, left = rng.normal(0, 0.06, 2)
    height, width = rng.uniform(0.55, 0.7), rng.uniform(0.42, 0.52)
    picture = colour(WALL) * (1 - 0.3 * Y[:, :, None])  # brighter above
    picture[ellipse(-0.15, 0, height + 0.15, width + 0.15)] = colour(HAIR)
    picture[ellipse(0, 0, height, width)] = colour(SKIN)
    eyes = colour(EYE)
    for side in -0.2, 0.2:
        picture[ellipse(-0.1, side, 0.06, 0.09)] = eyes
    picture[ellipse(0.33, 0, rng.uniform(0.04, 0.09), rng.uniform(0.12, 0.22))] = colour(MOUTH)
    return (picture + rng.normal(0, 3, picture.shape)).clip(0, 255).astype(np.uint8)


def zip_of_faces(path: Path, n: int) -> Path:
    """Write the first n faces into a zip, in a folder of its own, PNG and JPEG by turns."""
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(n):
            file, (suffix, form) = io.BytesIO(), [("png", "PNG"), ("jpg", "JPEG")][k % 2]
            Image.fromarray(draw_face(k)).save(file, form)
            archive.writestr(f"faces/{k:05}.{suffix}", file.getvalue())
    return path
