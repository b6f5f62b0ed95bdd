"""Recordings for the training of a policy: chunks in order."""

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from tqdm import tqdm

from agents.chunks import Chunks, class_counts
from agents.policy import PolicyBatch
from env.errors import GhostkeysError
from learning.datamodule import Lazily, PlayDataModule
from learning.read_ahead import in_processes
from learning.sources import EpisodeSource

log = logging.getLogger(__name__)

VALIDATION_CHUNK = 32
"""Ticks at a time in validation, where a step holds one recording only: fewer would waste the processor."""


class PolicyDataModule(PlayDataModule):
    """Chunks of recorded play, in order: contractor recordings, labelled videos, or both.

    Args:
        chunk: Ticks of a step.
        slots: Runs side by side in a batch.
        run: Ticks of a run, at most, through which a slot goes chunk by chunk.
        mirror: Share of runs seen in a mirror.
        tint: Spread of the runs' brightness and colours; 0 leaves them as recorded.
        null_weight: How much ticks without any key or turn count (VPT: 0).
        milestone_share: Share of the runs that end where the player first has an item of VPT's reward table, each item
            as often as any other; recordings tell, labels do not.
    """

    def __init__(
        self,
        *args: Any,
        chunk: int = 32,
        slots: int = 8,
        run: int = 600,
        mirror: float = 0.0,
        tint: float = 0.0,
        null_weight: float = 1.0,
        milestone_share: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if not 0 <= milestone_share < 1:
            raise GhostkeysError(f"--data.milestone-share {milestone_share:g}: expected 0 or more, and less than 1.")
        self.chunk = chunk
        self.slots = slots
        self.run = run
        self.mirror = mirror
        self.tint = tint
        self.null_weight = null_weight
        self.milestone_share = milestone_share

    def class_counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How often each class of buttons (8641,) and of the camera (121,) is asked for, as `agents.chunks` says."""
        return class_counts(self.played(), mirrored=self.mirror > 0)

    @cached_property
    def milestones(self) -> list[Mapping[str, int]]:
        """Of each recording, when its player first had each item; nothing where that is not asked for."""
        if not self.milestone_share:
            return []
        numbers = range(len(self.source.names))
        found = in_processes(self.source.milestones, numbers, workers=self.workers)
        told = [each or {} for each in tqdm(found, desc="milestones", total=len(numbers), unit="file", leave=False)]
        if not any(told):
            log.warning("%s tells of no milestone: --data.milestone-share changes nothing.", self.root)
        return told

    def train_dataloader(self) -> DataLoader[PolicyBatch]:
        """Chunks of the training recordings, going on at the trainer's step."""
        chunks = Chunks(
            self.source,
            chunk=self.chunk,
            slots=self.slots,
            run=self.run,
            mirror=self.mirror,
            tint=self.tint,
            null_weight=self.null_weight,
            milestones=self.milestones,
            milestone_share=self.milestone_share,
            seed=self.seed,
            share=self.share,
            workers=self.workers,
        )
        return DataLoader(chunks, batch_size=None, pin_memory=self.pins)

    def val_dataloader(self) -> DataLoader[PolicyBatch] | list[DataLoader[PolicyBatch]]:
        """What is held out once through, if anything is."""
        return DataLoader(Lazily(self._held_out_chunks), batch_size=None) if self.is_validated else []

    def _held_out_chunks(self) -> Chunks:
        source = EpisodeSource(self.validation)
        return Chunks(source, chunk=max(self.chunk, VALIDATION_CHUNK), slots=1, once=True)
