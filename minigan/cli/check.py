"""`minigan check`: derivatives and invariants of functions, as a table."""

from __future__ import annotations

import argparse
import traceback

from minigan.backend import set_default_device
from minigan.cli.common import DONE, FAILED, announced
from minigan.importing import user_line
from minigan.options import COUNT, NATURAL
from minigan.table import Column, print_table
from minigan.testing.assertions import MISTAKES, NoInputsError
from minigan.testing.check import CheckResult, checks_of, run_checks
from minigan.training.run_options import DEVICE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan check`."""
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET",
        help="a function of minigan (conv2d), or your own: module:MyFunction or file.py:MyFunction; a module or file "
        "alone for all Functions in it (default: the whole engine)",
    )  # fmt: skip
    parser.add_argument("--order", type=int, choices=(1, 2, 3), help="of the derivatives (default: 2; some 3)")
    parser.add_argument("--cases", type=COUNT.read, default=10, help="random calls of each function (default: 10)")
    parser.add_argument("--seed", type=NATURAL.read, default=0, help="of the random calls (default: 0)")
    parser.add_argument("--device", type=DEVICE.read, help="where they are checked: cpu, gpu or gpu:N (default: cpu)")


def check(arguments: argparse.Namespace) -> int:
    """Check, print the table and what is wrong; the exit code."""
    if arguments.device:
        set_default_device(announced(arguments.device))
    checks = checks_of(arguments.targets, arguments.order, arguments.cases, arguments.seed)
    columns = [
        Column("function", 40, left=True), Column("order"), Column("cases"), Column("largest error"),
        Column("result", left=True),
    ]  # fmt: skip
    results = print_table(
        columns, run_checks(checks, whole=not arguments.targets), _cells, len(checks), description="checking"
    )
    failed = 0
    for result in results:
        if (error := result.error) is None:
            continue
        failed += 1
        print(f"\n{result.name}{result.call and f', called on {result.call}'}: {_said(error)}")
        if arguments.debug:
            traceback.print_exception(error)
    for result in results:
        if result.advice:
            print(f"\n{result.name} is right, and could be cheaper: {result.advice}")
    cases = sum(result.cases for result in results)
    print(f"\n{len(results) - failed} of {len(results)} functions right, in {cases} cases")
    return FAILED if failed else DONE


def _said(error: Exception) -> str:
    """An error, with the line of the user's code that it came from, if that may be what is wrong."""
    if isinstance(error, (AssertionError, NoInputsError)) or error.__traceback__ is None:  # it was not raised
        return str(error)
    kind = "" if type(error).__module__.startswith("minigan.") else f"{type(error).__name__}: "
    mistake = "a mistake in its code: " if isinstance(error, MISTAKES) else ""
    place = user_line(error, source=True)
    return f"{mistake}{kind}{error}" + (f"\n  at {place}" if place else "")


def _cells(result: CheckResult) -> list[str]:
    head = [result.name, str(result.order), str(result.cases)]
    if result.error:
        kind = "WRONG" if isinstance(result.error, AssertionError) else "not checked"
        return [*head, "", f"{kind}: {type(result.error).__name__}"]
    redrawn = f" ({result.agreement.redrawn} redrawn at kinks)" if result.agreement.redrawn else ""
    return [*head, f"{result.agreement.error:.1e}", f"ok{redrawn}"]
