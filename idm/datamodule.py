"""Recordings for the training of the inverse dynamics model: windows, and the motion features behind them."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from idm.nn.motion import MotionFeatures
from learning.data import (
    Batch,
    Episode,
    EpisodeSet,
    RandomWindows,
    TiledWindows,
    load_episodes,
    split_episodes,
    tile_windows,
)
from learning.distributed import Share, main_process_first
from learning.frame_cache import DEFAULT_GB

log = logging.getLogger(__name__)

CHUNK = 64
"""Frames whose motion features are worked out at once."""


class IDMDataModule(lightning.LightningDataModule):
    """Windows of labelled play.

    Args:
        root: Folder of recordings.
        size: (height, width) of the frames the model sees.
        interpolation: How frames are shrunk to that size.
        window: Frames of a window.
        batch_size: Windows of a step.
        validation_share: Share of the ticks, in whole recordings, that is held out for validation and calibration.
        kind: Recordings with a player's actions, or with inferred labels; null takes both.
        cache: Folder for decoded frames; by default `.frames` under root.
        cache_gb: At most so many GB of decoded frames are kept there; an hour of play at 128x128 takes 3.5.
        seed: Decides which recordings are held out, and the windows.
    """

    def __init__(
        self,
        root: Path,
        *,
        size: tuple[int, int] = (128, 128),
        interpolation: Literal["linear"] | None = None,
        window: int = 64,
        batch_size: int = 8,
        validation_share: float = 0.12,
        kind: Literal["contractor", "labels"] | None = "contractor",
        cache: Path | None = None,
        cache_gb: float = DEFAULT_GB,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.root = Path(root)
        self.size = size
        self.interpolation = interpolation
        self.window = window
        self.batch_size = batch_size
        self.validation_share = validation_share
        self.kind = kind
        self.cache = Path(cache) if cache is not None else self.root / ".frames"
        self.cache_gb = cache_gb
        self.seed = seed
        self.training: EpisodeSet = EpisodeSet(())
        self.validation: EpisodeSet = EpisodeSet(())

    def setup(self, stage: str) -> None:
        """Decodes the recordings, once."""
        if self.training:
            return
        with main_process_first():
            episodes = load_episodes(
                self.root,
                size=self.size,
                interpolation=self.interpolation,
                cache=self.cache,
                cache_gb=self.cache_gb,
                kind=self.kind,
            )
        self.training, self.validation = split_episodes(
            episodes, validation_share=self.validation_share, seed=self.seed
        )
        if self.validation and not tile_windows(self.validation, self.window):
            log.warning(
                "the %d ticks held out of %s are shorter than a window of %d: the model is not scored or calibrated.",
                self.validation.ticks,
                self.root,
                self.window,
            )
            self.validation = EpisodeSet(())

    def compute_motion(self, features: MotionFeatures) -> None:
        """Gives the episodes their fixed motion features, which saves computing them in every step."""
        ticks = self.training.ticks + self.validation.ticks
        with tqdm(total=ticks, desc="motion features", unit="frame", leave=False) as bar:
            self.training, self.validation = (
                replace(part, episodes=tuple(_with_motion(episode, features, bar) for episode in part))
                for part in (self.training, self.validation)
            )

    def train_dataloader(self) -> DataLoader[Batch]:
        """Random windows, going on at the trainer's step."""
        windows = RandomWindows(
            self.training,
            window=self.window,
            batch_size=self.batch_size,
            seed=self.seed,
            share=Share.of(self.trainer),
        )
        return DataLoader(windows, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch] | list[DataLoader[Batch]]:
        """The validation recordings once through; no loader without any."""
        if not self.validation:
            return []
        return DataLoader(
            TiledWindows(self.validation, window=self.window, batch_size=self.batch_size), batch_size=None
        )


def _with_motion(episode: Episode, features: MotionFeatures, bar: "tqdm[Any]") -> Episode:
    done = with_motion(episode, features)
    bar.update(len(episode))
    return done


def with_motion(episode: Episode, features: MotionFeatures) -> Episode:
    """The episode with its motion features, worked out in runs of CHUNK frames."""
    if episode.motion is not None:
        return episode
    device = features.luma.device
    motion = np.zeros((len(episode), features.features), np.float16)
    for start in range(0, len(episode) - 1, CHUNK):
        # One frame more: a pair of frames has its features at the first of the two.
        frames = torch.from_numpy(np.array(episode.frames[start : start + CHUNK + 1])).to(device)
        motion[start : start + CHUNK] = features(frames[None])[0, :CHUNK].half().cpu().numpy()
    return replace(episode, motion=motion)
