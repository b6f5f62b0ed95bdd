"""Recordings for the training of the inverse dynamics model: windows, and the motion features behind them."""

import copy
import logging
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from tqdm import tqdm

from env.errors import GhostkeysError
from idm.nn.motion import MotionFeatures
from learning.augmentation import Augmentation
from learning.augmented_play import STRETCH, AugmentedCopies, AugmentSome
from learning.data import Episode, EpisodeSet
from learning.datamodule import Lazily, PlayDataModule
from learning.distributed import main_process_first
from learning.frame_cache import FrameCache
from learning.stored_frames import StoredFrames
from learning.streaming import StreamedWindows
from learning.windows import Batch, RandomWindows, TiledWindows, tile_windows

log = logging.getLogger(__name__)

CHUNK = 64
"""Frames whose motion features are worked out at once."""
SAMPLE = 4096
"""Frames of a streamed run whose motion features are looked at before it starts."""
AUGMENTATION = Augmentation()


class IDMDataModule(PlayDataModule):
    """Windows of labelled play.

    Args:
        window: Frames of a window.
        batch_size: Windows of a step.
        rare_share: Share of the windows that are chosen to show a button going down, each button equally often.
        kind: Recordings with a player's actions, or with inferred labels; null takes both.
        validation_share: Share of the sessions that is held out for validation and calibration, chosen by their names.
        augment: Share of the play that is also trained on augmented, as other video would show it: beside what was
            recorded where frames are decoded beforehand, in its place where they are streamed.
        augmentation: How much augmented play may differ.
    """

    def __init__(
        self,
        *args: Any,
        window: int = 64,
        batch_size: int = 8,
        rare_share: float = 0.0,
        kind: Literal["contractor", "labels"] | None = "contractor",
        validation_share: float = 0.12,
        augment: float = 0.0,
        augmentation: Augmentation = AUGMENTATION,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, kind=kind, validation_share=validation_share, **kwargs)
        if not 0.0 <= augment <= 1.0:
            raise GhostkeysError(f"--data.augment {augment:g}: expected a share, 0 to 1.")
        self.window = window
        self.batch_size = batch_size
        self.rare_share = rare_share
        self.augment = augment
        self.augmentation = augmentation
        self.extra_play = augment
        self._features: MotionFeatures | None = None
        self._copies: AugmentedCopies | None = None

    def setup(self, stage: str) -> None:
        """As for other play; for training, with augmented copies of it."""
        super().setup(stage)
        if stage == "fit" and self.augment and self.episodes is not None and self._copies is None:
            self._copies = self._augmented(self.episodes)
            self.episodes = replace(self.episodes, episodes=self.episodes.episodes + self._copies.episodes)

    def _augmented(self, episodes: EpisodeSet) -> AugmentedCopies:
        """Copies of what is trained on; their files are this run's alone."""
        cache = FrameCache(self.cache, max_gb=self.cache_gb)
        held = self._held_out.episodes if isinstance(self._held_out, EpisodeSet) else ()
        for path in {each.frames.path for each in (*episodes, *held) if isinstance(each.frames, StoredFrames)}:
            cache.use(path)
        with main_process_first():
            return AugmentedCopies.write(
                episodes,
                self.augmentation,
                share=self.augment,
                seed=self.seed,
                cache=cache,
                run="" if self.trainer is None else str(Path(self.trainer.default_root_dir).resolve()),
                stretch=max(STRETCH, 2 * self.window),
            )

    def teardown(self, stage: str) -> None:
        """Removes the augmented copies."""
        if stage == "fit" and self._copies is not None and self.episodes is not None:
            self._copies.remove()
            kept = len(self.episodes) - len(self._copies.episodes)
            self.episodes, self._copies = self.episodes[:kept], None

    def compute_motion(self, features: MotionFeatures, identity: str) -> NDArray[np.float16]:
        """Gives decoded episodes their fixed motion features, which saves computing them in every step.

        Returns those that are trained on (N, F); of a streamed run, a sample. `identity` is their `motion_identity`.
        Raises GhostkeysError for shards with others.
        """
        self._features = features
        if self.source.motion not in (None, identity):
            raise GhostkeysError(
                f"{self.root} has motion features of another model: write shards with this one's config, "
                "`ghostkeys data shard --model`."
            )
        if self.episodes is not None:
            self.episodes = self.completed(self.episodes)
            episodes = list(self.episodes)
        else:
            episodes = [with_motion(episode, features) for episode in self.some_episodes(SAMPLE)]
        return np.concatenate([episode.motion for episode in episodes if episode.motion is not None])

    def completed(self, episodes: EpisodeSet) -> EpisodeSet:
        """Decoded episodes with their motion features."""
        features = self._features
        if features is None:
            return episodes
        with tqdm(total=episodes.ticks, desc="motion features", unit="frame", leave=False) as bar:
            done = tuple(_with_motion(episode, features, bar) for episode in episodes)
        return replace(episodes, episodes=done)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Random windows, going on at the trainer's step."""
        windows: RandomWindows | StreamedWindows
        if self.episodes is not None:
            windows = RandomWindows(
                self.episodes,
                window=self.window,
                batch_size=self.batch_size,
                rare_share=self.rare_share,
                seed=self.seed,
                share=self.share,
            )
        else:
            windows = StreamedWindows(
                self.source,
                window=self.window,
                batch_size=self.batch_size,
                rare_share=self.rare_share,
                capacity=self.capacity,
                seed=self.seed,
                share=self.share,
                workers=self.workers,
                change=self._change,
            )
        return DataLoader(windows, batch_size=None, pin_memory=self.pins)

    @property
    def _change(self) -> AugmentSome | None:
        """What becomes of the stretches of a streamed run where they are read."""
        if not self.augment:
            return None
        # On the processor: stretches are read in processes without the trainer's device.
        features = None if self._features is None else copy.deepcopy(self._features).cpu()
        complete = None if features is None else partial(with_motion, features=features)
        return AugmentSome(self.augmentation, self.augment, self.seed, complete)

    def val_dataloader(self) -> DataLoader[Batch] | list[DataLoader[Batch]]:
        """What is held out once through; no loader without any."""
        return DataLoader(Lazily(lambda: self._held_out_windows), batch_size=None) if self.is_validated else []

    @cached_property
    def _held_out_windows(self) -> TiledWindows:
        if not tile_windows(self.validation, self.window):
            log.warning(
                "the %d ticks held out of %s are shorter than a window of %d: the model is not scored or calibrated.",
                self.validation.ticks,
                self.root,
                self.window,
            )
        return TiledWindows(self.validation, window=self.window, batch_size=self.batch_size)


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
