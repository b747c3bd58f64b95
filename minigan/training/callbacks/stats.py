"""Figures: added up on the way, brought to the host now and then, written to stats.jsonl."""

from __future__ import annotations

import math

from minigan import backend
from minigan.algorithms import Figures, State
from minigan.autograd import Tensor
from minigan.training.errors import NonFiniteError
from minigan.training.trainer import Callback, Trainer

LOG_EVERY = 20  # steps between two lines of stats, for which figures are fetched from the device


class Stats(Callback):
    """Whatever figures a step returns, as means over the steps since the line before.
    latest: those of the last line. new: whether they are of this step."""

    def __init__(self) -> None:
        self.pending: list[tuple[Figures, float]] = []  # not yet fetched, with this process' weights
        self.sums: dict[str, float] = {}  # since the last line
        self.counts: dict[str, int] = {}  # of how many steps; not every step need have every figure
        self.latest: dict[str, float] = {}
        self.new = False

    def on_step(self, trainer: Trainer, figures: Figures) -> None:
        """Keep them; at a line's end, and an epoch's, write it."""
        self.pending.append((figures, trainer.process_group.batch_fraction))
        self.new = trainer.step % LOG_EVERY == 0 or trainer.at_epoch_end
        if not self.new:
            return
        self.fetch(trainer)
        trainer.seconds = trainer.elapsed()  # to wait for the device is part of the time
        self.latest = self.means()
        self.sums, self.counts = {}, {}
        epoch = trainer.loader.epoch + (not trainer.at_epoch_end)
        line = {"step": trainer.step, "epoch": epoch, **self.latest, "seconds": round(trainer.seconds, 3)}
        if trainer.process_group.is_main and trainer.has_run_dir:
            trainer.run_dir.add_line(line)

    def means(self) -> dict[str, float]:
        """Of each figure, over the steps since the last line."""
        return {name: total / self.counts[name] for name, total in self.sums.items()}

    def fetch(self, trainer: Trainer) -> None:
        """Bring the pending figures to the host, all in one copy, and add them up."""
        pending, self.pending = self.pending, []
        given_names = dict.fromkeys(name for figures, _ in pending for name in figures)
        if not given_names:
            return
        names = sorted(given_names, key=lambda name: not name.startswith("loss"))  # losses first
        weights = [weight for _, weight in pending]
        rows = [[figures.get(name) for name in names] for figures, _ in pending]
        norms = [i for i, name in enumerate(names) if name.endswith("_norm")]
        table = trainer.process_group.average_figures(_fetched(rows), weights, norms)
        first = trainer.step - len(pending) + 1
        for step, given, values in zip(range(first, trainer.step + 1), rows, table.tolist(), strict=True):
            for name, figure, value in zip(names, given, values, strict=True):
                if figure is None:
                    continue
                if name.startswith("loss") and not math.isfinite(value):
                    seen = f", as was seen at step {trainer.step}" if step < trainer.step else ""
                    raise NonFiniteError(f"{name} became {value} at {trainer.place(step)}{seen}", step)
                self.sums[name] = self.sums.get(name, 0.0) + value
                self.counts[name] = self.counts.get(name, 0) + 1

    on_stop = fetch  # so that a checkpoint can hold them

    def state_dict(self) -> State:
        """The sums of a line that is not yet full."""
        return {"stats.sums": dict(self.sums), "stats.counts": dict(self.counts)}

    def load_state_dict(self, state: State) -> None:
        self.sums, self.counts = dict(state["stats.sums"]), dict(state["stats.counts"])
        self.pending = []


def _fetched(rows: list[list[Tensor | None]]) -> backend.Array:
    """Single numbers on the device as one array on the host; what a step did not give is 0."""
    found = next(value for row in rows for value in row if value is not None).data
    xp = backend.get_array_module(found)
    values = [xp.zeros((), found.dtype) if value is None else value.data.reshape(()) for row in rows for value in row]
    return backend.to_numpy(xp.stack(values)).reshape(len(rows), -1)
