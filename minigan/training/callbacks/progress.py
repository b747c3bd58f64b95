"""What a run says while it works: by a bar on a terminal, or plain lines when piped."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from minigan.algorithms import Figures
from minigan.training.callbacks.samples import SampleGrid
from minigan.training.callbacks.stats import Stats
from minigan.training.describe import total_steps
from minigan.training.trainer import Callback, Trainer

if TYPE_CHECKING:
    from tqdm import tqdm

PLAIN_SECONDS = 10.0  # between two plain lines
RECENT = 12  # lines, about two minutes, over which the pace is measured


class Progress(Callback):
    """Shows where the run is, with the latest figures: on a terminal by tqdm, else by a line now and then.
    It comes last: after an epoch it tells what the others have made of it."""

    may_fail, what = True, "the progress could not be shown"

    def __init__(self, stats: Stats, grids: SampleGrid | None = None) -> None:
        self.stats, self.grids = stats, grids
        self.bar: tqdm | None = None

    def on_start(self, trainer: Trainer) -> None:
        self.last_line = time.monotonic()
        self.marks = deque([(trainer.step, self.last_line)], RECENT)  # steps and times of the last lines
        trainer.say = self.line
        if sys.stderr.isatty():
            from tqdm import tqdm

            total, at = total_steps(trainer), trainer.step
            self.bar = tqdm(total=total, initial=at, unit="step", dynamic_ncols=True, smoothing=0.05)

    def on_step(self, trainer: Trainer, figures: Figures) -> None:
        epoch = trainer.loader.epoch + (not trainer.at_epoch_end)
        shown = describe_figures(self.stats.latest, trainer.algorithm.figure_labels)
        where = f"epoch {epoch}/{trainer.config.epochs}  " if trainer.config.steps is None else ""
        if self.bar is not None:
            self.bar.update()
            if self.stats.new:
                self.bar.set_description(where.strip(), refresh=False)
                self.bar.set_postfix_str(shown, refresh=False)
        elif time.monotonic() - self.last_line > PLAIN_SECONDS:
            self.last_line = time.monotonic()
            self.marks.append((trainer.step, self.last_line))
            self.line(_joined(f"{where}step {trainer.step}/{total_steps(trainer)}", shown, self._pace(trainer)))

    def on_epoch(self, trainer: Trainer) -> None:
        """A line for the terminal and the log; of a run that counts steps, for the log alone."""
        minutes, seconds = divmod(int(trainer.seconds), 60)
        goal = f"/{trainer.config.epochs}" if trainer.config.steps is None else ""
        figures = describe_figures(self.stats.latest, trainer.algorithm.figure_labels)
        done = f"epoch {trainer.closed_epochs}{goal} done"
        text = _joined(done, figures, f"{minutes}:{seconds:02d} so far", self._samples())
        trainer.run_dir.log(text)
        if trainer.config.steps is None:
            self.line(text)

    def on_stop(self, trainer: Trainer) -> None:
        """Print the last figures, if no line has shown them, and close the bar."""
        if trainer.finished and not trainer.at_epoch_end:
            figures = describe_figures(self.stats.means() or self.stats.latest, trainer.algorithm.figure_labels)
            self.line(_joined(f"step {trainer.step} done", figures, self._samples()))
        self.close()

    def on_error(self, trainer: Trainer, error: BaseException) -> None:
        self.close()

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.close()

    def line(self, text: str) -> None:
        """A line of its own, above the bar."""
        if self.bar is not None:
            self.bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)

    def _samples(self) -> str:
        return f"samples: {self.grids.latest}" if self.grids is not None and self.grids.latest is not None else ""

    def _pace(self, trainer: Trainer) -> str:
        """Of the last lines: a pause, or another program's hour, is soon forgotten, and a network may grow."""
        (first, since), (step, now) = self.marks[0], self.marks[-1]
        rate = (step - first) / max(1e-9, now - since)
        left = int((total_steps(trainer) - trainer.step) / max(1e-9, rate))
        return f"{rate:.1f} steps/s  {left // 60}:{left % 60:02d} left"


def describe_figures(figures: Mapping[str, float], labels: Mapping[str, str]) -> str:
    """Figures in one line, losses first."""
    ordered = sorted(figures.items(), key=lambda item: not item[0].startswith("loss"))
    return "  ".join(f"{labels.get(name, name)} {value:.3f}" for name, value in ordered)


def _joined(*parts: str) -> str:
    return "  ".join(part for part in parts if part)
