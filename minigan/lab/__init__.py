"""The lab: a GAN of points that is trained, watched and changed in a browser, as one HTML file without a network.

Its engine is in JavaScript, in float64, with hand-written backward passes: `engine.js`, `objectives.js`, and a training
step, `step.js`, which does what `minigan.algorithms.GAN` does. `data.js` has the points, `game.js` the state,
`address.js` writes it into the address; `view.js` and `charts.js` draw it; `page.js` is the page, with its choices
(`controls.js`), `story.js`, slow motion (`slow.js`) and `drawing.js`, in the words of `texts.js`.
"""

from __future__ import annotations

import html
from importlib.resources import files

from minigan.trace.views import page as trace_page

# In this order: each builds on those before.
SCRIPTS = (
    "engine.js", "objectives.js", "step.js", "data.js", "game.js", "view.js", "address.js", "charts.js",
    "texts.js", "slow.js", "controls.js", "story.js", "drawing.js", "page.js",
)  # fmt: skip


def lab_page(state: str = "") -> str:
    """The page, whole. state: what it begins from, unless its address says otherwise, and as the address has it."""
    style = trace_page.joined(trace_page.source("paper.css"), source("lab.css"))
    script = trace_page.joined(*map(source, SCRIPTS))
    return trace_page.assembled(source("lab.html"), style, script, state=html.escape(state))


def source(name: str) -> str:
    """One of the page's files, as text."""
    return (files(__name__) / name).read_text(encoding="utf-8")
