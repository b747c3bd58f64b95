"""`Algorithm`: what is trained, and one iteration of it, written as its paper's box is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from minigan import backend, nn
from minigan.autograd import Tensor, no_grad
from minigan.autograd.modes import notify
from minigan.backend import CPU, Array, Device
from minigan.data import Batch, DataInfo, Dataset, load
from minigan.distributed import SINGLE_PROCESS, ProcessGroup
from minigan.optim import Optimizer
from minigan.options import check_options

SAMPLES_AT_ONCE = 100

Figures = dict[str, Tensor]  # single numbers by name
LossHook = Callable[[str, Tensor], None]


@dataclass(eq=False)
class Algorithm:
    """Base of all algorithms. One of your own defines `setup`, `step` and `sample`, and has the rest from here:
    checkpoints that resume bit for bit, the device, several processes, averaged weights, traces, grids, scores.

    Its dataclass fields are its options, on the command line too (see `minigan.options`). By name it has

        networks      dict of Modules        what is trained, and what samples are drawn from
        optimizers    dict of Optimizers
        streams       dict of generators     what it draws: "noise", "dropout", "penalty", …: see `normal`, `uniform`, `rng`
        state         dict of numbers and    what else it carries from step to step: a balance, a pool, a count
                      arrays

    `setup` fills them; whatever is in them is saved, restored and moved. What is not in them is forgotten.
    """

    reads: ClassVar[tuple[str, ...]] = ("x",)  # the arrays of a batch that a step uses; others are not sent to the device
    generators: ClassVar[tuple[str, ...]] = ("G",)  # the networks that samples come from: their weights may be averaged
    batches_per_step: ClassVar[int] = 1  # how many a step takes
    image_size: ClassVar[int | None] = None  # that images are brought to; None: as they are
    figure_labels: ClassVar[Mapping[str, str]] = {}  # what a figure is called on the screen, if not by its name

    def __post_init__(self) -> None:
        check_options(self)
        self.networks: dict[str, nn.Module] = {}
        self.optimizers: dict[str, Optimizer] = {}
        self.streams: dict[str, Any] = {}
        self.state: dict[str, Any] = {}
        self.loss_hooks: list[LossHook] = []
        self.seed, self.device, self.dtype, self.process_group = 0, CPU, "float32", SINGLE_PROCESS

    # What one of your own defines.

    def setup(self, data: DataInfo) -> None:
        """Make networks and optimisers for this data. Weights are drawn from the run's seed, whatever makes them."""
        raise NotImplementedError(f"{type(self).__name__} must define setup(self, data)")

    def step(self, batches: Iterator[Batch]) -> Figures:
        """One iteration, on as many batches as it takes (`next(batches)`); figures to be shown, single numbers by name.

        They are means over a batch, but for those whose name ends in _norm: norms of gradients.
        """
        raise NotImplementedError(f"{type(self).__name__} must define step(self, batches)")

    def sample(self, n: int, rng: Any, **condition: Any) -> Tensor:
        """n samples, drawn from a NumPy generator. condition: what was asked for, such as label=7."""
        raise NotImplementedError(f"{type(self).__name__} must define sample(self, n, rng)")

    def preview(self, batch: Batch, rng: Any) -> Tensor:
        """What a grid shows, given the first samples of the data: as many samples (or: pairs, translations, …)."""
        return self.sample(len(batch), rng)

    def load_data(self, spec: str, channels: int | None) -> Dataset:
        """The data that a user names; one whose data are no images of a file loads or makes its own."""
        return load(spec, self.image_size, channels)

    def alternative_losses(self) -> Mapping[str, Any]:
        """Objectives whose gradients a trace compares at the step's own point, by name."""
        return {}

    # What a step uses.

    def report(self, name: str, loss: Tensor) -> Tensor:
        """Name a loss, before it is used: here a NaN is found, and a trace learns what is walked back from."""
        for hook in self.loss_hooks:
            hook(name, loss)
        notify("on_loss", name, loss)
        return loss

    def normal(self, batch: Batch, *shape: int, stream: str = "noise") -> Tensor:
        """Standard normal numbers for every sample of a batch, (len(batch), *shape)."""
        return self._draw(self.rng(stream).standard_normal, len(batch), shape)

    def uniform(self, batch: Batch, *shape: int, stream: str = "uniform") -> Tensor:
        """Uniform numbers in [0, 1) for every sample of a batch, (len(batch), *shape)."""
        return self._draw(self.rng(stream).random, len(batch), shape)

    def _draw(self, draw: Callable[..., Array], n: int, shape: Sequence[int]) -> Tensor:
        whole, part = self.process_group.part(n)  # drawn for the whole batch, whoever takes which share of it
        return self.tensor(draw((whole, *shape), "float32")[part])

    def rng(self, stream: str) -> Any:
        """The NumPy generator of this name; it begins from the run's seed at its first use."""
        if stream not in self.streams:
            self.streams[stream] = backend.new_rng(self.seed, stream)
        return self.streams[stream]

    def tensor(self, array: Array) -> Tensor:
        """An array as a Tensor on the device; a floating one in the algorithm's dtype."""
        return Tensor(array, dtype=self.dtype if array.dtype.kind == "f" else None, device=self.device)

    def mean_over_processes(self, value: Tensor) -> Tensor:
        """The mean over the whole batch, of a mean over this process' share of it, outside of any graph."""
        if self.process_group.size == 1:
            return value.detach()
        return Tensor(self.process_group.all_reduce(value.data * self.process_group.weight))

    # From here on nothing needs to be defined anew.

    def __call__(self, batches: Iterator[Batch]) -> Figures:
        """`step`, on arrays or Tensors; layers draw (dropout) from this run's own stream."""
        with backend.drawing_from(self.rng("dropout")):
            figures = self.step(batch.map(self._as_tensor) for batch in batches)
        return {name: self._as_figure(name, value) for name, value in figures.items()}

    def _as_figure(self, name: str, value: Any) -> Tensor:
        if isinstance(value, (int, float)):
            value = Tensor(float(value), device=self.device)
        if not isinstance(value, Tensor) or value.size != 1:
            what = f"shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__
            raise TypeError(f"{type(self).__name__}.step returned {name} of {what}: a figure is a single number")
        return value.detach()

    def _as_tensor(self, array: Any) -> Tensor:
        return array if isinstance(array, Tensor) else self.tensor(array)

    def build(
        self,
        data: DataInfo,
        seed: int = 0,
        device: Device = CPU,
        dtype: str = "float32",
        process_group: ProcessGroup = SINGLE_PROCESS,
        sync_batch_norm: bool = False,
    ) -> Algorithm:
        """Set it up on a device, with weights and all else that is drawn from a seed; itself.

        sync_batch_norm: BatchNorm's statistics are those of all processes together.
        """
        self.seed, self.device, self.dtype, self.process_group = seed, device, dtype, process_group
        weights = backend.new_rng(seed, "weights")
        with backend.drawing_from(weights):
            self.setup(data)
        self.streams = {"noise": backend.new_rng(seed, "noise"), "dropout": weights} | self.streams
        for name, network in self.networks.items():
            network.named(name).to(device, dtype)
        if process_group.size > 1:
            self._share_out(sync_batch_norm)
        return self

    def _share_out(self, sync_batch_norm: bool) -> None:
        for optimizer in self.optimizers.values():
            optimizer.register_step_pre_hook(self._average_gradients)
        for network in self.networks.values():
            for module in network.modules():
                if isinstance(module, nn.Dropout) or (sync_batch_norm and isinstance(module, nn.BatchNorm)):
                    module.process_group = self.process_group

    def _average_gradients(self, optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
        moving = [p for p in optimizer.params if p.grad is not None]
        if moving and self.process_group.size > 1:
            averaged = self.process_group.average([p.grad.data for p in moving], [p.data for p in moving])
            for p, gradient in zip(moving, averaged, strict=True):
                p.grad = Tensor(gradient)

    @no_grad()
    def generate(self, n: int, seed: int = 0, **condition: Any) -> Array:
        """n samples on the host, in evaluation mode; the first of many are those of few."""
        rng = backend.new_rng(seed, "samples")
        return self._drawn(n, lambda k: self.sample(k, rng, **condition))

    @no_grad()
    def decode(self, z: Array, **condition: Any) -> Array:
        """The samples of given noise (N, z_dim), on the host, in evaluation mode."""
        at = iter(range(0, len(z), SAMPLES_AT_ONCE))
        return self._drawn(len(z), lambda k: self.sample(k, _Given(z[(i := next(at)) : i + k]), **condition))

    def _drawn(self, n: int, draw: Callable[[int], Tensor]) -> Array:
        """In training mode BatchNorm would mix the samples of a batch, and one z give different images."""
        modes = [(network, network.training) for network in self.networks.values()]
        for network, _ in modes:
            network.eval()
        try:
            sizes = [min(SAMPLES_AT_ONCE, n - i) for i in range(0, n, SAMPLES_AT_ONCE)]
            parts = [backend.to_numpy(draw(k).data) for k in sizes]
        finally:
            for network, mode in modes:
                network.train(mode)
        return backend.get_array_module(parts[0]).concatenate(parts)

    def preview_on_host(self, batch: Batch, seed: int) -> Array:
        """`preview`, as `generate` draws."""
        rng, at = backend.new_rng(seed, "samples"), iter(range(0, len(batch), SAMPLES_AT_ONCE))

        def draw(k: int) -> Tensor:
            i = next(at)
            return self.preview(batch.map(lambda array: self.tensor(array[i : i + k])), rng)

        with no_grad():
            return self._drawn(len(batch), draw)

    # Its state, as one flat dict: arrays, numbers, and texts for random generators.

    def state_dict(self) -> dict[str, Any]:
        """All that changes while it trains, by dotted names: G.main.0.weight, opt_D.exp_avg.3, streams.noise, state.k."""
        found = {}
        for prefix, part in self._parts().items():
            found |= {f"{prefix}.{key}": value for key, value in part.state_dict().items()}
        for name, rng in self.streams.items():
            found[f"streams.{name}"] = json.dumps(rng.bit_generator.state)  # its integers have more bits than JSON keeps
        for name, value in self.state.items():
            found[f"state.{name}"] = value.data if isinstance(value, Tensor) else value
        return found

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave. Raises KeyError, TypeError or ValueError for what does not fit."""
        self.load_networks(state)
        for name, value in _under("streams", state).items():
            self.rng(name).bit_generator.state = json.loads(value)
        for name, value in _under("state", state).items():
            before = self.state.get(name)
            if backend.is_array(value):
                value = self.tensor(value) if isinstance(before, Tensor) else backend.to_device(value, self.device)
            self.state[name] = value

    def load_networks(self, state: Mapping[str, Any]) -> None:
        """Take over networks and optimisers alone."""
        for prefix, part in self._parts().items():
            part.load_state_dict(_under(prefix, state))

    def _parts(self) -> dict[str, nn.Module | Optimizer]:
        return self.networks | {f"opt_{name}": optimizer for name, optimizer in self.optimizers.items()}

    def random_state(self) -> dict[str, Any]:
        """Where every stream is."""
        return {name: rng.bit_generator.state for name, rng in self.streams.items()}

    def restore_random_state(self, states: Mapping[str, Any]) -> None:
        """Take the streams back to where they were."""
        for name, state in states.items():
            self.streams[name].bit_generator.state = state

    def entry_name(self, key: str) -> str:
        """What a key of the state is called in a message: an optimiser's "opt_G.exp_avg.3" by its parameter."""
        slot, _, index = key.rpartition(".")
        for prefix, optimizer in self.optimizers.items():
            if slot.startswith(f"opt_{prefix}.") and index.isdecimal():
                return f"{slot} of {optimizer.params[int(index)].name}"
        return key


class _Given:
    """Stands in for a NumPy generator where the noise is given: what is drawn first is that."""

    def __init__(self, z: Array) -> None:
        self.z = z

    def standard_normal(self, shape: Any, dtype: Any = "float32") -> Array:
        """The noise."""
        return self.z.reshape(shape).astype(dtype, copy=False)


def _under(prefix: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """The entries whose names begin with `prefix.`, without it."""
    return {key[len(prefix) + 1 :]: value for key, value in state.items() if key.startswith(f"{prefix}.")}
