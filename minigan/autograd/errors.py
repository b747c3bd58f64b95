"""What can be wrong with a graph, and with a function."""


class FunctionError(TypeError):
    """A function that is written wrongly, whatever it is given."""


class GraphError(RuntimeError):
    """A backward pass that cannot be made; the message says why and what to do."""


class StaleTensorError(GraphError):
    """A tensor saved for the backward pass was changed in place before the pass used it."""
