"""`Batches`: which images make up which batch, as a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from minigan.data.errors import DataError


@dataclass(frozen=True)
class Batches:
    """Shuffled batches of the indices 0 .. n-1, every index exactly once an epoch.
    Epoch e goes through `numpy.random.default_rng([seed, e]).permutation(n)`, batch_size at a time.
    There is no hidden state: (seed, epoch, position) is all a checkpoint has to keep, and
    `epoch(e, start=position)` goes on with exactly the batches an uninterrupted run would have seen.
    keep_last: keep an epoch's short last batch. order: makes an epoch's indices of a generator, if they are not just
    its permutation of n. Raises DataError for numbers that leave nothing to iterate over."""

    n: int
    batch_size: int
    seed: int
    keep_last: bool = True
    order: Callable[[np.random.Generator], np.ndarray] | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise DataError(f"batches: {self.n} images found, at least 1 needed")
        if self.batch_size < 1:
            raise DataError(f"batch size: {self.batch_size} found, at least 1 needed")
        if self.seed < 0:
            raise DataError(f"seed: {self.seed} found, a whole number >= 0 needed")
        if not self.keep_last and self.batch_size > self.n:
            raise DataError(
                f"batch size: {self.batch_size} found, at most {self.n} needed (the number of images, "
                "as the short last batch is dropped)"
            )

    def __len__(self) -> int:
        """Batches an epoch."""
        whole, rest = divmod(self.n, self.batch_size)
        return whole + (1 if rest and self.keep_last else 0)

    def epoch(self, e: int, start: int = 0) -> Iterator[np.ndarray]:
        """The batches start, start + 1, ... of epoch e (both count from 0), each an int64 index array.

        Raises DataError, at the call, for an e below 0 or a start outside [0, len(self)].
        """
        if e < 0:
            raise DataError(f"epoch: {e} found, a whole number >= 0 needed")
        if not 0 <= start <= len(self):
            raise DataError(f"batch within the epoch: {start} found, 0 to {len(self)} needed")
        rng, size = np.random.default_rng([self.seed, e]), self.batch_size
        order = self.order(rng) if self.order else rng.permutation(self.n)
        return (order[k * size : (k + 1) * size] for k in range(start, len(self)))
