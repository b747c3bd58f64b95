"""The place of `minigan.trace.views.figures` before the views stood together; what imports it goes on working."""

from minigan.trace.views.figures import GraphvizError, dot, gradient_norms, graph, histograms

__all__ = ["GraphvizError", "dot", "gradient_norms", "graph", "histograms"]
