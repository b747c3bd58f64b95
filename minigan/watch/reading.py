"""What a run's folder says: read on as the run writes it, from regular files in the folder and nowhere else."""

from __future__ import annotations

import json
import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from minigan.files import open_file, read_file
from minigan.trace import Trace, TraceError
from minigan.training.run_dir import figures_in
from minigan.training.status import NAME as STATUS

T = TypeVar("T")
MOST_BYTES = 2**26  # of a file that is read whole
GRID = re.compile(r"(?P<kind>[es])(?P<number>\d{3,9})|stopped|reals")
TRACE = re.compile(r"s(\d{1,12})\.json")
SILENCE = 60.0  # seconds without news after which a run may have been killed


def file_inside(folder: Path, *names: str) -> Path | None:
    """The regular file of these names in a folder; None if there is none, or a link lies on the way to it."""
    path = folder
    for name in names:
        path = path / name
        if name in ("", ".", "..") or "/" in name or os.sep in name or path.is_symlink():
            return None
    try:
        return path if stat.S_ISREG(os.stat(path).st_mode) else None
    except (OSError, ValueError):  # ValueError: a zero byte in a name
        return None


class Cached(Generic[T]):
    """What a file in a folder says, read again when the file has changed. missing: said of one that cannot be read."""

    def __init__(self, read: Callable[[bytes], T], missing: T, folder: Path, *names: str) -> None:
        self.read, self.missing, self.folder, self.names = read, missing, folder, names
        self.seen: tuple[int, ...] = ()
        self.value = missing
        self.changed = 0.0  # when the file was written last, in seconds since 1970; 0: there is none

    def get(self) -> T:
        """What it says now."""
        path = file_inside(self.folder, *self.names)
        try:
            found = os.stat(path) if path is not None else None
            seen = (found.st_ino, found.st_size, found.st_mtime_ns) if found is not None else ()
            if seen != self.seen:
                self.value = self.read(read_file(path, MOST_BYTES)) if path is not None else self.missing
                self.seen, self.changed = seen, found.st_mtime if found is not None else 0.0
        except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError, IndexError):
            self.seen, self.value = (), self.missing
        return self.value


