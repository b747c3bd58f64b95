"""The plain GAN of the table `ring` in PyTorch, by the protocol as published: does another engine find more modes?

    python tests/benchmarks/ring_in_pytorch.py [--steps 15000] [--lr-d 1e-4]

Every 5,000 steps: modes and share of good points of 2,500 samples, as the table has them. Needs `pip install torch`.
"""

from __future__ import annotations

import argparse
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

MODES, SIGMA, BATCH, Z, SAMPLES, EVERY = 8, 0.01, 512, 256, 2500, 5000


def network(inputs: int, outputs: int) -> nn.Sequential:
    """minigan's `plane`: two hidden layers of 128, orthogonal weights of gain 1.4."""
    layers = nn.Sequential(
        nn.Linear(inputs, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, outputs)
    )  # fmt: skip
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, 1.4)
            nn.init.zeros_(layer.bias)
    return layers


def scores(points: Tensor, centres: Tensor) -> tuple[int, float]:
    """Modes with a point within 3σ, and the share of such points."""
    distance, mode = torch.cdist(points, centres).min(1)
    good = distance <= 3 * SIGMA
    return len(set(mode[good].tolist())), good.float().mean().item()


def main() -> None:
    """Train, and print the scores on the way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=15_000)
    parser.add_argument("--lr-d", type=float, default=1e-4)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    G, D = network(Z, 2), network(2, 1)
    adam_D = torch.optim.Adam(D.parameters(), arguments.lr_d, (0.5, 0.999))
    adam_G = torch.optim.Adam(G.parameters(), 1e-3, (0.5, 0.999))
    angles = torch.arange(MODES) * 2 * math.pi / MODES
    centres = torch.stack([angles.sin(), angles.cos()], 1)
    one, zero = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
    for step in range(1, arguments.steps + 1):
        real = centres[torch.randint(MODES, (BATCH,))] + SIGMA * torch.randn(BATCH, 2)
        fake = G(torch.randn(BATCH, Z)).detach()
        loss_D = bce(D(real), one) + bce(D(fake), zero)
        adam_D.zero_grad()
        loss_D.backward()
        adam_D.step()
        loss_G = bce(D(G(torch.randn(BATCH, Z))), one)
        adam_G.zero_grad()
        loss_G.backward()
        adam_G.step()
        if step % EVERY == 0:
            with torch.no_grad():
                modes, share = scores(G(torch.randn(SAMPLES, Z)), centres)
            print(f"step {step}: loss_D {loss_D.item():.3f}, {modes} modes, {100 * share:.1f} % good", flush=True)


if __name__ == "__main__":
    main()
