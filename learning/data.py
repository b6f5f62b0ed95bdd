"""Recordings -> episodes -> batches of windows: what every model here is trained on."""

import hashlib
import logging
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal, NamedTuple, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset
from tqdm import tqdm

from env.actions import Actions
from env.errors import GhostkeysError, RecordingError
from env.files import atomic_path
from env.recordings.recording import Recording, find_recordings
from env.video.pictures import RESIZE_VERSION
from learning.distributed import ALONE, Share
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

    def part(self, start: int, stop: int) -> "Episode":
        """Ticks `start` to `stop`."""
        ticks = slice(start, stop)
        frames = self.frames.part(start, stop) if isinstance(self.frames, StoredFrames) else self.frames[ticks]
        motion = None if self.motion is None else self.motion[ticks]
        gui = None if self.gui is None else self.gui[ticks]
        return Episode(frames, self.actions[ticks], self.usable[ticks], self.name, motion, gui, self.start + start)

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
    kind: Literal["contractor", "labels"] | None = None,
    workers: int | None = None,
) -> EpisodeSet:
    """Decodes recordings (a folder, or a list) at `size` (height, width); each video only once if `cache` is a folder.

    That folder is kept below `cache_gb` GB. A recording that cannot be read is passed over and listed in `.skipped`.
    Raises RecordingError if none is left, CacheFullError if there is no room for the frames.
    """
    found = find_recordings(paths, kind=kind)
    frame_cache = None if cache is None else FrameCache(Path(cache), max_gb=cache_gb)
    workers = min(workers or os.cpu_count() or 1, len(found))
    # Threads are enough: decoding and resizing run outside the interpreter lock.
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_load_episode, path, size, interpolation, frame_cache) for path in found]
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


def _load_episode(path: Path, size: Size, interpolation: Interpolation, cache: FrameCache | None) -> Episode:
    recording = Recording.open(path)
    if len(recording) and not recording.usable.any():
        doubt = recording.alignment.doubt if recording.alignment is not None else None
        raise RecordingError(f"{path} has no usable tick{f': {doubt}' if doubt else ''}.")
    frames: NDArray[np.uint8] | StoredFrames
    if cache is None:
        frames = np.stack(list(_decode(recording, size, interpolation)))
    else:
        frames = _decode_cached(recording, size, interpolation, cache)
    length = min(len(frames), len(recording))
    if length == 0:
        raise RecordingError(f"{path} has no frames.")
    gui = recording.gui if recording.kind == "contractor" else None
    episode = Episode(frames, recording.actions, recording.usable, recording.name, gui=gui)
    return episode.part(0, length)


def _decode(recording: Recording, size: Size, interpolation: Interpolation) -> Iterator[NDArray[np.uint8]]:
    return recording.iter_frames(size, interpolation)


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
            _write_frames(recording, _decode(recording, size, interpolation), temporary, size)
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


def split_episodes(episodes: EpisodeSet, *, validation_share: float, seed: int) -> tuple[EpisodeSet, EpisodeSet]:
    """Splits whole sessions of play into training and validation (one or more, about `validation_share` of the ticks).

    A contractor's session is cut into recordings of five minutes: what is told apart by the time in its name alone
    stays together. With a single session both halves come from it: its last recordings, or the end of its only one, are
    for validation.
    """
    if validation_share <= 0.0:
        return episodes, EpisodeSet(())
    if len(episodes) == 1:
        return _split_in_time(episodes[0], validation_share)
    sessions = _sessions(episodes)
    if len(sessions) == 1:  # one after the other
        units = [
            [index] for index in sorted(range(len(episodes)), key=lambda index: episodes[index].name, reverse=True)
        ]
    else:
        units = [sessions[int(number)] for number in np.random.default_rng(seed).permutation(len(sessions))]
    wanted = validation_share * episodes.ticks
    validation: list[int] = []
    for unit in units[:-1]:
        validation += unit
        wanted -= sum(len(episodes[index]) for index in unit)
        if wanted <= 0:
            break
    rest = [i for i in range(len(episodes)) if i not in validation]
    return (
        EpisodeSet(tuple(episodes[i] for i in rest), episodes.skipped),
        EpisodeSet(tuple(episodes[i] for i in sorted(validation))),
    )


def _sessions(episodes: Sequence[Episode]) -> list[list[int]]:
    """The episodes of each session, in the order in which the sessions begin."""
    sessions: dict[str, list[int]] = {}
    for index, episode in enumerate(episodes):
        sessions.setdefault(_BEGUN.sub("", episode.name), []).append(index)
    return list(sessions.values())


