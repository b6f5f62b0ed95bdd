"""How the learning rate goes over a run's steps."""

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig


def cosine_schedule(
    optimizer: torch.optim.Optimizer, *, warmup_steps: int, max_steps: int
) -> "OptimizerLRSchedulerConfig":
    """The learning rate rises for `warmup_steps`, then falls to a hundredth along a cosine."""

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        share = min((step - warmup_steps) / max(max_steps - warmup_steps, 1), 1.0)
        return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * share))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
