"""What can be wrong with a graph."""

from __future__ import annotations


class GraphError(RuntimeError):
    """A backward pass that cannot be made; the message says why and what to do."""


class StaleTensorError(GraphError):
    """A tensor saved for the backward pass was changed in place before the pass used it."""
