"""The lessons: plain Python files in cells, stepped through in the terminal, checked, built into pages.

A lesson is `lessons/NN_name.py`. Lines `# %% [markdown]` begin a cell of text (in comments), lines `# %%` one of code,
as Jupyter, VS Code and jupytext read them. An exercise is a function that raises `Unsolved`. `check()` raises unless
the function is right, and `run_check(check)` says what it finds; so do `check_warm_up()` and `check_stretch()`.
`lessons/solutions/NN_name.py` holds functions that are right, `lessons/hints/NN_name.md` three hints for each.
"""

from minigan.lesson.cells import LessonError, Unsolved
from minigan.lesson.checking import run_check
from minigan.lesson.pictures import show

__all__ = ["LessonError", "Unsolved", "run_check", "show"]
