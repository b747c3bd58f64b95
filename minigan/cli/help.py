"""How `--help` looks: what a command does, its options with their defaults, examples."""

from __future__ import annotations

import argparse
import textwrap

from minigan.options import Option


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """argparse's, with examples in lines of their own, names such as non-saturating unbroken, and what a command does
    beside its name."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        for command in self._iter_indented_subactions(action):  # Python before 3.14 forgets that they are indented
            length = len(self._format_action_invocation(command)) + self._current_indent
            self._action_max_length = max(self._action_max_length, length)


def help_of(option: Option, default: object) -> str:
    """An option's help text, with the names it can be given, and the default, unless the text tells it or there is
    none."""
    text, bracket, rest = option.help.partition(" (default")
    if option.kind.choices is not None:
        text = f"{text}: {', '.join(option.kind.choices)}".removeprefix(": ")
    if not bracket and default is not None:
        text = f"{text} (default: {_as_typed(default)})".lstrip()
    return text + bracket + rest


def _as_typed(value: object) -> str:
    """A value as one gives it on the command line."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (tuple, list)):
        return ",".join(map(_as_typed, value)) or "none"
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
