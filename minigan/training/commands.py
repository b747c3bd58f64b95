"""Commands that a message tells, such that they work as pasted."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def resume_command(run_dir: Path, processes: int = 1) -> str:
    """The command that goes on with a run, with as many processes."""
    arguments = f"--resume {shlex.quote(str(run_dir))}"
    if processes == 1:
        return f"{program()} train {arguments}"
    return f"mpiexec -n {processes} {program()} train --data-parallel {arguments}"


def program() -> str:
    """How the command was called, for hints that work as pasted; `minigan` from any other program."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py" and called.parent.name == "minigan":
        return f"{shlex.quote(sys.orig_argv[0])} -m minigan"
    if called.stem != "minigan" or called.name == str(called):
        return "minigan"
    # Found on the PATH, it is told its full path.
    found = shutil.which("minigan")
    return "minigan" if found and os.path.abspath(found) == os.path.abspath(called) else shlex.quote(sys.argv[0])
