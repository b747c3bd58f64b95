"""Checkpoints: everything a run needs to go on bit for bit, in one safetensors file.

Arrays are stored by dotted names (`G.main.0.weight`, `opt_D.exp_avg.3`, `G_ema.…`); the rest (step counts, random
states, position, configuration, format version) is text in the file's header, with a SHA-256 over all of it, so that a
single altered bit is noticed. Nothing in the file can run code when it is read; where its algorithm is a file of the
user's own, it names it, and who makes the algorithm (`resume`, `minigan sample`) runs that file, unless it lies in the
run's own folder.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minigan.algorithms import State
from minigan.algorithms.registry import absolute, is_file
from minigan.backend import Array, to_numpy
from minigan.data import DataInfo
from minigan.files import expanded
from minigan.models import MODELS
from minigan.options import ConfigError
from minigan.training.atomic import write_atomically
from minigan.training.config import Config
from minigan.training.errors import CheckpointError
from minigan.training.run_dir import run_number
from minigan.training.safetensors_file import SafetensorsFile, read_safetensors

FORMAT = "minigan-checkpoint"
VERSION = 2


@dataclass
class Checkpoint:
    """arrays: by name. progress: what else the run must remember, as JSON. config: the run's own. info: of its data."""

    arrays: dict[str, Array]
    progress: State
    config: Config
    info: DataInfo

    @property
    def place(self) -> str:
        """When in the run it was saved, for people."""
        step = self.progress["step"]
        return f"after {step} steps" if step else "from before the first step: nothing is learnt yet"

    @property
    def state(self) -> State:
        """Arrays and all else, as `Trainer.state_dict` gave it."""
        return self.arrays | self.progress


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the file; what lay there before stays until the new one is safely on the disk."""
    from safetensors.numpy import save

    # safetensors stores memory as it lies. (np.ascontiguousarray would give a number an axis.)
    arrays = {name: np.asarray(to_numpy(a), order="C") for name, a in checkpoint.arrays.items()}
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "progress": json.dumps(checkpoint.progress),
        "config": checkpoint.config.to_json(),
        "data_info": json.dumps({"shapes": dict(checkpoint.info.shapes), "classes": checkpoint.info.classes}),
    }
    try:
        write_atomically(path, save(arrays, header | {"sha256": _digest(arrays, header)}))
    except OSError as error:
        why = f"({error.strerror}); what was saved before is untouched"
        raise CheckpointError(f"the checkpoint {path} could not be written {why}") from None


def load_checkpoint(path: Path, algorithm: str | None = None) -> Checkpoint:
    """Read a file that `save_checkpoint` wrote. algorithm: where the user's file of its algorithm lies now, as
    `file.py:Class`, if not where it was."""
    file = read_safetensors(path)
    arrays, header = file.arrays, file.header
    if not is_checkpoint(file):
        raise CheckpointError(
            f"{path} is a safetensors file, but not a checkpoint of minigan's; train --init-from takes weights from it"
        )
    version = _verify(path, file)
    try:
        config, progress = json.loads(header["config"]), json.loads(header["progress"])
        if version == "1":
            arrays, info = _from_version_1(arrays, progress, config)
        else:
            info = json.loads(header["data_info"])
        if algorithm is not None and is_file(algorithm) and is_file(config.get("algorithm", "")):
            config["algorithm"] = absolute(algorithm)
        else:
            _check_own_code(path, config.get("algorithm", ""))
        shapes = {name: tuple(shape) for name, shape in info["shapes"].items()}
        config = Config.from_json(json.dumps(config))
        return Checkpoint(arrays, progress, config, DataInfo(shapes, info["classes"]))
    except ConfigError as error:
        raise CheckpointError(f"{path} holds a run that cannot be made here: {error}") from None
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} has a damaged header ({error})") from None


def read_weights(path: Path) -> SafetensorsFile:
    """The arrays of a checkpoint, or of any safetensors file, to take weights from by name."""
    file = read_safetensors(path)
    if is_checkpoint(file) and _verify(path, file) == "1":
        file.arrays = _averages_renamed(file.arrays)
    return file


def is_checkpoint(file: SafetensorsFile) -> bool:
    """Whether minigan wrote it. One whose numbers another program made 16-bit ones is no checkpoint any more."""
    return file.header.get("format") == FORMAT and (not file.has_halves or _fits_checksum(file))


def _fits_checksum(file: SafetensorsFile) -> bool:
    return file.header.get("sha256") == _digest(file.arrays, file.header)


def _verify(path: Path, file: SafetensorsFile) -> str:
    """A checkpoint's version. Raises CheckpointError for an unknown one, and if its checksum does not fit."""
    version = file.header.get("version")
    if version not in ("1", str(VERSION)):
        raise CheckpointError(f"{path} has format version {version}, but this minigan reads 1 and {VERSION}")
    if not _fits_checksum(file):
        raise CheckpointError(f"{path} is damaged: what it holds does not fit its checksum")
    return version


def _averages_renamed(arrays: dict[str, Array]) -> dict[str, Array]:
    return {name.replace("G_avg.", "G_ema.", 1): array for name, array in arrays.items()}


def _check_own_code(path: Path, algorithm: str) -> None:
    """To make an algorithm of a user's file is to run it: never one that came with the checkpoint."""
    if is_file(algorithm):
        file = Path(algorithm.rpartition(":")[0])
        folder = path.resolve().parent
        folder = folder.parent if folder.name == "ckpt" else folder
        if not file.is_absolute() or file.resolve().is_relative_to(folder):
            raise CheckpointError(
                f"{path} is of the algorithm {algorithm}, which lies in the run's own folder: a run that came from "
                "somebody else could run any program by it; read the file, and move it elsewhere if you trust it"
            )


def _from_version_1(arrays: dict[str, Array], progress: State, config: State) -> tuple[dict[str, Array], State]:
    """Today's names for what minigan 0.1 saved, in `progress` too, and what networks must know of its data."""
    for stream in ("noise", "dropout"):
        progress[f"streams.{stream}"] = progress.pop(stream)
    sums = progress.pop("sums")
    steps = int(sums.pop("steps"))
    progress["stats.sums"] = sums if steps else {}
    progress["stats.counts"] = dict.fromkeys(progress["stats.sums"], steps)
    progress["closed_epochs"] = progress["epoch"]
    size = MODELS[config["model"]].Generator.image_size
    info = {"shapes": {"x": (config["channels"], size, size)}, "classes": None}
    return _averages_renamed(arrays), info


def _digest(arrays: dict[str, np.ndarray], header: dict[str, str]) -> str:
    """A SHA-256 over the header and every array's name, dtype, shape and bytes."""
    header = {name: text for name, text in header.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, a in sorted(arrays.items()):
        digest.update(f"{name} {a.dtype.str} {a.shape}".encode())
        digest.update(a.data)
    return digest.hexdigest()


def find_checkpoint(where: str | Path, runs: Path) -> Path:
    """The checkpoint meant by "last" (of the newest run that has one), a run's folder, or a file."""
    if str(where) == "last":
        found = [p for p in runs.glob("*/ckpt/last.safetensors") if run_number(p.parent.parent) is not None]
        if not found:
            raise CheckpointError(f"there is no run with a checkpoint in {runs}/ yet")
        return max(found, key=lambda p: (run_number(p.parent.parent), p))
    path = expanded(where)
    if path.is_dir():
        for candidate in (path / "ckpt" / "last.safetensors", path / "last.safetensors"):
            if candidate.is_file():
                return candidate
        raise CheckpointError(f"there is no ckpt/last.safetensors in {path}")
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    return path
