"""What of the lessons lacks a translation, or was translated from another text than there is now.

`python -m minigan.lesson.untranslated 10` prints the sections that `lessons/zh/10_….md` lacks, in English, to be
written over in Chinese.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from minigan.lesson.cells import cells
from minigan.lesson.checking import needed, read_statements
from minigan.lesson.exercises import CHECKS, exercises, hints
from minigan.lesson.places import find, shipped
from minigan.lesson.translation import key, read


def texts(lesson: Path) -> list[str]:
    """A lesson's cells of text, and its hints."""
    found = [cell.text for cell in cells(lesson) if cell.markdown]
    return found + [hint for exercise in exercises(lesson) for hint in hints(lesson, exercise)]


def verdicts(lesson: Path, words: int = 2) -> list[str]:
    """The sentences that a lesson's checks may say, and parts of them, if they have so many words."""
    code = [cell for cell in cells(lesson) if not cell.markdown]
    statements = [statement for cell in code for statement in read_statements(cell)]
    trees = [tree for cell in code for tree in ast.parse(cell.text).body]
    kept = {id(statement) for check in CHECKS.values() for statement in needed(statements, check)}
    both = zip(statements, trees, strict=True)
    return sorted({each for statement, tree in both if id(statement) in kept for each in sentences(tree, words=words)})


def sentences(tree: ast.AST, of: set[str] | None = None, words: int = 2) -> list[str]:
    """The strings of at least so many words, with {0}, {1} … for what is filled in; docstrings are left out.

    of: if given, only those that are handed to functions of these names.
    """
    if of is not None:
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") in of]
        return [each for call in calls for given in call.args for each in sentences(given)]
    found: list[str] = []
    apart: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            apart.add(node.value)  # a docstring
        elif isinstance(node, ast.JoinedStr):
            apart.update(node.values)
            for value in node.values:
                if isinstance(value, ast.FormattedValue) and value.format_spec:
                    apart.add(value.format_spec)
    for node in ast.walk(tree):
        if node in apart:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr):
            text, count = "", 0
            for value in node.values:
                filled = isinstance(value, ast.FormattedValue)
                text += f"{{{count}}}" if filled else str(getattr(value, "value", ""))
                count += filled
        else:
            continue
        for line in map(str.strip, text.splitlines()):  # each is translated by itself
            if len(re.findall(r"[A-Za-z']{2,}", line)) >= words and line.count(" ") >= words - 1:
                pieces = re.split(r"\{\d+\}", line)
                found.append("".join(f"{{{i - 1}}}{piece}" if i else piece for i, piece in enumerate(pieces)))
    return found


def lacking(lesson: Path, language: str = "zh") -> tuple[list[str], list[str]]:
    """The texts and the sentences that have no translation in the lesson's own file."""
    path = shipped() / language / f"{lesson.stem}.md"
    there = read(path) if path.is_file() else None
    return (
        [text for text in texts(lesson) if there is None or key(text) not in there.texts],
        [each for each in verdicts(lesson) if there is None or each not in there.sentences],
    )


def stale(lesson: Path, language: str = "zh") -> list[str]:
    """The lines that begin what was translated from a text, or a sentence, that is there no more."""
    path = shipped() / language / f"{lesson.stem}.md"
    keys, said = {key(text) for text in texts(lesson)}, set(verdicts(lesson, words=1))
    heads = re.findall(r"^<!-- ((\w+).*?) -->$", path.read_text(encoding="utf-8"), re.MULTILINE)
    old = [head for head, name in heads if name != "sentences" and name not in keys]
    return old + [f"> {each}" for each in read(path).sentences if each not in said]


def label(text: str) -> str:
    """How a text begins: a section is named by that."""
    words = " ".join(re.sub(r"[#*`<>-]", "", text).split())
    return f"{key(text)} {words[:50].strip()}"


if __name__ == "__main__":
    lesson = find(sys.argv[1], shipped())
    without, unsaid = lacking(lesson)
    for text in without:
        print(f"<!-- {label(text)} -->\n{text}\n")
    print("<!-- sentences -->\n")
    for sentence in unsaid:
        print(f"> {sentence}\n")
