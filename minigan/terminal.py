"""What the terminal can do: colours unless they are not wanted, its signs and width, and stepping with a key."""

from __future__ import annotations

import codecs
import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Callable
from contextlib import suppress

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}

SIGNS = {
    "×": "x", "∂": "d", "Σ": "sum", "‖": "||", "−": "-", "–": "-", "—": "-", "…": "...", "→": "->", "·": ",",
    "½": "1/2", "¼": "1/4", "¾": "3/4", "±": "+-", "≈": "~", "≤": "<=", "√": "sqrt", "∇": "grad ", "∞": "inf",
    "⟨": "<", "⟩": ">", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "⊙": "*", "′": "'", "│": "|", "\u0302": "^",
    **{letter: unicodedata.name(letter).split()[-1].lower() for letter in "αβγδεμσ"},
    **{sign: f"^{plain}" for sign, plain in zip("⁰¹²³⁴ⁿˡˣ⁻ᵀ", "01234nlx-T", strict=True)},
    **{sign: f"_{plain}" for sign, plain in zip("₀₁₂₃ᵢⱼₙ", "0123ijn", strict=True)},
    "✓": "x", "←": "<-", "━": "=", "╸": "-", "─": "-", "═": "=", "┬": "_", "┴": "|",
    "▁": ".", "▂": ":", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "#", "█": "@",
}  # fmt: skip


def colours() -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, *styles: str) -> str:
    """The text in these styles, if there are colours."""
    if not (styles and text and colours()):
        return text
    return f"\033[{';'.join(STYLES[s] for s in styles)}m{text}\033[0m"


def signs(text: str) -> str:
    """The text in signs that the terminal's encoding has: × becomes x where there is none."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "minigan.signs").decode(encoding)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # it is registered for nothing else
    return "".join(SIGNS.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error("minigan.signs", _replaced)


def prepare_streams() -> None:
    """Let anything be printed anywhere: signs that a stream's encoding lacks are replaced, and where there is no
    stdin, stdout or stderr at all (`2>&-`, pythonw), what is printed goes nowhere."""
    with suppress(OSError):
        while (handle := os.open(os.devnull, os.O_RDWR)) < 3:  # or the next file opened would be taken for stderr
            pass
        os.close(handle)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="minigan.signs")


def printable(text: str) -> str:
    """The text in one line, with control characters, such as of a file's name, as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def width(most: int = 100) -> int:
    """How many columns there are, up to `most`."""
    return max(20, min(shutil.get_terminal_size((most, 24)).columns, most))


# Chinese letters and signs are two columns wide, and stand without spaces: a line may end after most of them.
_WIDE, _CLOSING, _OPENING = "\u2e80-\uffef", "，。、；：？！）》」”", "（《「“"
_UNIT = re.compile(rf"[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}]+)?[{_CLOSING}]*\s*")


def in_one_line(text: str) -> str:
    """The lines of a paragraph as one: with a space between two of them, but not between Chinese signs."""
    lines = "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
    none = rf"(?<=[{_WIDE}])\n(?=[{_WIDE}])|(?<=[{_CLOSING}])\n|\n(?=[{_OPENING}])"
    return re.sub(none, "", lines).replace("\n", " ")


def fill(text: str, indent: str = "", break_on_hyphens: bool = True, columns: int | None = None) -> str:
    """The text in lines of so many columns, or as wide as the terminal, all but the first one indented."""
    columns = columns or width()
    if not re.search(rf"[{_WIDE}]", text):
        return textwrap.fill(text, columns, subsequent_indent=indent, break_on_hyphens=break_on_hyphens)
    lines = [""]
    for unit in _UNIT.findall(text):
        if columns_of(lines[-1]) + columns_of(unit.rstrip()) > columns and lines[-1].strip():
            lines.append(indent)
        lines[-1] += unit
    return "\n".join(line.rstrip() for line in lines)


def columns_of(text: str) -> int:
    """How many columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def interactive() -> bool:
    """Whether there is a user who can press a key: stdin and stdout are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def step(count: int, show: Callable[[int], None], start: int = 0, tell: Callable[[str], str] = str) -> bool:
    """Show pages 0 … count − 1, one at a time: Enter goes on, b back, a number to that page, q leaves.

    Where nobody can press a key, all are shown at once. Returns whether one went on to the end.
    tell: puts what is said of the keys in another language.
    """
    if not interactive():
        for each in range(start, count):
            show(each)
        return True
    page: int | None = start
    while page is not None and page < count:
        show(page)
        page = _next_page(page, count, tell)
    return page is not None


def _next_page(page: int, count: int, tell: Callable[[str], str]) -> int | None:
    """Where to go from a page; None to leave. What is no key is asked for again."""
    keys = tell(f"[{page + 1}/{count}] Enter: on   b: back   1-{count}: go to   q: quit") + " "
    question = keys if columns_of(keys) < width() else f"[{page + 1}/{count}] Enter, b, 1-{count}, q: "
    while True:
        try:
            answer = input(styled(question, "dim")).strip().lower()
        except EOFError:
            print()
            return None
        if answer.isdecimal() and 1 <= int(answer) <= count:
            return int(answer) - 1
        if answer == "":
            return page + 1
        if answer == "b":
            return max(page - 1, 0)
        if answer == "q":
            return None
        print(tell(f"{answer!r} is no key here: press Enter, b, a number from 1 to {count}, or q."))
