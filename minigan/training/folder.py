"""A run's folder: numbered, never overwritten, and everything in it has one place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minigan.training import pictures
from minigan.training.config import Config
from minigan.training.errors import TrainingError
from minigan.training.files import write_atomically


class RunFolder:
    """`runs/00003-dcgan28-mnist-s0/` and what lies in it.

    config.json, log.txt, stats.jsonl, samples/reals.png, samples/e000.png …, samples.gif,
    losses.png, ckpt/e005.safetensors …, ckpt/last.safetensors.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stats_file = path / "stats.jsonl"
        self.last_checkpoint = path / "ckpt" / "last.safetensors"

    @classmethod
    def create(cls, runs: Path, config: Config, data_name: str) -> RunFolder:
        """A new folder with the next number."""
        name = f"{config.model}-{data_name}-s{config.seed}"
        try:
            runs.mkdir(parents=True, exist_ok=True)
            number = 1 + max((int(m[1]) for p in runs.iterdir() if (m := re.match(r"(\d{5,})-", p.name))), default=-1)
            while True:  # another run may take the number in the meantime
                path = runs / f"{number:05d}-{name}"
                try:
                    path.mkdir()
                    break
                except FileExistsError:
                    number += 1
            for room in ("samples", "ckpt"):
                (path / room).mkdir()
        except OSError as error:
            raise TrainingError(f"a run's folder could not be made in {runs}: {error.strerror or error}") from None
        folder = cls(path)
        folder.write_config(config)
        return folder

    def write_config(self, config: Config) -> None:
        """Write config.json."""
        self._write("config.json", config.to_json())

    def checkpoint(self, epoch: int) -> Path:
        """Where the checkpoint that stays from the end of an epoch lies."""
        return self.path / "ckpt" / f"e{epoch:03d}.safetensors"

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.path / name, lambda temporary: temporary.write_text(text, encoding="utf-8"))

    # Lines.

    def log(self, line: str) -> None:
        """Add a line to log.txt."""
        with open(self.path / "log.txt", "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def add_stats(self, line: dict[str, Any]) -> None:
        """Add a line to stats.jsonl."""
        with open(self.stats_file, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def stats(self) -> Iterator[dict[str, Any]]:
        """The lines of stats.jsonl; a last line cut short by a crash is left out."""
        if self.stats_file.is_file():
            for line in self.stats_file.read_text(encoding="utf-8").splitlines():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    return

    def forget_stats_after(self, step: int) -> None:
        """Drop what was written after the step a run is resumed from: it will be written again."""
        kept = [json.dumps(line) + "\n" for line in self.stats() if line["step"] <= step]
        self._write("stats.jsonl", "".join(kept))

    # Pictures.

    def save_grid(self, name: str, images: np.ndarray) -> Path:
        """Write samples/{name}.png."""
        path = self.path / "samples" / f"{name}.png"
        pictures.save_png(path, pictures.grid(images))
        return path

    def finish_pictures(self) -> None:
        """Write losses.png, and samples.gif from the grids there are."""
        if any(True for _ in self.stats()):
            pictures.save_loss_curves(self.path / "losses.png", self.stats())
        grids = [pictures.load_png(p) for p in sorted((self.path / "samples").glob("e[0-9]*.png"))]
        if len(grids) > 1:
            pictures.save_gif(self.path / "samples.gif", grids, seconds=max(0.1, min(0.6, 12 / len(grids))))
