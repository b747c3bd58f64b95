"""Traces: what happened in a training step, or in any forward and backward pass, as plain data.

    trace = trace_step(algorithm, batches)                   # takes the step, and records it

    with step_recorder(algorithm) as recorder:               # or a step that somebody else takes
        ...
    with Recorder({"G": G, "D": D}) as recorder:             # or anything else
        ...
    trace = recorder.trace

    trace.frames                        what to look at, one after another, as it happened; each with a
                                        title, whose turn, its direction, and up to four summaries:
                                        input, output, gradient_in (∂L/∂output), gradient_out (∂L/∂input)
    trace.calls, .layers                forward: G(z), D(x), D(G(z)), and the layers of each
    trace.walks, .backs                 backward passes, and the layers that each walked back
    trace.borders, .crossings           where G's output became D's input, and each gradient that came there
    trace.updates                       what the optimisers changed, and by how much
    trace.comparisons                   what other objectives would have sent back to G
    trace.about                         model, step, batch, …

    write_page(trace, "step.html")                           # all of it as a page; show_page(trace) in a notebook

All refer to each other by number: `trace.layers[trace.backs[frame.back].layer]`. A summary (`Array`)
holds shape, dtype, norm, mean, std, min, max, share of zeros, NaNs, Infs, a histogram and a small
picture. As JSON (`trace.to_json()`, `Trace.from_json(text)`) the fields keep their names; summaries
stand in a list "arrays", and wherever one is meant stands its number in that list, or null. There is
no NaN or Infinity in it. A picture's bytes: `summary.pixels` decodes them.
"""

from minigan.trace.page import show_page, trace_page, write_page
from minigan.trace.record import Recorder
from minigan.trace.step import StepRecorder, step_recorder, trace_step
from minigan.trace.summary import Array, Histogram, Picture, pixels, summarize
from minigan.trace.trace import (
    Back,
    Border,
    Call,
    Comparison,
    Crossing,
    Frame,
    Layer,
    Parameter,
    Trace,
    TraceError,
    Update,
    Walk,
)

__all__ = [
    "Array", "Back", "Border", "Call", "Comparison", "Crossing", "Frame", "Histogram", "Layer", "Parameter", "Picture",
    "Recorder", "StepRecorder", "Trace", "TraceError", "Update", "Walk", "pixels", "show_page", "step_recorder",
    "summarize", "trace_page", "trace_step", "write_page",
]  # fmt: skip
