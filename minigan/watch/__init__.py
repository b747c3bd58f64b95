"""Watching runs: a page on this machine that reads their folders, so that it costs the training nothing.

    minigan watch                  all runs in the folder runs/, running or finished
    minigan train --watch          a run that begins, in a process beside it
    show_run("runs/00003-…")       in a notebook's cell

`reading` reads a run's folder, and never out of it; `rules` says in words when a rule of thumb is broken; `server`
answers this machine alone. The one thing that is written is a request for a trace of a run's next step.
"""

from minigan.watch.notebook import show_run
from minigan.watch.server import WatchServer

__all__ = ["WatchServer", "show_run"]
