"""Pictures of a lesson: below the cell in a notebook, else as files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from minigan.lesson.places import own_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def show(figure: Figure, name: str) -> None:
    """Show a matplotlib figure: in a notebook below the cell, else as a file in `lessons/output/`; prints its path."""
    import matplotlib.pyplot as plt

    if _in_a_notebook():
        from IPython.display import display

        display(figure)
    else:
        own = own_folder()
        place = own / "output" if own else Path.cwd()
        place.mkdir(exist_ok=True)
        path = place / f"{name}.png"
        figure.savefig(path, dpi=120, bbox_inches="tight")
        print(f"picture: {path}")
    plt.close(figure)


def _in_a_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = type(ipython.get_ipython()) if ipython else object
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in shell.__mro__)  # Colab's is made from it
