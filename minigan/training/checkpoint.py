"""Checkpoints: everything a run needs to go on bit for bit, in one safetensors file.

Arrays are stored by dotted names (`G.main.0.weight`, `opt_D.exp_avg.3`, `G_avg.…`); the rest (step
counts, random states, position, configuration, format version) is text in the file's header.
Nothing in it can run code when it is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigan.backend import Array, to_numpy
from minigan.training.config import Config, ConfigError
from minigan.training.errors import CheckpointError
from minigan.training.files import write_atomically

FORMAT = "minigan-checkpoint"
VERSION = 1


@dataclass
class Checkpoint:
    """arrays: by name. progress: what else the run must remember, as JSON. config: the run's own."""

    arrays: dict[str, Array]
    progress: dict[str, Any]
    config: Config

    def part(self, prefix: str) -> dict[str, Array]:
        """The arrays whose names begin with `prefix.`, without it."""
        return {name[len(prefix) + 1 :]: a for name, a in self.arrays.items() if name.startswith(f"{prefix}.")}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the file; what lay there before stays until the new one is safely on the disk."""
    from safetensors.numpy import save_file

    # Contiguous copies: safetensors stores memory as it lies.
    arrays = {name: to_numpy(a).copy(order="C") for name, a in checkpoint.arrays.items()}
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "progress": json.dumps(checkpoint.progress),
        "config": checkpoint.config.to_json(),
    }
    try:
        write_atomically(path, lambda temporary: save_file(arrays, temporary, header))
    except Exception as error:  # safetensors raises its own type for what the system refused
        if isinstance(error, OSError) or type(error).__name__ == "SafetensorError":
            raise CheckpointError(
                f"the checkpoint {path} could not be written ({error}); what was saved before is untouched"
            ) from None
        raise


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a file that `save_checkpoint` wrote."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or not a safetensors file ({error})") from None
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path} is a safetensors file, but not a checkpoint of minigan's")
    if header.get("version") != str(VERSION):
        raise CheckpointError(f"{path} has format version {header.get('version')}, but this minigan reads {VERSION}")
    try:
        return Checkpoint(arrays, json.loads(header["progress"]), Config.from_json(header["config"]))
    except (KeyError, ValueError, ConfigError) as error:
        raise CheckpointError(f"{path} has a damaged header ({error})") from None


def find_checkpoint(where: str | Path, runs: Path) -> Path:
    """The checkpoint meant by "last" (of the newest run that has one), a run's folder, or a file."""
    if str(where) == "last":
        found = sorted(runs.glob("[0-9]*-*/ckpt/last.safetensors"), key=lambda p: p.parent.parent.name)
        if not found:
            raise CheckpointError(f"there is no run with a checkpoint in {runs}/ yet")
        return found[-1]
    path = Path(where)
    if path.is_dir():
        for candidate in (path / "ckpt" / "last.safetensors", path / "last.safetensors"):
            if candidate.is_file():
                return candidate
        raise CheckpointError(f"there is no ckpt/last.safetensors in {path}")
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    return path
