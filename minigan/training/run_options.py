"""The choices of any run, whatever its algorithm: what values they take, and what they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from minigan.algorithms import ALGORITHMS
from minigan.algorithms.registry import is_file
from minigan.backend import parse_device
from minigan.data.loading import BY_NAME
from minigan.metrics import METRICS
from minigan.options import COUNT, FLAG, FRACTION, NATURAL, NUMBER, Kind, option, options_of, or_none
from minigan.recipes import RECIPES, RENAMED


def _canonical_device(text: str) -> str:
    return text if text == "auto" else str(parse_device(text))


def _is_device(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(_canonical_device(value))
    except ValueError:
        return False


def _bytes(text: str) -> int:
    """4G is 4 · 2³⁰; also K, M, T, small letters, and with B or iB behind."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?", text.strip().lower(), re.ASCII)
    if match is None:
        raise ValueError(text)
    return int(float(match[1]) * 1024 ** " kmgt".index(match[2] or " "))


def _is_range(value: object) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(map(NUMBER.fits, value)) and value[0] < value[1]


PATH = Kind(lambda v: isinstance(v, str) and bool(v), f"{', '.join(BY_NAME)} or a path")
BATCH = Kind(lambda v: COUNT.fits(v) and v >= 2, "a whole number of 2 or more (one has no variance)", COUNT.parse)
CHANNELS = or_none(Kind(lambda v: COUNT.fits(v) and v in (1, 3), "1 (grey) or 3 (colour)", int, metavar="{1,3}"))
NAME = or_none(Kind(lambda v: isinstance(v, str) and bool(v), "a name"))
INIT = or_none(Kind(lambda v: isinstance(v, str) and bool(v), "last or a path", metavar="last|PATH"))
RANGE = or_none(Kind(_is_range, "two numbers, the lower one first, such as 0 4095", float, parts=("LOW", "HIGH")))
BYTES = or_none(Kind(COUNT.fits, "a number of bytes, such as 4G on the command line", _bytes, metavar="N"))
DEVICE = Kind(_is_device, "auto, cpu, gpu or gpu:N", _canonical_device)
RECIPE = Kind(
    lambda v: v is None or isinstance(v, str) and v in RECIPES, "a recipe's name", lambda v: RENAMED.get(v, v), RECIPES
)
ALGORITHM = Kind(
    lambda v: isinstance(v, str) and (v in ALGORITHMS or is_file(v)),
    f"{', '.join(ALGORITHMS)}, or file.py:Class for one of your own", str, metavar="NAME|FILE.py:CLASS",
)  # fmt: skip
SCORES = Kind(
    lambda v: isinstance(v, (tuple, list)) and all(isinstance(m, str) and m in METRICS for m in v),
    f"names from {', '.join(METRICS)}", str, METRICS, several=True,
)  # fmt: skip


@dataclass(frozen=True)
class RunOptions:
    """The choices of any run, whatever its algorithm."""

    recipe: str | None = option(None, "a name for all choices below (see minigan recipes)", RECIPE, group="what")
    algorithm: str = option(
        "gan", f"what is trained and how: {', '.join(ALGORITHMS)}, or a class of your own", ALGORITHM, group="what"
    )
    data: str = option(
        "mnist", f"{', '.join(BY_NAME)}, a folder of IDX files, .npz, .npy, a folder or zip of images", PATH,
        group="what",
    )  # fmt: skip
    init_from: str | None = option(
        None, "begin with the weights of another run, by name: last, a run's folder, a checkpoint or any safetensors "
        "file; a checkpoint's choices too, but for those named here", INIT, group="what",
    )  # fmt: skip
    channels: int | None = option(None, "1 grey, 3 colour (default: as the data)", CHANNELS, group="what")
    value_range: tuple[float, float] | None = option(
        None, "the values that stand for black and white, such as 0 4095 (default: guessed, and said)", RANGE,
        group="data",
    )  # fmt: skip
    key: str | None = option(
        None, "the array of an .npz that holds the images (default: the first of the usual names)", NAME, group="data"
    )
    skip_broken: bool = option(False, "go on without images that cannot be read, and say which", FLAG, group="data")
    flip: bool = option(False, "every image also mirrored, left to right: twice as many", FLAG, group="data")
    max_bytes: int | None = option(
        None, "what a file may take in memory, such as 4G (default: 512M, or 20 times its size on disk)", BYTES,
        group="data",
    )  # fmt: skip
    epochs: int = option(10, "how often to go through the data, in all", COUNT, group="how")
    steps: int | None = option(None, "how many steps to take in all, instead of epochs", or_none(COUNT), group="how")
    batch_size: int = option(64, "samples a batch", BATCH, group="how")
    ema_decay: float = option(
        0.0, "how much of G's averaged weights is kept a step, to sample from; 0: no average", FRACTION, group="how"
    )
    seed: int = option(0, "of weights, noise, order and dropout", NATURAL, group="how")
    device: str = option("auto", "auto, cpu, gpu or gpu:N", DEVICE, group="run")
    tf32: bool = option(False, "on a GPU, make float32 products in TF32, faster and coarser", FLAG, group="run")
    grid: int = option(64, "samples in a grid", COUNT, group="run")
    grid_every: int = option(0, "steps between grids; 0: a grid after every epoch", NATURAL, group="run")
    checkpoint_every: int = option(5, "epochs between checkpoints that stay", COUNT, group="run")
    evaluate_every: int | None = option(
        None, "epochs between scores; 0: none (default: 1 for data called mnist, else 0)", or_none(NATURAL), group="run"
    )
    metrics: tuple[str, ...] = option(
        (), "which scores, may be given several times (default: all that fit and are quick)", SCORES, group="run"
    )
    sync_batch_norm: bool = option(
        False, "with --data-parallel: BatchNorm normalises by the whole batch, not by a process' share",
        FLAG, group="run",
    )  # fmt: skip


READING = tuple(name for name, option in options_of(RunOptions).items() if option.group == "data")


def reading_options(options: RunOptions) -> dict[str, Any]:
    """The choices of how the data is read, of which something is said: options of `minigan.data.load`."""
    chosen = {name: getattr(options, name) for name in READING}
    return {name: value for name, value in chosen.items() if value not in (None, False)}
