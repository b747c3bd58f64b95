"""What `minigan check` does: check every function of the engine, or one's own, with the same assertions."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from minigan.autograd import Function, Tensor, observe
from minigan.backend import Array
from minigan.functions.derivatives import function_classes
from minigan.importing import UserCodeError, described, import_file
from minigan.testing import invariants
from minigan.testing.assertions import assert_gradients, inputs_by_case
from minigan.testing.callables import Differentiable, as_callable
from minigan.testing.cases import CASES, BackwardCoverage
from minigan.testing.gradcheck import Agreement, gradcheck


class TargetError(ValueError):
    """There is no such function to check, or its file cannot be run."""


@dataclass(frozen=True)
class CheckResult:
    """What the check of one function gave.

    error: the first that was raised, in the last of the cases, by `call` (shapes and options in words). advice: what
    could be better and is not wrong.
    """

    name: str
    order: int
    cases: int = 0
    agreement: Agreement = Agreement()
    error: Exception | None = None
    call: str = ""
    advice: str = ""


Check = Callable[[], CheckResult]


def checks_of(targets: Sequence[str], order: int | None, cases: int, seed: int) -> list[Check]:
    """The checks of these targets, or of the whole engine if there are none."""
    checks: list[Check] = []
    for target in targets or CASES:
        if target in CASES:
            checks.append(functools.partial(_check_engine_function, target, order, cases, seed))
        else:
            functions = load_target(target)
            checks += [functools.partial(_check_user_function, *f, order or 2, cases, seed) for f in functions]
    return checks


def run_checks(checks: Sequence[Check], whole: bool) -> Iterator[CheckResult]:
    """The result of each check; of the whole engine, also an error for each Function that no case covers."""
    coverage = BackwardCoverage()
    for check in checks:
        with observe(coverage):
            result = check()
        yield result
    if whole:
        for name in sorted(c.__name__ for c in set(function_classes()) - coverage.classes):
            yield CheckResult(name, 0, error=LookupError("it has no sample inputs in minigan/testing/cases.py"))


def _check_engine_function(name: str, order: int | None, cases: int, seed: int) -> CheckResult:
    case = CASES[name]
    result = CheckResult(name, order or case.order)
    rng = np.random.default_rng(seed)
    for n in range(1, cases + 1):
        call = case.draw(rng)
        try:
            agreement = result.agreement + gradcheck(call, call.inputs, result.order, seed)
            invariants.assert_invariants(call, call.inputs, case.batched, check_needs_input_grad=True)
        except Exception as error:  # a wrong function may raise anything
            return replace(result, cases=n, error=error, call=str(call))
        result = replace(result, cases=n, agreement=agreement)
    return result


def _check_user_function(name: str, fn: Differentiable, order: int, cases: int, seed: int) -> CheckResult:
    result = CheckResult(name, order)
    inputs: list[Array | Tensor] = []
    try:
        forward = as_callable(fn)
        for n, inputs in enumerate(inputs_by_case(fn, None, cases, seed), start=1):
            result = replace(result, cases=n)
            result = replace(result, agreement=result.agreement + assert_gradients(fn, inputs, order, seed=seed))
    except Exception as error:
        guessed = "" if hasattr(fn, "samples") or not inputs else " (guessed)"
        return replace(result, error=error, call=", ".join(str(x.shape) for x in inputs) + guessed)
    try:
        invariants.assert_needs_input_grad_is_honoured(forward, inputs)
    except invariants.InvariantError as advice:
        return replace(result, advice=str(advice))
    return result


def load_target(target: str) -> list[tuple[str, Differentiable]]:
    """The functions that `module:name` or `file.py:name` means, with their names; all Functions of a module or file."""
    place, _, name = target.partition(":")
    module = _import(place)
    functions = {n: f for n, f in vars(module).items() if inspect.isclass(f) and issubclass(f, Function)}
    if not name:
        public = {n: f for n, f in functions.items() if f.__module__ == module.__name__ and not n.startswith("_")}
        whole: list[tuple[str, Differentiable]] = [
            (n, f) for n, f in public.items() if "forward" in dir(f) and f.forward is not Function.forward
        ]
        if not whole:
            raise TargetError(f"{place} defines no Function: name what to check as {place}:name")
        return whole
    fn = vars(module).get(name)
    if not callable(fn):
        known = f"it has {', '.join(functions)}" if functions else "nor any Function"
        raise TargetError(f"{place} has no function {name!r} to check ({known})")
    return [(name, fn)]


def _import(place: str) -> ModuleType:
    """The module of this name, or that a file.py is."""
    if place.endswith(".py"):
        path = Path(place).resolve()
        if not path.is_file():
            raise TargetError(f"there is no file {place}")
        _add_to_path(path.parent)
        try:
            return import_file(path, f"minigan_check_{path.stem}")
        except UserCodeError as error:
            raise TargetError(f"{place} {error}") from error.__cause__
    if not all(part.isidentifier() for part in place.split(".")):
        raise TargetError(f"{place!r} is no name of a function, a module or a file.py")
    _add_to_path(Path.cwd())
    try:
        return importlib.import_module(place)
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if not missing or not f"{place}.".startswith(f"{missing}."):  # the module is there, and fails
            raise TargetError(f"{place} cannot be imported: {described(error)}") from error
        near = difflib.get_close_matches(place.lower(), CASES, n=3, cutoff=0.5)
        guess = f"; did you mean {' or '.join(near)}?" if near else ""
        raise TargetError(
            f"{place!r} is neither a function of minigan nor a module to be found from {Path.cwd()}: "
            f"give a name from the table of `minigan check`, module:function or file.py:function{guess}"
        ) from None


def _add_to_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
