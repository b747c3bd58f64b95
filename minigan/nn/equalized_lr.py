"""The equalised learning rate: weights of one scale, multiplied as they are used by what their fan-in asks for."""

from __future__ import annotations

import math
from typing import Any

from minigan.autograd import Tensor
from minigan.functions.arguments import as_number
from minigan.nn import init
from minigan.nn.layers import Conv2d, Dense
from minigan.nn.module import Module


class EqualizedLR(Module):
    """The layer with c·W for its weight W, c = gain / √fan_in. W begins as N(0, 1), the bias as 0.

    An optimiser moves W. A step of SGD on W is one on c·W with the rate c²·lr; Adam, whose steps do not depend on the
    gradient's scale, moves c·W by c·lr: all layers by the same share of their weights. gain: √2 before a (leaky) ReLU,
    1 where nothing follows. Karras et al., 2018 (PGGAN), section 4.1.
    """

    def __init__(self, module: Module, gain: float = math.sqrt(2.0)) -> None:
        super().__init__()
        if not isinstance(module, (Dense, Conv2d)):
            raise TypeError(f"EqualizedLR takes a Dense or a Conv2d, not {type(module).__name__}")
        self.module, self.gain = module, as_number("EqualizedLR", "gain", gain, 0)
        self.scale = self.gain / math.sqrt(init.fans(module.weight.shape)[0])
        init.normal_(module.weight)
        if module.bias is not None:
            init.zeros_(module.bias)

    def forward(self, x: Any) -> Tensor:
        weight = self.module.weight
        try:
            object.__setattr__(self.module, "weight", weight * self.scale)
            return self.module(x)
        finally:
            object.__setattr__(self.module, "weight", weight)

    def extra_repr(self) -> str:
        return f"gain={self.gain:.4g}"
