"""status.json in a run's folder: what whoever looks at the folder needs to know, and its configuration does not say.

total_steps       how many steps the run will have taken at its end
figure_labels     what its figures are called on the screen, if not by their names
state             "running", "done", "stopped" (by the user) or "failed"; a run that was killed still says "running"
message           why it was stopped or failed
real_scores       the scores of other real samples, by name, if it is scored
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from minigan.files import read_file
from minigan.training.atomic import write_atomically
from minigan.training.run_dir import RunDir

NAME, MOST_BYTES = "status.json", 2**20


def read_status(folder: Path) -> dict[str, Any]:
    """What the file says; nothing, where there is none, as in folders of earlier versions, or none that can be read."""
    try:
        found = json.loads(read_file(folder / NAME, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def update_status(run_dir: RunDir, **facts: object) -> None:
    """Set these, and leave the others. That it cannot be written is told, and no reason to end a run."""
    try:
        text = json.dumps(read_status(run_dir.path) | facts, indent=2, allow_nan=False)
        write_atomically(run_dir.path / NAME, (text + "\n").encode())
    except OSError as error:
        run_dir.tell(f"{run_dir.path / NAME} could not be written ({error.strerror or error}): training goes on")


def finite(scores: dict[str, float]) -> dict[str, float]:
    """Those that are numbers: JSON has no word for NaN or infinity."""
    return {name: value for name, value in scores.items() if math.isfinite(value)}
