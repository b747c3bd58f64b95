"""Tensors, functions, and the backward pass between them. No particular function lives here.

A `Function` object is one call: it is made, called once on tensors, and stays as the node of the
graph that its outputs point to. What it needs for its backward pass it keeps on itself, so two
calls (D on real images, D on fakes) never overwrite each other.

The backward pass walks the nodes in the reverse order of their making. That is all the order a
graph needs: a node's inputs exist before it does. Nothing recurses, and cotangents travel in a
dict, so a graph can be walked again, or walked while its own derivative is being recorded.

Because every `backward` is written in functions of the engine, the same walk under
`create_graph=True` records a graph of the gradient itself, which can be differentiated again.
"""

from minigan.autograd.anomaly import AnomalyError, detect_anomaly
from minigan.autograd.backward_pass import backward, grad
from minigan.autograd.errors import GraphError, StaleTensorError
from minigan.autograd.function import Function
from minigan.autograd.hooks import Observer, in_backward_of, in_layer, no_grad, observe
from minigan.autograd.tensor import Tensor

__all__ = [
    "AnomalyError", "Function", "GraphError", "Observer", "StaleTensorError", "Tensor", "backward",
    "detect_anomaly", "grad", "in_backward_of", "in_layer", "no_grad", "observe",
]  # fmt: skip
