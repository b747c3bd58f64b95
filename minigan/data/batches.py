"""`Batches`: which images make up which batch, as a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from minigan.data.errors import DataError


class Batches:
    """Shuffled batches of the indices 0 .. n-1, every index exactly once an epoch.

    Epoch e goes through `numpy.random.default_rng([seed, e]).permutation(n)`, batch_size at a time.
    There is no hidden state: (seed, epoch, position) is all a checkpoint has to keep, and
    `epoch(e, start=position)` goes on with exactly the batches an uninterrupted run would have seen.

    n: number of images. seed: a whole number >= 0. keep_last: keep an epoch's short last batch, as
    the Keras and PyTorch tutorials do (60,000 images in batches of 256: 235 batches, the last of 96).
    order: makes an epoch's indices of a generator, if they are not just its permutation of n.
    Raises DataError for numbers that leave nothing to iterate over.
    """

    def __init__(
        self,
        n: int,
        batch_size: int,
        seed: int,
        keep_last: bool = True,
        order: Callable[[np.random.Generator], np.ndarray] | None = None,
    ) -> None:
        if n < 1:
            raise DataError(f"batches: {n} images found, at least 1 needed")
        if batch_size < 1:
            raise DataError(f"batch size: {batch_size} found, at least 1 needed")
        if seed < 0:
            raise DataError(f"seed: {seed} found, a whole number >= 0 needed")
        if not keep_last and batch_size > n:
            raise DataError(
                f"batch size: {batch_size} found, at most {n} needed (the number of images, "
                "as the short last batch is dropped)"
            )
        self.n, self.batch_size, self.seed, self.keep_last = n, batch_size, seed, keep_last
        self.order = order or (lambda rng: rng.permutation(n))

    def __len__(self) -> int:
        """Batches an epoch."""
        whole, rest = divmod(self.n, self.batch_size)
        return whole + (1 if rest and self.keep_last else 0)

    def size(self, position: int) -> int:
        """Images in an epoch's batch at this position."""
        return min(self.batch_size, self.n - position * self.batch_size)

    def epoch(self, e: int, start: int = 0) -> Iterator[np.ndarray]:
        """The batches start, start + 1, ... of epoch e (both count from 0), each an int64 index array.

        Raises DataError, at the call, for an e below 0 or a start outside [0, len(self)].
        """
        if e < 0:
            raise DataError(f"epoch: {e} found, a whole number >= 0 needed")
        if not 0 <= start <= len(self):
            raise DataError(f"batch within the epoch: {start} found, 0 to {len(self)} needed")
        order = self.order(np.random.default_rng([self.seed, e]))
        size = self.batch_size
        return (order[k * size : (k + 1) * size] for k in range(start, len(self)))
