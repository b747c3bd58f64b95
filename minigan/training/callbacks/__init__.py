"""What happens beside training: each a class with the moments of a run as its methods."""

from minigan.training.callbacks.checkpoints import Checkpoints
from minigan.training.callbacks.evaluation import Evaluation
from minigan.training.callbacks.nonfinite import NonFinite
from minigan.training.callbacks.progress import Progress
from minigan.training.callbacks.run_log import RunLog
from minigan.training.callbacks.samples import Pictures, SampleGrid
from minigan.training.callbacks.shared_cores import SharedCores
from minigan.training.callbacks.stats import Stats
from minigan.training.callbacks.tensorboard import TensorBoard
from minigan.training.callbacks.traces import Traces
from minigan.training.trainer import Callback

__all__ = [
    "Callback", "Checkpoints", "Evaluation", "NonFinite", "Pictures", "Progress", "RunLog", "SampleGrid",
    "SharedCores", "Stats", "TensorBoard", "Traces",
]  # fmt: skip
