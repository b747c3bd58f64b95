"""`Loader`: the batches of a run, one after another, without end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from minigan import backend
from minigan.backend.distributed import SINGLE_PROCESS, ProcessGroup
from minigan.data.batch import Batch
from minigan.data.batches import Batches
from minigan.data.dataset import Dataset
from minigan.data.errors import DataError
from minigan.data.prefetch import prefetch


class Loader:
    """Shuffled batches of a dataset without end, on a device, from a place that a checkpoint can hold.
    epoch and position: how many epochs, and how many batches of the one at hand, were taken. A step takes as many
    batches as it wants; the loader alone knows where in the data a run is. Of several processes each gets its share.
    names: the arrays that are wanted (default: all); only these are moved to the device.
    Raises DataError if the data has fewer than 2 samples, or not these arrays."""

    def __init__(
        self, data: Dataset, batch_size: int, seed: int = 0, names: Iterable[str] | None = None,
        device: backend.Device = backend.CPU, process_group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:  # fmt: skip
        if len(data) < 2:
            raise DataError(f"{data.source} holds {len(data)} image, but training needs 2 or more")
        shapes = data.info.shapes
        self.names = tuple(shapes if names is None else names)
        missing = [name for name in self.names if name not in shapes]
        if missing:
            raise DataError(
                f"{data.source} has {_said(shapes)}, but training needs {_said(self.names)}: there is no "
                f"{_said(missing)}"
            )
        self.data, self.device, self.process_group = data, device, process_group
        keep_last = len(data) % batch_size != 1  # a last batch of one sample has no variance to normalise by
        self.batches = Batches(len(data), batch_size, seed, keep_last, data.order)
        self.epoch = self.position = 0

    def __len__(self) -> int:
        """Batches an epoch."""
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        """Go on from (epoch, position). A batch counts as taken from the moment it is handed out."""
        for batch in prefetch(self._from_here(), self.device):
            self.process_group.begin_batch(batch.global_size)
            self.position += 1
            if self.position == len(self):
                self.epoch, self.position = self.epoch + 1, 0
            yield batch

    def _from_here(self) -> Iterator[Batch]:
        epoch, position = self.epoch, self.position
        while True:
            for indices in self.batches.epoch(epoch, position):
                n = len(indices)
                arrays = self.data[indices[self.process_group.share(n)]].only(self.names).arrays
                yield Batch(n, **arrays)
            epoch, position = epoch + 1, 0

    @property
    def smallest_batch(self) -> int:
        """Samples in an epoch's smallest batch, the last."""
        return min(self.batches.batch_size, self.batches.n - (len(self) - 1) * self.batches.batch_size)

    def state_dict(self) -> dict[str, int]:
        """Where in the data it is."""
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there, with the next iterator."""
        self.epoch, self.position = int(state["epoch"]), int(state["position"])
        if self.position == len(self):  # minigan 0.1 could be stopped between an epoch's last batch and its end
            self.epoch, self.position = self.epoch + 1, 0


_SAID = {"x": "samples (x)", "y": "labels (y)"}


def _said(names: Iterable[str]) -> str:
    return " and ".join(_SAID.get(name, name) for name in names)
