"""The page of results: every table that was computed, as Markdown.

python -m minigan.experiments.page lessons
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import fill

import numpy as np

from minigan.experiments import EXPERIMENTS
from minigan.experiments.experiment import Experiment, Result, estimate, read_results, shown
from minigan.experiments.own import OWN, RESULTS, data_of, own_figure, own_minutes, own_results
from minigan.recipes import RECIPES

_INTRODUCTION = """\
# Results

Each table stands here with its protocol, the command that computes it again, and the numbers that others have printed.
`±` is half of the interval that holds the mean over seeds with 95 % (Student's t); counts are those of all seeds, one
if they are alike.
Minutes are of one of two cores, beside other work; where a run stood still, they are without that. The scores of MNIST
are of features of this package's digit classifier: compare them with each other, not with FIDs of Inception's."""


def page(folder: Path = RESULTS) -> str:
    """All tables of which there are results in a folder."""
    parts = [_INTRODUCTION]
    for experiment in EXPERIMENTS.values():
        path = folder / f"{experiment.name}.json"
        if path.is_file():
            results = own_results(folder) if experiment is OWN else read_results(path)
            table = _recipes(results) if experiment is OWN else _table(experiment, results)
            parts += [
                f"## {experiment.title}",
                fill(experiment.text, 120),
                "\n".join(table),
                _origin(experiment, read_results(path)),
            ]
            if experiment.curves:
                parts.append(f"![{experiment.title}]({picture(experiment)})")
            parts += [fill(experiment.conclusion, 120)] if experiment.conclusion else []
    return "\n\n".join(parts) + "\n"


def _recipes(results: Sequence[Result]) -> Iterator[str]:
    """A row for each recipe, also for those that were not run."""
    yield _line("recipe", "paper", "data", "published", "here", "minutes")
    yield _line("---", "---", "---", "---", "---", "---:")
    for name, recipe in RECIPES.items():
        minutes = own_minutes(results, name)
        yield _line(name, recipe.paper, data_of(name), recipe.published, own_figure(results, name), _minutes(minutes))


def _table(experiment: Experiment, results: Sequence[Result]) -> Iterator[str]:
    """A row for each that was computed, then the published ones."""
    rows = [row for row in experiment.rows if any(result.row == row for result in results)]
    of = {row: {name: estimate(results, row, name) for name in experiment.columns} for row in rows}
    columns = [name for name in experiment.columns if any(scores[name] for scores in of.values())]
    yield _line("", *columns, "seeds", "steps", "minutes")
    yield _line("---", *["---:"] * (len(columns) + 3))
    for row, scores in of.items():
        here = [result for result in results if result.row == row]
        steps, minutes = here[0].steps, sum(result.seconds for result in here) / len(here) / 60
        training = [f"{steps:,}", _minutes(minutes)] if steps else ["", ""]
        yield _line(row, *(shown(scores[name]) for name in columns), str(len(here)), *training)
    for name, published in experiment.published.items():
        yield _line(f"*{name}*", *(published.get(column, "") for column in columns), "", "", "")


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _minutes(minutes: float | None) -> str:
    return "" if minutes is None else f"{minutes:.0f}" if minutes >= 1 else "< 1"


def _origin(experiment: Experiment, results: Sequence[Result]) -> str:
    """The command, when it ran, and on what."""
    seeds = sorted({result.seed for result in results})
    dates = sorted({result.date for result in results})
    versions = ", ".join(f"{name} {version}" for name, version in results[0].versions.items())
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return f"`minigan recipes run {experiment.name} --seeds {','.join(map(str, seeds))}`, {when}, {versions}."


def save_curves(path: Path, experiment: Experiment, results: Sequence[Result]) -> None:
    """A panel for each score whose names have an @, and in it a line for each row: the mean of its seeds, and where
    they lie."""
    from matplotlib.figure import Figure

    figure = Figure((5.2 * len(experiment.curves), 3.6), layout="constrained")
    panels = figure.subplots(1, len(experiment.curves), squeeze=False)[0]
    for panel, (score, x_label) in zip(panels, experiment.curves.items(), strict=True):
        for row in experiment.rows:
            found = points_of(results, row, score)
            if found:
                low, mean, high = np.array([(min(v), sum(v) / len(v), max(v)) for v in found.values()]).T
                (drawn,) = panel.plot(list(found), mean, marker=".", linewidth=1.2, label=row)
                panel.fill_between(list(found), low, high, color=drawn.get_color(), alpha=0.2, linewidth=0)
        panel.set_xlabel(x_label)
        panel.locator_params(axis="x", nbins=5)
        panel.xaxis.set_major_formatter("{x:,.10g}")
        panel.set_title(score, loc="left", fontsize=10)
        panel.grid(alpha=0.3)
        values = [value for line in panel.get_lines() for value in line.get_ydata()]
        if min(values) > 0 and max(values) > 1000 * min(values):
            panel.set_yscale("log")
    panels[0].legend(loc="best", frameon=False)
    figure.savefig(path, dpi=110)


def points_of(results: Sequence[Result], row: str, score: str) -> dict[float, list[float]]:
    """The values of a score by the number behind its @, of all seeds of a row: {2000: [310, 325], 4000: …}."""
    found: dict[float, list[float]] = {}
    for result in results:
        for name, value in result.scores.items():
            start, _, at = name.partition("@")
            if result.row == row and start == score and at and value is not None:
                found.setdefault(float(at), []).append(value)
    return dict(sorted(found.items()))


def main() -> None:
    """Write results.md and its pictures into the folder that is named."""
    if len(sys.argv) != 2:
        raise SystemExit("python -m minigan.experiments.page FOLDER: name one for results.md and its pictures")
    lessons = Path(sys.argv[1])
    (lessons / "results.md").write_text(page(), encoding="utf-8")
    for experiment in EXPERIMENTS.values():
        path = RESULTS / f"{experiment.name}.json"
        if experiment.curves and path.is_file():
            save_curves(lessons / picture(experiment), experiment, read_results(path))


def picture(experiment: Experiment) -> str:
    """Where the curves of a table lie, from the page."""
    return f"pictures/{experiment.name}.png"


if __name__ == "__main__":
    main()
