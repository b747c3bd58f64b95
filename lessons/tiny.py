"""The whole idea in one page of NumPy: a tensor, its backward pass, three functions, and a GAN that learns to draw
numbers from the normal distribution N(3, 1).

    python lessons/tiny.py

Everything else in this repository is this page, grown: more functions in `minigan/functions/`, layers in `minigan/nn/`,
the backward pass with its checks in `minigan/autograd/`, the two turns in `minigan/algorithms/gan.py`.
"""

import numpy as np


class Tensor:
    """An array, the tensors it was computed from, and the rule that carries a gradient back to them."""

    def __init__(self, data, inputs=(), gradients=lambda dy: ()):
        self.data, self.inputs, self.gradients, self.grad = data, inputs, gradients, 0.0

    def backward(self, dy=1.0):
        """The chain rule: adds to `.grad` of every tensor that this one depends on, given this one's gradient dy."""
        order = []

        def visit(tensor):
            if tensor not in order:
                for x in tensor.inputs:
                    visit(x)
                order.append(tensor)  # after all that it was computed from

        visit(self)
        self.grad = dy
        for tensor in reversed(order):  # so each has the whole of its gradient before it passes it on
            for x, dx in zip(tensor.inputs, tensor.gradients(tensor.grad), strict=True):
                x.grad = x.grad + dx


# Functions: the value, and beside it the gradient of each input. dy is the gradient of the output y.


def dense(x, weight, bias):
    """y = x Wᵀ + b        dx = dy W        dW = dyᵀ x        db = Σₙ dy"""
    y = x.data @ weight.data.T + bias.data
    return Tensor(y, (x, weight, bias), lambda dy: (dy @ weight.data, dy.T @ x.data, dy.sum(axis=0)))


def tanh(x):
    """y = tanh x        dx = (1 − y²) · dy"""
    y = np.tanh(x.data)
    return Tensor(y, (x,), lambda dy: ((1 - y**2) * dy,))


def binary_cross_entropy_with_logits(logits, target):
    """y = mean of −t ln σ(l) − (1 − t) ln(1 − σ(l))        dl = (σ(l) − t) · dy / N,  where σ(l) = 1 / (1 + e⁻ˡ)"""
    sigmoid = 1 / (1 + np.exp(-logits.data))
    y = np.mean(np.logaddexp(0, logits.data) - target * logits.data)
    return Tensor(y, (logits,), lambda dy: ((sigmoid - target) * dy / logits.data.size,))


# The GAN. A network is a list of parameters: weight, bias, weight, bias, …


def network(rng, *sizes):
    """Dense layers from sizes[0] numbers to sizes[-1], with random weights and biases of 0."""
    pairs = zip(sizes[1:], sizes, strict=False)
    return [Tensor(p) for o, i in pairs for p in (rng.standard_normal((o, i)) / i**0.5, np.zeros(o))]


def apply(parameters, x):
    """The network's output: dense layers, with tanh between them."""
    for i in range(0, len(parameters), 2):
        x = dense(tanh(x) if i else x, *parameters[i : i + 2])
    return x


def sgd(parameters, lr):
    """Gradient descent: move each parameter against its gradient, and forget the gradient."""
    for p in parameters:
        p.data, p.grad = p.data - lr * p.grad, 0.0


def discriminator_turn(D, real, fake):
    """D's gradients: it learns to call reals 1 and fakes 0. The fakes are a new tensor: no gradient reaches G."""
    binary_cross_entropy_with_logits(apply(D, Tensor(real)), 1.0).backward()
    binary_cross_entropy_with_logits(apply(D, Tensor(fake.data)), 0.0).backward()


def generator_turn(D, fake):
    """G's gradients: it learns to make D call its fakes 1. All it learns crosses from D's input to G's output."""
    frozen = [Tensor(p.data) for p in D]  # D's numbers: the gradient passes through them, and D's own stays as it is
    border = Tensor(fake.data)  # the fakes as D's input: G's numbers, without how G made them
    binary_cross_entropy_with_logits(apply(frozen, border), 1.0).backward()  # through D, back to its input
    fake.backward(border.grad)  # through G, from its output: the same gradient
    return border


def train(seed=0, steps=1500):
    """G makes a·z + b of noise z, D is a network 1-8-1; both learn in turns. Returns G."""
    rng = np.random.default_rng(seed)
    G, D = network(rng, 1, 1), network(rng, 1, 8, 1)
    for step in range(steps + 1):
        real, z = rng.normal(3.0, 1.0, (64, 1)), rng.standard_normal((64, 1))
        fake = apply(G, Tensor(z))
        if step % 250 == 0:
            print(f"step {step:4}: the reals' mean is {real.mean():.2f}, the fakes' {fake.data.mean():.2f}")
        discriminator_turn(D, real, fake)
        sgd(D, lr=0.2)
        generator_turn(D, fake)
        sgd(G, lr=0.05)
    return G


if __name__ == "__main__":
    train()
