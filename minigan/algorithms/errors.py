"""What can be wrong with an algorithm of a user's own: every message is one sentence that says what to write."""

from __future__ import annotations


class AlgorithmError(TypeError):
    """A method of an algorithm that is missing, or does not do what its caller needs."""


class NoSamplesError(ValueError):
    """An algorithm that was asked for samples, and draws none."""
