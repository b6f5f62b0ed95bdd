"""Labelled play in an order of its own, of which models are trained on the first minutes: each part is in the next."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from env.errors import GhostkeysError, RecordingError
from env.recordings.keys import KeyTable
from env.recordings.recording import Kind, find_recordings
from env.video.ticks import TICKS_PER_SECOND
from idm.datamodule import IDMDataModule, with_motion
from idm.nn.motion import MotionFeatures
from learning.data import Episode, EpisodeSet, Interpolation, Size, load_episodes
from learning.frame_cache import DEFAULT_GB
from learning.sources import EpisodeSource, RecordingSource
from learning.split import cut_in_time

TICKS_PER_MINUTE = 60 * TICKS_PER_SECOND


class LabelledPlay:
    """The recordings of a folder, one after the other as a seed orders them; decoded as far as they are asked for.

    A recording's place depends on the seed and its path below the folder alone. What is decoded is kept, and so are its
    fixed motion features, if a model wants some.
    """

    def __init__(
        self,
        root: Path,
        *,
        size: Size,
        interpolation: Interpolation = None,
        kind: Kind | None = None,
        keys: KeyTable | None = None,
        cache: Path | None = None,
        cache_gb: float = DEFAULT_GB,
        features: MotionFeatures | None = None,
    ) -> None:
        """`size` is the (height, width) of the frames; `kind` and `keys` are those of `Recording.open`."""
        self.root = root
        self.paths = find_recordings(root, kind=kind)
        self.size = size
        self.interpolation = interpolation
        self.kind = kind
        self.keys = keys
        self.cache = cache or root / ".frames"
        self.cache_gb = cache_gb
        self.features = features
        source = RecordingSource(self.paths, size=size, interpolation=interpolation, kind=kind, keys=keys)
        self.lengths = list(source.lengths)
        """Ticks of each recording: at most, until it is decoded."""
        self._decoded: dict[int, Episode] = {}

    @property
    def minutes(self) -> float:
        """Minutes of all recordings together, as far as is known yet."""
        return sum(self.lengths) / TICKS_PER_MINUTE

    def order(self, seed: int) -> list[int]:
        """The recordings' numbers as the seed orders them."""

        def place(number: int) -> bytes:
            name = self.paths[number].relative_to(self.root).as_posix()
            return hashlib.sha256(f"{seed} {name}".encode()).digest()

        return sorted(range(len(self.paths)), key=place)

    def first(self, minutes: float, *, seed: int) -> EpisodeSet:
        """The first minutes, of which the last recording is cut to length. Raises GhostkeysError if there are fewer."""
        ticks = ticks_of(minutes)
        while True:
            if sum(self.lengths) < ticks:
                raise GhostkeysError(
                    f"{self.root} has {self.minutes:.1f} minutes of play that can be read; {minutes:g} were asked for."
                )
            numbers = _as_many_as_needed(self.order(seed), self.lengths, ticks)
            unknown = [number for number in numbers if number not in self._decoded and self.lengths[number]]
            if not unknown:
                episodes = [self._decoded[number] for number in numbers if self.lengths[number]]
                return between(episodes, 0, ticks)
            self._decode(unknown)

    def _decode(self, numbers: Sequence[int]) -> None:
        paths = sorted(self.paths[number] for number in numbers)
        try:
            episodes = load_episodes(
                paths,
                size=self.size,
                interpolation=self.interpolation,
                cache=self.cache,
                cache_gb=self.cache_gb,
                kind=self.kind,
                keys=self.keys,
            )
        except RecordingError:  # none of these can be read, each of which was told; others are looked for
            episodes = EpisodeSet((), tuple((path, "") for path in paths))
        skipped = {path for path, _ in episodes.skipped}
        read = dict(zip([path for path in paths if path not in skipped], self._completed(episodes), strict=True))
        for number in numbers:
            episode = read.get(self.paths[number])
            self.lengths[number] = 0 if episode is None else len(episode)
            if episode is not None:
                self._decoded[number] = episode

    def _completed(self, episodes: Sequence[Episode]) -> list[Episode]:
        if self.features is None:
            return list(episodes)
        with_bar = tqdm(episodes, desc="motion features", unit="file", leave=False)
        return [with_motion(episode, self.features) for episode in with_bar]


def ticks_of(minutes: float) -> int:
    """Ticks of so many minutes."""
    return round(minutes * TICKS_PER_MINUTE)


def between(episodes: Sequence[Episode], start: int, stop: int) -> EpisodeSet:
    """Ticks `start` to `stop` of episodes that lie one after the other."""
    parts, begin = [], 0
    for episode in episodes:
        first, last = max(start - begin, 0), min(stop - begin, len(episode))
        if first < last:
            parts.append(episode.part(first, last))
        begin += len(episode)
    return EpisodeSet(tuple(parts))


def first_minutes(play: LabelledPlay, minutes: float) -> type[IDMDataModule]:
    """The data module that trains on the first minutes of play, in the order of its seed.

    The end of these, `validation_share` of them, is held out for the calibration.
    """

    class FirstMinutes(IDMDataModule):
        """Windows of the first minutes of labelled play."""

        def setup(self, stage: str) -> None:
            """Cuts them off, and their end."""
            if self._source is not None:
                return
            episodes = play.first(minutes, seed=self.seed)
            cut = cut_in_time(episodes.ticks, self.validation_share)
            self.episodes = between(episodes, 0, cut)
            self._held_out = between(episodes, cut, episodes.ticks)
            self._source = EpisodeSource(self.episodes)

    return FirstMinutes


def _as_many_as_needed(order: Sequence[int], lengths: Sequence[int], ticks: int) -> list[int]:
    """The first recordings that have so many ticks together."""
    numbers = []
    for number in order:
        if ticks <= 0:
            break
        numbers.append(number)
        ticks -= lengths[number]
    return numbers
