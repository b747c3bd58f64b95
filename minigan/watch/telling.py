"""What the page is told of a run, as data: its curves thinned to what a screen can show."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from minigan.algorithms import GAN
from minigan.metrics.registry import better
from minigan.training.commands import program
from minigan.training.trace_request import is_requested
from minigan.watch.reading import Run
from minigan.watch.rules import broken_rules

MOST = 400  # points of a curve
ABOUT = ("recipe", "model", "algorithm", "objective", "penalties", "data", "batch_size", "lr_G", "lr_D", "seed")
NOT_FIGURES = ("step", "epoch", "seconds")
Curve = dict[str, Any]


def summary(run: Run) -> dict[str, Any]:
    """A run in the list of all."""
    return {"name": run.folder.name, "state": run.state, "step": run.step, "total": run.total_steps}


def details(run: Run) -> dict[str, Any]:
    """All that the page shows of a run. Times are in seconds since 1970, so that the page can tell what has passed."""
    status, figures, folder = run.status, run.figures, shlex.quote(str(run.folder))
    labels = status.get("figure_labels", GAN.figure_labels)  # folders of earlier versions say nothing
    return summary(run) | {
        "folder": str(run.folder),
        "about": [[name, told(value)] for name in ABOUT if (value := run.config.get(name)) not in (None, [], ())],
        "message": status.get("message", ""),
        "changed": run.changed,
        "pace": run.pace,
        "seconds": figures[-1]["seconds"] if figures else None,
        "epoch": figures[-1].get("epoch") if figures else None,
        "broken": [asdict(broken) for broken in broken_rules(run)],
        "curves": [*curves(figures, labels)],
        "scores": [*scores(run.scores, status.get("real_scores", {}))],
        "grids": run.grids(),
        "traces": run.traces(),
        "requested": is_requested(run.folder),
        "norms": [[step, norms] for step, norms in run.layer_norms().items()],
        "commands": {
            "trace": f"{program()} trace {folder} --html step.html",
            "resume": f"{program()} train --resume {folder}",
        },
    }


def curves(lines: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> list[Curve]:
    """Each figure over the steps: means over as many lines as it takes for `MOST` points, null where there is none."""
    names = dict.fromkeys(name for line in lines for name in line if name not in NOT_FIGURES)
    size = max(1, -(-len(lines) // MOST))
    blocks = [lines[i : i + size] for i in range(0, len(lines), size)]
    steps = [block[-1]["step"] for block in blocks]
    return [
        {"name": name, "label": str(labels.get(name, name)), "steps": steps, "values": [_mean(b, name) for b in blocks]}
        for name in names
    ]


def scores(lines: Sequence[Mapping[str, Any]], real: Mapping[str, float]) -> list[Curve]:
    """Each score over the steps, with that of real samples, and which end is better."""
    lines = lines[-MOST:]
    names = dict.fromkeys(name for line in lines for name in line if name not in NOT_FIGURES)
    found = {name: [line for line in lines if name in line] for name in names}
    return [
        {
            "name": name, "better": better(name), "real": real.get(name),
            "steps": [line["step"] for line in own], "values": [line[name] for line in own],
        }
        for name, own in found.items()
    ]  # fmt: skip


def told(value: object) -> str:
    """A choice as one types it."""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _mean(lines: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [line[name] for line in lines if line.get(name) is not None]
    return sum(values) / len(values) if values else None
