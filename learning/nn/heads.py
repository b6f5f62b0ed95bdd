"""Heads that turn features into log-probabilities, and into values."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FORBIDDEN = -100.0
"""Logit of a class that a mask forbids (VPT's)."""
EWMA_DECAY = 0.99999
EWMA_FLOOR = 1e-5
VARIANCE_FLOOR = 0.01


def log_probs(logits: Tensor, *, temperature: float = 1.0, mask: Tensor | None = None) -> Tensor:
    """Logits (..., classes) -> log-probabilities in float32. `mask` is True for the classes that are allowed."""
    logits = logits.float() / temperature
    if mask is not None:
        logits = logits.masked_fill(~mask, FORBIDDEN)
    return logits.log_softmax(-1)


class CategoricalHead(nn.Module):
    """`items` independent choices among `classes`, each as log-probabilities (VPT: also called its logits)."""

    def __init__(self, width: int, items: Sequence[int], classes: int, *, temperature: float = 1.0) -> None:
        super().__init__()
        self.shape = (*items, classes)
        self.temperature = temperature
        self.linear = nn.Linear(width, math.prod(self.shape))
        nn.init.normal_(self.linear.weight, std=0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x: (..., width) -> (..., *items, classes). `mask`, True for allowed classes, is of that shape or spreads."""
        return log_probs(self.linear(x).view(*x.shape[:-1], *self.shape), temperature=self.temperature, mask=mask)


class ValueHead(nn.Linear):
    """A value in units of the targets' running mean and spread, which it keeps (VPT's EWMA normaliser)."""

    mean: Tensor
    mean_square: Tensor
    debiasing: Tensor

    def __init__(self, width: int) -> None:
        super().__init__(width, 1)
        self.register_buffer("mean", torch.zeros(1))
        self.register_buffer("mean_square", torch.zeros(1))
        self.register_buffer("debiasing", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., width) -> the normalised value (...)."""
        return super().forward(x).squeeze(-1)

    def denormalise(self, value: Tensor) -> Tensor:
        """Normalised -> in the targets' own units."""
        mean, spread = self._mean_and_spread()
        return value * spread + mean

    def normalise(self, target: Tensor) -> Tensor:
        """The opposite. In training mode the statistics first learn of this target (B, T)."""
        if self.training:
            self._learn(target.detach().float())
        mean, spread = self._mean_and_spread()
        return (target - mean) / spread

    def loss(self, value: Tensor, target: Tensor) -> Tensor:
        """Mean squared error between normalised values and targets in their own units, both (B, T)."""
        return F.mse_loss(value, self.normalise(target))

    def _learn(self, target: Tensor) -> None:
        fresh = (target.mean(), target.square().mean(), target.new_ones(()))
        for kept, new in zip((self.mean, self.mean_square, self.debiasing), fresh, strict=True):
            kept.mul_(EWMA_DECAY).add_(new * (1.0 - EWMA_DECAY))

    def _mean_and_spread(self) -> tuple[Tensor, Tensor]:
        known = self.debiasing.clamp_min(EWMA_FLOOR)
        mean = self.mean / known
        variance = self.mean_square / known - mean.square()
        return mean, variance.clamp_min(VARIANCE_FLOOR).sqrt()
