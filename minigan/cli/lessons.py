"""`minigan lesson`: step through the lessons, and have their exercises checked.

`check-lesson` and `lessons build` are earlier names of two of its actions."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from minigan.cli import common
from minigan.cli.common import DONE, FAILED
from minigan.cli.help import HelpFormatter
from minigan.lesson.cells import SOLVED, LessonError
from minigan.lesson.copies import copy_lessons, reset
from minigan.lesson.exercises import CHECKS, exercises, hints, is_done, verdicts
from minigan.lesson.language import LANGUAGES
from minigan.lesson.pages import build
from minigan.lesson.places import NUMBERED, find, folder, lessons, own_folder, shipped, solution_of
from minigan.lesson.progress import Progress
from minigan.lesson.stepping import play, typeset
from minigan.lesson.translation import in_language, in_their_language, title, translated
from minigan.lesson.watching import saved
from minigan.options import COUNT
from minigan.terminal import fill, styled
from minigan.training.commands import program

WHICH = "its number, part of its name, or file (.py, .ipynb)"
PAGES = "build/lessons"


def add_lesson_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan lesson`."""
    parser.formatter_class = Help
    parser.add_argument(
        "words",
        nargs="*",
        metavar="NN | ACTION",
        help=f"a lesson to step through, {WHICH}; or an action of those above",
    )
    parser.add_argument("--start", type=COUNT.read, default=1, metavar="CELL", help="where to begin (default: 1)")
    parser.add_argument("--solution", action="store_true", help="check the solutions that come with it instead")
    parser.add_argument("--out", default=PAGES, help=f"the folder that build writes (default: {PAGES})")
    parser.add_argument("--lang", choices=LANGUAGES, help="English or Chinese (default: as init copied, or LANG)")


DESCRIPTION = """Without a number: the lessons, and what you have solved of each.

actions:
  init [FOLDER]     copy the lessons to a folder of your own (default: lessons)
  next              go on: the first lesson that is not solved
  check NN          check its exercises; check NN stretch: one of them
  hint NN           a hint for what is not solved; again: one more
  watch             check a lesson whenever you save it
  reset NN          begin it anew; what you wrote is kept beside it
  build             make all lessons notebooks and pages"""


class Help(HelpFormatter):
    """In the learner's language."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, f"{translated('usage')}: ")

    def start_section(self, heading: str | None) -> None:
        super().start_section(heading and translated(heading))

    def add_text(self, text: str | None) -> None:
        """Of a line that begins with a name, what stands behind it is translated; of an example nothing."""
        line = re.compile(r"^(  \S.*?  +)?(\S.*)$", re.MULTILINE)
        super().add_text(text and line.sub(lambda found: (found[1] or "") + translated(found[2]), text))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return fill(translated(text), break_on_hyphens=False, columns=width).splitlines()


def lesson(arguments: argparse.Namespace) -> int | None:
    """Do an action, step through a lesson, or list them."""
    with in_their_language(arguments.lang):
        return _lesson(arguments)


def say(text: str) -> None:
    """A line for the learner, on stderr, in their language."""
    common.say(translated(text))


def tell(text: str) -> None:
    """A line of what was asked for, in the learner's language."""
    print(translated(text))


def _lesson(arguments: argparse.Namespace) -> int | None:
    if not arguments.words:
        _list()
        return None
    first, *rest = arguments.words
    action = ACTIONS.get(first)
    if action is None:
        _expect(rest, 0, "a lesson to step through: its number alone")
        play(find(first), arguments.start - 1)
        return None
    return action(rest, arguments)


def _list() -> None:
    own = own_folder()
    progress = Progress(own) if own else None
    for path in lessons():
        ticks = f"{_ticks(path, progress)}  " if progress and progress.known else ""
        print(f"{styled(path.stem[:2], 'bold')}  {ticks}{title(path)}")
    if own is None:
        say(f"{program()} lesson init copies them to a folder of your own, to write into; {program()} lesson 01 begins")
    else:
        if progress and progress.known:
            say("of each the warm-up, the exercise, the stretch: ✓ solved, · not yet, ? changed since it was checked")
        say(f"{program()} lesson next goes on; {program()} lesson check 01 checks what you wrote; all: lesson --help")


