"""A trace as one HTML page: a training step, frame by frame, in any browser and without a network.

Its style, its scripts and the trace are put into `page.html`. A Content-Security-Policy names the style and the script
by their hashes, and allows nothing else: no other script, no request to anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import html
import string
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from minigan.trace.schema import Trace

if TYPE_CHECKING:
    import os

    from IPython.display import HTML

STYLES = ("paper.css", "base.css", "page.css")
# In this order: each builds on those before.
SCRIPTS = (
    "drawing.js",
    "chinese.js",
    "texts.js",
    "layout.js",
    "map.js",
    "border.js",
    "explain.js",
    "terms.js",
    "frame.js",
    "compare.js",
    "page.js",
)


def trace_page(trace: Trace) -> str:
    """The page, whole."""
    style, script = (joined(*map(source, names)) for names in (STYLES, SCRIPTS))
    return assembled(
        source("page.html"), style, script, title=html.escape(_title(trace)), trace=inlined(trace.to_json())
    )


def assembled(template: str, style: str, script: str, allowed: str = "img-src data:", **texts: str) -> str:
    """A page: a template with its style, its script, and a policy that allows these, what is `allowed`, and nothing
    else. texts: what else stands in the template, as HTML."""
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; {allowed}; base-uri 'none'; "
        "form-action 'none'"
    )
    return string.Template(template).substitute(texts, style=style, script=script, policy=policy)


def joined(*sources: str) -> str:
    """Styles or scripts, one after another."""
    return "\n" + "\n".join(sources)


def write_page(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write the page into a file."""
    Path(path).write_text(trace_page(trace), encoding="utf-8", newline="\n")


def show_page(trace: Trace, height: int = 900) -> HTML:
    """The page in a notebook's cell, in a frame of its own that many pixels high."""
    from IPython.display import HTML

    page = html.escape(trace_page(trace))
    return HTML(
        f'<div><iframe title="{html.escape(_title(trace))}" sandbox="allow-scripts" srcdoc="{page}" '
        f'style="width: 100%; height: {height}px; border: 0"></iframe></div>'
    )


def inlined(json: str) -> str:
    """JSON that may stand in a <script>: nothing in it, `</script>` least of all, means anything to HTML."""
    return json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _title(trace: Trace) -> str:
    model, step = trace.about.get("model"), trace.about.get("at")
    said = ", ".join(str(part) for part in (model, step and f"step {step}") if part)
    return f"A training step: {said}" if said else "A training step"


def source(name: str) -> str:
    """The text of one of this folder's files."""
    return (files(__name__) / name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
