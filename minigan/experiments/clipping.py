"""What clipped weights do to a critic, beside the gradient penalty: what figure 1b of the paper of WGAN-GP measures.

A critic of twelve layers learns to tell the Swiss roll from the same points with Gaussian noise added, which stay as
they are: a generator that does not learn, as in their figure 1a; in 1b it does. Then the gradient of its loss is
measured at the output of each layer.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from minigan import functions as F
from minigan import nn
from minigan.autograd import Tensor, grad
from minigan.backend import manual_seed, new_rng
from minigan.data import load
from minigan.experiments.experiment import Experiment, Outcome
from minigan.optim import Adam, RMSprop
from minigan.penalties import GradientPenalty, clip_weights

LAYERS, WIDTH, BATCH, STEPS, BINS = 12, 64, 256, 3000, 21


def _critic(clip: float | None, seed: int, folder: Path) -> Outcome:
    """Train a critic, with weights clipped to [−clip, clip], or with the penalty if clip is None. slope: of log₁₀ of
    the gradient's norm over the layers, from the last to the first: 0 if it stays, 1 if it is ten times as large with
    each layer it passes. norm@3: that norm at the output of the third layer. at_bounds: the share of weights within 1 %
    of the largest one's size; weights@0.5: the share around half of it, in one of 21 bins."""
    manual_seed(seed)
    widths = [2, *[WIDTH] * LAYERS]
    layers = [nn.Sequential(nn.Dense(n, m), nn.ReLU()) for n, m in zip(widths, widths[1:], strict=False)]
    D = nn.Sequential(*layers, nn.Dense(WIDTH, 1))
    for module in D.modules():
        if isinstance(module, nn.Dense):
            nn.init.kaiming_uniform_(module.weight)
    optimizer = Adam(D.parameters(), 1e-4, betas=(0.5, 0.9)) if clip is None else RMSprop(D.parameters(), 5e-5)
    points, rng = load("swiss-roll").arrays["x"], new_rng(seed, "clipping")

    def batch() -> tuple[Tensor, Tensor]:
        real = points[rng.integers(len(points), size=BATCH)]
        return Tensor(real), Tensor(real + rng.standard_normal(real.shape, "float32"))

    for _ in range(STEPS):
        real, noisy = batch()
        logits = D(real)
        loss = F.mean(D(noisy)) - F.mean(logits)
        if clip is None:
            loss = loss + GradientPenalty()(
                D, real, noisy, logits, lambda *n: Tensor(rng.random((BATCH, *n), "float32"))
            )
        D.zero_grad()
        loss.backward()
        optimizer.step()
        if clip is not None:
            clip_weights(D, clip)
    norms = _gradient_norms(layers, D, *batch())
    weights = np.concatenate([p.data.ravel() for p in D.parameters() if p.ndim == 2])
    weights /= abs(weights).max()
    scores = {f"norm@{at}": norm for at, norm in enumerate(norms, start=1)}
    shares, edges = np.histogram(weights, BINS, (-1, 1))
    scores |= {
        f"weights@{(a + b) / 2:.3f}": share / len(weights)
        for a, b, share in zip(edges, edges[1:], shares, strict=False)
    }
    scores["slope"] = -float(np.polyfit(np.arange(LAYERS), np.log10(np.maximum(norms, 1e-38)), 1)[0])
    scores["at_bounds"] = float((abs(weights) > 0.99).mean())
    return Outcome(scores, STEPS)


def _gradient_norms(layers: list[nn.Sequential], D: nn.Sequential, real: Tensor, noisy: Tensor) -> list[float]:
    """‖∂L/∂h‖ at the output h of each layer, L being the critic's loss."""
    x, outputs = F.concatenate([real, noisy]), []
    for layer in layers:
        x = layer(x)
        outputs.append(x)
    logits = list(D)[-1](x)
    loss = F.mean(logits[len(real) :]) - F.mean(logits[: len(real)])
    return [float(np.sqrt((g.data**2).sum())) for g in grad(loss, outputs)]


CLIPPING = Experiment(
    "clipping", "Clipped weights beside the gradient penalty: what reaches the first layer",
    f"A critic of {LAYERS} ReLU layers of {WIDTH} learns to tell the Swiss roll from its points with noise of standard "
    f"deviation 1 ({STEPS:,} steps of {BATCH}). It is what figure 1b of Gulrajani et al., 2017 measures; there a "
    "generator learns too, and clips are 0.1, 0.01 and 0.001. slope: how many powers of ten the gradient gains (or "
    "loses, below 0) at each layer on its way back; at_bounds: share of weights within 1 % of the largest.",
    {f"clip {clip:g}": partial(_critic, clip) for clip in (0.3, 0.1, 0.03, 0.01)}
    | {"gradient penalty": partial(_critic, None)},
    ("slope", "at_bounds"),
    curves={"norm": "layer", "weights": "weight, the largest being 1"},
    conclusion="Clipped to 0.03 or 0.01, the gradient is at every layer a sixth or an eighteenth of what it was at the "
    "layer behind; with 0.1 and 0.3 it is three and seven times that. Weights gather at the two bounds, the more the "
    "tighter these are. With the penalty the gradient keeps its size over all layers. The paper's figure "
    "shows the same: gradients that explode or vanish by the clip, and keep their size with the penalty.",
)  # fmt: skip
