"""`minigan evaluate`: how good samples are, of runs, checkpoints and files, beside real ones."""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from minigan.cli.common import RUN, add_device, announced, say
from minigan.cli.sample_sources import Opened, data_of, opened
from minigan.cli.train_options import add_reading_options
from minigan.data import Dataset
from minigan.metrics.evaluation import Row, seed_of_draw
from minigan.metrics.evaluation import evaluate as rows_of
from minigan.metrics.features import find_features
from minigan.metrics.registry import METRICS, better
from minigan.metrics.sample_set import Reference, TrainingSamples, reference
from minigan.options import COUNT, NATURAL
from minigan.table import Column, line
from minigan.training import ConfigError, images
from minigan.training.run_options import READING

BAND = 12  # samples in a band of the picture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan evaluate`."""
    parser.add_argument(
        "sources", nargs="*", default="last", metavar="RUN|SAMPLES",
        help=f"{RUN}; or samples: an .npz or .npy of images or points, a .zip or a folder of images (default: last)",
    )  # fmt: skip
    parser.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    parser.add_argument("--n", type=COUNT.read, default=10_000, help="samples a draw (default: 10000)")
    parser.add_argument("--draws", type=COUNT.read, default=3, help="how often samples are drawn (default: 3)")
    parser.add_argument("--seed", type=NATURAL.read, default=0, help="of the first draw (default: 0)")
    parser.add_argument("--data", help="the real samples (default: what the run learned from, or mnist)")
    parser.add_argument(
        "--metrics", action="append", choices=list(METRICS), metavar="NAME",
        help=f"a score, may be given several times: {', '.join(METRICS)} (default: all that fit and take seconds)",
    )  # fmt: skip
    parser.add_argument(
        "--features", metavar="NAME|FILE.py:FUNCTION",
        help="what scores compare images by: digits, pixels, or a function of your own, which makes numbers (N, d) of "
        "images (N, C, H, W) (default: digits for grey images of 28 by 28 or 32 by 32, and for square grey ones with "
        "labels of ten classes; else pixels)",
    )  # fmt: skip
    parser.add_argument("--algorithm", metavar="FILE.py:CLASS", help="where a run's own algorithm lies now")
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")
    parser.add_argument("--out", metavar="FILE", help="write a picture of the worst, middle and best samples (.png)")
    add_reading_options(parser, "how samples in files are read")
    add_device(parser)


def evaluate(arguments: argparse.Namespace) -> None:
    """Score each, print the table or JSON, and draw the picture."""
    out = None if arguments.out is None else Path(arguments.out)
    if out is not None:
        _check_out(out)
    device = announced(arguments.device)
    places = ["last"] if arguments.sources == "last" else arguments.sources
    reading = {name: value for name in READING if (value := getattr(arguments, name)) is not None}
    sources = [opened(where, Path(arguments.runs), str(device), arguments.algorithm, reading) for where in places]
    for source in sources:
        for note in () if source.data is None else source.data.notes:
            say(f"{source.name}: {note}")
    data, held_out = data_of(arguments.data, sources)
    if out is not None and not images.can_be_shown(data[slice(0, 1)].x):
        raise ConfigError(f"--out {out}: the samples are no images and no points of the plane, so there is no picture")
    extractor = find_features(arguments.features, data.info)
    n = _number(arguments.n, arguments.draws, sources)
    seeds = [seed_of_draw(arguments.seed, k) for k in range(arguments.draws)]
    training = None if held_out is None else TrainingSamples(data, extractor, n)
    reals = [reference(data, n, seed, extractor, held_out, training) for seed in seeds]
    if len(reals[0]) < arguments.n:
        say(f"{len(reals[0]):,} samples a draw, not {arguments.n:,}: there are no more for {arguments.draws} draws")
    names = _short([source.name for source in sources])
    drawing = [source.drawing(name, extractor, arguments.seed) for name, source in zip(names, sources, strict=True)]
    try:
        rows = list(_with_progress(rows_of(drawing, reals, arguments.metrics or ()), len(sources) + 1))
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if arguments.json:
        _print_json(rows, reals[0], data.source, arguments)
    else:
        _print_table(rows)
        print()
        for note in _notes(rows, reals[0], data, arguments):
            print(note)
    if out is not None:
        _save_picture(out, rows[:-1])


def _check_out(out: Path) -> None:
    if out.suffix != ".png":
        raise ConfigError(f"--out {out}: the name must end in .png")
    if not out.absolute().parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}")


