"""Random numbers of a training batch that several processes share."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from learning.distributed import ALONE, Share


@dataclass(frozen=True)
class Noise:
    """Draws for this process's share of a batch what one process would draw for the same members of the whole.

    Every process draws the numbers of the whole batch, from generators of the same seed, and takes its own.
    """

    generator: torch.Generator
    share: Share = ALONE

    def uniform(self, count: int) -> Tensor:
        """(count,) in 0..1."""
        whole = torch.rand(self.share.world * count, generator=self.generator, device=self.generator.device)
        return whole[self.share.of_batch(count)]

    def normal(self, shape: Sequence[int]) -> Tensor:
        """(B, ...), of mean 0 and variance 1."""
        whole = (self.share.world * shape[0], *shape[1:])
        return torch.randn(whole, generator=self.generator, device=self.generator.device)[self.share.of_batch(shape[0])]

    def spread(self, count: int, portion: float) -> list[int]:
        """Which of `count` members belong to a `portion` that lies evenly in the whole batch; nothing is drawn."""
        first = self.share.rank * count
        return [n for n in range(count) if int((first + n + 1) * portion) > int((first + n) * portion)]
