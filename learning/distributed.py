"""What the processes of one training run agree on. In a run of one process everything stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Self

import torch
import torch.distributed as dist
from torch import Tensor

if TYPE_CHECKING:
    import lightning  # what only infers is spared the seconds that it takes to import


class Share(NamedTuple):
    """The part of each batch that one process trains on, and the first batch that is still to be drawn."""

    rank: int = 0
    world: int = 1
    first_batch: int = 0
    """Batches already trained on: with accumulated gradients, several a step."""

    @classmethod
    def of(cls, trainer: "lightning.Trainer | None") -> Self:
        """The share of this process in a trainer's run."""
        if trainer is None:
            return cls()
        return cls(trainer.global_rank, trainer.world_size, trainer.global_step * trainer.accumulate_grad_batches)

    def of_batch(self, size: int) -> slice:
        """Which of the `size * world` members of a whole batch are this process's."""
        return slice(self.rank * size, (self.rank + 1) * size)


ALONE = Share()
"""The whole of every batch."""


def mean_over_processes(number: Tensor) -> Tensor:
    """The mean of a number over all processes.

    A loss that is a sum divided by the mean of what each process counted has, averaged over the processes, the gradient
    of the whole batch, however unequally the ticks that count are spread.
    """
    if not is_distributed():
        return number
    total = number.detach().clone().float()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def whole_batch(share: Tensor) -> Tensor:
    """The shares of all processes, (B, ...) each, one behind the other: (world * B, ...). All must call it."""
    if not is_distributed():
        return share
    is_bool = share.dtype == torch.bool  # not every backend gathers these
    mine = (share.byte() if is_bool else share).contiguous()
    gathered = [torch.empty_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, mine)
    whole = torch.cat(gathered)
    return whole.bool() if is_bool else whole


def largest(value: int, device: torch.device) -> int:
    """The largest of what the processes have."""
    if not is_distributed():
        return value
    found = torch.tensor(value, device=device)
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return int(found.item())


@contextmanager
def main_process_first() -> Iterator[None]:
    """The first process does the block before all others begin it: it may write files that they then find."""
    if is_distributed() and dist.get_rank() > 0:
        dist.barrier()
    yield
    if is_distributed() and dist.get_rank() == 0:
        dist.barrier()


def is_distributed() -> bool:
    """Whether other processes train in the same run."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