def _ticks(path: Path, progress: Progress) -> str:
    """A sign for each exercise: solved, not solved, or not known since the file was changed."""
    solved = progress.solved(path)
    found = [None if solved is None else solved.get(name, False) for name in exercises(path)]
    signs = {True: styled("✓", "green"), False: "·", None: "·" if not progress.was_checked(path) else "?"}
    return " ".join([*(signs[each] for each in found), *" " * (len(CHECKS) - len(found))])


# --- the actions ---------------------------------------------------------------------------------


def _init(words: Sequence[str], arguments: argparse.Namespace) -> None:
    _expect(words, 1, "init [FOLDER]")
    to = Path(words[0] if words else "lessons")
    done = list(copy_lessons(to))
    told = {
        "copied": "copied",
        "renewed": "brought up to this version of minigan (you had not changed them)",
        "same": "left as they are",
    }
    for what, text in told.items():
        if count := sum(each == what for each, _ in done):
            tell(f"{count} file{'s' * (count > 1)} {text}: {to}{os.sep}")
    for path in [path for each, path in done if each == "kept"]:
        tell(f"{path.with_suffix('')}: yours is kept; this version's, which differs, lies beside it as {path.name}")
    found = own_folder()
    change = "" if found and found.resolve() == to.resolve() else f"cd {shlex.quote(str(to))} && "
    say(f"go on with: {change}{program()} lesson next")


def _next(words: Sequence[str], arguments: argparse.Namespace) -> None:
    _expect(words, 0, "next")
    for path in sorted(folder().glob(NUMBERED)):
        found = _judged(path)
        if not is_done(found):
            play(path, arguments.start - 1)
            return
    left = [path.stem[:2] for path in lessons() if "stretch" in (found := _judged(path)) and found["stretch"] != SOLVED]
    tell(f"All lessons are solved, but for the stretch of {', '.join(left)}." if left else "All lessons are solved.")
    say(f"{program()} train --mine trains the digits with your backward passes")


def _judged(path: Path) -> dict[str, str]:
    """What is known of a lesson's exercises; where it was changed since its check, it is checked again."""
    progress = Progress(path.parent)
    solved = progress.solved(path)
    if solved is not None and all(solved.values()):
        return {name: SOLVED for name in solved}
    found = verdicts(path)
    progress.checked(path, found)
    return found


def _check(words: Sequence[str], arguments: argparse.Namespace) -> int:
    _expect(words, 2, "check NN [warm-up|exercise|stretch]", least=1)
    path = _own(words[0])
    code = _report(path, _named(path, words[1:]), arguments.solution)
    if arguments.solution:
        return code
    number = _called(path)
    if code != DONE:
        say(f"{program()} lesson hint {number} gives a hint")
    elif len(words) == 1:
        say(f"lesson {number} is solved; {program()} lesson next goes on")
    return code


def _hint(words: Sequence[str], arguments: argparse.Namespace) -> None:
    _expect(words, 2, "hint NN [warm-up|exercise|stretch]", least=1)
    path = find(words[0])
    if words[1:]:
        (name,) = _named(path, words[1:]) or []
    else:
        found = verdicts(path)
        open_ = [name for name, said in found.items() if said != SOLVED]
        if not open_:
            tell(f"{path.stem}: all is solved")
            return
        name = open_[0]
        print(_verdict(path, name, found[name]))
    known = hints(path, name)
    progress = Progress(path.parent) if path.parent != shipped() else None
    count = min(len(known), progress.hints_shown(path, name) + 1 if progress else len(known))
    if progress:
        progress.showed_hints(path, name, count)
    for number, hint in enumerate(known[:count], 1):
        print(typeset(f"{number}. {in_language(hint)}"))
    if count < len(known):
        say(f"hint {count} of {len(known)} for the {name}; the same command gives the next")
    else:
        say(f"these are all hints for the {name}; the solution is in {os.path.relpath(solution_of(path))}")


