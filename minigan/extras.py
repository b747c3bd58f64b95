"""The packages that only some uses need, as setup.cfg's extras: how to install them."""

from __future__ import annotations

import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def install_command(extra: str) -> str:
    """The command that installs an extra: of the clone that is running, from there, so that pip does not put another
    minigan in its place; of an installed package, by name."""
    if not (ROOT / "setup.cfg").is_file():
        return f"pip install 'minigan[{extra}]'"
    place = "." if Path().samefile(ROOT) else str(ROOT)
    return f"pip install -e {shlex.quote(f'{place}[{extra}]')}"
