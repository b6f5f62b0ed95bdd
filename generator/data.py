"""Training data: single frames for the autoencoder, runs of latents and actions for the transformer."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm

from env.actions import Actions
from env.errors import RecordingError
from env.files import atomic_path
from generator.actions import action_features
from generator.model import LatentBatch, VideoGenerator
from learning.data import Episode
from learning.datamodule import Lazily, PlayDataModule
from learning.distributed import ALONE, Share
from learning.streaming import StreamedWindows

ENCODING_BATCH = 128
TARGETS = 2
"""Frames after the context that a clip has, for the loss to predict."""
VALIDATION_CLIPS = 256
"""Clips that the losses are measured on during training."""


class Clips:
    """Every run of `context` usable frames with the two after it. Frames are counted through all episodes."""

    def __init__(self, episodes: Sequence[Episode], *, context: int) -> None:
        self.episodes = episodes
        self.context = context
        lengths = [len(episode) for episode in episodes]
        self.offsets = np.concatenate([[0], np.cumsum(lengths)])
        self.actions = torch.cat([action_features(episode.actions) for episode in episodes])  # (N, F)
        ends = [
            _clip_ends(episode.usable, context) + offset
            for episode, offset in zip(episodes, self.offsets, strict=False)
        ]
        self.ends: NDArray[np.int64] = np.concatenate(ends)
        """Index of each run's last context frame."""
        if len(self.ends) == 0:
            raise RecordingError(f"no recording has {context + TARGETS} usable ticks in a row, which training needs.")

    def __len__(self) -> int:
        return len(self.ends)

    def frames(self, clips: NDArray[np.int64]) -> Tensor:
        """The last context frame of each clip, uint8 (B, H, W, 3)."""
        return self._frames_at(self.ends[clips])

    def _frames_at(self, indices: NDArray[np.int64]) -> Tensor:
        which = np.searchsorted(self.offsets, indices, side="right") - 1
        frames = [
            self.episodes[e].frames[i - self.offsets[e]] for e, i in zip(which.tolist(), indices.tolist(), strict=True)
        ]
        return torch.from_numpy(np.stack(frames))

    def windows(self, clips: NDArray[np.int64]) -> Tensor:
        """All frames of each clip, its context and its targets, uint8 (B, K + 2, H, W, 3)."""
        steps = range(1 - self.context, 1 + TARGETS)
        return torch.stack([self._frames_at(self.ends[clips] + step) for step in steps], dim=1)

    def latents(self, clips: NDArray[np.int64], latents: NDArray[np.float16]) -> LatentBatch:
        """The clips as latents, out of those of all frames (N, C, h, w)."""
        window = self.ends[clips][:, None] + np.arange(1 - self.context, 1 + TARGETS)  # (B, K + 2)
        return self.batch(clips, torch.from_numpy(latents[window].astype(np.float32)))

    def batch(self, clips: NDArray[np.int64], latents: Tensor) -> LatentBatch:
        """The clips' latents (B, K + 2, C, h, w) with their actions."""
        actions = self.actions[torch.from_numpy(self.ends[clips][:, None] + np.arange(TARGETS))]  # (B, 2, F)
        return LatentBatch(latents[:, : self.context], actions, latents[:, self.context :])

    @torch.no_grad()
    def encode(self, model: VideoGenerator, folder: Path) -> NDArray[np.float16]:
        """Normalised latents of all frames (N, C, h, w), mapped from a file that is written on first use."""
        target = folder / f"latents-{self._fingerprint(model)}.npy"
        if not target.exists():
            shape = (int(self.offsets[-1]), model.config.vae.latent_channels, *model.config.vae.grid)
            with atomic_path(target) as temporary:
                latents = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float16, shape=shape)
                self._fill(latents, model)
                latents.flush()
        mapped: NDArray[np.float16] = np.load(target, mmap_mode="r")
        return mapped

    def forget_latents(self, folder: Path) -> None:
        """Removes what `encode` wrote there."""
        for path in folder.glob("latents-*.npy"):
            path.unlink()

    def _fill(self, latents: NDArray[np.float16], model: VideoGenerator) -> None:
        with tqdm(total=len(latents), desc="encoding", unit="frame", leave=False) as bar:
            for episode, offset in zip(self.episodes, self.offsets.tolist(), strict=False):
                for start in range(0, len(episode), ENCODING_BATCH):
                    frames = torch.from_numpy(np.array(episode.frames[start : start + ENCODING_BATCH]))
                    encoded = model.encode(frames.to(model.device)).cpu().numpy()
                    latents[offset + start : offset + start + len(encoded)] = encoded
                    bar.update(len(encoded))

    def _fingerprint(self, model: VideoGenerator) -> str:
        """What the latents depend on: the autoencoder's weights, the normalisation and the recordings."""
        digest = hashlib.sha256()
        for name, tensor in model.state_dict().items():
            if not name.startswith("dit."):
                digest.update(tensor.detach().cpu().numpy().tobytes())
        for episode in self.episodes:
            digest.update(f"{episode.name} {len(episode)}\n".encode())
        return digest.hexdigest()[:16]


