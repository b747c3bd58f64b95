"""What a planted mistake is, and the tables of them: the `.txt` files beside this one.

A table names a file, the tests that a mistake in it should fail, and then the mistakes: a name, the
old text (`- `) and the new (`+ `), each of one or several lines. The first line of a text may begin
anywhere in a line of the source, the others begin where the source's do:

    file minigan/functions/reduction.py
    tests tests/functions/test_reduction.py tests/functions/test_every_function.py

    mean: 1/N lost in the backward pass
    - super().backward(MulScalar(self.share)(dy))
    + super().backward(dy)

`file` and `tests` hold until they are named again. Tests are files of tests, or some test of one
(tests/training/test_resume.py::test_stopped_twice_in_one_epoch). No `+ ` line leaves the old text
out. Lines that begin with `# ` are comments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TABLES = sorted(Path(__file__).parent.glob("*.txt"))


class TableError(ValueError):
    """A table that cannot be read, or does not fit the source (any more)."""


@dataclass
class Mistake:
    """One wrong text for one right text, which must occur exactly once in a file; and who should notice."""

    name: str
    where: str  # its place in the tables
    file: str
    tests: tuple[str, ...]
    old: str
    new: str

    def planted_in(self, source: str) -> str:
        """The file's text with the mistake in it."""
        count = source.count(self.old)
        if count != 1:
            raise TableError(f"{self.where}: {self.name}: the old text occurs {count} times in {self.file}, not once")
        return source.replace(self.old, self.new)


def read_tables(paths: Iterable[Path]) -> list[Mistake]:
    """All mistakes of some tables."""
    return [mistake for path in paths for mistake in _read(path)]


def _read(path: Path) -> list[Mistake]:
    found: list[tuple[str, str, str, tuple[str, ...], list[str], list[str]]] = []
    file, tests = "", ()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        mark, _, rest = line.partition(" ")
        if mark in ("", "#"):
            continue
        if mark == "file":
            file = rest
        elif mark == "tests":
            tests = tuple(rest.split())
        elif mark in ("-", "+"):
            if not found:
                raise TableError(f"{path.name}:{number}: a text without a mistake's name above it")
            found[-1][4 if mark == "-" else 5].append(rest)
        else:
            found.append((line, f"{path.name}:{number}", file, tests, [], []))
    mistakes = [Mistake(*head, "\n".join(old), "\n".join(new)) for *head, old, new in found]
    for m in mistakes:
        if not (m.file and m.tests and m.old):
            raise TableError(f"{m.where}: {m.name}: a mistake needs a file, tests and an old text")
    return mistakes
