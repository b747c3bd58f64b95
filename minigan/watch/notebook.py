"""The page of a run in a notebook's cell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from minigan.training import Trainer
from minigan.watch.beside import served
from minigan.watch.server import Runs

if TYPE_CHECKING:
    from IPython.display import IFrame


def show_run(run: Trainer | str | os.PathLike[str], height: int = 900) -> IFrame:
    """The page of a run in a frame that many pixels high, which goes on as the run does: show it, then train in the
    next cell. run: a run that `start` or `resume` made, or a run's folder.

    A thread of the kernel serves it, on 127.0.0.1: the browser must be on the kernel's machine.
    """
    from IPython.display import IFrame

    folder = run.run_dir.path if isinstance(run, Trainer) else Path(run)
    server = served(Runs([folder]), framed=True).in_background()
    return IFrame(server.url, "100%", height)