def _reset(words: Sequence[str], arguments: argparse.Namespace) -> None:
    _expect(words, 1, "reset NN", least=1)
    path = _own(words[0])
    old = reset(path)
    tell(f"{os.path.relpath(path)} is as it was before you wrote into it; what you wrote is in {os.path.relpath(old)}")


def _watch(words: Sequence[str], arguments: argparse.Namespace) -> None:
    _expect(words, 1, "watch [NN]")
    place = folder()
    which = _own(words[0]) if words else None
    say(f"checks {which.name if which else f'a lesson of {os.path.relpath(place)}'} when you save it; Ctrl-C ends")
    try:
        for path in saved(lambda: [which] if which else sorted(place.glob(NUMBERED))):
            print()
            try:
                _report(path, None, False)
            except LessonError as error:  # a file that is half written, or broken: the next save may mend it
                tell(str(error))
    except KeyboardInterrupt:
        say("")


def _build(words: Sequence[str], arguments: argparse.Namespace) -> None:
    _expect(words, 0, "build [--out FOLDER]")
    build_lessons(arguments)


ACTIONS: dict[str, Callable[[Sequence[str], argparse.Namespace], int | None]] = {
    "init": _init, "next": _next, "check": _check, "hint": _hint, "reset": _reset, "watch": _watch, "build": _build,
}  # fmt: skip


def _expect(words: Sequence[str], most: int, usage: str, least: int = 0) -> None:
    if not least <= len(words) <= most:
        what = "too few words" if len(words) < least else f"{words[most]!r} is too much"
        raise LessonError(f"lesson: {what}; {usage}")


def _own(which: str) -> Path:
    """A lesson of the learner's own, or a file."""
    return find(which) if which.endswith((".py", ".ipynb")) else find(which, folder())


def _named(path: Path, words: Sequence[str]) -> list[str] | None:
    """The exercise that was named, if one was."""
    if not words:
        return None
    known = exercises(path)
    if words[0] not in known:
        raise LessonError(f"{path.stem} has no exercise {words[0]!r}: it has {', '.join(known)}")
    return [words[0]]


def _called(path: Path) -> str:
    """How a lesson is named in a command: by its number, if it is found by that."""
    own = own_folder()
    return path.stem[:2] if own and path.parent.resolve() == own.resolve() and path.suffix == ".py" else str(path)


def _verdict(path: Path, name: str, said: str) -> str:
    """What is said of an exercise, in a line."""
    label = path.stem if name == "exercise" else f"{path.stem}, {translated(name)}"
    told = translated(said)
    return f"{label}: {styled(told, 'green') if said == SOLVED else told}"


def _report(path: Path, names: list[str] | None, with_solution: bool) -> int:
    """Check exercises, and print a line for each; the exit code."""
    found = verdicts(path, names, solution_of(path) if with_solution else None)
    for name, said in found.items():
        print(_verdict(path, name, said))
    if names is None and not with_solution and path.match(NUMBERED):
        Progress(path.parent).checked(path, found)
    done = all(said == SOLVED for said in found.values()) if names else is_done(found)
    return DONE if done else FAILED


# --- as they were called ------------------------------------------------------------------------


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan check-lesson`."""
    parser.add_argument("which", metavar="NN", help=WHICH)
    parser.add_argument("--solution", action="store_true", help="check the solutions that come with it instead")


def check(arguments: argparse.Namespace) -> int:
    """Check the exercises; the exit code."""
    with in_their_language():
        return _report(_own(arguments.which), None, arguments.solution)


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan lessons`."""
    parser.add_argument("action", choices=["build"], help="make them")
    parser.add_argument("--out", default=PAGES, help=f"the folder to write (default: {PAGES})")


def build_lessons(arguments: argparse.Namespace) -> None:
    """Make notebooks and pages of all lessons."""
    from tqdm import tqdm

    written = build(Path(arguments.out))
    for path in tqdm(written, "building", total=2 * len(lessons()), disable=None):
        tqdm.write(str(path))
