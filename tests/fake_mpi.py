"""A stand-in for an MPI communicator, in one process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minigan.backend import distributed


class Twice:
    """A communicator of two processes that have the same in mind."""

    size = 2

    def __init__(self, rank: int = 0) -> None:
        self.rank = rank

    def Allreduce(self, in_place: Any, array: np.ndarray) -> None:
        assert isinstance(array, np.ndarray) and array.flags.c_contiguous and array.flags.writeable
        array *= 2

    def allgather(self, value: Any) -> list[Any]:
        return [value, value]


def twice(patch: pytest.MonkeyPatch, rank: int = 0) -> distributed.ProcessGroup:
    """A group of two processes, this one and its like."""
    patch.setattr(distributed, "_in_place", lambda: None)
    return distributed.ProcessGroup(Twice(rank))