_BEGUN = re.compile(r"(?<=-\d{8})-\d{6}$")
"""At what time of a day a recording began, at the end of its name, as VPT's recorder writes it."""


def _split_in_time(episode: Episode, validation_share: float) -> tuple[EpisodeSet, EpisodeSet]:
    cut = max(1, round(len(episode) * (1.0 - validation_share)))
    parts = episode.part(0, cut), episode.part(cut, len(episode))
    return EpisodeSet((parts[0],)), EpisodeSet((parts[1],) if len(parts[1]) else ())


class Batch(NamedTuple):
    """Windows of episodes, stacked."""

    frames: Tensor  # (B, T, H, W, 3) uint8
    buttons: Tensor  # (B, T, 20) bool
    camera: Tensor  # (B, T, 2) float32 degrees, (pitch, yaw)
    usable: Tensor  # (B, T) bool
    first: Tensor  # (B, T) bool: an episode starts here
    motion: Tensor | None = None  # (B, T, F) float16 fixed motion features, where computed beforehand


class Window(NamedTuple):
    """Ticks `start` to `stop` of one episode."""

    episode: int
    start: int
    stop: int


def collate_windows(episodes: Sequence[Episode], windows: Sequence[Window]) -> Batch:
    """Cuts windows of one length out of episodes and stacks them."""
    parts = [(episodes[w.episode], slice(w.start, w.stop)) for w in windows]
    first = np.zeros((len(windows), windows[0].stop - windows[0].start), np.bool_)
    first[:, 0] = [episodes[w.episode].start + w.start == 0 for w in windows]
    motion = [episode.motion[part] for episode, part in parts if episode.motion is not None]
    return Batch(
        torch.from_numpy(np.stack([episode.frames[part] for episode, part in parts])),
        torch.from_numpy(np.stack([episode.actions.buttons[part] for episode, part in parts])),
        torch.from_numpy(np.stack([episode.actions.camera[part] for episode, part in parts])),
        torch.from_numpy(np.stack([episode.usable[part] for episode, part in parts])),
        torch.from_numpy(first),
        torch.from_numpy(np.stack(motion)) if len(motion) == len(parts) else None,
    )


def draw_windows(episodes: Sequence[Episode], count: int, length: int, rng: np.random.Generator) -> list[Window]:
    """Draws windows uniformly over all the ticks a window of `length` can start at."""
    starts = np.array([max(len(episode) - length + 1, 0) for episode in episodes])
    if starts.sum() == 0:
        raise RecordingError(f"every recording is shorter than a window of {length} ticks: lower data.window.")
    ends = starts.cumsum()
    positions = rng.integers(0, ends[-1], size=count)
    chosen = np.searchsorted(ends, positions, side="right")
    offsets = positions - (ends - starts)[chosen]
    return [Window(int(e), int(s), int(s) + length) for e, s in zip(chosen, offsets, strict=True)]


def tile_windows(episodes: Sequence[Episode], length: int, *, stride: int | None = None) -> list[Window]:
    """Windows every `stride` ticks (by default side by side); a rest shorter than `length` is left out."""
    return [
        Window(index, start, start + length)
        for index, episode in enumerate(episodes)
        for start in range(0, len(episode) - length + 1, stride or length)
    ]


class RandomWindows(IterableDataset[Batch]):
    """Endless training batches. Batch k depends on the seed and k alone: a resumed run goes on with unseen batches.

    Processes that train together draw one batch of `batch_size` windows for each of them, and take their share.
    """

    def __init__(
        self, episodes: Sequence[Episode], *, window: int, batch_size: int, seed: int, share: Share = ALONE
    ) -> None:
        self.episodes = episodes
        self.window = window
        self.batch_size = batch_size
        self.seed = seed
        self.share = share

    def __iter__(self) -> Iterator[Batch]:
        for number in count(self.share.first_batch):
            rng = np.random.default_rng((self.seed, number))
            drawn = draw_windows(self.episodes, self.batch_size * self.share.world, self.window, rng)
            yield collate_windows(self.episodes, drawn[self.share.of_batch(self.batch_size)])


class TiledWindows(IterableDataset[Batch]):
    """The episodes once through, in batches: for validation."""

    def __init__(self, episodes: Sequence[Episode], *, window: int, batch_size: int, stride: int | None = None) -> None:
        self.episodes = episodes
        self.batch_size = batch_size
        self.windows = tile_windows(episodes, window, stride=stride)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.windows), self.batch_size):
            yield collate_windows(self.episodes, self.windows[start : start + self.batch_size])
