"""A run's folder: numbered, never overwritten, and everything in it has one place."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from minigan.files import read_file
from minigan.trace import Trace
from minigan.training import images
from minigan.training.atomic import append, remove_leftovers, write_atomically
from minigan.training.config import Config
from minigan.training.errors import CheckpointError, TrainingError


class RunDir:
    """`runs/00003-dcgan28-mnist-s0/` and what lies in it:
    config.json, status.json, log.txt, stats.jsonl, samples/reals.png, samples/e000.png …, samples.gif,
    losses.png, ckpt/e005.safetensors …, ckpt/last.safetensors; with --trace-every also trace/s000300.json …; while it
    is stopped within an epoch, samples/stopped.png."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line_hooks: list[Callable[[Mapping[str, float | None]], None]] = []  # told of each new line of stats
        self.tell: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)
        self.last_checkpoint = path / "ckpt" / "last.safetensors"
        self.best_checkpoint = path / "ckpt" / "best.safetensors"  # by its scores, if it is scored

    @classmethod
    def create(cls, runs: Path, config: Config, data_name: str) -> RunDir:
        """A new folder with the next number."""
        if runs.exists() and not runs.is_dir():
            raise TrainingError(f"{runs} is a file, but the folder that run folders are made in is needed")
        try:
            runs.mkdir(parents=True, exist_ok=True)
            run_dir = cls(_claim(runs, f"{config.name}-{data_name}-s{config.seed}"))
            run_dir.open(config)
        except OSError as error:
            raise TrainingError(f"a run's folder could not be made in {runs}: {error.strerror or error}") from None
        return run_dir

    @classmethod
    def around(cls, checkpoint: Path) -> RunDir:
        """The run's folder that a checkpoint lies in."""
        path = checkpoint.resolve().parent.parent
        if checkpoint.resolve().parent.name != "ckpt" or not (path / "config.json").is_file():
            raise CheckpointError(
                f"{checkpoint} does not lie in the ckpt folder of a run's folder, where the run could go on; "
                "put it back there (to draw from it, minigan sample takes it as it is)"
            )
        return cls(path)

    def open(self, config: Config, step: int = 0) -> None:
        """Make ready to go on from a step: config.json as it is now, and no traces of anything after that step."""
        for folder in ("samples", "ckpt", "trace"):
            if (self.path / folder).is_symlink():
                raise TrainingError(f"{self.path / folder} is a link: nothing is written out of a run's own folder")
            if folder != "trace":
                (self.path / folder).mkdir(exist_ok=True)
        remove_leftovers(self.path)
        self._write("config.json", config.to_json())
        self._write("stats.jsonl", "".join(_json_line(line) for line in self.lines() if line["step"] <= step))
        for at, path in self.traces().items():
            if at > step:
                path.unlink()

    def checkpoint(self, epoch: int) -> Path:
        """Where the checkpoint that stays from the end of an epoch lies."""
        return self.path / "ckpt" / f"e{epoch:03d}.safetensors"

    def save_trace(self, step: int, trace: Trace) -> None:
        """Write trace/s000300.json."""
        (self.path / "trace").mkdir(exist_ok=True)
        self._write(f"trace/s{step:06d}.json", trace.to_json())

    def traces(self) -> dict[int, Path]:
        """The saved traces by step, the earliest first."""
        found = {int(p.stem[1:]): p for p in (self.path / "trace").glob("s*.json") if p.stem[1:].isdecimal()}
        return dict(sorted(found.items()))

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.path / name, text.encode())

    def log(self, line: str) -> None:
        """Add a line to log.txt."""
        self._append("log.txt", line + "\n")

    def add_line(self, line: Mapping[str, float]) -> None:
        """Add a line to stats.jsonl."""
        self._append("stats.jsonl", _json_line(line))
        for hook in self.line_hooks:
            hook(line)

    def _append(self, name: str, text: str) -> None:
        try:
            append(self.path / name, text)
        except OSError as error:
            self.tell(f"{self.path / name} could not be written ({error.strerror or error}): training goes on")

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines of stats.jsonl, but for a last one cut short by a crash, and what else is no line of figures."""
        path = self.path / "stats.jsonl"
        try:
            text = read_file(path).decode("utf-8", "replace") if path.is_file() else ""
        except OSError as error:
            raise TrainingError(f"{path} cannot be read ({error.strerror or error})") from None
        yield from filter(None, map(figures_in, text.splitlines()))

    def pictures_are_missing(self) -> bool:
        """Whether the curves, the last picture that a run makes, are older than its last checkpoint, or not there."""
        curves = self.path / "losses.png"
        return not curves.is_file() or curves.stat().st_mtime_ns < self.last_checkpoint.stat().st_mtime_ns

    def save_grid(
        self, name: str, samples: np.ndarray, columns: int | None = None, real: np.ndarray | None = None
    ) -> Path:
        """Write samples/{name}.png: images side by side, or points of the plane, over real ones; of anything else
        {name}.npy. columns: see `images.grid`."""
        path = self.path / "samples" / f"{name}.{'png' if images.can_be_shown(samples) else 'npy'}"
        images.save_samples(path, samples, columns, real)
        return path


def run_number(folder: Path) -> int | None:
    """3 for a run's folder called 00003-dcgan28-mnist-s0; None for any other."""
    match = re.match(r"(\d{5,})-", folder.name)
    return int(match[1]) if match else None


def figures_in(text: str) -> dict[str, Any] | None:
    """The figures of a line of stats.jsonl; None if it is none, such as the half of one."""
    with suppress(ValueError, RecursionError):
        line = json.loads(text)
        if isinstance(line, dict) and isinstance(line.get("step"), int) and all(map(_is_figure, line.values())):
            return line
    return None


def _is_figure(value: object) -> bool:
    return value is None or isinstance(value, float) or isinstance(value, int) and abs(value) < 2**63


def _json_line(values: Mapping[str, float | None]) -> str:
    """A line of JSON, which has no word for NaN or Inf: they become null."""
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
    return json.dumps(finite, allow_nan=False) + "\n"


def _claim(runs: Path, name: str) -> Path:
    """A new folder with a number that no other has, whoever else is making one at this moment."""
    taken = [number for path in runs.iterdir() if (number := run_number(path)) is not None]
    number = 1 + max(taken, default=-1)
    while True:
        path = runs / f"{number:05d}-{name}"
        try:
            path.mkdir()
        except FileExistsError:
            pass
        else:
            if len(list(runs.glob(f"{number:05d}-*"))) == 1:
                return path
            path.rmdir()  # a run of another name took this number too: leave it to that one
        number += 1
