"""What a planted mistake is, and the tables of them: the `.txt` files beside this one.

A table names a file, the tests that a mistake in it should fail, and then the mistakes: a name, the
old text (`- `) and the new (`+ `), each of one or several lines. The first line of a text may begin
anywhere in a line of the source, the others begin where the source's do:

    file minigan/functions/reduction.py
    tests tests/functions/test_reduction.py tests/functions/test_every_function.py

    mean: 1/N lost in the backward pass
    - super().backward(MulScalar(self.share)(dy))
    + super().backward(dy)

A text that stands in several functions is looked for in one, by its path in the file; so a table does not depend on
what else a file holds:

    in GAN.generator_turn

`file`, `in` and `tests` hold until they are named again; a new `file` ends an `in`. Where names change,
`python tests/mutants --rename OLD NEW` carries all tables over. Tests are files of tests, or some test of one
(tests/training/test_resume.py::test_stopped_twice_in_one_epoch). No `+ ` line leaves the old text
out. Lines that begin with `# ` are comments.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TABLES = sorted(Path(__file__).parent.glob("*.txt"))


class TableError(ValueError):
    """A table that cannot be read, or does not fit the source (any more)."""


@dataclass
class Mistake:
    """One wrong text for one right text, which must occur exactly once in a file, or in a function of it (`within`);
    and who should notice."""

    name: str
    where: str  # its place in the tables
    file: str
    within: str
    tests: tuple[str, ...]
    old: str
    new: str

    def planted_in(self, source: str) -> str:
        """The file's text with the mistake in it."""
        start, end = self._range(source)
        count = source[start:end].count(self.old)
        if count != 1:
            place = f"{self.within} of {self.file}" if self.within else self.file
            raise TableError(f"{self.where}: {self.name}: the old text occurs {count} times in {place}, not once")
        return source[:start] + source[start:end].replace(self.old, self.new) + source[end:]

    def _range(self, source: str) -> tuple[int, int]:
        """Where in the file's text the function (or class) lies that it is planted in."""
        if not self.within:
            return 0, len(source)
        found: ast.AST = ast.parse(source)
        for name in self.within.split("."):
            inner = [n for n in ast.iter_child_nodes(found) if getattr(n, "name", None) == name]
            found = inner[-1] if inner else None  # the last: those before it are overloads
            if found is None:
                raise TableError(f"{self.where}: {self.name}: there is no {self.within} in {self.file}")
        lines = source.splitlines(keepends=True)
        return sum(map(len, lines[: found.lineno - 1])), sum(map(len, lines[: found.end_lineno]))


def rename(paths: Iterable[Path], old: str, new: str) -> int:
    """Replace a name, a path or a text in all tables, where it is not a part of a longer name; how often it was."""
    pattern, count = re.compile(rf"(?<![\w/.-]){re.escape(old)}(?![\w])" if old[:1].isalnum() else re.escape(old)), 0
    for path in paths:
        text, n = pattern.subn(lambda match: new, path.read_text(encoding="utf-8"))
        if n:
            path.write_text(text, encoding="utf-8")
        count += n
    return count


def read_tables(paths: Iterable[Path]) -> list[Mistake]:
    """All mistakes of some tables."""
    return [mistake for path in paths for mistake in _read(path)]


def _read(path: Path) -> list[Mistake]:
    found: list[tuple[str, str, str, str, tuple[str, ...], list[str], list[str]]] = []
    file, within, tests = "", "", ()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        mark, _, rest = line.partition(" ")
        if mark in ("", "#"):
            continue
        if mark == "file":
            file, within = rest, ""
        elif mark == "in" and re.fullmatch(r"[\w.]+", rest):
            within = rest
        elif mark == "tests":
            tests = tuple(rest.split())
        elif mark in ("-", "+"):
            if not found:
                raise TableError(f"{path.name}:{number}: a text without a mistake's name above it")
            found[-1][5 if mark == "-" else 6].append(rest)
        else:
            found.append((line, f"{path.name}:{number}", file, within, tests, [], []))
    mistakes = [Mistake(*head, "\n".join(old), "\n".join(new)) for *head, old, new in found]
    for m in mistakes:
        if not (m.file and m.tests and m.old):
            raise TableError(f"{m.where}: {m.name}: a mistake needs a file, tests and an old text")
    return mistakes
