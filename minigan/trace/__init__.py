"""Traces: what happened in a training step, or in any forward and backward pass, as plain data.

    trace = trace_step(algorithm, batches)                   # takes the step, and records it

    with StepRecorder(algorithm) as recorder:                # or a step that somebody else takes
        ...
    with Recorder({"G": G, "D": D}) as recorder:             # or anything else
        ...
    trace = recorder.trace

    trace.frames                        what to look at, one after another, as it happened; each with a
                                        title, whose turn, its direction, and up to four summaries:
                                        input, output, grad_output (∂L/∂output), grad_input (∂L/∂input)
    trace.calls, .layers                forward: G(z), D(x), D(G(z)), and the layers of each
    trace.backward_passes, .layer_backwards
                                        backward passes, and the layers that each went back through
    trace.borders, .border_gradients    where G's output became D's input, and each gradient that came there
    trace.updates                       what the optimisers changed, and by how much
    trace.comparisons                   what other objectives would have sent back to G
    trace.about                         model, step, batch, …

    write_page(trace, "step.html")                           # all of it as a page; show_page(trace) in a notebook

The other views are in `minigan.trace.views`: text for the terminal, figures, a graph for Graphviz.

All refer to each other by number: `trace.layers[trace.layer_backwards[frame.layer_backward].layer]`. A summary
(`ArraySummary`) holds shape, dtype, norm, mean, std, min, max, share of zeros, NaNs, Infs, a histogram and a small
picture. As JSON (`trace.to_json()`, `Trace.from_json(text)`) the fields keep their names; summaries
stand in a list "arrays", and wherever one is meant stands its number in that list, or null. There is
no NaN or Infinity in it. A picture's bytes: `summary.pixels` decodes them.
"""

from minigan.renamed import renamed_in
from minigan.trace.recorder import Recorder, StepRecorder, trace_step
from minigan.trace.schema import (
    BackwardPass,
    Border,
    BorderGradient,
    Comparison,
    Frame,
    Layer,
    LayerBackward,
    LayerParameter,
    NetworkCall,
    Trace,
    TraceError,
    Update,
)
from minigan.trace.summary import ArraySummary, Histogram, Picture, pixels, summarize
from minigan.trace.views.page import show_page, trace_page, write_page

__all__ = [
    "ArraySummary", "BackwardPass", "Border", "BorderGradient", "Comparison", "Frame", "Histogram", "Layer",
    "LayerBackward", "LayerParameter", "NetworkCall", "Picture", "Recorder", "StepRecorder", "Trace", "TraceError",
    "Update", "pixels", "show_page", "summarize", "trace_page", "trace_step", "write_page",
]  # fmt: skip

__getattr__ = renamed_in(__name__)
