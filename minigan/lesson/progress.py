"""How far a learner is: which exercises were solved, how many hints were shown, kept beside the lessons."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from minigan.lesson.cells import SOLVED
from minigan.training.atomic import write_atomically

FILE = ".minigan.json"
LANGUAGE = "language"  # stands beside the names of files


def fingerprint(path: Path) -> str:
    """Tells one content of a file from another."""
    return fingerprint_of(path.read_bytes())


def fingerprint_of(content: bytes) -> str:
    """Tells one content from another, but for how its lines end."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()[:16]


class Progress:
    """What is known of a folder of lessons. A file that cannot be read or written is no reason to stop."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.known: dict[str, dict[str, Any]] = {}
        with suppress(OSError, ValueError, AttributeError):
            read = json.loads(self.path.read_text(encoding="utf-8"))
            self.known = {name: entry for name, entry in read.items() if isinstance(entry, dict)}

    @property
    def language(self) -> str | None:
        """The language that the lessons were copied in, where it was chosen."""
        return self.known.get(LANGUAGE, {}).get("chosen")

    def chose(self, language: str) -> None:
        """Keep the language that the lessons are copied in."""
        self._keep(LANGUAGE, chosen=language)

    def solved(self, lesson: Path) -> dict[str, bool] | None:
        """Which exercises of a lesson its last check found solved; None if it was never checked, or changed since."""
        entry = self.known.get(lesson.name, {})
        return entry.get("solved") if entry.get("checked") == fingerprint(lesson) else None

    def was_checked(self, lesson: Path) -> bool:
        """Whether a lesson was ever checked, in this form or in another."""
        return "checked" in self.known.get(lesson.name, {})

    def checked(self, lesson: Path, found: dict[str, str]) -> None:
        """Keep what a check found in each exercise of a lesson."""
        entry = {"checked": fingerprint(lesson), "solved": {name: said == SOLVED for name, said in found.items()}}
        self._keep(lesson.name, **entry)

    def copied_from(self, name: str) -> str | None:
        """The fingerprint of the file as it was when it was copied here."""
        return self.known.get(name, {}).get("copied")

    def copied(self, lesson: Path) -> None:
        """Keep that a file is as it was shipped. Nothing else is known of it then."""
        self.known.pop(lesson.name, None)
        self._keep(lesson.name, copied=fingerprint(lesson))

    def offered(self, lesson: Path, shipped: str) -> None:
        """Keep that this version's form of a lesson, which was changed here, was laid beside it."""
        self._keep(lesson.name, copied=shipped)

    def hints_shown(self, lesson: Path, exercise: str) -> int:
        """How many hints for an exercise were shown so far."""
        return self.known.get(lesson.name, {}).get("hints", {}).get(exercise, 0)

    def showed_hints(self, lesson: Path, exercise: str, count: int) -> None:
        """Keep how many hints for an exercise were shown."""
        shown = self.known.get(lesson.name, {}).get("hints", {})
        self._keep(lesson.name, hints={**shown, exercise: count})

    def _keep(self, name: str, **entry: Any) -> None:
        self.known[name] = {**self.known.get(name, {}), **entry}
        with suppress(OSError):
            write_atomically(self.path, json.dumps(self.known, indent=1).encode())
