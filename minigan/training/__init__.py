"""Training: the loop, its callbacks, checkpoints, and the run's folder.

run = start(Config.for_model("quick28", epochs=2))
run.train()
images = run.sample(64)
"""

from minigan.renamed import renamed_in
from minigan.training.callbacks import Callback
from minigan.training.config import Config, ConfigError
from minigan.training.errors import CheckpointError, Interrupted, NonFiniteError, TrainingError
from minigan.training.sampling import draw_noise, load_algorithm
from minigan.training.session import prepare, resume, start
from minigan.training.trainer import Trainer

__all__ = [
    "Callback", "CheckpointError", "Config", "ConfigError", "Interrupted", "NonFiniteError", "Trainer", "TrainingError",
    "draw_noise", "load_algorithm", "prepare", "resume", "start",
]  # fmt: skip

__getattr__ = renamed_in(__name__)  # names of earlier versions
