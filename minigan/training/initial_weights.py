"""A new run that begins with the weights of another: `--init-from`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minigan.autograd import Tensor
from minigan.backend import Array, as_array, to_device
from minigan.data.errors import listed
from minigan.nn import Module
from minigan.nn.state import COUNT, fitted
from minigan.options import Choices
from minigan.training.checkpoint import is_checkpoint, load_checkpoint, read_weights
from minigan.training.errors import CheckpointError
from minigan.training.trainer import Trainer

Tensors = dict[str, Tensor]


def choices_of(path: Path) -> Choices:
    """The choices of the run that a checkpoint is of, but for its device; none of any other safetensors file."""
    if not is_checkpoint(read_weights(path)):
        return {}
    choices = load_checkpoint(path).config.choices()
    return {name: value for name, value in choices.items() if name not in ("device", "init_from")}


def take_weights(trainer: Trainer, path: Path) -> list[str]:
    """Begin with the weights in a file, by name and shape; sentences on what was taken and what was not.

    The file is a checkpoint, or any safetensors file: of all networks (G.main.0.weight), or of one (main.0.weight),
    which is then the one that most of it fits. What it does not hold stays as it was drawn; averaged weights that it
    does not hold begin as their network's. Raises CheckpointError if nothing fits.
    """
    file, networks = read_weights(path), trainer.algorithm.networks
    averages = {f"{name}_ema": network for name, network in trainer.ema.networks.items()}
    own = _tensors(networks | averages)
    arrays, notes = _by_network(file.arrays, own, list(networks))
    if file.widened:
        notes.append(f"arrays of bfloat16 read as float32: {len(file.widened)}")
    taken = _fitting(arrays, own)
    if not taken:
        there, here = listed(sorted(file.arrays), 3), listed(sorted(own), 3)
        raise CheckpointError(
            f"{path} has no weights that fit {trainer.config.name}: it holds {there}, and {here} are needed, in the "
            "same shapes; --model or --recipe names what it is of"
        )
    for name, array in taken.items():
        own[name].copy_(to_device(array, own[name].device), "--init-from")
    for name in own.keys() - taken.keys():
        average, _, rest = name.partition(".")
        if average in averages:
            own[name].copy_(own[f"{average.removesuffix('_ema')}.{rest}"].array, "--init-from")
    told = [_told(name, arrays, own, taken) for name in networks | averages]
    return [f"initial weights from {path}", *told, *notes, *_left(arrays.keys() - own.keys())]


def _by_network(arrays: Mapping[str, Array], own: Tensors, networks: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The arrays under the names of `own`, and what was done for that."""
    found, notes = fitted(arrays, own)
    if own.keys() & found.keys():
        return found, notes
    tries = {name: fitted({f"{name}.{key}": array for key, array in arrays.items()}, own) for name in networks}
    best = max(tries, key=lambda name: len(_fitting(tries[name][0], own)))
    found, notes = tries[best]
    return found, [f"the file is of one network, and was read as {best}", *notes]


def _tensors(networks: Mapping[str, Module]) -> Tensors:
    """All parameters and buffers, by names that begin with their network's."""
    return {
        f"{network}.{name}": tensor
        for network, module in networks.items()
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
    }


def _fitting(arrays: Mapping[str, Any], own: Tensors) -> dict[str, Array]:
    """The arrays that can take the place of a tensor: of its shape, and numbers of its kind. How many batches a
    BatchNorm has seen goes with its statistics."""
    found = {name: as_array(arrays[name]) for name in own if name in arrays}
    fits = {n: a for n, a in found.items() if a.shape == own[n].shape and a.dtype.kind == own[n].dtype.kind}
    return {n: a for n, a in fits.items() if not n.endswith(COUNT) or n.removesuffix(COUNT) + "running_var" in fits}


def _told(network: str, arrays: Mapping[str, Any], own: Tensors, taken: Mapping[str, Array]) -> str:
    """What of a network was taken, and what was not."""
    names = [name for name in own if name.startswith(f"{network}.")]
    missing = [name for name in names if name not in arrays]
    other = [_unlike(n, arrays[n], own[n]) for n in names if n in arrays and n not in taken and not n.endswith(COUNT)]
    if len(missing) == len(names):
        begins = f"begins as {network.removesuffix('_ema')}" if network.endswith("_ema") else "is not in it"
        return f"{network} {begins}"
    if not missing and not other:
        return f"{network}: all {len(names)} arrays were taken"
    absent = [f"not in it: {listed(missing)}"] if missing else []
    unlike = [f"of another shape or kind: {listed(other)}"] if other else []
    count = len(taken.keys() & set(names))
    return "; ".join([f"{network}: {count} of {len(names)} arrays were taken", *unlike, *absent])


def _unlike(name: str, there: Any, here: Any) -> str:
    shapes = ["×".join(map(str, array.shape)) or "one number" for array in (there, here)]
    kinds = [f" of {array.dtype}" if there.dtype.kind != here.dtype.kind else "" for array in (there, here)]
    return f"{name} ({shapes[0]}{kinds[0]} there, {shapes[1]}{kinds[1]} here)"


def _left(names: set[str]) -> list[str]:
    """What of the file was left out."""
    others = sorted(name for name in names if not name.startswith("opt_"))
    notes = ["the optimisers begin anew"] if len(others) < len(names) else []
    return [*notes, *([f"left out: {listed(others)}"] if others else [])]
