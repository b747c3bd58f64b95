"""The lab."""

from importlib.resources import files


def source(name: str) -> str:
    """One of the page's files, as text."""
    return (files(__name__) / name).read_text(encoding="utf-8")