def _short(names: Sequence[str]) -> Sequence[str]:
    """The last parts of paths, if these differ."""
    last = [Path(name).name for name in names]
    return last if len(set(last)) == len(last) else names


def _number(n: int, draws: int, sources: Sequence[Opened]) -> int:
    """How many samples a draw has: each draw has others, so a file's are shared out."""
    if n < 2:
        raise ConfigError(f"--n {n}: scores are of two samples or more")
    of_files = [(source.count, source.name) for source in sources if source.count is not None]
    count, name = min(of_files, default=(n * draws, ""))
    if count < 2 * draws:
        raise ConfigError(f"--draws {draws}: each has two samples or more of its own, but {name} has {count} in all")
    return min(n, count // draws)


def _with_progress(rows: Iterator[Row], total: int) -> Iterator[Row]:
    from tqdm import tqdm

    with tqdm(total=total, desc="scoring", delay=1, leave=False, disable=None) as bar:
        for row in rows:
            bar.update()
            yield row


def _print_table(rows: Sequence[Row]) -> None:
    """A row each, its scores in as many blocks as the terminal's width needs."""
    names = list(dict.fromkeys(name for row in rows[:-1] for name in row.scores))
    cells = [[row.name, *(str(row.scores.get(name, "")) for name in names)] for row in rows]
    arrows = {"lower": " ↓", "higher": " ↑", "": ""}
    headings = ["", *(f"{name}{arrows[better(name)]}" for name in names)]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    room = shutil.get_terminal_size().columns
    at = 1
    while at < len(headings):
        end = at + 1
        while end < len(headings) and sum(widths[at : end + 1]) + widths[0] + 2 * (end + 1 - at) <= room:
            end += 1
        chosen = [0, *range(at, end)]
        columns = [Column(headings[i], widths[i], left=i == 0) for i in chosen]
        print(("\n" if at > 1 else "") + line(columns, [headings[i] for i in chosen]))
        for row in cells:
            print(line(columns, [row[i] for i in chosen]))
        at = end


def _notes(rows: Sequence[Row], real: Reference, data: Dataset, arguments: argparse.Namespace) -> Iterator[str]:
    """What is said below the table."""
    held = "held out from training" if real.held_out else "of the same data"
    yield (
        f"{len(real):,} samples a draw, draws {arguments.draws}, seed {arguments.seed}, features "
        f"{real.extractor.name}; real: {data.source}, its row others {held}"
    )
    if arguments.draws > 1:
        yield "± half of the interval that holds the mean with 95 %, by Student's t over the draws"
    width = real.features.shape[1]
    if not arguments.metrics and real.extractor.name != "pixels" and width >= len(real):
        yield f"fid and kid are left out: {width} features need more than {width} samples"
    if real.training is not None and any("copied" in row.scores for row in rows):
        looked_at = len(real.training.features)
        all_of = "all" if looked_at == len(data) else f"{looked_at:,} of"
        yield f"copied: looked for among {all_of} {len(data):,} training samples"


def _print_json(rows: Sequence[Row], real: Reference, source: str, arguments: argparse.Namespace) -> None:
    scored = [
        {"name": row.name}
        | {
            name: {"mean": _finite(each.mean), "half_width": each.half_width, "values": [*map(_finite, each.values)]}
            for name, each in row.scores.items()
        }
        for row in rows
    ]
    drawn = {"n": len(real), "draws": arguments.draws, "seed": arguments.seed}
    said = {**drawn, "features": real.extractor.name, "real": source, "rows": scored}
    print(json.dumps(said, indent=2, allow_nan=False))


def _finite(value: float) -> float | None:
    """The number, or None: JSON has no word for NaN or infinity."""
    return value if math.isfinite(value) else None


def _save_picture(path: Path, rows: Sequence[Row]) -> None:
    """Of each row the worst, middle and best samples, each above the real sample whose features are nearest."""
    from minigan.metrics.neighbors import nearest_training

    bands = []
    for row in rows:
        index, distance = nearest_training(row.samples.features, row.real.features)
        order, n = distance.argsort()[::-1], min(BAND, len(distance))
        middle = (len(order) - n) // 2
        for what, at in {"worst": order[:n], "middle": order[middle:][:n], "best": order[::-1][:n]}.items():
            bands.append((f"{row.name}: {what}", row.samples.x[at], row.real.x[index[at]]))
    images.save_bands(path, bands)
    say(f"wrote {path}: the worst, middle and best samples, each above the real one that is nearest to it")
