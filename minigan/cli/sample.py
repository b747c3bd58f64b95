"""`minigan sample`: a grid, arrays, or a way between noises, from a trained generator."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minigan.algorithms import Algorithm
from minigan.algorithms.samples import by_label, decode, labels_in_turn
from minigan.backend import Array
from minigan.cli.common import RUN, add_device, announced, say
from minigan.options import COUNT, NATURAL
from minigan.training import Config, ConfigError, images
from minigan.training.atomic import write_atomically
from minigan.training.checkpoint import find_checkpoint
from minigan.training.sampling import draw_noise, interpolate, load_algorithm


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan sample`."""
    parser.add_argument("checkpoint", nargs="?", default="last", metavar="RUN", help=f"{RUN} (default: last)")
    parser.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    parser.add_argument("--n", type=COUNT.read, default=64, help="how many samples (default: 64)")
    parser.add_argument("--seed", type=NATURAL.read, default=0, help="of the noise (default: 0)")
    parser.add_argument("--algorithm", metavar="FILE.py:CLASS", help="where a run's own algorithm lies now")
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument("--label", type=NATURAL.read, help="of a conditional model: what the samples shall show")
    labels.add_argument(
        "--labels", action="store_true", help="of a conditional model: a column for each label, one noise along a row"
    )
    parser.add_argument(
        "--out", action="append", metavar="FILE",
        help=".png a grid, .npz the bytes of the images and their labels, .gif a way between noises; may be given "
        "several times (default: samples-s0.png, 0 being the seed)",
    )  # fmt: skip
    add_device(parser)


def sample(arguments: argparse.Namespace) -> None:
    """Draw, and write the files that were asked for."""
    path = find_checkpoint(arguments.checkpoint, Path(arguments.runs))
    outs = [Path(out) for out in arguments.out or [f"samples-s{arguments.seed}.png"]]
    _check_outs(outs)
    algorithm, config = load_algorithm(path, str(announced(arguments.device)), arguments.algorithm, say)
    if arguments.labels:
        _check_labels(algorithm, config, outs)
    columns = algorithm.classes if arguments.labels else None
    condition: dict[str, int] = {} if arguments.label is None else {"label": arguments.label}
    samples: Array | None = None
    labels: Sequence[int] | None = None  # what each sample shows
    for out in outs:
        if out.suffix == ".gif":
            _save_interpolation(out, algorithm, arguments.n, arguments.seed, condition)
        else:
            if samples is None:  # drawn once, for all files
                if columns:
                    samples = by_label(algorithm, max(1, arguments.n // columns), arguments.seed)
                    labels = [*range(columns)] * (len(samples) // columns)
                else:
                    draw = partial(algorithm.generate, arguments.n, arguments.seed, **condition)
                    samples = _asked_for(algorithm, draw)
                    if condition:
                        labels = [arguments.label] * len(samples)
                    elif algorithm.classes:
                        labels = labels_in_turn(algorithm, len(samples))
            _save_samples(out, samples, labels, columns)
        say(f"wrote {out}")


def _asked_for(algorithm: Algorithm, draw: Callable[[], Array]) -> Array:
    """What `draw` gives; a condition that the algorithm's `sample` does not know is one sentence."""
    try:
        return draw()
    except TypeError as error:
        if "unexpected keyword argument 'label'" in str(error):
            raise ConfigError(f"--label: {type(algorithm).__name__} takes no labels") from None
        raise


def _check_labels(algorithm: Algorithm, config: Config, outs: list[Path]) -> None:
    if not algorithm.classes:
        raise ConfigError(f"--labels: {config.name} takes no labels")
    for out in outs:
        if out.suffix == ".gif":
            raise ConfigError(f"--out {out}: a way between noises is of one label: name it, as in --label 7")


def _check_outs(outs: list[Path]) -> None:
    for out in outs:
        if out.suffix not in (".png", ".npz", ".gif"):
            raise ConfigError(
                f"--out {out}: the name must end in .png (a grid), .npz (arrays) or .gif (a way between noises)"
            )
        if not out.absolute().parent.is_dir():
            raise ConfigError(f"--out {out}: there is no folder {out.parent}")


def _save_samples(out: Path, samples: Array, labels: Sequence[int] | None, columns: int | None) -> None:
    if out.suffix == ".png":
        if not images.can_be_shown(samples):
            raise ConfigError(f"--out {out}: samples of shape {samples.shape} are no images: write them to an .npz")
        images.save_samples(out, samples, columns)
    else:
        buffer = io.BytesIO()
        named: dict[str, Any] = {"images": images.to_bytes(samples)} if samples.ndim == 4 else {"samples": samples}
        if labels is not None:
            named["labels"] = np.array(labels)
        np.savez_compressed(buffer, **named)
        write_atomically(out, buffer.getvalue())


def _save_interpolation(out: Path, algorithm: Algorithm, n: int, seed: int, condition: dict[str, int]) -> None:
    from tqdm import tqdm

    z_dim = getattr(algorithm, "z_dim", None)
    if z_dim is None:
        raise ConfigError(f"--out {out}: {type(algorithm).__name__} has no z_dim, so there is no noise to go a way in")
    cells = min(n, 16)
    points = draw_noise(cells * 4, z_dim, seed).reshape(cells, 4, z_dim)
    ways = [interpolate(z, steps=12) for z in points]
    # At each moment of the film one image of every way.
    moments = tqdm(np.stack(ways, axis=1), "drawing", delay=1, disable=None)
    frames = [_asked_for(algorithm, partial(decode, algorithm, z, **condition)) for z in moments]
    if frames[0].ndim != 4:
        raise ConfigError(f"--out {out}: samples of shape {frames[0].shape} are no images, as a way needs")
    images.save_gif(out, [images.grid(frame) for frame in frames], seconds=0.06)
