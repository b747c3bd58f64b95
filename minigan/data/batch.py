"""`Batch`: some samples, as named arrays of one length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minigan.data.errors import DataError


class Batch:
    """Named arrays (or Tensors) of one length, one row a sample: `Batch(x=images, y=labels)`.
    By custom x are samples, y their labels, a and b the two sides of a pair, or of two unpaired sets, and tokens
    sequences. An array is read as an attribute, `batch.x`, or by its name, `batch["x"]`.
    global_size: how many samples the batch has over all processes that share it; without it, as many as here."""

    def __init__(self, global_size: int | None = None, **arrays: Any) -> None:
        if not arrays:
            raise DataError("a batch needs one array or more: Batch(x=images)")
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"the arrays of a batch must have one length, but they have {lengths}")
        self.arrays = arrays
        self.global_size = len(self) if global_size is None else global_size

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def __getattr__(self, name: str) -> Any:
        arrays = self.__dict__.get("arrays", {})  # empty while it is being copied
        if name not in arrays:
            raise AttributeError(f"this batch has {', '.join(arrays) or 'nothing'}, but no {name}")
        return arrays[name]

    def __repr__(self) -> str:
        return f"Batch({', '.join(f'{name} {tuple(array.shape)}' for name, array in self.arrays.items())})"

    def map(self, function: Callable[[Any], Any]) -> Batch:
        """A batch of what `function` makes of each array."""
        return Batch(self.global_size, **{name: function(array) for name, array in self.arrays.items()})

    def only(self, names: Iterable[str]) -> Batch:
        """A batch of these arrays alone."""
        return Batch(self.global_size, **{name: self[name] for name in names})
