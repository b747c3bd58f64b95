"""The pictures a run leaves: sample grids, an animation of them, and the loss curves."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from minigan.training.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

GAP = 2  # pixels between the images of a grid
SMALLEST = 48  # images smaller than this many pixels are enlarged, each pixel to a square


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Images (N, C, H, W) in [−1, 1] as bytes 0 … 255, rounded."""
    return np.clip(np.rint((np.asarray(images, "float32") + 1.0) * 127.5), 0, 255).astype("uint8")


def grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Images (N, C, H, W) in [−1, 1] side by side, as one picture of bytes (height, width, C). columns: how many are in
    a row; None makes as many rows."""
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
    _save(path, lambda file: _image(picture).save(file, format="PNG"))


def save_gif(path: Path, pictures: Sequence[np.ndarray], seconds: float, last: float | None = None) -> None:
    """Write pictures of one size as an animation without end: each for `seconds`, the last one for `last`."""
    frames = [_image(p) for p in pictures]
    durations = [round(1000 * t) for t in [seconds] * (len(frames) - 1) + [last or seconds]]
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": durations, "loop": 0}
    _save(path, lambda file: frames[0].save(file, format="GIF", **options))


def load_png(path: Path) -> np.ndarray:
    """A picture as bytes (height, width, 1 or 3)."""
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as image:
        return np.atleast_3d(np.asarray(image.convert("L" if image.mode == "L" else "RGB")))


def _image(picture: np.ndarray) -> Image.Image:
    from PIL import Image

    return Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)


def save_samples(path: Path, samples: np.ndarray, columns: int | None = None) -> None:
    """Write a picture of samples: a grid of images (N, C, H, W), or points (N, 2) of the plane; or else an array.
    columns: see `grid`."""
    if can_be_shown(samples) and samples.ndim == 4:
        save_png(path, grid(samples, columns))
    elif can_be_shown(samples):
        figure = _figure((5, 5))
        panel = figure.subplots()
        panel.scatter(samples[:, 0], samples[:, 1], s=6, alpha=0.6, color="#0072b2", linewidths=0)
        panel.set_aspect("equal", adjustable="datalim")
        panel.grid(alpha=0.3)
        _save(path, lambda file: figure.savefig(file, format="png", dpi=110))
    else:
        _save(path, lambda file: np.save(file, samples))


def can_be_shown(samples: np.ndarray) -> bool:
    """Whether `save_samples` makes a picture of them."""
    return samples.ndim == 4 and samples.shape[1] in (1, 3) or samples.ndim == 2 and samples.shape[1] == 2


def save_curves(path: Path, stats: Sequence[Mapping[str, float]], labels: Mapping[str, str]) -> None:
    """All figures over the steps: losses in one panel, norms (on a logarithmic scale) and all else in others.
    stats: lines with "step" and figures by name. labels: what a figure is called, if not by its name."""
    by_kind: dict[str, list[str]] = {"loss": [], "": [], "norm": []}
    for name in dict.fromkeys(name for line in stats for name in line if name not in ("step", "epoch", "seconds")):
        by_kind["loss" if name.startswith("loss") else "norm" if name.endswith("_norm") else ""].append(name)
    panels = {label: names for label, names in by_kind.items() if names}
    if not panels:
        return
    figure = _figure((8, 3 * len(panels)))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (label, names) in zip(axes, panels.items(), strict=True):
        for name in names:
            own = [line for line in stats if name in line]  # not every step need have every figure
            values = np.array([line[name] for line in own], dtype=float)  # null, a gap in the curve, becomes NaN
            panel.plot([line["step"] for line in own], values, label=labels.get(name, name), linewidth=1.2)
        panel.set_ylabel(label)
        panel.grid(alpha=0.3)
        panel.legend(loc="best", frameon=False)
        if label == "norm":
            panel.set_yscale("log")
    axes[-1].set_xlabel("step")
    _save(path, lambda file: figure.savefig(file, format="png", dpi=110))


def _figure(size: tuple[float, float]) -> Figure:
    # A file is drawn, whatever shows figures on a screen, and be there such a thing or not.
    with _without("MPLBACKEND"):
        from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def _save(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    buffer = io.BytesIO()
    write(buffer)
    write_atomically(path, buffer.getvalue())


@contextmanager
def _without(variable: str) -> Iterator[None]:
    """Meanwhile the environment lacks a variable."""
    value = os.environ.pop(variable, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[variable] = value
