"""minigan: a GAN you can see through, written from scratch on NumPy, on the GPU with CuPy."""

from minigan import functions
from minigan.autograd import Function, GraphError, StaleTensorError, Tensor, grad, no_grad, observe
from minigan.backend import DeviceError, manual_seed

__version__ = "0.1.0"

__all__ = [
    "DeviceError", "Function", "GraphError", "StaleTensorError", "Tensor", "functions", "grad", "manual_seed",
    "no_grad", "observe",
]  # fmt: skip
