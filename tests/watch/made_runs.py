"""What the folders of runs say that were never run."""

from __future__ import annotations

from typing import Any

CONFIG = {
    "model": "mlp", "algorithm": "gan", "objective": "non-saturating", "data": "mnist", "batch_size": 100,
    "lr_G": 2e-4, "lr_D": 2e-4, "seed": 0, "steps": 1000, "epochs": 10,
}  # fmt: skip
STATUS = {"state": "running", "message": "", "total_steps": 1000, "figure_labels": {"D_x": "D(x)", "D_G_z": "D(G(z))"}}


def line(step: int, **figures: float | None) -> dict[str, Any]:
    """A line of stats.jsonl of a GAN that does well, but for these figures."""
    own = {"loss_D": 1.2, "loss_G": 0.9, "D_x": 0.6, "D_G_z": 0.4, "border_norm": 0.2}
    return {"step": step, "epoch": 1, **own, **figures, "seconds": step / 10}


def lines(n: int, **figures: float | None) -> list[dict[str, Any]]:
    """n such lines, 20 steps apart."""
    return [line(20 * i, **figures) for i in range(1, n + 1)]
