"""Recordings -> episodes, decoded: what every model here is trained on."""

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from env.actions import Actions
from env.errors import GhostkeysError, RecordingError
from env.files import atomic_path
from env.recordings.index import RecordingIndex
from env.recordings.keys import KeyTable
from env.recordings.recording import Kind, Recording, find_recordings
from env.video.pictures import RESIZE_VERSION
from learning.frame_cache import DEFAULT_GB, CacheFullError, FrameCache
from learning.stored_frames import StoredFrames

log = logging.getLogger(__name__)

Size = tuple[int, int]
"""(height, width) in pixels."""
Interpolation = Literal["linear"] | None
"""How pictures are shrunk: averaged (None), or as OpenAI's models expect (see `env.video.resize`)."""


@dataclass(frozen=True)
class Episode:
    """One recording, decoded: frame t is shown, action t is taken, frame t + 1 is the result."""

    frames: NDArray[np.uint8] | StoredFrames  # (T, H, W, 3), in memory or on the disk
    actions: Actions
    usable: NDArray[np.bool_]  # (T,)
    name: str
    motion: NDArray[np.float16] | None = None
    """(T, F) fixed motion features, where a model wants them computed once."""
    gui: NDArray[np.bool_] | None = None
    """(T,) whether the player had a screen with a cursor open, where the recorder wrote it."""
    start: int = 0
    """Which tick of the recording the first one is."""
    milestones: Mapping[str, int] = field(default_factory=dict)
    """The tick of the recording at which the player first has each item."""

    def part(self, start: int, stop: int) -> "Episode":
        """Ticks `start` to `stop`."""
        ticks = slice(start, stop)
        frames = self.frames.part(start, stop) if isinstance(self.frames, StoredFrames) else self.frames[ticks]
        motion = None if self.motion is None else self.motion[ticks]
        gui = None if self.gui is None else self.gui[ticks]
        return Episode(
            frames, self.actions[ticks], self.usable[ticks], self.name, motion, gui, self.start + start, self.milestones
        )

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class EpisodeSet(Sequence[Episode]):
    """Episodes, and the recordings that could not be read with the reason."""

    episodes: tuple[Episode, ...]
    skipped: tuple[tuple[Path, str], ...] = field(default=())

    @overload
    def __getitem__(self, index: int) -> Episode: ...
    @overload
    def __getitem__(self, index: slice) -> "EpisodeSet": ...
    def __getitem__(self, index: int | slice) -> "Episode | EpisodeSet":
        if isinstance(index, slice):
            return EpisodeSet(self.episodes[index], self.skipped)
        return self.episodes[index]

    def __len__(self) -> int:
        return len(self.episodes)

    @property
    def ticks(self) -> int:
        """Frames in all episodes together."""
        return sum(len(episode) for episode in self.episodes)


def load_episodes(
    paths: Path | str | Sequence[Path | str],
    *,
    size: Size,
    interpolation: Interpolation = None,
    cache: Path | str | None = None,
    cache_gb: float = DEFAULT_GB,
    kind: Kind | None = None,
    keys: KeyTable | None = None,
    index: RecordingIndex | None = None,
    workers: int | None = None,
) -> EpisodeSet:
    """Decodes recordings (a folder, or a list) at `size` (height, width); each video only once if `cache` is a folder.

    That folder is kept below `cache_gb` GB. `kind` and `keys` are those of `Recording.open`. A recording that cannot be
    read is passed over and listed in `.skipped`. `index` keeps what was read of them, by default in the user's cache
    folder. Raises RecordingError if none is left, CacheFullError if there is no room for the frames.
    """
    found = find_recordings(paths, kind=kind)
    index = index or RecordingIndex()
    frame_cache = None if cache is None else FrameCache(Path(cache), max_gb=cache_gb)
    workers = min(workers or os.cpu_count() or 1, len(found))
    # Threads are enough: decoding and resizing run outside the interpreter lock.
    with ThreadPoolExecutor(workers) as pool:
        futures = [
            pool.submit(_load_episode, path, kind, keys, index, size, interpolation, frame_cache) for path in found
        ]
        episodes: list[Episode] = []
        skipped: list[tuple[Path, str]] = []
        try:
            for path, future in zip(
                found, tqdm(futures, desc="reading recordings", unit="file", leave=False), strict=True
            ):
                try:
                    episodes.append(future.result())
                except CacheFullError:
                    raise
                except (GhostkeysError, OSError) as error:
                    log.warning("passed over %s: %s", path, error)
                    skipped.append((path, str(error)))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if frame_cache is not None:
        frame_cache.report()
    if not episodes:
        reason = f" The first: {skipped[0][1]}" if skipped else ""
        raise RecordingError(f"none of the {len(found)} recordings could be read.{reason}")
    return EpisodeSet(tuple(episodes), tuple(skipped))


