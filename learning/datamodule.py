"""The play that a model is trained on: found, split, cached or streamed. What a batch is, each model says."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

import lightning
import numpy as np
from torch.utils.data import IterableDataset

from env.actions import Actions
from env.errors import GhostkeysError, RecordingError
from env.recordings.index import RecordingIndex, cache_folder
from env.recordings.keys import KeyTable
from env.recordings.recording import Kind, find_recordings
from learning.data import Episode, EpisodeSet, Interpolation, Size, load_episodes
from learning.distributed import Share, main_process_first
from learning.frame_cache import DEFAULT_GB
from learning.read_ahead import default_workers, read_ahead
from learning.shard_manifest import Manifest
from learning.shards import ShardSource, are_shards
from learning.sources import EpisodeSource, RecordingSource, Source, Span, Spans
from learning.split import cut_in_time, held_out, split_episodes
from learning.streaming import buffer_capacity, stretches_of

log = logging.getLogger(__name__)

STREAM_ABOVE_GB = 8.0
"""Of decoded frames: more are not written to the disk before the first step, unless asked for."""
HELD_OUT_TICKS = 20_000
"""Held-out play that a streamed run is scored on, at most: more is not worth its time."""
HELD_OUT_STRETCH = 1200
"""Ticks of it that come from one place."""
COUNTED = 16
"""Recordings of a streamed run whose actions are counted before it starts."""
T = TypeVar("T")


class PlayDataModule(lightning.LightningDataModule):
    """Recorded play: contractor recordings, labelled videos, or both.

    Args:
        root: Folder of recordings; or shards, in a folder or at an s3:// address.
        size: (height, width) of the frames the model sees.
        interpolation: How frames are shrunk to that size.
        kind: Recordings with a player's actions, or with inferred labels; null takes both.
        keys: Key table of another game, a YAML file, for its recordings.
        validation_share: Share of the sessions that is held out to score on, chosen by their names.
        validation_root: Folder of other recordings to score on, instead.
        frames: Whether all frames are decoded to the disk before training (cache) or while it goes on (stream); auto
            streams more than 8 GB.
        cache: Folder for decoded frames, by default `.frames` under root; or for what was fetched of shards.
        cache_gb: At most so many GB are kept there; an hour of play at 128x128 takes 3.5, when decoded.
        index: Folder that keeps what was read of recordings, such as `.ghostkeys` under root; by default one in the
            user's cache folder.
        buffer_gb: So many GB of decoded frames a streamed run holds in memory, and draws its batches from.
        workers: Processes that decode for a streamed run; by default as many as there are cores but one, up to 8.
        seed: Decides what is held out, and what the batches are.
    """

    def __init__(
        self,
        root: str,
        *,
        size: tuple[int, int] = (128, 128),
        interpolation: Interpolation = None,
        kind: Kind | None = None,
        keys: Path | None = None,
        validation_share: float = 0.0,
        validation_root: str | None = None,
        frames: Literal["auto", "cache", "stream"] = "auto",
        cache: Path | None = None,
        cache_gb: float = DEFAULT_GB,
        index: Path | None = None,
        buffer_gb: float = 1.0,
        workers: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if validation_root is not None and validation_share > 0:
            raise GhostkeysError(
                f"validation_root ({validation_root}) and validation_share ({validation_share}) both say what to "
                "validate on: give one of them."
            )
        if not buffer_gb > 0:
            raise GhostkeysError(f"--data.buffer-gb {buffer_gb:g}: expected a number above 0.")
        if workers is not None and workers < 0:
            raise GhostkeysError(f"--data.workers {workers}: expected 0 or more.")
        self.root = str(root)
        self.size: Size = size
        self.interpolation = interpolation
        self.kind = kind
        self.keys = None if keys is None else KeyTable.read(keys)
        self.validation_share = validation_share
        self.validation_root = validation_root
        self.frames = frames
        self.cache = Path(cache) if cache is not None else _default_cache(self.root)
        self.cache_gb = cache_gb
        self.index = None if index is None else Path(index)
        self.buffer_gb = buffer_gb
        self.asked_workers = workers
        self.seed = seed
        self.extra_play = 0.0
        """Play that is kept decoded besides what was recorded, as a share of it."""
        self.episodes: EpisodeSet | None = None
        """What is trained on, where it is decoded beforehand."""
        self._source: Source | None = None
        self._held_out: Source | EpisodeSet = EpisodeSet(())

    @property
    def source(self) -> Source:
        """What is trained on."""
        assert self._source is not None, "setup comes first"
        return self._source

    @property
    def is_streamed(self) -> bool:
        """Whether frames are decoded while training goes on."""
        return self.episodes is None

    @property
    def workers(self) -> int:
        """Processes that decode for this one."""
        if not self.is_streamed:
            return 0
        here = self.trainer.num_devices if self.trainer is not None else 1
        return default_workers(here) if self.asked_workers is None else self.asked_workers

    @property
    def capacity(self) -> int:
        """Stretches that a streamed run holds in memory."""
        return buffer_capacity(self.buffer_gb, self.size)

    @property
    def share(self) -> Share:
        """This process's part of each batch, and the first batch that is still to be drawn."""
        return Share.of(self.trainer)

    @property
    def pins(self) -> bool:
        """Whether batches lie in memory from which a GPU takes them without waiting."""
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def setup(self, stage: str) -> None:
        """Finds the recordings and splits them; decodes them, unless they are streamed."""
        if self._source is not None:
            return
        found = self._find(self.root, self.kind)
        if self._is_to_stream(found):
            self._stream(found)
        else:
            self._decode()
        if self.validation_root is not None:
            shards = self.is_streamed or are_shards(self.validation_root)
            held = self._find if shards else self._load
            self._held_out = held(self.validation_root, None)

    def _find(self, root: str, kind: Kind | None) -> Source:
        if are_shards(root):
            shards = ShardSource(root, cache=self.cache, cache_gb=self.cache_gb)
            self._check(shards.manifest)
            return shards
        paths = find_recordings(root, kind=kind)
        found = RecordingSource(
            paths,
            size=self.size,
            interpolation=self.interpolation,
            kind=kind,
            keys=self.keys,
            index=self._index(root),
        )
        if not any(found.lengths):
            raise RecordingError(f"{root}: none of the {len(paths)} recordings has a tick that can be read.")
        return found

    def _check(self, manifest: Manifest) -> None:
        """Raises GhostkeysError unless shards are made for this model."""
        there, here = (manifest.size, manifest.interpolation), (tuple(self.size), self.interpolation)
        if there != here:
            raise GhostkeysError(
                f"{self.root} has frames of {there[0][0]}x{there[0][1]}, interpolation {there[1]}; the model wants "
                f"{here[0][0]}x{here[0][1]}, {here[1]}: write shards with its config, `ghostkeys data shard --model`."
            )
        if self.keys is not None or self.frames == "cache":
            raise GhostkeysError(
                f"{self.root} are shards: they were read with their key table when they were written, and are "
                "streamed; leave out --data.keys and --data.frames cache."
            )

    def _index(self, root: str) -> RecordingIndex:
        """What was read of the recordings below a folder; it stays true when it is moved together with them."""
        beside = self.index is not None and self.index.resolve().is_relative_to(Path(root).resolve())
        return RecordingIndex(self.index, root=root if beside else None)

    def _load(self, root: str, kind: Kind | None) -> EpisodeSet:
        with main_process_first():
            return load_episodes(
                root,
                size=self.size,
                interpolation=self.interpolation,
                cache=self.cache,
                cache_gb=self.cache_gb,
                kind=kind,
                keys=self.keys,
                index=self._index(root),
            )

    def _is_to_stream(self, found: Source) -> bool:
        if isinstance(found, ShardSource):
            return True
        if self.frames != "auto":
            return self.frames == "stream"
        gigabytes = (1.0 + self.extra_play) * sum(found.lengths) * self.size[0] * self.size[1] * 3 / 1e9
        if gigabytes <= min(STREAM_ABOVE_GB, self.cache_gb):
            return False
        hours = sum(found.lengths) / 72_000
        log.info(
            "%.1f hours of play, %.0f GB when decoded, are decoded while training goes on; --data.frames cache decodes "
            "them beforehand.",
            hours,
            gigabytes,
        )
        return True

    def _stream(self, found: Source) -> None:
        whole = [Span(number, 0, length) for number, length in enumerate(found.lengths)]
        held = set(held_out(found.names, share=self.validation_share, seed=self.seed, memory=self.cache))
        training = [span for span in whole if span.recording not in held]
        validation = [span for span in whole if span.recording in held]
        if len(whole) == 1 and self.validation_share > 0:
            cut = cut_in_time(whole[0].stop, self.validation_share)
            training, validation = [whole[0]._replace(stop=cut)], [whole[0]._replace(start=cut)]
        self._source = Spans(found, training)
        self._held_out = Spans(found, validation)

    def _decode(self) -> None:
        episodes = self._load(self.root, self.kind)
        if not any(episode.usable.any() for episode in episodes):
            raise RecordingError(f"{self.root}: no tick of the {len(episodes)} recordings is usable to learn from.")
        training, validation = split_episodes(
            episodes, validation_share=self.validation_share, seed=self.seed, memory=self.cache
        )
        self.episodes, self._held_out = training, validation
        self._source = EpisodeSource(training)

    @cached_property
    def validation(self) -> EpisodeSet:
        """What is held out to score on, decoded when it is first asked for; of streamed play no more than fits."""
        held = self._held_out
        if isinstance(held, EpisodeSet):
            return self.completed(held)
        ticks = min(HELD_OUT_TICKS, int(self.buffer_gb * 1e9 / (self.size[0] * self.size[1] * 3)))
        stretches = stretches_of(held.lengths, HELD_OUT_STRETCH)
        order = np.random.default_rng(self.seed).permutation(len(stretches))
        chosen = sorted(stretches[int(number)] for number in order[: max(1, ticks // HELD_OUT_STRETCH)])
        read = read_ahead(held, chosen, workers=self.workers)
        return self.completed(EpisodeSet(tuple(episode for episode in read if len(episode))))

    def completed(self, episodes: EpisodeSet) -> EpisodeSet:
        """Decoded episodes with what a model needs besides; here as they are."""
        return episodes

    @property
    def is_validated(self) -> bool:
        """Whether anything is held out; nothing is decoded to tell."""
        held = self._held_out
        return bool(held.ticks) if isinstance(held, EpisodeSet) else sum(held.lengths) > 0

    def played(self) -> list[Actions]:
        """What was done in the recordings that are trained on; where they are streamed, in some of them."""
        numbers = self._some() if self.is_streamed else range(len(self.source.names))
        found, problem = [], ""
        for number in numbers:
            try:
                found.append(self.source.actions(number))
            except (GhostkeysError, OSError) as error:
                problem = str(error)
        if not sum(map(len, found)):
            raise RecordingError(
                f"{self.root}: no tick of {len(numbers)} recordings is usable to learn from. {problem}".rstrip()
            )
        return found

    def some_episodes(self, ticks: int) -> list[Episode]:
        """A piece of each of some recordings that are trained on, about so many ticks together; the same each time.

        They are those whose actions `played` counts.
        """
        numbers = [number for number in self._some() if self.source.lengths[number]]
        rng, spans = np.random.default_rng(self.seed), []
        for number in numbers:
            length = self.source.lengths[number]
            piece = min(length, max(1, ticks // len(numbers)))
            start = int(rng.integers(length - piece + 1))
            spans.append(Span(number, start, start + piece))
        return [episode for episode in read_ahead(self.source, spans, workers=self.workers) if len(episode)]

    def _some(self) -> list[int]:
        """Some of the recordings."""
        order = np.random.default_rng(self.seed).permutation(len(self.source.names))
        return [int(number) for number in order[:COUNTED]]


class Lazily(IterableDataset[T]):
    """What a function gives, asked for at each pass: what is held out is decoded by then, and not before."""

    def __init__(self, make: Callable[[], Iterable[T]]) -> None:
        self.make = make

    def __iter__(self) -> Iterator[T]:
        return iter(self.make())


def _default_cache(root: str) -> Path:
    return cache_folder() / "shards" if are_shards(root) else Path(root) / ".frames"
