"""Shards: recordings at the model's size, in samples of a few seconds that are read in any order.

LitData keeps the samples, in chunks with an index; a sample is raw bytes of our own form (`learning.shard_samples`).
From an object store single samples are fetched, by ranged requests, and kept in a bounded folder that the processes of
a machine share. Which ticks are read when is not decided here.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from env.actions import Actions
from env.errors import GhostkeysError, RecordingError
from env.files import atomic_path
from env.recordings.index import cache_folder
from env.video.clips import decode_clip
from learning.data import Episode
from learning.object_store import is_url, store_at
from learning.sample_cache import SampleCache
from learning.shard_manifest import INDEX, MANIFEST, Manifest, check_index
from learning.shard_samples import Sample, unpack

DEFAULT_CACHE_GB = 20.0
COUNTED_SAMPLES = 4
"""Samples of a recording whose actions are looked at where frames are not wanted: they lie together."""


class ShardSource:
    """The recordings in shards at a folder or an s3:// address, any stretch of which can be read.

    Of an object store, what was read is kept below `cache_gb` GB in the folder `cache` (by default `shards` in the
    user's cache folder), which processes may share. Credentials and endpoint are those of the AWS tools. Goes to other
    processes by pickle and by fork. Raises `RecordingError` for what is no finished set of shards, and before
    anything is decoded for an index that declares anything but raw bytes.
    """

    names: Sequence[str]
    """Of the recordings."""
    lengths: Sequence[int]
    """Ticks of each."""

    def __init__(self, url: str | os.PathLike[str], *, cache: Path | None = None, cache_gb: float = DEFAULT_CACHE_GB):
        self.url = os.fspath(url).rstrip("/")
        self.manifest, index = read_manifest(self.url)
        self.names = [each.name for each in self.manifest.recordings]
        self.lengths = [each.ticks for each in self.manifest.recordings]
        self.size = self.manifest.size
        self.motion = self.manifest.motion
        self._first = self.manifest.first_samples
        self._key = hashlib.sha256(f"{self.url} {self.manifest.index_sha256}".encode()).hexdigest()[:16]
        self._folder = Path(self.url)
        self._cache: SampleCache | None = None
        if is_url(self.url):
            folder = cache or cache_folder() / "shards"
            self._cache = SampleCache(folder, max_gb=cache_gb)
            self._folder = folder / f"index-{self._key}"
            # LitData takes the index it finds here, and does not fetch another.
            if not (self._folder / INDEX).exists():
                with atomic_path(self._folder / INDEX) as temporary:
                    temporary.write_bytes(index)
        self._opened: tuple[int, Any] | None = None

    def read(self, recording: int, start: int, stop: int) -> Episode:
        """Ticks `start` to `stop` of a recording.

        Raises IndexError for ticks that are not there, `RecordingError` and `VideoError` for damaged shards.
        """
        if not 0 <= recording < len(self.names) or not 0 <= start < stop <= self.lengths[recording]:
            raise IndexError(f"ticks {start} to {stop} of recording {recording} are not in {self.url}.")
        each = self.manifest.sample_ticks
        parts = [
            self._part(recording, number, max(start - number * each, 0), min(stop - number * each, each))
            for number in range(start // each, (stop - 1) // each + 1)
        ]
        motion = [part.motion for part in parts if part.motion is not None]
        gui = [part.gui for part in parts if part.gui is not None]
        return Episode(
            np.concatenate([part.frames for part in parts]),
            Actions.concatenate([part.actions for part in parts]),
            np.concatenate([part.usable for part in parts]),
            self.names[recording],
            np.concatenate(motion) if len(motion) == len(parts) else None,
            np.concatenate(gui) if len(gui) == len(parts) else None,
            start,
        )

    def actions(self, recording: int) -> Actions:
        """What was done in the usable ticks of some samples of a recording, spread over it. Errors as of `read`."""
        samples = -(-self.lengths[recording] // self.manifest.sample_ticks)
        chosen = np.unique(np.linspace(0, samples - 1, min(samples, COUNTED_SAMPLES)).round().astype(int))
        read = [self._sample(recording, int(number)) for number in chosen]
        return Actions.concatenate([sample.actions[sample.usable] for sample in read])

    def milestones(self, recording: int) -> Mapping[str, int]:
        """The tick at which the player first has each item."""
        milestones: Mapping[str, int] = self.manifest.recordings[recording].milestones
        return milestones

    def _part(self, recording: int, number: int, start: int, stop: int) -> Episode:
        """Ticks `start` to `stop` of one sample of a recording."""
        sample = self._sample(recording, number)
        name = f"{self.url}: sample {number} of {self.names[recording]!r}"
        size = self.manifest.size
        frames = decode_clip(sample.video, start, stop, length=len(sample), size=size, name=name)
        part = slice(start, stop)
        return Episode(
            frames,
            sample.actions[part],
            sample.usable[part],
            self.names[recording],
            None if sample.motion is None else sample.motion[part],
            None if sample.gui is None else sample.gui[part],
        )

    def _sample(self, recording: int, number: int) -> Sample:
        index = self._first[recording] + number
        key = f"{self._key} {index}"
        if self._cache is None:
            return self._checked(self._fetch(index), recording, number)
        if (kept := self._cache.get(key)) is not None:
            try:
                return self._checked(kept, recording, number)
            except RecordingError:  # a power cut, perhaps: the store has it still
                self._cache.drop(key)
        data = self._fetch(index)
        sample = self._checked(data, recording, number)
        self._cache.put(key, data)
        return sample

    def _checked(self, data: bytes, recording: int, number: int) -> Sample:
        """The sample in `data`. Raises `RecordingError` unless it is the one of that place."""
        name = f"{self.url}: sample {number} of {self.names[recording]!r}"
        sample = unpack(data, name=name)
        start = number * self.manifest.sample_ticks
        ticks = min(self.manifest.sample_ticks, self.lengths[recording] - start)
        features = 0 if sample.motion is None else sample.motion.shape[1]
        found = (sample.recording, sample.start, len(sample), features)
        if found != (recording, start, ticks, self.manifest.features):
            raise RecordingError(
                f"{name} holds recording, start, ticks and motion features {found}; {MANIFEST} says "
                f"{(recording, start, ticks, self.manifest.features)}. Write the shards again."
            )
        return sample

    def _fetch(self, index: int) -> bytes:
        try:
            return bytes(self._dataset()[index])
        except Exception as error:
            # LitData raises whatever its parts raise for a chunk that is missing, cut off or out of reach.
            raise RecordingError(
                f"{self.url}: sample {index} cannot be read ({type(error).__name__}: {error}); expected a store that "
                "can be reached and chunks as `ghostkeys data shard` wrote them."
            ) from error

    def _dataset(self) -> Any:
        """LitData's view of the shards, opened once in each process: its connections do not survive a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            litdata = import_litdata()
            place = litdata.streaming.resolver.Dir(path=str(self._folder), url=self.url if is_url(self.url) else None)
            self._opened = os.getpid(), litdata.StreamingDataset(place)
        return self._opened[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}


def import_litdata() -> Any:
    """The module litdata. Raises `GhostkeysError`, which says how to install it."""
    try:
        import litdata
        import litdata.streaming.resolver
    except ImportError as error:
        raise GhostkeysError(f'shards need LitData ({error}): pip install "ghostkeys[shards]".') from None
    return litdata


def read_manifest(url: str) -> tuple[Manifest, bytes]:
    """The manifest of shards, and LitData's index, both checked. Raises `RecordingError`, `GhostkeysError`."""
    store = store_at(url)
    text, index = store.read(MANIFEST), store.read(INDEX)
    if text is None or index is None:
        missing = MANIFEST if text is None else INDEX
        raise RecordingError(f"{url} has no {missing}; expected shards that `ghostkeys data shard` has finished.")
    manifest = Manifest.from_json(text, name=f"{url}/{MANIFEST}")
    check_index(index, manifest.first_samples[-1], name=f"{url}/{INDEX}")
    if hashlib.sha256(index).hexdigest() != manifest.index_sha256:
        raise RecordingError(f"{url}/{INDEX} is not the one that {MANIFEST} was written with; write the shards again.")
    return manifest, index


def are_shards(place: str | os.PathLike[str]) -> bool:
    """Whether a place is an address, or a folder of shards."""
    return is_url(os.fspath(place)) or (Path(place) / MANIFEST).is_file()
