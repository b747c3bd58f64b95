"""The page that watches runs: one document with its style and scripts in it, which asks the server that it came from
and nobody else. Its look, and what it draws with, are those of the trace's page."""

from __future__ import annotations

from importlib.resources import files

from minigan.trace.views import page as trace_page

SCRIPTS = ("words.js", "chart.js", "panel.js", "page.js")  # in this order, after the trace page's drawing.js


def watch_page(token: str) -> str:
    """The page. token: what a request that writes must show."""
    style = trace_page.joined(*map(trace_page.source, ("paper.css", "base.css")), _source("page.css"))
    script = trace_page.joined(trace_page.source("drawing.js"), *map(_source, SCRIPTS))
    allowed = "img-src 'self' data:; connect-src 'self'"
    return trace_page.assembled(_source("page.html"), style, script, allowed, token=token)


def _source(name: str) -> str:
    return (files(__name__) / name).read_text(encoding="utf-8")