def _load_episode(
    path: Path,
    kind: Kind | None,
    keys: KeyTable | None,
    index: RecordingIndex,
    size: Size,
    interpolation: Interpolation,
    cache: FrameCache | None,
) -> Episode:
    recording = index.open(path, kind=kind, keys=keys)
    if len(recording):
        check_usable(recording, path)
    frames: NDArray[np.uint8] | StoredFrames
    if cache is None:
        frames = np.stack(list(recording.iter_frames(size, interpolation)))
    else:
        frames = _decode_cached(recording, size, interpolation, cache)
    length = min(len(frames), len(recording))
    if length == 0:
        raise RecordingError(f"{path} has no frames.")
    gui = recording.gui if recording.kind == "contractor" else None
    episode = Episode(
        frames, recording.actions, recording.usable, recording.name, gui=gui, milestones=recording.milestones
    )
    return episode.part(0, length)


def check_usable(recording: Recording, path: Path) -> None:
    """Raises RecordingError, with the reason where it is known, for a recording of which nothing can be learnt."""
    if not recording.usable.any():
        doubt = recording.alignment.doubt if recording.alignment is not None else None
        raise RecordingError(f"{path} has no usable tick{f': {doubt}' if doubt else ''}.")


def _decode_cached(recording: Recording, size: Size, interpolation: Interpolation, cache: FrameCache) -> StoredFrames:
    """Frames in a raw array in the cache, written on first use; a changed video gets a new name."""
    stat = recording.video.stat()
    identity = f"{recording.video.resolve()} {stat.st_mtime_ns} {stat.st_size} {RESIZE_VERSION}".encode()
    # Labels of a video may show other frames than a contractor's actions do, and show no cursor.
    shown = recording.frame_numbers.astype("<i8").tobytes() + recording.cursor.astype("<f8").tobytes()
    key = hashlib.sha256(identity + shown).hexdigest()[:16]
    form = f"{size[0]}x{size[1]}" + (f"-{interpolation}" if interpolation else "")
    target = cache.folder / f"{recording.name}-{form}-{key}.npy"
    if target.exists():
        cache.use(target)
    else:
        cache.reserve(target, len(recording) * size[0] * size[1] * 3)
        with atomic_path(target) as temporary:
            _write_frames(recording, recording.iter_frames(size, interpolation), temporary, size)
    return StoredFrames.open(target)


def _write_frames(recording: Recording, decoded: Iterator[NDArray[np.uint8]], target: Path, size: Size) -> None:
    """Streams frames into a .npy file of the recording's length, cut to the frames there were."""
    frames = np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=(len(recording), *size, 3))
    count = 0
    for count, frame in enumerate(decoded, start=1):
        if count > len(frames):
            raise RecordingError(f"{recording.video} has more frames than the {len(frames)} actions beside it.")
        frames[count - 1] = frame
    if count < len(frames):
        raise RecordingError(f"{recording.video} has {count} frames for {len(frames)} actions; they must be as many.")
    frames.flush()
