"""The pictures a run leaves: sample grids, an animation of them, and the loss curves.

Pillow and matplotlib are imported when a picture is made, not before.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigan.training.files import write_atomically

GAP = 2  # pixels between the images of a grid
SMALLEST = 48  # images smaller than this many pixels are enlarged, each pixel to a square


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Images (N, C, H, W) in [−1, 1] as bytes 0 … 255, rounded."""
    return np.clip(np.rint((np.asarray(images, "float32") + 1.0) * 127.5), 0, 255).astype("uint8")


def grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Images (N, C, H, W) in [−1, 1] side by side, as one picture of bytes (height, width, C)."""
    n, c, h, w = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (h + GAP) + GAP, columns * (w + GAP) + GAP, c), 127, "uint8")
    for i, image in enumerate(to_bytes(images)):
        top, left = GAP + (i // columns) * (h + GAP), GAP + (i % columns) * (w + GAP)
        sheet[top : top + h, left : left + w] = image.transpose(1, 2, 0)
    zoom = max(1, math.ceil(SMALLEST / min(h, w)))
    return sheet.repeat(zoom, 0).repeat(zoom, 1)


def save_png(path: Path, picture: np.ndarray) -> None:
    """Write a picture (height, width, 1 or 3) of bytes."""
    buffer = io.BytesIO()
    _image(picture).save(buffer, format="PNG")
    write_atomically(path, buffer.getvalue())


def save_gif(path: Path, pictures: Sequence[np.ndarray], seconds: float, last: float | None = None) -> None:
    """Write pictures of one size as an animation without end: each for `seconds`, the last one for `last`."""
    frames = [_image(p) for p in pictures]
    durations = [round(1000 * t) for t in [seconds] * (len(frames) - 1) + [last or seconds]]
    buffer = io.BytesIO()
    frames[0].save(buffer, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    write_atomically(path, buffer.getvalue())


def load_png(path: Path) -> np.ndarray:
    """A picture as bytes (height, width, 1 or 3)."""
    from PIL import Image

    with Image.open(path) as image:
        array = np.asarray(image.convert("L" if image.mode == "L" else "RGB"))
    return array[..., None] if array.ndim == 2 else array


def _image(picture: np.ndarray) -> Any:
    from PIL import Image

    return Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)


def save_loss_curves(path: Path, stats: Sequence[dict[str, Any]]) -> None:
    """Both losses, D's mean verdicts, and the gradient's norm at the border, over the steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    steps = [line["step"] for line in stats]
    figure = Figure(figsize=(8, 9), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 1, sharex=True)
    curves = [
        ("loss", {"loss_D": "D", "loss_G": "G"}),
        ("D's mean verdict", {"D_x": "on real images", "D_G_z": "on fakes"}),
        ("gradient's norm at the border", {"border_norm": "‖∂L_G/∂G(z)‖"}),
    ]
    for panel, (label, lines) in zip(panels, curves, strict=True):
        for (name, legend), colour in zip(lines.items(), ("#0072b2", "#d55e00"), strict=False):
            values = np.array([line[name] for line in stats], dtype=float)  # null, a gap in the curve, becomes NaN
            panel.plot(steps, values, label=legend, color=colour, linewidth=1.2)
        panel.set_ylabel(label)
        panel.grid(alpha=0.3)
        panel.legend(loc="best", frameon=False)
    panels[1].set_ylim(0, 1)
    panels[2].set_yscale("log")
    panels[2].set_xlabel("step")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomically(path, buffer.getvalue())
