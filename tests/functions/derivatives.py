"""The values of a call and of its first and second derivatives, as plain arrays to compare."""

import numpy as np

import minigan as mg


def as_tuple(y):
    return y if isinstance(y, tuple) else (y,)


def values_and_gradients(call, arrays, relaid=lambda a: a):
    """Outputs, gradients and gradients' gradients of a call on Tensors, for cotangents drawn from a fixed seed.

    relaid: puts each array in another order of memory before it is used.
    """
    rng = np.random.default_rng(5)

    def cotangents_of(tensors):
        return [mg.Tensor(relaid(rng.standard_normal(t.shape).astype(t.dtype)), requires_grad=True) for t in tensors]

    inputs = [mg.Tensor(relaid(a), requires_grad=True) for a in arrays]
    outputs = as_tuple(call(*inputs))
    dys = cotangents_of(outputs)
    first = mg.grad(outputs, inputs, dys, create_graph=True)
    second = mg.grad(first, inputs + dys, cotangents_of(first), allow_unused=True)
    second = [mg.Tensor(np.zeros_like(x.data)) if d is None else d for x, d in zip(inputs + dys, second, strict=True)]
    return [t.numpy() for t in (*outputs, *first, *second)]


def torch_values_and_gradients(call, arrays):
    """The same by PyTorch, for the same cotangents."""
    import torch

    rng = np.random.default_rng(5)

    def cotangents_of(tensors):
        return [torch.tensor(rng.standard_normal(tuple(t.shape)), requires_grad=True) for t in tensors]

    inputs = [torch.tensor(a.copy(), requires_grad=True) for a in arrays]
    outputs = as_tuple(call(*inputs))
    dys = cotangents_of(outputs)
    first = torch.autograd.grad(outputs, inputs, dys, create_graph=True)
    us = cotangents_of(first)
    varying = [i for i, d in enumerate(first) if d.requires_grad]  # PyTorch refuses to differentiate a constant
    some, their_us = ([a[i] for i in varying] for a in (first, us))
    second = torch.autograd.grad(some, inputs + dys, their_us, allow_unused=True)
    second = [torch.zeros_like(x) if d is None else d for x, d in zip(inputs + dys, second, strict=True)]
    return [t.detach().numpy(force=True) for t in (*outputs, *first, *second)]
