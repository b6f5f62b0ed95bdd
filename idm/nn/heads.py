"""Heads that turn features into log-probabilities."""

import math
from collections.abc import Sequence

from torch import Tensor, nn


class CategoricalHead(nn.Module):
    """`items` independent choices among `classes`, each as log-probabilities (VPT: also called its logits)."""

    def __init__(self, width: int, items: Sequence[int], classes: int, *, temperature: float = 1.0) -> None:
        super().__init__()
        self.shape = (*items, classes)
        self.temperature = temperature
        self.linear = nn.Linear(width, math.prod(self.shape))
        nn.init.normal_(self.linear.weight, std=0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., width) -> (..., *items, classes)."""
        logits: Tensor = self.linear(x).view(*x.shape[:-1], *self.shape) / self.temperature
        return logits.float().log_softmax(-1)
