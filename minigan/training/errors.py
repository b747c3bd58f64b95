"""What can go wrong in a run, for its user: every message is one sentence that says what to do."""

from __future__ import annotations


class TrainingError(RuntimeError):
    """A run that cannot go on."""


class CheckpointError(TrainingError):
    """A checkpoint that cannot be written, read, or used here."""


class NonFiniteLossError(TrainingError):
    """A loss that is NaN or infinite."""


class Interrupted(Exception):
    """The user stopped the run; all of it is saved."""
