"""Algorithms: one paper's algorithm box a file, and the base that gives each of them all the rest.

    gan = GAN(lr_G=1e-3).build(data.info, seed=0)            # networks and optimisers of a model
    figures = gan(batches)                                   # one step
    images = gan.generate(64)                                # (64, C, H, W), on the host

`minigan train --algorithm mine.py:MyGAN` takes a class of your own: see lessons/your-own-gan.md.
"""

from minigan.algorithms.algorithm import Algorithm
from minigan.algorithms.errors import AlgorithmError, NoSamplesError
from minigan.algorithms.figures import Figures
from minigan.algorithms.gan import GAN, as_border
from minigan.algorithms.gmmn import GMMN
from minigan.algorithms.pggan import PGGAN
from minigan.algorithms.registry import ALGORITHMS, find_algorithm
from minigan.algorithms.simultaneous import SimultaneousGAN
from minigan.algorithms.state import State
from minigan.algorithms.vae import VAE

__all__ = [
    "ALGORITHMS", "GAN", "GMMN", "PGGAN", "VAE", "Algorithm", "AlgorithmError", "Figures", "NoSamplesError",
    "SimultaneousGAN", "State", "as_border", "find_algorithm",
]  # fmt: skip
