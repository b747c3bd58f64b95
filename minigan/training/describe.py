"""A run in words: what it trains, on what, and where."""

from __future__ import annotations

import math

from minigan.data import Dataset
from minigan.nn import MinibatchStd
from minigan.training.trainer import Trainer


def describe(trainer: Trainer) -> list[str]:
    """The run in a few lines."""
    config, data, algorithm = trainer.config, trainer.data, trainer.algorithm
    weights = {name: sum(p.size for p in net.parameters()) for name, net in algorithm.networks.items()}
    sizes = ", ".join(f"{name} {n:,}{' weights' if i == 0 else ''}" for i, (name, n) in enumerate(weights.items()))
    length = f"{config.steps} steps" if config.steps else f"{config.epochs} × {len(trainer.loader)} batches"
    return [
        f"{config.name} ({type(algorithm).__name__}: {sizes}) on {data.source}: {_describe_data(data)}",
        *(f"  {note}" for note in data.notes),
        f"{length}{'' if config.steps else ' (epochs × batches)'}, batch {config.batch_size}, seed {config.seed}",
        f"device {trainer.device} ({trainer.device_reason})",
        *_describe_group(trainer),
    ]


def _describe_data(data: Dataset) -> str:
    shape = data.info.shapes.get("x", ())
    if len(shape) == 3:
        return f"{len(data):,} {'grey' if shape[0] == 1 else 'colour'} images {shape[1]}×{shape[2]}"
    shapes = ", ".join(f"{name} {'×'.join(map(str, shape)) or 'a number'}" for name, shape in data.info.shapes.items())
    return f"{len(data):,} samples of {shapes}"


def _describe_group(trainer: Trainer) -> list[str]:
    group, batch_size = trainer.process_group, trainer.config.batch_size
    if not group.has_mpi:
        return []
    if group.size == 1:
        return ["one process: mpiexec -n 2 minigan train --data-parallel … would start two, to share each batch"]
    statistics = "the whole batch" if trainer.config.sync_batch_norm else "each process' own share"
    multiple = trainer.algorithm.batch_multiple
    packs, more = divmod(batch_size // multiple, group.size)
    others = f" or {'one' if multiple == 1 else multiple} more" if more else ""
    share = f"{packs * multiple}{others}"
    lines = [
        f"{group.size} processes with {share} samples of a batch each; BatchNorm normalises by {statistics}",
        "  on " + ", ".join(f"{machine} {device}" for machine, device, _ in trainer.places),
    ]
    modules = [module for network in trainer.algorithm.networks.values() for module in network.modules()]
    if any(isinstance(module, MinibatchStd) for module in modules):
        lines.append(
            "  the groups of MinibatchStd are of samples of one process: D judges otherwise than with one process"
        )
    cards = [(machine, card) for machine, _, card in trainer.places if card]
    if len(set(cards)) < len(cards):
        lines.append("  some of them share a GPU: one process a GPU is faster")
    return lines


def total_steps(trainer: Trainer) -> int:
    """How many steps the run will have taken at its end."""
    batches = trainer.config.epochs * len(trainer.loader)
    return trainer.config.steps or math.ceil(batches / trainer.algorithm.batches_per_step)
