"""Wrong answers to each exercise of lesson NN, in `lesson_NN.py`: what of the solution is replaced, by what, and a part
of the sentence it gets."""

from __future__ import annotations

import importlib
from pathlib import Path

WRONG_ANSWERS = {  # by (number of the lesson, exercise)
    (path.stem[-2:], exercise): answers
    for path in sorted(Path(__file__).parent.glob("lesson_*.py"))
    for exercise, answers in importlib.import_module(f"{__name__}.{path.stem}").WRONG_ANSWERS.items()
}
