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

from minigan.metrics.registry import better
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


def save_samples(path: Path, samples: np.ndarray, columns: int | None = None, real: np.ndarray | None = None) -> None:
    """Write a picture of samples: a grid of images (N, C, H, W), or points (N, 2) of the plane; or else an array.
    columns: see `grid`. real: points of the data, to be drawn below. They choose what part of the plane is seen, so
    that all pictures of a run show the same; samples outside of it are counted in the picture's title."""
    if can_be_shown(samples) and samples.ndim == 4:
        save_png(path, grid(samples, columns))
    elif can_be_shown(samples):
        figure = points(samples, real)
        _save(path, lambda file: figure.savefig(file, format="png", dpi=110))
    else:
        _save(path, lambda file: np.save(file, samples))


def save_bands(path: Path, bands: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> None:
    """Write a picture of bands: a title, and images (N, C, H, W) above others, or points of the plane over others."""
    if bands[0][1].ndim == 2:
        figure = _figure((4 * len(bands), 4))
        for panel, (title, samples, others) in zip(
            figure.subplots(1, len(bands), squeeze=False)[0], bands, strict=True
        ):
            panel.scatter(others[:, 0], others[:, 1], s=6, color="#999999", linewidths=0)
            panel.scatter(samples[:, 0], samples[:, 1], s=10, color="#d55e00", linewidths=0)
            panel.set_title(title, loc="left", fontsize=9)
            panel.set_aspect("equal", adjustable="datalim")
    else:
        figure = _figure((9, 1.75 * len(bands)))
        for panel, (title, samples, others) in zip(
            figure.subplots(len(bands), 1, squeeze=False)[:, 0], bands, strict=True
        ):
            panel.imshow(np.squeeze(grid(np.concatenate([samples, others]), columns=len(samples))), cmap="gray")
            panel.set_title(title, loc="left", fontsize=9)
            panel.set_axis_off()
    _save(path, lambda file: figure.savefig(file, format="png", dpi=110))


def points(samples: np.ndarray, real: np.ndarray | None = None) -> Figure:
    """Points (N, 2) of the plane, over real ones if there are any."""
    figure = _figure((5, 5))
    panel = figure.subplots()
    if real is not None:
        panel.scatter(real[:, 0], real[:, 1], s=14, color="#f0b090", linewidths=0, label="real")
        middle, reach = (real.max(0) + real.min(0)) / 2, 0.65 * (real.max(0) - real.min(0)).max() + 1e-6
        panel.set_xlim(middle[0] - reach, middle[0] + reach)
        panel.set_ylim(middle[1] - reach, middle[1] + reach)
        outside = int((abs(samples - middle) > reach).any(axis=1).sum())
        panel.set_title(f"{outside} of {len(samples)} samples are outside" if outside else " ", fontsize=9)
    panel.scatter(samples[:, 0], samples[:, 1], s=6, alpha=0.6, color="#0072b2", linewidths=0, label="samples")
    panel.set_aspect("equal", adjustable="datalim" if real is None else "box")
    panel.grid(alpha=0.3)
    if real is not None:
        panel.legend(loc="upper right", fontsize=8)
    return figure


def can_be_shown(samples: np.ndarray) -> bool:
    """Whether `save_samples` makes a picture of them."""
    return samples.ndim == 4 and samples.shape[1] in (1, 3) or samples.ndim == 2 and samples.shape[1] == 2


def save_curves(path: Path, stats: Sequence[Mapping[str, float]], labels: Mapping[str, str]) -> None:
    """All figures over the steps: losses in one panel, norms, scores by which end is better, and all else in others.
    stats: lines with "step" and figures by name. labels: what a figure is called, if not by its name."""
    panels: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for line in stats for name in line if name not in ("step", "epoch", "seconds")):
        panels.setdefault(_panel_of(name), []).append(name)
    panels = {label: panels[label] for label in sorted(panels, key=PANELS.index)}
    if not panels:
        return
    figure = _figure((8, 3 * len(panels)))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (label, names) in zip(axes, panels.items(), strict=True):
        for name in names:
            own = [line for line in stats if name in line]  # not every step need have every figure
            values = np.array([line[name] for line in own], dtype=float)  # null, a gap in the curve, becomes NaN
            marker = "." if label.startswith("score") else ""  # of few numbers, maybe of one
            panel.plot(
                [line["step"] for line in own], values, marker=marker, label=labels.get(name, name), linewidth=1.2
            )
        panel.set_ylabel(label)
        panel.grid(alpha=0.3)
        panel.legend(loc="best", frameon=False)
        if label in LOGARITHMIC:
            panel.set_yscale("log")
    axes[-1].set_xlabel("step")
    _save(path, lambda file: figure.savefig(file, format="png", dpi=110))


PANELS = ("loss", "", "norm", "score: lower is better", "score: higher is better")  # from the top
LOGARITHMIC = ("norm", "score: lower is better")  # distances of several sizes share it


def _panel_of(figure: str) -> str:
    if end := better(figure):
        return f"score: {end} is better"
    return "loss" if figure.startswith("loss") else "norm" if figure.endswith("_norm") else ""


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
