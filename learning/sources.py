"""Where training reads play from, some ticks at a time: recordings on the disk, or decoded episodes."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from env.actions import Actions
from env.errors import GhostkeysError
from env.recordings.index import RecordingIndex, expected_ticks
from env.recordings.keys import KeyTable
from env.recordings.recording import Kind
from learning.data import Episode, Interpolation, Size

log = logging.getLogger(__name__)

LISTING_THREADS = 16
"""Files whose length is looked up at once: that is waiting for the disk, mostly."""


class Source(Protocol):
    """Recordings that can be read from any tick on, in any process: it can be pickled."""

    @property
    def names(self) -> Sequence[str]:
        """Of the recordings."""
        ...

    @property
    def lengths(self) -> Sequence[int]:
        """Ticks of each recording, at most."""
        ...

    @property
    def size(self) -> Size:
        """(height, width) of the frames."""
        ...

    @property
    def motion(self) -> str | None:
        """Which fixed motion features come with the frames; None for none."""
        ...

    def read(self, recording: int, start: int, stop: int) -> Episode:
        """Ticks `start` to `stop` of a recording, fewer where it ends before. Raises GhostkeysError or OSError."""
        ...

    def actions(self, recording: int) -> Actions:
        """What was done in the usable ticks of a recording, without its frames. Raises GhostkeysError or OSError."""
        ...

    def milestones(self, recording: int) -> Mapping[str, int]:
        """The tick at which the player first has each item. Raises GhostkeysError or OSError."""
        ...


class RecordingSource:
    """Recordings on the disk, decoded when they are read. None is opened, but for its length, before that."""

    motion: str | None = None

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        size: Size,
        interpolation: Interpolation = None,
        kind: Kind | None = None,
        keys: KeyTable | None = None,
        index: RecordingIndex | None = None,
    ) -> None:
        """`size` is the (height, width) of the frames; `kind` and `keys` are those of `Recording.open`."""
        self.paths = list(paths)
        self.size = size
        self.interpolation = interpolation
        self.kind = kind
        self.keys = keys
        self.index = index or RecordingIndex()
        self.names = [path.name.partition(".")[0] for path in self.paths]
        with ThreadPoolExecutor(LISTING_THREADS) as pool:
            self.lengths = list(pool.map(self._length, self.paths))

    def read(self, recording: int, start: int, stop: int) -> Episode:
        """Ticks `start` to `stop` of a recording."""
        opened = self.index.open(self.paths[recording], kind=self.kind, keys=self.keys)
        start, stop = min(start, len(opened)), min(stop, len(opened))
        frames = (
            opened.frames(start, stop, size=self.size, interpolation=self.interpolation)
            if stop > start
            else np.empty((0, *self.size, 3), np.uint8)
        )
        ticks = slice(start, stop)
        gui = opened.gui[ticks] if opened.kind == "contractor" else None
        return Episode(frames, opened.actions[ticks], opened.usable[ticks], opened.name, gui=gui, start=start)

    def actions(self, recording: int) -> Actions:
        """What was done in the usable ticks of a recording."""
        opened = self.index.open(self.paths[recording], kind=self.kind, keys=self.keys)
        return opened.actions[opened.usable]

    def milestones(self, recording: int) -> Mapping[str, int]:
        """The tick at which the player first has each item."""
        return self.index.open(self.paths[recording], kind=self.kind, keys=self.keys).milestones

    def _length(self, path: Path) -> int:
        try:
            rate = None if self.keys is None else self.keys.ticks_per_second
            return expected_ticks(path, kind=self.kind, ticks_per_second=rate)
        except (GhostkeysError, OSError) as error:
            log.warning("passed over %s: %s", path, error)
            return 0


class EpisodeSource:
    """Episodes that are decoded already, in memory or on the disk."""

    motion: str | None = None

    def __init__(self, episodes: Sequence[Episode]) -> None:
        self.episodes = episodes
        self.names = [episode.name for episode in episodes]
        self.lengths = [len(episode) for episode in episodes]
        height, width = episodes[0].frames.shape[1:3] if len(episodes) else (0, 0)
        self.size: Size = (height, width)

    def read(self, recording: int, start: int, stop: int) -> Episode:
        """Ticks `start` to `stop` of an episode."""
        return self.episodes[recording].part(start, stop)

    def actions(self, recording: int) -> Actions:
        """What was done in the usable ticks of an episode."""
        episode = self.episodes[recording]
        return episode.actions[episode.usable]

    def milestones(self, recording: int) -> Mapping[str, int]:
        """The tick of an episode at which the player first has each item."""
        episode = self.episodes[recording]
        return _within(episode.milestones, episode.start, episode.start + len(episode))


class Span(NamedTuple):
    """Ticks `start` to `stop` of one recording."""

    recording: int
    start: int
    stop: int


class Spans:
    """Some recordings of a source, or some ticks of them."""

    def __init__(self, source: Source, spans: Sequence[Span]) -> None:
        self.source = source
        self.spans = list(spans)
        self.names = [source.names[span.recording] for span in self.spans]
        self.lengths = [span.stop - span.start for span in self.spans]
        self.size = source.size
        self.motion = source.motion

    def read(self, recording: int, start: int, stop: int) -> Episode:
        """Ticks `start` to `stop` of a span."""
        span = self.spans[recording]
        return self.source.read(span.recording, span.start + start, min(span.start + stop, span.stop))

    def actions(self, recording: int) -> Actions:
        """What was done in the usable ticks of the whole recording of a span."""
        return self.source.actions(self.spans[recording].recording)

    def milestones(self, recording: int) -> Mapping[str, int]:
        """The tick of a span at which the player first has each item."""
        span = self.spans[recording]
        return _within(self.source.milestones(span.recording), span.start, span.stop)


def _within(milestones: Mapping[str, int], start: int, stop: int) -> dict[str, int]:
    """Those from tick `start` to `stop`, counted from there."""
    return {name: tick - start for name, tick in milestones.items() if start <= tick < stop}
