"""The lessons: plain Python files in cells, stepped through in the terminal, checked, built into pages.

A lesson is `lessons/NN_name.py`. Lines `# %% [markdown]` begin a cell of text (in comments), lines `# %%` one of code,
as Jupyter, VS Code and jupytext read them. Its exercise is a function that raises `Unsolved`; its function `check()`
raises unless that function is right, and `run_check(check)` says what it finds. `lessons/solutions/NN_name.py` holds
functions that are right.
"""

from minigan.lesson.cells import LessonError, Unsolved
from minigan.lesson.checking import run_check
from minigan.lesson.pictures import show

__all__ = ["LessonError", "Unsolved", "run_check", "show"]
