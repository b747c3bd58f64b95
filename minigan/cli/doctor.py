"""`minigan doctor`."""

from __future__ import annotations

import argparse

from minigan.cli.common import DONE, FAILED


def doctor(arguments: argparse.Namespace) -> int:
    """Print the report; the exit code."""
    from minigan.doctor import examine

    return DONE if examine(arguments.device) else FAILED
