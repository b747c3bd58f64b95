"""Figures that are kept as JSON beside the script that measured them, for the next run to be compared with."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

Figures = Mapping[str, float]


def circumstances(*packages: str) -> dict[str, object]:
    """When, where, how busy the machine was in the last five minutes, and the versions of what is installed."""
    source = (Path(__file__).resolve().parents[2] / "minigan" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'__version__ = "(.+)"', source)
    versions = {"python": platform.python_version(), "minigan": version[1] if version else "unknown"}
    for package in ("numpy", *packages):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    load = round(os.getloadavg()[1], 1) if hasattr(os, "getloadavg") else None
    today = datetime.date.today().isoformat()
    return {"date": today, "machine": platform.machine(), "cores": os.cpu_count(), "load": load, "versions": versions}


def kept(script: str) -> dict[str, dict]:
    """What was kept of a script, by what was measured: figures, and the circumstances; nothing if none were."""
    path = Path(script).with_suffix(".json")
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def keep(script: str, figures: Mapping[str, Figures], *packages: str) -> None:
    """Put these figures in the place of those kept of the same names; the others stay."""
    now = {name: {**found, **circumstances(*packages)} for name, found in figures.items()}
    text = json.dumps(dict(sorted((kept(script) | now).items())), indent=1)
    Path(script).with_suffix(".json").write_text(text + "\n", encoding="utf-8")


def show_beside_kept(script: str, figures: Mapping[str, Figures]) -> None:
    """Print each figure beside the one that was kept."""
    before = kept(script)
    width = max(map(len, figures), default=0)
    print("\nnow, and as kept")
    for name, found in figures.items():
        then = before.get(name, {})
        parts = [
            f"{key} {value:g} ({then[key]:g})" if key in then else f"{key} {value:g}" for key, value in found.items()
        ]
        when = f"   kept {then['date']}" if then else "   none kept"
        print(f"  {name:{width}}  {', '.join(parts)}{when}")
