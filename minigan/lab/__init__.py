"""The lab: a GAN of points that is trained, watched and changed in a browser, as one HTML file without a network.

Its engine is in JavaScript, in float64, with hand-written backward passes: `engine.js`, `objectives.js`, and a training
step, `step.js`, which does what `minigan.algorithms.GAN` does. `data.js` has the points, `game.js` the state,
`address.js` writes it into the address; `view.js`, `charts.js` and `page.js` show it, in the words of `texts.js`.

A Content-Security-Policy names the style and the script by their hashes, and allows nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import string
from importlib.resources import files

# In this order: each builds on those before.
SCRIPTS = (
    "engine.js", "objectives.js", "step.js", "data.js", "game.js", "view.js", "address.js", "charts.js",
    "texts.js", "page.js",
)  # fmt: skip


def lab_page() -> str:
    """The page, whole."""
    style, script = "\n" + source("lab.css"), "\n" + "\n".join(map(source, SCRIPTS))
    return string.Template(source("lab.html")).substitute(
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
    )


def source(name: str) -> str:
    """One of the page's files, as text."""
    return (files(__name__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
