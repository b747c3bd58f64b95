"""Rules of thumb of GANs, and in words which of them a run breaks, with what to try."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minigan.watch.reading import Run

WINDOW = 10  # lines of stats, of 20 steps each, that a rule looks at
SURE = 0.95  # D(x) above it, and D(G(z)) as far from 0: D tells nearly all apart
APART = 0.1  # between D(x) and D(G(z)): with less, D does not tell them apart
FADED = 0.01  # of the largest gradient so far
Line = Mapping[str, Any]


@dataclass(frozen=True)
class Broken:
    """A rule that is broken: its name, what is seen, and what one may try."""

    rule: str
    seen: str
    advice: tuple[str, ...]


def broken_rules(run: Run) -> list[Broken]:
    """Those that the run breaks now, the gravest first."""
    return [broken for rule in RULES if (broken := rule(run)) is not None]


def no_number(run: Run) -> Broken | None:
    """NaN or Inf: the run ended on one, or a figure has become one."""
    message, config = run.status.get("message", ""), run.config
    rates = {name: config[name] for name in ("lr_G", "lr_D") if isinstance(config.get(name), (int, float))}
    lower = ", ".join(f"--{name.replace('_', '-')} {_short(rate / 4)}" for name, rate in rates.items())
    advice = (
        f"lower learning rates: {lower or '--lr'}",
        "--detect-anomaly, which names the function and the line where the first NaN or Inf arises",
    )
    if run.status.get("state") == "failed" and re.search(r"\b(nan|inf)\b", message, re.IGNORECASE):
        return Broken("NaN", message, advice)
    for line in run.figures[-1:]:
        for name, value in line.items():
            if value is None:
                label = run.status.get("figure_labels", {}).get(name, name)
                return Broken("NaN", f"{label} was no finite number at step {line['step']}.", advice)
    return None


def failed(run: Run) -> Broken | None:
    """The run ended on an error of another kind."""
    message = run.status.get("message", "")
    if run.status.get("state") != "failed" or no_number(run) is not None:
        return None
    return Broken("The run failed", message, ())


def discriminator_won(run: Run) -> Broken | None:
    """D tells all apart: there, G learns little from it."""
    lines = run.figures[-WINDOW:]
    real, fake = _mean(lines, "D_x"), _mean(lines, "D_G_z")
    if real is None or fake is None or real < SURE or fake > 1 - SURE:
        return None
    config, advice = run.config, []
    if config.get("objective") == "minimax":
        advice.append("--objective non-saturating: its gradient does not vanish where D is sure")
    if isinstance(config.get("lr_D"), (int, float)):
        advice.append(f"a lower rate for D alone: --lr-D {_short(config['lr_D'] / 4)}")
    advice.append(f"a D whose slope is bounded: --penalties r1, or {_critic(config)}")
    seen = (
        f"Over the last {_span(lines)} steps D(x) was {real:.3f} and D(G(z)) {fake:.3f}: D tells nearly every fake "
        "from a real sample. If that lasts, what it sends back says little of how to do better."
    )
    return Broken("D has won", seen, tuple(advice))


def gradient_vanished(run: Run) -> Broken | None:
    """The gradient at the border is a small part of what it was."""
    norms = [(line["step"], line["border_norm"]) for line in run.figures if _is_number(line.get("border_norm"))]
    if len(norms) < 2 * WINDOW:
        return None
    means = [sum(norm for _, norm in norms[i : i + WINDOW]) / WINDOW for i in range(0, len(norms) - WINDOW + 1, 5)]
    now, most = sum(norm for _, norm in norms[-WINDOW:]) / WINDOW, max(means)
    real, fake = _mean(run.figures[-WINDOW:], "D_x"), _mean(run.figures[-WINDOW:], "D_G_z")
    blind = real is not None and fake is not None and real - fake < APART  # there is nothing to send back
    if now > FADED * most or blind:
        return None
    advice = ["a D that is less sure: a lower --lr-D, --penalties r1"]
    if run.config.get("objective") in ("minimax", "least-squares"):
        advice.insert(0, "--objective non-saturating, whose gradient is largest where D is sure that a sample is fake")
    else:
        advice.append(f"a gradient that does not saturate: {_critic(run.config)}")
    part = f"1/{most / now:,.0f} of what it was" if now > 0 else "exactly 0"
    seen = (
        f"The gradient that crosses the border, ‖∂L/∂G(z)‖, is {_short(now)}, {part} at its largest ({_short(most)}): "
        "G all but stands still."
    )
    return Broken("G's gradient vanishes", seen, tuple(advice))


def modes_missing(run: Run) -> Broken | None:
    """G draws some kinds of samples and leaves out others, by the last scores beside real ones; where these tell that
    its samples look right, or do not say."""
    real = run.status.get("real_scores", {})
    found = {name: value for line in run.scores[-1:] for name, value in line.items() if _is_number(value)}

    def both(name: str) -> tuple[float, float] | None:
        return (found[name], real[name]) if name in found and _is_number(real.get(name)) else None

    seen, precision = "", both("precision")
    if precision and precision[0] <= 0.5 * precision[1]:
        return None  # where few samples look right, which kinds there are says nothing: noise lacks them all
    if (pair := both("modes")) and pair[0] < 0.9 * pair[1]:
        seen = f"Samples fall near {pair[0]:.0f} of the data's {pair[1]:.0f} modes."
    elif (pair := both("rarest_class")) and pair[0] < pair[1] / 5:
        seen = f"The rarest class has {pair[0]:.1%} of the samples; of real ones it has {pair[1]:.1%}."
    elif precision and (recall := both("recall")) and recall[0] < 0.3 * recall[1]:
        seen = (
            f"Samples look right (precision {precision[0]:.2f}) but reach only {recall[0]:.0%} of the real ones "
            f"(recall; other real samples reach {recall[1]:.0%})."
        )
    if not seen:
        return None
    advice = (
        "D judges several samples at once, so that sameness gives them away: --pac 2",
        f"an objective that counts how far apart the distributions are: {_critic(run.config)}",
        "a larger --batch-size, or a lower rate for G alone: --lr-G",
    )
    return Broken("Modes are missing", f"{seen} (At step {run.scores[-1]['step']}.)", advice)


RULES: tuple[Callable[[Run], Broken | None], ...] = (
    no_number, failed, gradient_vanished, discriminator_won, modes_missing,
)  # fmt: skip


def _critic(config: Mapping[str, Any]) -> str:
    """How one trains a critic with a gradient penalty instead."""
    if config.get("data") == "mnist":
        return "--recipe wgan-gp"
    return "--objective wasserstein with --penalties gradient:10 and --n-critic 5 (D without BatchNorm)"


def _mean(lines: Sequence[Line], name: str) -> float | None:
    """Of a figure, over a full window of lines; None if there is no such window."""
    values = [line[name] for line in lines if _is_number(line.get(name))]
    return sum(values) / len(values) if len(values) >= WINDOW else None


def _span(lines: Sequence[Line]) -> int:
    """How many steps lines are of; the first one is of as many as the others."""
    between = (lines[-1]["step"] - lines[0]["step"]) / max(1, len(lines) - 1)
    return round(between * len(lines))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(x: float) -> str:
    return f"{x:.3g}"
