"""Layers that are told a label."""

from __future__ import annotations

from typing import Any

from minigan import functions as F
from minigan.autograd import Tensor
from minigan.functions.arguments import as_size
from minigan.nn.layers import rows_of
from minigan.nn.normalization import BatchNorm, scale_and_shift


class ConditionalBatchNorm(BatchNorm):
    """Batch normalisation with γ and β of each sample's label: γ_y x̂ + β_y, for x (N, C) or (N, C, H, W) and labels
    y (N). weight γ (classes, C) starts at 1, bias β (classes, C) at 0. de Vries et al., 2017; Miyato and Koyama, 2018.

    The statistics are the whole batch's, whatever its labels, so equal rows are a BatchNorm.
    """

    def __init__(
        self, num_features: int, num_classes: int, eps: float = 1e-5, momentum: float = 0.1, unbiased: bool = True
    ) -> None:
        super().__init__(num_features, eps, momentum, unbiased)
        num_classes = as_size("ConditionalBatchNorm", "num_classes", num_classes)
        self.weight, self.bias = scale_and_shift(num_classes, self.weight.size)

    def forward(self, x: Tensor, y: Any) -> Tensor:  # type: ignore[override]
        x_hat = F.batch_norm(
            x, None, None, self.running_mean, self.running_var, self.training, self.momentum, self.eps,
            unbiased=self.unbiased, num_batches_tracked=self.num_batches_tracked, process_group=self.process_group,
        )  # fmt: skip
        along = (-1, self.weight.shape[1], *(1 for _ in x.shape[2:]))
        gamma, beta = (rows_of(table, y, "ConditionalBatchNorm") for table in (self.weight, self.bias))
        if gamma.shape[0] != x.shape[0]:
            raise ValueError(f"ConditionalBatchNorm: {x.shape[0]} samples need as many labels, not {gamma.shape[0]}")
        return x_hat * F.reshape(gamma, along) + F.reshape(beta, along)

    def extra_repr(self) -> str:
        classes, features = self.weight.shape
        return f"{features}, {classes}, eps={self.eps}, momentum={self.momentum}"
