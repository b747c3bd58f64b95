"""The lessons' texts in another language, laid over the same code.

`lessons/zh/NN_name.md` has the Chinese of `lessons/NN_name.py` and of its hints; `lessons/zh/commands.md` that of what
`minigan lesson` says. Such a file has

- texts: `<!-- key begin of the English -->`, and below it the cell of text, or the hint, in Chinese. The key is made
  of the English: where that has changed, nothing has its key, and the English is shown.
- after `<!-- sentences -->` what is printed: `> English`, and below it the Chinese. {0}, {1} … stand for what a
  sentence is filled with. It is translated as it is printed: the code speaks English alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from minigan.lesson.cells import LessonError, cells, text_of
from minigan.lesson.language import language, speaking
from minigan.lesson.places import shipped
from minigan.terminal import in_one_line


class Translation(NamedTuple):
    """Texts by their keys, and sentences by the English ones."""

    texts: dict[str, str]
    sentences: dict[str, str]


def key(text: str) -> str:
    """Tells one text from another, however its lines are broken."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:8]


def read(path: Path) -> Translation:
    """A file of translations."""
    found = Translation({}, {})
    parts = re.split(r"^<!-- (\w+).*? -->\n", text_of(path), flags=re.MULTILINE)
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        if name != "sentences":
            found.texts[name] = body.strip("\n")
            continue
        for english, other in re.findall(r"^((?:> .*\n)+)((?:[^>\n].*\n?)+)", body, re.MULTILINE):
            found.sentences[" ".join(line[2:] for line in english.splitlines())] = in_one_line(other)
    return found


@lru_cache
def _translation(folder: Path) -> Translation:
    """All files of a folder, together: a text, or a sentence, may be in several lessons."""
    found = Translation({}, {})
    for path in sorted(folder.glob("*.md")):
        for all_, these in zip(found, read(path), strict=True):
            all_.update(these)
    return found


@lru_cache
def _patterns(folder: Path) -> list[tuple[re.Pattern[str], str]]:
    """First those that begin another sentence ("hint: {0}"), then those that tell how they end, and of these the ones
    with the most words of their own first: others may be what they are filled with, or like a part of them."""
    sentences = _translation(folder).sentences

    def order(english: str) -> tuple[bool, bool, int]:
        begins = re.fullmatch(r"[^{]+(: | is )\{0\}", english)
        return not begins, english.endswith("}"), -len(re.sub(r"\{\d\}", "", english))

    return [(_pattern(english), sentences[english]) for english in sorted(sentences, key=order)]


def _pattern(english: str) -> re.Pattern[str]:
    """What a sentence begins with, where it does not say it, has no colon: that would end another one. Where it says
    it, lines that come after may be part of what it is filled with."""
    literal = [re.escape(part) for part in re.split(r"\{\d\}", english)]
    if literal[0]:
        return re.compile("(.*?)".join(literal), re.DOTALL)
    return re.compile("((?:(?!: ).)*?)" + "(.*?)".join(literal[1:]))


def in_language(text: str) -> str:
    """A cell's text, or a hint, in the language that is asked for, if it has been translated."""
    return _translation(shipped() / language()).texts.get(key(text), text)


def translated(sentence: str) -> str:
    """What is about to be printed, in the language that is asked for, and so is what it was filled with.

    Of what is no known sentence, each line is translated, and of a line what stands before and behind a colon. A text
    in quotes is one of the code's: it stays, and what it means is put behind it.
    """
    known = _translation(shipped() / language()).sentences
    if (quoted := re.fullmatch(r"'(.*)'", sentence)) and quoted[1] in known:
        return f"{sentence}（{known[quoted[1]]}）"
    for pattern, other in _patterns(shipped() / language()):
        if found := pattern.fullmatch(sentence):
            parts = [translated(part) for part in found.groups()]
            pieces = re.split(r"\{(\d)\}", other)  # every second one is a number
            return "".join(parts[int(each)] if i % 2 else each for i, each in enumerate(pieces))
    if "\n" in sentence:
        lines = sentence.split("\n")
        return "\n".join(line[: len(line) - len(line.lstrip())] + translated(line.lstrip()) for line in lines)
    before, colon, behind = sentence.partition(": ")
    both = (translated(before), translated(behind)) if colon else ()
    return "：".join(both) if both and both != (before, behind) else sentence


@contextmanager
def in_their_language(asked: str | None = None) -> Iterator[None]:
    """Speak the language that is asked for, or theirs, and tell errors in it."""
    with speaking(asked):
        try:
            yield
        except LessonError as error:
            raise LessonError(translated(str(error))) from error


def laid_over(source: str, broken: bool = True) -> str:
    """A lesson's file in the language that is asked for: other text, the same code.

    broken: whether Chinese lines are broken, as suits an editor; a browser shows a space there.
    """

    def cell(found: re.Match[str]) -> str:
        english = "\n".join(re.sub(r"^# ?", "", line) for line in found[2].splitlines())
        text = in_language(english.strip("\n"))
        if not broken:
            text = re.sub(r"(?<=[，。；：？！、）”])\n(?!\n| *(?:- |\d+\. |#)) *", "", text)
        lines = text.splitlines()
        return found[1] + "".join(f"# {line}".rstrip() + "\n" for line in lines)

    return re.sub(r"^(# %% \[markdown\]\n)((?:#(?! %%).*\n)+)", cell, source, flags=re.MULTILINE)


def title(path: Path) -> str:
    """A lesson's first heading, without its number."""
    text = next((cell.text for cell in cells(path) if cell.markdown), "")
    heading = re.search(r"^# (?:\d+\. )?(.+)$", in_language(text), re.MULTILINE)
    return heading[1] if heading else path.stem
