"""`minigan check`: the judge's verdicts as a table."""

from __future__ import annotations

import argparse
import traceback

from minigan.cli.common import DONE, FAILED, announced


def check(arguments: argparse.Namespace) -> int:
    """Judge, print the table and what is wrong; the exit code."""
    from tqdm import tqdm

    from minigan.backend import set_default_device
    from minigan.testing.check import HEADER, checks, judged, place_of

    if arguments.device:
        set_default_device(announced(arguments.device))
    todo = checks(arguments.targets, arguments.order, arguments.cases, arguments.seed)
    rows = []
    print(HEADER, flush=True)
    with tqdm(total=len(todo), desc="checking", leave=False, disable=None) as bar:
        for row in judged(todo, whole=not arguments.targets):
            rows.append(row)
            bar.write(str(row))
            bar.update()
    wrong = [(row, row.trouble) for row in rows if row.trouble]
    for row, error in wrong:
        where = "" if isinstance(error, AssertionError) else place_of(error)
        print(f"\n{row.name}{row.at and f', called on {row.at}'}: {error}{where}")
        if arguments.debug:
            traceback.print_exception(error)
    for row in rows:
        if row.advice:
            print(f"\n{row.name} is right, and could be cheaper: {row.advice}")
    cases = sum(row.cases for row in rows)
    print(f"\n{len(rows) - len(wrong)} of {len(rows)} functions right, in {cases} cases")
    return FAILED if wrong else DONE
