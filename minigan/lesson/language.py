"""Which language the lessons speak: English, or Chinese where it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from minigan.lesson.places import own_folder
from minigan.lesson.progress import Progress

LANGUAGES = ("en", "zh")
VARIABLE = "MINIGAN_LANG"


def language() -> str:
    """What is asked for: by `--lang` or MINIGAN_LANG; else by the learner's folder, if its lessons were copied in a
    language; else by LC_ALL, LC_MESSAGES or LANG, the first that is set."""
    own = own_folder()
    for asked in (os.environ.get(VARIABLE), Progress(own).language if own else None):
        if asked in LANGUAGES:
            return asked
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, names), "").startswith("zh") else "en"


def is_asked_for() -> bool:
    """Whether a language was asked for by name."""
    return os.environ.get(VARIABLE) in LANGUAGES


@contextmanager
def speaking(asked: str | None) -> Iterator[None]:
    """Speak this language inside, in processes that are started there too; None leaves the language as it is."""
    before = os.environ.get(VARIABLE)
    if asked:
        os.environ[VARIABLE] = asked
    try:
        yield
    finally:
        if asked and before is None:
            del os.environ[VARIABLE]
        elif asked and before is not None:
            os.environ[VARIABLE] = before
