"""Training: the two steps, the loop, checkpoints, and the run's folder.

    run = start(Config.for_model("quick28", epochs=2))
    run.train()
    images = run.sample(64)
"""

from minigan.training.config import Config, ConfigError
from minigan.training.errors import CheckpointError, Interrupted, NonFiniteLossError, TrainingError
from minigan.training.run import Run, prepare, resume, start
from minigan.training.sampling import draw_noise, generate, load_generator
from minigan.training.steps import Players, alternating_step, simultaneous_step

__all__ = [
    "CheckpointError", "Config", "ConfigError", "Interrupted", "NonFiniteLossError", "Players", "Run",
    "TrainingError", "alternating_step", "draw_noise", "generate", "load_generator", "prepare", "resume",
    "simultaneous_step", "start",
]  # fmt: skip
