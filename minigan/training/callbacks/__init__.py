"""What happens beside training: each a class with the moments of a run as its methods."""

from minigan.training.callbacks.callback import Callback
from minigan.training.callbacks.checkpoints import Checkpoints
from minigan.training.callbacks.ema import EMA
from minigan.training.callbacks.evaluation import Evaluation
from minigan.training.callbacks.nonfinite import NonFinite
from minigan.training.callbacks.progress import Progress
from minigan.training.callbacks.run_log import RunLog
from minigan.training.callbacks.samples import Pictures, SampleGrid
from minigan.training.callbacks.stats import Stats
from minigan.training.callbacks.traces import Traces

__all__ = [
    "EMA", "Callback", "Checkpoints", "Evaluation", "NonFinite", "Pictures", "Progress", "RunLog", "SampleGrid",
    "Stats", "Traces",
]  # fmt: skip