def _clip_ends(usable: NDArray[np.bool_], context: int) -> NDArray[np.int64]:
    """Ticks that end a run of `context` usable ticks and are followed by as many more as there are targets."""
    if len(usable) < context + TARGETS:
        return np.zeros(0, np.int64)
    runs = np.lib.stride_tricks.sliding_window_view(usable, context + TARGETS).all(axis=1)
    return np.flatnonzero(runs) + context - 1


class RandomClips(IterableDataset[Tensor]):
    """Endless batches of clip numbers (B,). Batch k depends on the seed and k alone, so that a resumed run goes on."""

    def __init__(self, clips: int, *, batch_size: int, seed: int, share: Share = ALONE) -> None:
        self.clips = clips
        self.batch_size = batch_size
        self.seed = seed
        self.share = share

    def __iter__(self) -> Iterator[Tensor]:
        for number in count(self.share.first_batch):
            rng = np.random.default_rng((self.seed, number))
            drawn = rng.integers(self.clips, size=self.batch_size * self.share.world)
            yield torch.from_numpy(drawn[self.share.of_batch(self.batch_size)])


class ClipBatch(NamedTuple):
    """Clips of streamed play."""

    frames: Tensor  # (B, K + 2, H, W, 3) uint8
    actions: Tensor  # (B, 2, F): as in `LatentBatch`


class StreamedClips(IterableDataset[ClipBatch]):
    """Endless batches of clips without an unusable tick. Batch k depends on the seed, the process and k alone."""

    def __init__(self, windows: StreamedWindows, *, context: int) -> None:
        """`windows` has those of `context` + 2 ticks."""
        self.windows = windows
        self.context = context

    def __iter__(self) -> Iterator[ClipBatch]:
        acted = slice(self.context - 1, self.context - 1 + TARGETS)
        for batch in self.windows:
            buttons, camera = batch.buttons[:, acted].flatten(0, 1), batch.camera[:, acted].flatten(0, 1)
            features = action_features(Actions(buttons.numpy(), camera.numpy()))
            yield ClipBatch(batch.frames, features.view(len(batch.frames), TARGETS, -1))


class ClipsDataModule(PlayDataModule):
    """Clips of recorded play: contractor recordings, labelled videos, or both.

    Args:
        batch_size: Clips of a step.
        context: Frames that the model sees before those it predicts.
        validation_root: Folder of other recordings, on `VALIDATION_CLIPS` clips of which the losses are measured every
            `trainer.val_check_interval` steps; without it, and without a validation_share, they are not.
    """

    def __init__(self, *args: Any, batch_size: int = 64, context: int = 3, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batch_size = batch_size
        self.context = context

    @cached_property
    def clips(self) -> Clips | None:
        """What is trained on; None if it is streamed."""
        return None if self.episodes is None else Clips(self.episodes, context=self.context)

    @cached_property
    def held_out_clips(self) -> Clips:
        """What the losses are measured on."""
        return Clips(self.validation, context=self.context)

    def some_frames(self, count: int) -> Tensor:
        """Frames that are trained on, uint8 (B, H, W, 3): about so many, the same ones each time."""
        if self.clips is None:
            return torch.from_numpy(np.concatenate([each.frames[:] for each in self.some_episodes(count)]))
        chosen = np.random.default_rng(self.seed).choice(
            len(self.clips), size=min(count, len(self.clips)), replace=False
        )
        return self.clips.frames(chosen)

    def train_dataloader(self) -> DataLoader[Tensor] | DataLoader[ClipBatch]:
        """Random clips, going on at the trainer's step: their numbers, or their frames if they are streamed."""
        if self.clips is not None:
            clips = RandomClips(len(self.clips), batch_size=self.batch_size, seed=self.seed, share=self.share)
            return DataLoader(clips, batch_size=None)
        windows = StreamedWindows(
            self.source,
            window=self.context + TARGETS,
            batch_size=self.batch_size,
            capacity=self.capacity,
            whole=True,
            seed=self.seed,
            share=self.share,
            workers=self.workers,
        )
        return DataLoader(StreamedClips(windows, context=self.context), batch_size=None, pin_memory=self.pins)

    def val_dataloader(self) -> DataLoader[Tensor] | list[DataLoader[Tensor]]:
        """The same clips at each validation; none without validation recordings."""
        return DataLoader(Lazily(self._held_out_numbers), batch_size=None) if self.is_validated else []

    def _held_out_numbers(self) -> Sequence[Tensor]:
        chosen = np.random.default_rng(self.seed).permutation(len(self.held_out_clips))[:VALIDATION_CLIPS]
        return torch.split(torch.from_numpy(chosen), self.batch_size)
