"""The state of an algorithm as one flat dict, of its networks, optimisers, random streams and own values alike."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from minigan import backend
from minigan.autograd import Tensor
from minigan.nn import Module
from minigan.optim import Optimizer
from minigan.optim.lr_scheduler import LRScheduler

State: TypeAlias = dict[str, Any]  # by dotted names: arrays, numbers, texts, and what else JSON holds


class Stateful:
    """The base of `Algorithm`: what of it a checkpoint holds."""

    def __post_init__(self) -> None:
        self.networks: dict[str, Module] = {}
        self.optimizers: dict[str, Optimizer] = {}
        self.schedulers: dict[str, LRScheduler] = {}
        self.streams: dict[str, backend.Generator] = {}
        self.state: State = {}
        self.seed = 0

    def rng(self, name: str) -> backend.Generator:
        """The NumPy generator of this name; it begins from the run's seed at its first use."""
        if name not in self.streams:
            self.streams[name] = backend.new_rng(self.seed, name)
        return self.streams[name]

    def state_dict(self) -> State:
        """All that changes as it trains, by dotted names: G.main.0.weight, opt_D.exp_avg.3, streams.noise, state.k."""
        found: State = {}
        for prefix, part in self._parts().items():
            found |= {f"{prefix}.{key}": value for key, value in part.state_dict().items()}
        for name, rng in self.streams.items():
            found[f"streams.{name}"] = json.dumps(
                rng.bit_generator.state
            )  # its integers have more bits than JSON keeps
        for name, value in self.state.items():
            found[f"state.{name}"] = self._storable(name, value)
        return found

    def _parts(self) -> dict[str, Module | Optimizer | LRScheduler]:
        optimizers = {f"opt_{name}": optimizer for name, optimizer in self.optimizers.items()}
        return self.networks | optimizers | {f"lr_{name}": scheduler for name, scheduler in self.schedulers.items()}

    def _storable(self, name: str, value: Any) -> Any:
        """What a file can hold of a value: an array, or what JSON has."""
        if isinstance(value, Tensor) or backend.is_array(value):
            return value.data if isinstance(value, Tensor) else value
        value = value.item() if hasattr(value, "item") else value  # a number of NumPy's
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            raise TypeError(
                f"{type(self).__name__}: state[{name!r}] is {type(value).__name__}, but a checkpoint holds numbers, "
                "texts, arrays and Tensors (and lists and dicts of the first two): make one array of several"
            ) from None
        return value

    def load_state_dict(self, state: State) -> None:
        """Take over what `state_dict` gave. Raises KeyError, TypeError or ValueError for what does not fit."""
        for prefix, part in self._parts().items():
            part.load_state_dict(under(prefix, state))
        for name, value in under("streams", state).items():
            self.rng(name).bit_generator.state = json.loads(value)
        own = under("state", state)
        missing = sorted(self.state.keys() - own.keys())
        if missing:
            raise ValueError(f"its state lacks {', '.join(missing)}, which {type(self).__name__}.setup makes")
        for name, value in own.items():
            before: object = self.state.get(name)
            if isinstance(before, Tensor):
                value = Tensor(value, device=before.device)
            elif backend.is_array(before):
                value = backend.to_device(value, backend.device_of(before))
            self.state[name] = value

    def random_state(self) -> State:
        """Where every stream is."""
        return {name: rng.bit_generator.state for name, rng in self.streams.items()}

    def restore_random_state(self, states: State) -> None:
        """Take the streams back to where they were."""
        for name in self.streams.keys() - states.keys():
            del self.streams[name]  # first used since then: it begins anew
        for name, state in states.items():
            self.streams[name].bit_generator.state = state

    def entry_name(self, key: str) -> str:
        """What a key of the state is called in a message: an optimiser's "opt_G.exp_avg.3" by its parameter."""
        slot, _, index = key.rpartition(".")
        for prefix, optimizer in self.optimizers.items():
            if slot.startswith(f"opt_{prefix}.") and index.isdecimal():
                return f"{slot} of {optimizer.params[int(index)].name}"
        return key


def under(prefix: str, state: State) -> State:
    """The entries whose names begin with `prefix.`, without it."""
    return {key[len(prefix) + 1 :]: value for key, value in state.items() if key.startswith(f"{prefix}.")}
