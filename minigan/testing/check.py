"""`minigan check`: every function of the engine, or one's own, before the same judge, as a table."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minigan.autograd import Function, observe
from minigan.testing.cases import CASES, Call, Differentiated, function_classes
from minigan.testing.gradcheck import Agreement, gradcheck
from minigan.testing.invariants import InvariantError, assert_invariants, no_work_is_wasted, survives_an_empty_batch
from minigan.testing.judge import assert_gradients, drawn_inputs
from minigan.testing.target import callable_of

PACKAGE = Path(__file__).resolve().parents[1]
HEADER = f"{'function':<40} {'order':>5} {'cases':>5} {'largest error':>13}  verdict"


class TargetError(ValueError):
    """There is no such function to check."""


@dataclass(frozen=True)
class Row:
    """One line of the table. trouble: what is wrong, if anything is, and `at` what call. advice: what could be
    better and is not wrong."""

    name: str
    order: int
    cases: int
    agreement: Agreement
    trouble: Exception | None = None
    at: str = ""
    advice: str = ""

    def __str__(self) -> str:
        error = "" if self.trouble else f"{self.agreement.error:.1e}"
        judged = isinstance(self.trouble, AssertionError)
        verdict = f"{'WRONG' if judged else 'not checked'}: {type(self.trouble).__name__}" if self.trouble else "ok"
        redrawn = f" ({self.agreement.redrawn} redrawn at kinks)" if self.agreement.redrawn and not self.trouble else ""
        return f"{self.name:<40} {self.order:>5} {self.cases:>5} {error:>13}  {verdict}{redrawn}"


Check = Callable[[], Row]


def checks(targets: Sequence[str], order: int | None, cases: int, seed: int) -> list[Check]:
    """What is to be checked, each a function that does it: the whole engine if no target is named."""
    if not targets:
        return [_of_the_engine(name, order, cases, seed) for name in CASES]
    return [check for target in targets for check in _of(target, order, cases, seed)]


def judged(todo: Sequence[Check], whole: bool) -> Iterator[Row]:
    """The rows of the table; of the whole engine, also one for each Function that no case led to."""
    seen = Differentiated()
    for check in todo:
        with observe(seen):
            row = check()
        yield row
    for missed in sorted(c.__name__ for c in function_classes() - seen.classes) if whole else ():
        yield Row(missed, 0, 0, Agreement(), LookupError("it has no sample inputs in minigan/testing/cases.py"))


def _of(target: str, order: int | None, cases: int, seed: int) -> Iterator[Check]:
    if target in CASES:
        yield _of_the_engine(target, order, cases, seed)
        return
    for name, fn in found(target):
        yield lambda name=name, fn=fn: _of_a_user(name, fn, order or 2, cases, seed)


def _of_the_engine(name: str, order: int | None, cases: int, seed: int) -> Check:
    def check() -> Row:
        case = CASES[name]
        row = Row(name, order or case.order, 0, Agreement())
        rng = np.random.default_rng(seed)
        for n in range(cases):
            call = case.draw(rng)
            try:
                agreement = row.agreement + gradcheck(call, call.inputs, row.order, seed)
                assert_invariants(call, call.inputs, case.batched, thrifty=True)
            except Exception as trouble:  # a check may fail in any way: that is what it is for
                return replace(row, cases=n + 1, trouble=trouble, at=str(call))
            row = replace(row, cases=n + 1, agreement=agreement)
        return row

    return check


def _of_a_user(name: str, fn: Callable, order: int, cases: int, seed: int) -> Row:
    row, inputs = Row(name, order, 0, Agreement()), []
    try:
        for n, inputs in enumerate(drawn_inputs(fn, None, cases, seed)):
            row = replace(row, cases=n + 1)
            row = replace(row, agreement=row.agreement + assert_gradients(fn, inputs, order, seed=seed))
            survives_an_empty_batch(callable_of(fn), inputs)
    except Exception as trouble:
        guessed = "" if hasattr(fn, "samples") or not inputs else " (guessed)"
        return replace(row, trouble=trouble, at=f"{Call(fn, inputs)}{guessed}")
    try:
        no_work_is_wasted(callable_of(fn), inputs)
    except InvariantError as advice:
        return replace(row, advice=str(advice))
    return row


def place_of(error: Exception) -> str:
    """The last line outside of minigan on the way to an error, if there is one: " at file:line: source"."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(str(PACKAGE))]
    frames = [f for f in frames if f.line and "site-packages" not in f.filename]
    return f"\n  at {frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line}" if frames else ""


# --- finding what a user means -------------------------------------------------------------------


def found(target: str) -> list[tuple[str, Callable]]:
    """`module:name`, `file.py:name`, or a module or file alone, for all Functions in it; each with its name."""
    place, _, name = target.partition(":")
    module = _module(place)
    own = {n: f for n, f in vars(module).items() if inspect.isclass(f) and issubclass(f, Function)}
    if not name:
        own = {n: f for n, f in own.items() if f.__module__ == module.__name__ and not n.startswith("_")}
        own = {n: f for n, f in own.items() if "forward" in dir(f) and f.forward is not Function.forward}
        if not own:
            raise TargetError(f"{place} defines no Function: name what to check as {place}:name")
        return list(own.items())
    fn = vars(module).get(name)
    if not callable(fn):
        known = f"it has {', '.join(own)}" if own else "nor any Function"
        raise TargetError(f"{place} has no function {name!r} to check ({known})")
    return [(name, fn)]


def _module(place: str) -> Any:
    if place.endswith(".py"):
        path = Path(place).resolve()
        if not path.is_file():
            raise TargetError(f"there is no file {place}")
        _importable_from(path.parent)
        spec = importlib.util.spec_from_file_location(f"minigan_check_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        try:
            spec.loader.exec_module(module)
        except SyntaxError as error:
            raise TargetError(f"{place} is no Python: {error}") from None
        return module
    if not all(part.isidentifier() for part in place.split(".")):
        raise TargetError(f"{place!r} is no name of a function, a module or a file.py")
    _importable_from(Path.cwd())
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if not error.name or not place.startswith(error.name):
            raise  # the module is there; what it imports is not
        near = difflib.get_close_matches(place.lower(), CASES, n=3, cutoff=0.5)
        guess = f"; did you mean {' or '.join(near)}?" if near else ""
        raise TargetError(
            f"{place!r} is neither a function of minigan nor a module to be found from {Path.cwd()}: "
            f"give a name from the table of `minigan check`, module:function or file.py:function{guess}"
        ) from None


def _importable_from(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
