"""Points of the plane: how many of 8 and of 25 Gaussians each method finds, by the protocol of VEEGAN's table."""

from __future__ import annotations

from typing import Any

from minigan.experiments.experiment import Experiment
from minigan.experiments.training_row import Training, scores_of_samples
from minigan.options import Choices

# WGAN's optimizer is its authors', the betas of the penalised critics and their weight for points those of WGAN-GP's.
# Of three choices of clip, G's rate and n_critic, WGAN has the one that found most.
_CRITIC: dict[str, Any] = {"objective": "wasserstein", "betas": (0.5, 0.9)}
METHODS: dict[str, Choices] = {
    "gan": {},
    "gan-slow-d": {"lr_D": 1e-4},
    "lsgan": {"objective": "least-squares"},
    "hinge": {"objective": "hinge"},
    "wgan": {
        "objective": "wasserstein", "weight_clip": 0.1, "optimizer": "rmsprop", "lr_G": 1e-4, "n_critic": 5,
    },
    "wgan-gp": _CRITIC | {"penalties": ("gradient:0.1",)},
    "wgan-div": _CRITIC | {"penalties": ("divergence",)},
    "r1": {"penalties": ("r1:0.01",)},
    "pacgan2": {"pac": 2},
    "minibatch-std": {"model": "plane_mbstd"},
}  # fmt: skip

_TEXT = """\
{data}. Two hidden layers of 128 tanh units in each network, z of 256 numbers, Adam with β₁ 0.5, 25,000 steps of 512
points, as the code of Elfeki et al., 2019 (GDPP) has the protocol of Srivastava et al., 2017 (VEEGAN). One thing
differs: D learns at the rate of G, 1e-3, and not at 1e-4, as it does in the row gan-slow-d. 2,500 points are
drawn: one within 3σ of a centre is good, and one good point makes a mode. A perfect sampler has 98.9 % good points.
wgan, wgan-gp and wgan-div have β₁ 0.5 and β₂ 0.9 or RMSprop, as their authors do, and one step of D for one of G, but
wgan five; its clip and G's rate are those of three choices that found most. All that differs between rows is in
`minigan/experiments/plane.py`."""
_SOURCES = {"VEEGAN": "Srivastava et al., 2017, table 1", "GDPP": "Elfeki et al., 2019, as reported"}
_PUBLISHED = {  # modes and share of good points on the ring, then on the grid
    "GAN": ("VEEGAN", "1", "0.993", "3.3", "0.005"), "ALI": ("VEEGAN", "2.8", "0.0013", "15.8", "0.016"),
    "unrolled GAN": ("VEEGAN", "7.6", "0.356", "23.6", "0.16"), "VEEGAN": ("VEEGAN", "8", "0.529", "24.6", "0.40"),
    "WGAN-GP": ("GDPP", "6.8", "0.596", "24.2", "0.287"), "GDPP": ("GDPP", "8", "0.717", "24.8", "0.685"),
}  # fmt: skip


# The PyTorch run: python tests/benchmarks/ring_in_pytorch.py
_WHY_OTHERWISE = (
    "VEEGAN's GAN row, one mode with all points in it, is a G that has collapsed; here none has, at either rate of D. "
    "With D at 1e-4, as theirs has it, D never gets ahead of G, its probabilities stay at 0.5, and 2 to 49 % of the "
    "points are good, by the seed. The same protocol in PyTorch does alike: 6, 5 and 7 modes, 0.7, 5.2 and 1.5 % good "
    "after 5,000, 10,000 and 15,000 steps of one run. So it seems not to be the engine; VEEGAN's own code could not "
    "be had. "
    "Least squares, the hinge and R1 lost two modes in one run each. With seed 0, minibatch standard deviation "
    "stood at all 8 modes in the pictures of steps 5,000 to 20,000; then D got ahead, and the points left them: "
    "scores are of the last step, as in the protocol."
)

_WHO_FINDS_ALL = (
    "WGAN-GP and WGAN-div alone find all modes with most points good, and visit them about equally, with either seed; "
    "the GAN misses seven and eight. The rows of one seed: PacGAN, minibatch standard deviation, the hinge and R1 have "
    "nearly as many good points but miss three to five modes, R1 a whole column; least squares finds the rows and not "
    "the columns: its points lie along five lines. WGAN with clipped weights strews its points over the whole square: "
    "1.7 % of them are good, as many as would be by chance. With a slow D there is hardly a mode yet."
)


def _experiment(data: str, what: str, first: int, conclusion: str = "") -> Experiment:
    published = {
        f"{name} ({_SOURCES[source]})": dict(zip(("modes", "good_share"), figures[first : first + 2], strict=True))
        for name, (source, *figures) in _PUBLISHED.items()
    }
    rows = {
        name: Training({"recipe": "ring", "data": data, **choices}, scores_of_samples(2500, ["modes"]))
        for name, choices in METHODS.items()
    }
    title = f"{what}: who finds all modes?"
    columns = ("modes", "good_share", "modes_kl")
    return Experiment(data, title, _TEXT.format(data=what), rows, columns, published, conclusion)


RING = _experiment("ring", "8 Gaussians on a ring", 0, _WHY_OTHERWISE)
GRID = _experiment("grid", "25 Gaussians on a grid", 2, _WHO_FINDS_ALL)
