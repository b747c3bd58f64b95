"""Experiments: tables of scores, a row for each method, which one command computes again.

    minigan recipes run ring

A row is computed under several seeds, one after the other. Each result is a JSON file of its own, so that a table that
was stopped goes on where it was, and rows can be computed side by side; `NAME.json` holds those of all rows.
"""

from __future__ import annotations

import json
import math
import platform
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from minigan import __version__
from minigan.files import read_file
from minigan.metrics.evaluation import Estimate
from minigan.training.atomic import write_atomically

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """What computing a row gave. scores: NaN and infinity are kept as null."""

    scores: Scores
    steps: int = 0
    seconds: float = 0.0  # of training, undisturbed


@dataclass(frozen=True)
class Experiment:
    """A table. text: its protocol, and where it is from, in Markdown. rows: by name, what computes one from a seed and
    a folder of its own, in which it may go on where it was stopped. columns: the scores that are shown.
    published: rows of numbers that others have printed, by column, each under a name that says where.
    conclusion: what the figures say, written by whoever read them. curves: what the numbers after an @ in the scores'
    names are, of those that are drawn: {"modes": "step"} for modes@2000 and modes@4000."""

    name: str
    title: str
    text: str
    rows: Mapping[str, Callable[[int, Path], Outcome]]
    columns: Sequence[str]
    published: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    conclusion: str = ""
    curves: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A row's scores under one seed, with what is needed to read them later."""

    experiment: str
    row: str
    seed: int
    scores: dict[str, float | None]
    steps: int
    seconds: float
    versions: dict[str, str]
    date: str


class ResultsError(ValueError):
    """A file that holds no results."""


def run(
    experiment: Experiment, folder: Path, seeds: Sequence[int], rows: Sequence[str], say: Callable[[str], None]
) -> Iterator[Result]:
    """The results of these rows under these seeds: the first seed of each row, then the second. One that is there is
    read, not computed again."""
    at, total = 0, len(seeds) * len(rows)
    for seed in seeds:
        for row in rows:
            at += 1
            path = folder / experiment.name / f"{re.sub(r'[^a-z0-9]+', '-', row.lower())}-s{seed}.json"
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                say(f"{experiment.name}: {row}, seed {seed} ({at} of {total})")
                outcome = experiment.rows[row](seed, path.with_suffix(""))
                result = Result(
                    experiment.name, row, seed, {name: _finite(score) for name, score in outcome.scores.items()},
                    outcome.steps, round(outcome.seconds, 1), _versions(), time.strftime("%Y-%m-%d"),
                )  # fmt: skip
                write_atomically(path, _json([result]))
                write_atomically(folder / f"{experiment.name}.json", _json(_parts(folder / experiment.name)))
            yield read_results(path)[0]


def read_results(path: Path) -> list[Result]:
    """The results in a file. Raises ResultsError for a file of anything else."""
    try:
        return [Result(**each) for each in json.loads(read_file(path))]
    except (TypeError, ValueError) as error:
        raise ResultsError(f"{path} holds no results of minigan recipes run ({error})") from None


def estimate(results: Iterable[Result], row: str, column: str) -> Estimate | None:
    """A row's score over its seeds. None: no result has it."""
    values = [result.scores[column] for result in results if result.row == row and column in result.scores]
    return Estimate(tuple(math.nan if value is None else value for value in values)) if values else None


def shown(score: Estimate | None) -> str:
    """A score of several seeds, as a table has it: its mean and interval, or of counts those of all seeds, "2, 8, 8".
    Of counts that are all alike the one."""
    if score is None:
        return ""
    if not all(float(value).is_integer() for value in score.values):
        return str(score)
    counts = [f"{value:.0f}" for value in sorted(score.values)]
    return counts[0] if len(set(counts)) == 1 else ", ".join(counts)


def _parts(folder: Path) -> list[Result]:
    """The results of every row and seed there, by row, then by seed."""
    found = [each for path in folder.glob("*-s*.json") for each in read_results(path)]
    return sorted(found, key=lambda result: (result.row, result.seed))


def _json(results: Iterable[Result]) -> bytes:
    lines = [json.dumps(asdict(result), ensure_ascii=False, allow_nan=False) for result in results]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _versions() -> dict[str, str]:
    return {"minigan": __version__, "numpy": np.__version__, "python": platform.python_version()}
