"""What a run leaves in its folder, to be compared with another's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minigan.training.checkpoint import load_checkpoint


def left_by(folder: Path) -> dict[str, Any]:
    """Everything but times: the last checkpoint, the lines of stats.jsonl, and the pictures of samples."""
    checkpoint = load_checkpoint(folder / "ckpt" / "last.safetensors")
    lines = (json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines())
    return {
        **{name: a.tobytes() for name, a in checkpoint.arrays.items()},
        **{name: value for name, value in checkpoint.progress.items() if name != "seconds"},
        "stats": [{name: value for name, value in line.items() if name != "seconds"} for line in lines],
        **{p.name: p.read_bytes() for p in (folder / "samples").iterdir()},
    }
