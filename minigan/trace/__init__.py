"""Traces: what happened in a training step, or in any forward and backward pass, as plain data.

    trace = trace_step(algorithm, batches)                   # takes the step, and records it

    with StepRecorder(algorithm) as recorder:                # or a step that somebody else takes
        ...
    with Recorder({"G": G, "D": D}) as recorder:             # or anything else
        ...
    trace = recorder.trace
    write_page(trace, "step.html")                           # as a page; show_page(trace) in a notebook

    trace.frames                        what to look at, one after another, as it happened
    trace.calls, .layers                forward: G(z), D(x), D(G(z)), and the layers of each
    trace.backward_passes, .layer_backwards
                                        backward passes, and the layers that each went back through
    trace.borders, .border_gradients    where G's output became D's input, and each gradient that came there
    trace.updates                       what the optimisers changed, and by how much
    trace.comparisons                   what other objectives would have sent back to G
    trace.texts                         the formulas of its functions, from their docstrings, and their sources; those
                                        of the methods that took the step
    trace.about                         model, step, batch, …

All refer to each other by number: `trace.layers[trace.layer_backwards[frame.layer_backward].layer]`. Arrays are
summaries (`ArraySummary`); `pixels` decodes the picture in one. As JSON (`trace.to_json()`, `Trace.from_json(text)`)
the fields keep their names; summaries stand in a list "arrays", and wherever one is meant stands its number, or null.
The other views are in `minigan.trace.views`: text for the terminal, figures, a graph for Graphviz.
"""

from minigan.renamed import renamed_in
from minigan.trace.recorder import Recorder, StepRecorder, trace_step
from minigan.trace.schema import (
    BackwardPass,
    Border,
    BorderGradient,
    Comparison,
    Frame,
    FunctionText,
    Layer,
    LayerBackward,
    LayerParameter,
    NetworkCall,
    Numbers,
    Terms,
    Trace,
    TraceError,
    Update,
)
from minigan.trace.summary import ArraySummary, Histogram, Picture, pixels, summarize
from minigan.trace.views.page import show_page, trace_page, write_page

__all__ = [
    "ArraySummary", "BackwardPass", "Border", "BorderGradient", "Comparison", "Frame", "FunctionText", "Histogram",
    "Layer", "LayerBackward", "LayerParameter", "NetworkCall", "Numbers", "Picture", "Recorder", "StepRecorder",
    "Terms", "Trace", "TraceError", "Update", "pixels", "show_page", "summarize", "trace_page", "trace_step",
    "write_page",
]  # fmt: skip

__getattr__ = renamed_in(__name__)
