"""What a step of each row of the table `objectives` costs on this machine, and how many fit into its five minutes.

python -m minigan.experiments.step_costs
"""

from __future__ import annotations

import time
from statistics import median

from minigan.experiments.digits import MINUTES, OBJECTIVES
from minigan.experiments.training_row import Training
from minigan.training import Config, prepare

WARM_UP, STEPS = 3, 15


def main() -> None:
    """Take steps of all rows in turn, so that what else the machine does is shared fairly; print the medians."""
    trainers = {
        name: prepare(Config.choose({"evaluate_every": 0}, row.choices, device="cpu"))
        for name, row in OBJECTIVES.rows.items()
        if isinstance(row, Training)
    }
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    for _ in range(WARM_UP + STEPS):
        for name, trainer in trainers.items():
            began = time.perf_counter()
            trainer.take_step()
            seconds[name].append(time.perf_counter() - began)
    print(f"{'row':14}{'a step':>10}{f'steps in {MINUTES} minutes':>24}{'in the table':>14}")
    for name, taken in seconds.items():
        cost = median(taken[WARM_UP:])
        print(f"{name:14}{1000 * cost:>7.0f} ms{60 * MINUTES / cost:>24,.0f}{trainers[name].config.steps:>14,}")


if __name__ == "__main__":
    main()
