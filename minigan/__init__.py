"""minigan: a GAN you can see through, written from scratch on NumPy, on the GPU with CuPy."""

import minigan.startup  # noqa: I001  (before all that takes time)
import minigan.openblas  # noqa: F401  (before NumPy)

from minigan import functions, models, nn, objectives, optim
from minigan.autograd import (
    AnomalyError,
    Function,
    GraphError,
    StaleTensorError,
    Tensor,
    detect_anomaly,
    grad,
    no_grad,
    observe,
)
from minigan.backend import DeviceError, get_default_device, manual_seed, set_default_device
from minigan.renamed import renamed_in

__version__ = "0.2.0"

__all__ = [
    "AnomalyError", "DeviceError", "Function", "GraphError", "StaleTensorError", "Tensor", "detect_anomaly",
    "functions", "get_default_device", "grad", "manual_seed", "models", "nn", "no_grad", "objectives", "observe",
    "optim", "set_default_device",
]  # fmt: skip

__getattr__ = renamed_in(__name__)  # names of earlier versions
