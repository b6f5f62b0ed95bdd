"""Augmented play beside the recorded: copies of decoded stretches on the disk, or some of the stretches of a stream."""

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from tqdm import tqdm

from env.files import atomic_path
from learning.augmentation import AUGMENTATION_VERSION, Augmentation
from learning.data import Episode, EpisodeSet
from learning.frame_cache import FrameCache
from learning.sources import Span
from learning.stored_frames import StoredFrames
from learning.streaming import stretches_of

log = logging.getLogger(__name__)

STRETCH = 256
"""Ticks of decoded play that share one draw, about."""


@dataclass(frozen=True)
class AugmentSome:
    """Augments a share of the stretches of a stream; a stretch's number and the seed decide which, and how.

    Frames that came with motion features get new ones from `complete`, or none.
    """

    augmentation: Augmentation
    share: float
    seed: int
    complete: Callable[[Episode], Episode] | None = None

    def __call__(self, episode: Episode, number: int) -> Episode:
        """The stretch with this number, augmented or as it is."""
        rng = np.random.default_rng((self.seed, number))
        if not len(episode) or rng.random() >= self.share:
            return episode
        height, width = episode.frames.shape[1:3]
        frames = self.augmentation.draw(rng, (height, width))(episode.frames[:])
        changed = replace(episode, frames=frames, motion=None)
        return changed if episode.motion is None or self.complete is None else self.complete(changed)


class _Copy(NamedTuple):
    """A stretch of one of the episodes, and its number among all stretches, which with the seed decides the draw."""

    number: int
    span: Span


@dataclass(frozen=True)
class AugmentedCopies:
    """Augmented copies of stretches of episodes: episodes of their own, so that no window has two draws."""

    episodes: tuple[Episode, ...]
    files: tuple[Path, ...]

    @classmethod
    def write(
        cls,
        episodes: EpisodeSet,
        augmentation: Augmentation,
        *,
        share: float,
        seed: int,
        cache: FrameCache,
        run: str,
        stretch: int = STRETCH,
    ) -> Self:
        """Writes the frames into the cache, or finds them there, left by a `run` that was cut off.

        So large a share of all stretches, of about `stretch` ticks, is copied. The names of the files are the run's
        own: another one beside it may remove its copies. Raises CacheFullError if there is no room.
        """
        spans = stretches_of([len(episode) for episode in episodes], stretch)
        chosen = np.random.default_rng(seed).permutation(len(spans))[: round(share * len(spans))]
        copies = [_Copy(number, spans[number]) for number in sorted(chosen.tolist())]
        by_episode = [[copy for copy in copies if copy.span.recording == number] for number in range(len(episodes))]
        settings = f"{AUGMENTATION_VERSION} {augmentation} {seed} {run}"
        with (
            ThreadPoolExecutor(os.cpu_count()) as pool,
            tqdm(total=len(copies), desc="augmenting", unit="stretch", leave=False) as bar,
        ):

            def write(episode: Episode, copies: Sequence[_Copy]) -> StoredFrames:
                frames = _stored(episode, copies, augmentation, seed, cache, settings)
                bar.update(len(copies))
                return frames

            copied = [(episode, its) for episode, its in zip(episodes, by_episode, strict=True) if its]
            stored = list(pool.map(lambda each: write(*each), copied))
        made: list[Episode] = []
        for (episode, its), frames in zip(copied, stored, strict=True):
            begin = 0
            for _, span in its:
                end = begin + span.stop - span.start
                part = episode.part(span.start, span.stop)
                made.append(replace(part, frames=frames.part(begin, end), motion=None))
                begin = end
        log.info("%d ticks of augmented play beside %d of recorded.", sum(map(len, made)), episodes.ticks)
        return cls(tuple(made), tuple(frames.path for frames in stored))

    def remove(self) -> None:
        """Removes the files."""
        for file in self.files:
            file.unlink(missing_ok=True)


def _stored(
    episode: Episode, copies: Sequence[_Copy], augmentation: Augmentation, seed: int, cache: FrameCache, settings: str
) -> StoredFrames:
    """Frames of an episode's copies, one behind the other, in one file."""
    height, width = episode.frames.shape[1:3]
    origin = episode.frames.path if isinstance(episode.frames, StoredFrames) else episode.name
    identity = f"{settings} {origin} {episode.start} {copies}"
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    target = cache.folder / f"{episode.name}-{height}x{width}-augmented-{key}.npy"
    if target.exists():
        cache.use(target)
        return StoredFrames.open(target)
    ticks = sum(span.stop - span.start for _, span in copies)
    cache.reserve(target, ticks * height * width * 3)
    with atomic_path(target) as temporary:
        written = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=(ticks, height, width, 3))
        begin = 0
        for number, span in copies:
            end = begin + span.stop - span.start
            draw = augmentation.draw(np.random.default_rng((seed, number)), (height, width))
            written[begin:end] = draw(episode.frames[span.start : span.stop])
            begin = end
        written.flush()
    return StoredFrames.open(target)
