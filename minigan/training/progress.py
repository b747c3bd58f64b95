"""What a run says while it works: a bar on a terminal, plain lines when piped."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import Any

PLAIN_SECONDS = 10.0  # between two plain lines


class Progress:
    """Told of every step, shows where the run is: on a terminal by tqdm, else by a line now and then."""

    def __init__(self, total: int, done: int, epochs: int) -> None:
        self.total, self.done, self.epochs = total, done, epochs
        self.first, self.started = done, time.monotonic()
        self.last_line = self.started
        self.figures: dict[str, float] | None = None
        self.bar: Any = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, initial=done, unit="step", dynamic_ncols=True, smoothing=0.05)

    def step(self, epoch: int, figures: dict[str, float] | None) -> None:
        """One step more, in `epoch` (from 1); `figures` if there are new ones."""
        self.done += 1
        self.figures = figures or self.figures
        if self.bar is not None:
            self.bar.update()
            if figures:
                self.bar.set_description(f"epoch {epoch}/{self.epochs}", refresh=False)
                self.bar.set_postfix_str(describe(figures), refresh=False)
        elif time.monotonic() - self.last_line > PLAIN_SECONDS:
            self.last_line = time.monotonic()
            where = f"epoch {epoch}/{self.epochs}  step {self.done}/{self.total}"
            self.line("  ".join([where, *([describe(self.figures)] if self.figures else []), self._pace()]))

    def line(self, text: str) -> None:
        """A line of its own, above the bar."""
        if self.bar is not None:
            self.bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """No more steps will come."""
        if self.bar is not None:
            self.bar.close()

    def _pace(self) -> str:
        rate = (self.done - self.first) / max(1e-9, time.monotonic() - self.started)
        left = int((self.total - self.done) / max(1e-9, rate))
        return f"{rate:.1f} steps/s  {left // 60}:{left % 60:02d} left"


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


def describe(figures: dict[str, float]) -> str:
    """A step's figures in one line."""
    return (
        f"loss_D {figures['loss_D']:.3f}  loss_G {figures['loss_G']:.3f}  D(x) {figures['D_x']:.2f}  "
        f"D(G(z)) {figures['D_G_z']:.2f}  ‖∂L/∂G(z)‖ {figures['border_norm']:.3f}"
    )
