"""Tensors, functions, and the backward pass between them. No particular function lives here.

A `Function` object is one call: it stays as the node of the graph that its outputs point to, and keeps on itself what
its backward pass needs. `backward_pass.run_backward` takes the nodes in the reverse order of their making: a node's
inputs exist before it does. As every `backward` is written in functions of the engine, the same pass under
`create_graph=True` records a graph of the gradient itself, which can be differentiated again.
"""

from minigan.autograd.anomaly import AnomalyError, detect_anomaly
from minigan.autograd.backward_pass import backward, grad
from minigan.autograd.errors import FunctionError, GraphError, StaleTensorError
from minigan.autograd.function import Function
from minigan.autograd.grad_mode import is_grad_enabled, no_grad, set_grad_enabled
from minigan.autograd.hooks import Observer, in_backward_of, in_layer, observe, unobserved
from minigan.autograd.tensor import Node, Tensor

__all__ = [
    "AnomalyError", "Function", "FunctionError", "GraphError", "Node", "Observer", "StaleTensorError", "Tensor",
    "backward", "detect_anomaly", "grad", "in_backward_of", "in_layer", "is_grad_enabled", "no_grad", "observe",
    "set_grad_enabled", "unobserved",
]  # fmt: skip
