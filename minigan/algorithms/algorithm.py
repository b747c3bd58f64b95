"""`Algorithm`: what is trained, and one iteration of it, written as its paper's box is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from minigan import backend, nn
from minigan.algorithms.errors import AlgorithmError, NoSamplesError
from minigan.algorithms.figures import Figures, checked_figures
from minigan.algorithms.state import State, load_state, state_of
from minigan.autograd import Tensor, no_grad
from minigan.autograd.hooks import notify
from minigan.backend import CPU, Array, Device, Generator
from minigan.backend.distributed import SINGLE_PROCESS, ProcessGroup
from minigan.data import Batch, DataInfo, Dataset, load
from minigan.functions.distributed import all_gather
from minigan.objectives import Objective
from minigan.optim import Optimizer
from minigan.optim.lr_scheduler import LRScheduler
from minigan.options import check_options

AT_ONCE = 400  # samples: with fewer, the calls take as long as the arithmetic of a small G


class GivenNoise:
    """Stands in for a NumPy generator where the noise is given: what is drawn first is that."""

    def __init__(self, z: Array) -> None:
        self.z = z

    def standard_normal(self, size: int | tuple[int, ...], dtype: Literal["float32", "float64"] = "float32") -> Array:
        return self.z.reshape(size).astype(dtype, copy=False)


SampleGenerator: TypeAlias = Generator | GivenNoise  # what samples are drawn from


@dataclass(eq=False)
class Algorithm:
    """Base of all algorithms. One of your own defines `setup`, `step` and `sample`, and has the rest from here:
    checkpoints that resume bit for bit, the device, several processes, averaged weights, traces, grids, scores.

    Its dataclass fields are its options, on the command line too (see `minigan.options`). By name it has

        networks      dict of Modules        what is trained, and what samples are drawn from
        optimizers    dict of Optimizers
        schedulers    dict of LRSchedulers   of their learning rates, if there are any
        streams       dict of generators     what it draws, "noise", "dropout", …: see `normal`, `uniform`
        state         dict of numbers and    what else it carries from step to step: a balance, a pool, a count
                      arrays

    `setup` fills them; whatever is in them is saved, restored and moved. What is not in them is forgotten.
    """

    reads: ClassVar[tuple[str, ...]] = ("x",)  # the arrays of a batch that a step uses: only these are sent on
    averaged: ClassVar[tuple[str, ...]] = ("G",)  # the networks that samples come from: their weights may be averaged
    batches_per_step: ClassVar[int] = 1  # how many a step takes
    batch_multiple: ClassVar[int] = 1  # that every batch must be a multiple of
    # Labels that `sample` can be asked for, as label=7; without one, all in turn. Grids have columns for each.
    classes: ClassVar[int] = 0
    image_size: ClassVar[int | None] = None  # that images are brought to; None: as they are
    figure_labels: ClassVar[Mapping[str, str]] = {}  # what a figure is called on the screen, if not by its name

    def __post_init__(self) -> None:
        check_options(self)
        self.networks: dict[str, nn.Module] = {}
        self.optimizers: dict[str, Optimizer] = {}
        self.schedulers: dict[str, LRScheduler] = {}
        self.streams: dict[str, Generator] = {}
        self.state: State = {}
        self.loss_hooks: list[Callable[[str, Tensor], None]] = []
        self.seed, self.device, self.dtype, self.process_group = 0, CPU, "float32", SINGLE_PROCESS

    # What one of your own defines.

    def setup(self, data: DataInfo) -> None:
        """Make networks and optimisers for this data. Weights are drawn from the run's seed, whatever makes them."""
        raise AlgorithmError(f"{type(self).__name__} must define setup(self, data)")

    def step(self, batches: Iterator[Batch]) -> Figures:
        """One iteration, on as many batches as it takes (`next(batches)`); figures to be shown, single numbers by name.
        They are means over a batch, but for those whose name ends in _norm: norms of gradients. Use each batch
        before you take the next: gradients are averaged by how the last one is shared out to several processes."""
        raise AlgorithmError(f"{type(self).__name__} must define step(self, batches)")

    def sample(self, n: int, rng: SampleGenerator, *_: Any, **condition: Any) -> Tensor:
        """n samples, drawn from a NumPy generator. condition: what was asked for, such as label=7."""
        # *_: nobody gives more by position, but so a type checker lets a subclass have parameters of its own.
        raise NoSamplesError(f"{type(self).__name__} draws no samples: it defines no sample(self, n, rng)")

    def translate(self, batch: Batch) -> Tensor:
        """What it makes of given samples, where it draws none of its own: images in, images out."""
        raise NoSamplesError(f"{type(self).__name__} translates nothing: it defines no translate(self, batch)")

    def preview(self, batch: Batch, rng: SampleGenerator) -> Tensor:
        """What a grid shows, given the first samples of the data: as many samples, or what becomes of these."""
        if type(self).translate is not Algorithm.translate:
            return self.translate(batch)
        return self.sample(len(batch), rng)

    def load_data(self, spec: str, channels: int | None, **options: Any) -> Dataset:
        """The data that a user names; one whose data are no images of a file loads or makes its own.
        options: how it is read, as far as that was chosen: see `minigan.data.load`."""
        return load(spec, self.image_size, channels, **options)

    def losses_to_compare(self) -> Mapping[str, Objective]:
        """Objectives whose gradients a trace compares at the step's own point, by name."""
        return {}

    # What a step uses.

    def name_loss(self, name: str, loss: Tensor) -> Tensor:
        """Name a loss, before it is used: here a NaN is found, and a trace learns where a backward pass begins."""
        for hook in self.loss_hooks:
            hook(name, loss)
        notify("on_loss", name, loss)
        return loss

    def normal(self, batch: Batch, *shape: int, stream: str = "noise") -> Tensor:
        """Standard normal numbers for every sample of a batch, (len(batch), *shape)."""
        return self._draw(self.rng(stream).standard_normal, batch, shape)

    def uniform(self, batch: Batch, *shape: int, stream: str = "uniform") -> Tensor:
        """Uniform numbers in [0, 1) for every sample of a batch, (len(batch), *shape)."""
        return self._draw(self.rng(stream).random, batch, shape)

    def _draw(self, draw: Callable[..., Array], batch: Batch, shape: Sequence[int]) -> Tensor:
        """Drawn for the whole batch, whoever takes which share of it."""
        whole, part = batch.global_size, self.process_group.share(batch.global_size)
        if whole == len(batch):  # made in the step, of shares (reals and fakes in one): of others' nothing is known
            whole, part = self.process_group.samples_to_draw(whole)
        return self.tensor(draw((whole, *shape), "float32")[part])

    def rng(self, name: str) -> Generator:
        """The NumPy generator of this name; it begins from the run's seed at its first use."""
        if name not in self.streams:
            self.streams[name] = backend.new_rng(self.seed, name)
        return self.streams[name]

    def tensor(self, array: Array) -> Tensor:
        """An array as a Tensor on the device; a floating one in the algorithm's dtype."""
        return Tensor(array, dtype=self.dtype if array.dtype.kind == "f" else None, device=self.device)

    def mean_over_processes(self, value: Tensor) -> Tensor:
        """The mean over the whole batch, of a mean over this process' share of it, outside of any graph."""
        return Tensor(self.process_group.mean(value.data), device=value.device)

    def whole_batch(self, x: Tensor) -> Tensor:
        """The rows of the whole batch, with their graph, of those of this process' share: for a loss that is no mean
        over samples, such as one of pairs."""
        return all_gather(x, self.process_group)

    # From here on nothing needs to be defined anew.

    def __call__(self, batches: Iterator[Batch]) -> Figures:
        """`step`, on arrays or Tensors; layers draw (dropout) from this run's own stream."""
        with backend.drawing_from(self.rng("dropout")):
            figures: object = self.step(self._as_tensors(batch) for batch in batches)
        return checked_figures(type(self).__name__, figures, self.device)

    def _as_tensors(self, batch: Batch) -> Batch:
        """The batch on the device. Its tensors are called as its arrays are: in a trace, D(x) is D of these."""
        tensors = batch.map(lambda array: array if isinstance(array, Tensor) else self.tensor(array))
        for name, tensor in tensors.arrays.items():
            tensor.name = tensor.name or name
        return tensors

    def build(
        self, data: DataInfo, seed: int = 0, device: Device = CPU, dtype: str = "float32",
        process_group: ProcessGroup = SINGLE_PROCESS, sync_batch_norm: bool = False,
    ) -> Algorithm:  # fmt: skip
        """Set it up on a device, with weights and all else that is drawn from a seed; itself.
        sync_batch_norm: BatchNorm's statistics are those of all processes together."""
        self.seed, self.device, self.dtype, self.process_group = seed, device, dtype, process_group
        weights = backend.new_rng(seed, "weights")
        with backend.drawing_from(weights):
            returned: object = self.setup(data)  # type: ignore[func-returns-value]
        if returned is not None:
            raise AlgorithmError(
                f"{type(self).__name__}.setup returned {type(returned).__name__}: set self.networks and "
                "self.optimizers, dicts by name, and return nothing"
            )
        for what, kind in (("networks", nn.Module), ("optimizers", Optimizer), ("schedulers", LRScheduler)):
            made = getattr(self, what)
            if not isinstance(made, dict) or not all(isinstance(part, kind) for part in made.values()):
                raise AlgorithmError(
                    f"{type(self).__name__}.setup: self.{what} must be a dict of {kind.__name__}s, by name"
                )
        self.streams = {"noise": backend.new_rng(seed, "noise"), "dropout": weights} | self.streams
        for name, network in self.networks.items():
            network.named(name).to(device, dtype)
        for name, value in self.state.items():
            if isinstance(value, Tensor):
                self.state[name] = value.to(device, dtype if value.dtype.kind == "f" else None)
        if process_group.size > 1:
            self._share_out(sync_batch_norm)
        return self

    def _share_out(self, sync_batch_norm: bool) -> None:
        self.process_group.multiple = self.batch_multiple
        for optimizer in self.optimizers.values():
            optimizer.register_step_pre_hook(self._average_gradients)
        for network in self.networks.values():
            for module in network.modules():
                if isinstance(module, nn.Dropout) or (sync_batch_norm and isinstance(module, nn.BatchNorm)):
                    module.process_group = self.process_group

    def _average_gradients(self, optimizer: Optimizer, args: tuple[()], kwargs: dict[str, object]) -> None:
        moving = [(p, p.grad) for p in optimizer.params if p.grad is not None]
        if moving:
            averaged = self.process_group.average([g.data for _, g in moving], [p.data for p, _ in moving])
            for (p, _), gradient in zip(moving, averaged, strict=True):
                p.grad = Tensor(gradient, device=p.device)

    def generate(self, n: int, seed: int = 0, **condition: Any) -> Array:
        """n samples on the host, the same for a seed wherever drawn; the first of many are those of few."""
        rng = backend.new_rng(seed, "samples")
        return self.in_parts(n, lambda i, k: self.sample(k, rng, **condition))

    @no_grad()
    def in_parts(self, n: int, draw: Callable[[int, int], Tensor]) -> Array:
        """What `draw(start, count)` gives for n samples, part by part, on the host, in evaluation mode.
        In training mode BatchNorm would mix the samples of a batch, and one z give different images."""
        modes = [(network, network.training) for network in self.networks.values()]
        for network, _ in modes:
            network.eval()
        try:
            parts = [self._drawn(draw(i, min(AT_ONCE, n - i))) for i in range(0, n, AT_ONCE)]
        finally:
            for network, mode in modes:
                network.train(mode)
        return backend.get_array_module(parts[0]).concatenate(parts)

    def _drawn(self, samples: object) -> Array:
        if not isinstance(samples, Tensor):
            what = f"samples must be a Tensor, as G returns it, not {type(samples).__name__}"
            raise AlgorithmError(f"{type(self).__name__}: {what}")
        return backend.to_numpy(samples.data)

    def state_dict(self) -> State:
        """All that changes as it trains, by dotted names: G.main.0.weight, opt_D.exp_avg.3, streams.noise, state.k."""
        return state_of(self)

    def load_state_dict(self, state: State) -> None:
        """Take over what `state_dict` gave. Raises KeyError, TypeError or ValueError for what does not fit."""
        load_state(self, state)