class Lines:
    """The lines of stats.jsonl, read on from where the last look ended: half a line waits for its other half.
    figures: those of steps. scores: those of samples."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._begin(0)

    def _begin(self, file: int) -> None:
        self.figures: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []
        self.file, self.offset, self.changed = file, 0, 0.0

    def read(self) -> Lines:
        """All lines so far; itself. A run that is resumed writes the file anew."""
        path = file_inside(self.folder, "stats.jsonl")
        try:
            if path is None:
                raise FileNotFoundError
            with open_file(path) as file:
                at = os.fstat(file.fileno())
                if at.st_ino != self.file or at.st_size < self.offset:
                    self._begin(at.st_ino)
                self.changed = at.st_mtime
                file.seek(self.offset)
                whole = file.read(MOST_BYTES).rpartition(b"\n")[0]
        except OSError:
            self._begin(0)
            return self
        if whole:
            self.offset += len(whole) + 1
            for line in filter(None, map(figures_in, whole.decode("utf-8", "replace").splitlines())):
                (self.figures if "seconds" in line else self.scores).append(line)
        return self


class Run:
    """A run's folder, looked at again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._config = Cached[dict[str, Any]](_as_dict, {}, folder, "config.json")
        self._status = Cached[dict[str, Any]](_as_dict, {}, folder, STATUS)
        self._lines = Lines(folder)
        self._norms: dict[int, Cached[list[LayerNorm]]] = {}

    @property
    def exists(self) -> bool:
        """Whether the folder is (still) one of a run."""
        return file_inside(self.folder, "config.json") is not None

    @property
    def config(self) -> dict[str, Any]:
        """Its choices."""
        return self._config.get()

    @property
    def status(self) -> dict[str, Any]:
        """What status.json says, of what each fact must be."""
        found = self._status.get()
        kinds = {"state": str, "message": str, "total_steps": int, "figure_labels": dict, "real_scores": dict}
        return {name: found[name] for name, kind in kinds.items() if isinstance(found.get(name), kind)}

    @property
    def figures(self) -> list[dict[str, Any]]:
        """The lines of stats.jsonl that hold a step's figures."""
        return self._lines.read().figures

    @property
    def scores(self) -> list[dict[str, Any]]:
        """Those that hold scores of samples."""
        return self._lines.read().scores

    @property
    def step(self) -> int:
        """The last step that was told of."""
        return max((line["step"] for line in (*self.figures[-1:], *self.scores[-1:])), default=0)

    @property
    def total_steps(self) -> int | None:
        """How many it will have taken at its end; None while that is not known, as in a folder of an earlier version
        before its first epoch has ended."""
        if told := self.status.get("total_steps") or self.config.get("steps"):
            return int(told)
        first, epochs = [line["step"] for line in self.figures if line.get("epoch") == 1], self.config.get("epochs")
        return max(first) * epochs if epochs and self.figures and self.figures[-1].get("epoch") != 1 else None

    @property
    def changed(self) -> float:
        """When the run wrote its last figures, in seconds since 1970."""
        self._lines.read(), self._status.get(), self._config.get()
        return max(self._lines.changed, self._status.changed) or self._config.changed

    @property
    def state(self) -> str:
        """ "running", "done", "stopped", "failed"; or "silent", if it ought to have told something long ago."""
        told, total = self.status.get("state"), self.total_steps
        if told in ("done", "stopped", "failed"):
            return str(told)
        if told is None and total is not None and self.step >= total:
            return "done"
        seconds = [line["seconds"] for line in self.figures[-2:] if isinstance(line["seconds"], (int, float))]
        patience = max(SILENCE, 5 * (seconds[-1] - seconds[0]) if len(seconds) == 2 else 5 * SILENCE)
        return "silent" if time.time() - self.changed > patience else "running"

    @property
    def pace(self) -> float | None:
        """Steps a second, of late."""
        lines = [line for line in self.figures[-10:] if isinstance(line["seconds"], (int, float))]
        if len(lines) < 2 or lines[-1]["seconds"] <= lines[0]["seconds"]:
            return None
        return float((lines[-1]["step"] - lines[0]["step"]) / (lines[-1]["seconds"] - lines[0]["seconds"]))

    def grids(self) -> list[tuple[str, int]]:
        """The pictures of samples, from the first to the newest, each with a number that changes with the file."""
        found = []
        for name in _names_in(self.folder, "samples", ".png"):
            if GRID.fullmatch(name) and (path := file_inside(self.folder, "samples", f"{name}.png")):
                found.append((name, path.stat().st_mtime_ns // 1000))
        return sorted(found, key=lambda grid: _order(grid[0]))

    def traces(self) -> list[int]:
        """The steps of which there is a trace."""
        found = (TRACE.fullmatch(f"{name}.json") for name in _names_in(self.folder, "trace", ".json"))
        return sorted(int(match[1]) for match in found if match)

    def trace_file(self, step: int) -> Path | None:
        """Where the trace of a step lies."""
        return file_inside(self.folder, "trace", f"s{step:06d}.json")

    def layer_norms(self, most: int = 12) -> dict[int, list[LayerNorm]]:
        """Of the newest traces, by step: the norm of the gradient at each layer's output, on its way back from G's
        loss (of an algorithm that has no G: from each loss)."""
        steps = self.traces()[-most:]
        for step in steps:
            if step not in self._norms:
                self._norms[step] = Cached(norms_of, [], self.folder, "trace", f"s{step:06d}.json")
        return {step: norms for step in steps if (norms := self._norms[step].get())}


LayerNorm = tuple[str, str, float]  # the network's call, "D(G(z))"; the layer, "D.main.0"; the norm


def norms_of(content: bytes) -> list[LayerNorm]:
    """The norms in a trace's JSON."""
    try:
        trace = Trace.from_json(content.decode("utf-8"))
    except TraceError:
        return []
    players = {began.player for began in trace.backward_passes}
    passes = [began for began in trace.backward_passes if began.player == "G" or "G" not in players]
    backwards = [trace.layer_backwards[i] for began in passes for i in began.layer_backwards]
    layers = [(trace.layers[back.layer], back.grad_output.norm) for back in backwards]
    return [(trace.call_label(layer), layer.name, norm) for layer, norm in layers if layer.owner != "loss"]


def _as_dict(content: bytes) -> dict[str, Any]:
    found = json.loads(content)
    return found if isinstance(found, dict) else {}


def _names_in(folder: Path, name: str, suffix: str) -> list[str]:
    """The files' names in a folder of the run's, without their suffix."""
    path = folder / name
    if path.is_symlink():
        return []
    try:
        return [found.removesuffix(suffix) for found in os.listdir(path) if found.endswith(suffix)]
    except OSError:
        return []


def _order(name: str) -> tuple[int, int]:
    """Grids of epochs come before those of steps: beside these there is only e000, or the last one is of a step."""
    match = GRID.fullmatch(name)
    if match is None or match["kind"] is None:
        return (-1, 0) if name == "reals" else (2, 0)
    return "es".index(match["kind"]), int(match["number"])
