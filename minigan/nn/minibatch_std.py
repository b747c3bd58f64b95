"""The standard deviation over a minibatch, as a map that D sees beside the samples: PGGAN's remedy for equal fakes."""

from __future__ import annotations

from math import prod

from minigan import functions as F
from minigan.autograd import Tensor
from minigan.functions.arguments import as_size
from minigan.nn.module import Module


class MinibatchStd(Module):
    """y = (x, s), with s = mean over a sample's numbers of √(variance over its group + 1e-8), one channel more

    x is (N, C, …), y (N, C + 1, …). A group is of `group_size` samples, N / group_size apart in the batch: with N = 8
    and groups of 4, samples 0, 2, 4 and 6 are one, and all have the same s. Where group_size does not divide N, groups
    are of the largest smaller number that does. D's logit then depends on the group, so a penalty on the slope at each
    sample is on that of the batch's sum, as in the paper's code. Karras et al., 2018 (PGGAN), section 3.
    """

    def __init__(self, group_size: int = 4) -> None:
        super().__init__()
        self.group_size = as_size("MinibatchStd", "group_size", group_size)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim < 2:
            raise ValueError(f"MinibatchStd: x must be (N, C, …), but has shape {x.shape}")
        n, _, *places = x.shape
        size = next((g for g in range(self.group_size, 0, -1) if n % g == 0), 1)
        groups = F.reshape(x, (size, n // size, prod(x.shape[1:])))
        deviations = F.sqrt(F.var(groups, axis=0, correction=0) + 1e-8)
        s = F.mean(deviations, axis=1)  # (N / size): one number a group
        maps = F.broadcast_to(F.reshape(s, (1, n // size, 1, *[1] * len(places))), (size, n // size, 1, *places))
        return F.concatenate([x, F.reshape(maps, (n, 1, *places))], axis=1)

    def extra_repr(self) -> str:
        return f"{self.group_size}"
