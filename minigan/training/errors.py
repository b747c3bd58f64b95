"""What can go wrong in a run, for its user: every message is one sentence that says what to do."""

from __future__ import annotations


class TrainingError(RuntimeError):
    """A run that cannot go on."""


class CheckpointError(TrainingError):
    """A checkpoint that cannot be written, read, or used here."""


class NonFiniteError(TrainingError):
    """A loss or a weight that is NaN or infinite. step: in which step it was so; in_step: whether this was seen while
    the step was being taken."""

    def __init__(self, message: str, step: int = 0, in_step: bool = False) -> None:
        super().__init__(message)
        self.step, self.in_step = step, in_step


class Interrupted(Exception):
    """The user stopped the run; all of it is saved."""
