"""The state of an algorithm as one flat dict, of its networks, optimisers, random streams and own values alike."""

from __future__ import annotations

import json
from typing import Any, Protocol, TypeAlias

from minigan import backend
from minigan.algorithms.errors import AlgorithmError
from minigan.autograd import Tensor
from minigan.nn import Module
from minigan.optim import Optimizer
from minigan.optim.lr_scheduler import LRScheduler

State: TypeAlias = dict[str, Any]  # by dotted names: arrays, numbers, texts, and what else JSON holds


class Stateful(Protocol):
    """What of an algorithm its state is made of."""

    networks: dict[str, Module]
    optimizers: dict[str, Optimizer]
    schedulers: dict[str, LRScheduler]
    streams: dict[str, backend.Generator]
    state: State

    def rng(self, name: str) -> backend.Generator: ...


def state_of(algorithm: Stateful) -> State:
    """Arrays, numbers, and texts for random generators, by dotted names."""
    found: State = {}
    for prefix, part in _parts(algorithm).items():
        found |= {f"{prefix}.{key}": value for key, value in part.state_dict().items()}
    for name, rng in algorithm.streams.items():
        # As text: a generator's integers have more bits than JSON keeps.
        found[f"streams.{name}"] = json.dumps(rng.bit_generator.state)
    for name, value in algorithm.state.items():
        found[f"state.{name}"] = _storable(type(algorithm).__name__, name, value)
    return found


def _parts(algorithm: Stateful) -> dict[str, Module | Optimizer | LRScheduler]:
    optimizers = {f"opt_{name}": optimizer for name, optimizer in algorithm.optimizers.items()}
    schedulers = {f"lr_{name}": scheduler for name, scheduler in algorithm.schedulers.items()}
    return algorithm.networks | optimizers | schedulers


def _storable(owner: str, name: str, value: Any) -> Any:
    """What a file can hold of a value: an array, or what JSON has."""
    if isinstance(value, Tensor) or backend.is_array(value):
        return value.data if isinstance(value, Tensor) else value
    value = value.item() if hasattr(value, "item") else value  # a number of NumPy's
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise AlgorithmError(
            f"{owner}: state[{name!r}] is {type(value).__name__}, but a checkpoint holds numbers, texts, arrays and "
            "Tensors (and lists and dicts of the first two): make one array of several"
        ) from None
    return value


def load_state(algorithm: Stateful, state: State) -> None:
    """Take over what `state_of` gave."""
    for prefix, part in _parts(algorithm).items():
        part.load_state_dict(under(prefix, state))
    for name, value in under("streams", state).items():
        algorithm.rng(name).bit_generator.state = json.loads(value)
    own = under("state", state)
    missing = sorted(algorithm.state.keys() - own.keys())
    if missing:
        raise ValueError(f"its state lacks {', '.join(missing)}, which {type(algorithm).__name__}.setup makes")
    for name, value in own.items():
        before: object = algorithm.state.get(name)
        if isinstance(before, Tensor):
            value = Tensor(value, device=before.device)
        elif backend.is_array(before):
            value = backend.to_device(value, backend.device_of(before))
        algorithm.state[name] = value


def random_state(algorithm: Stateful) -> State:
    """Where every stream is."""
    return {name: rng.bit_generator.state for name, rng in algorithm.streams.items()}


def restore_random_state(algorithm: Stateful, states: State) -> None:
    """Take the streams back to where they were."""
    for name in algorithm.streams.keys() - states.keys():
        del algorithm.streams[name]  # first used since then: it begins anew
    for name, state in states.items():
        algorithm.streams[name].bit_generator.state = state


def entry_name(algorithm: Stateful, key: str) -> str:
    """What a key of the state is called in a message: an optimiser's "opt_G.exp_avg.3" by its parameter."""
    slot, _, index = key.rpartition(".")
    for prefix, optimizer in algorithm.optimizers.items():
        if slot.startswith(f"opt_{prefix}.") and index.isdecimal():
            return f"{slot} of {optimizer.params[int(index)].name}"
    return key


def under(prefix: str, state: State) -> State:
    """The entries whose names begin with `prefix.`, without it."""
    return {key[len(prefix) + 1 :]: value for key, value in state.items() if key.startswith(f"{prefix}.")}
