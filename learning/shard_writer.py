"""Writes shards: recordings decoded, shrunk to the model's size and encoded anew in samples of a few seconds."""

import json
import logging
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from env.errors import GhostkeysError, RecordingError
from env.files import check_writable, folder_lock, sha256_of
from env.processors import usable_processors
from env.recordings.index import RecordingIndex
from env.recordings.keys import KeyTable
from env.recordings.recording import find_recordings, videos_beside
from env.video.clips import CRF, decode_clip, encode_clip
from learning.data import Interpolation, Size, check_usable
from learning.object_store import Store, is_url, store_at
from learning.shard_manifest import CHUNK_NAME, INDEX, MANIFEST, Manifest, ShardedRecording
from learning.shard_progress import PROGRESS, HandedOver
from learning.shard_samples import MAX_TICKS, Sample, pack
from learning.shards import import_litdata

log = logging.getLogger(__name__)

LOCK = ".writing.lock"
SHARDS_TOGETHER = 4
Encoded = tuple[str, dict[str, int], list[Sample]]
"""A recording's name, its milestones, and its samples, which have no recording's number yet."""


@dataclass(frozen=True)
class FixedMotion:
    """Fixed motion features that samples are to hold."""

    identity: str
    """Says which, for readers that want the same."""
    features: int
    """Numbers per tick."""
    compute: Callable[[NDArray[np.uint8]], NDArray[np.float16]]
    """uint8 (T, H, W, 3) -> (T, features); called by several threads at once."""


@dataclass(frozen=True, kw_only=True)
class ShardOptions:
    """How shards are written."""

    size: Size = (128, 128)
    """(height, width) of the frames."""
    interpolation: Interpolation = None
    """How they are shrunk to it: averaged (null), or `linear`, as for OpenAI's models."""
    sample_ticks: int = 200
    """Ticks of a sample, which is what is fetched at once."""
    shard_mb: int = 64
    """Size at which a shard is closed and the next begun."""
    crf: int = CRF
    """Loss of quality in x264's units; less is better and larger."""
    kind: Literal["contractor", "labels"] | None = None
    """Recordings with a player's actions, or with inferred labels; null takes both."""
    keys: Path | None = None
    """Key table of another game, a YAML file, for its recordings."""
    workers: int | None = None
    """Recordings encoded at once; by default the usable processors."""

    @property
    def group_bytes(self) -> int:
        """Samples that are handed over together, and lost where the writer is stopped before."""
        return SHARDS_TOGETHER * self.shard_mb * 1_000_000

    def __post_init__(self) -> None:
        for name, least, most in (("sample_ticks", 1, MAX_TICKS), ("shard_mb", 1, 1024), ("crf", 0, 51)):
            if not least <= getattr(self, name) <= most:
                option = name.replace("_", "-")
                raise GhostkeysError(f"--{option} {getattr(self, name)}: expected {least} to {most}.")
        if self.workers is not None and self.workers < 1:
            raise GhostkeysError(f"--workers {self.workers}: expected 1 or more.")
        if min(self.size) < 1:
            raise GhostkeysError(f"--size {self.size[0]} {self.size[1]}: expected a height and a width above 0.")


@dataclass(frozen=True)
class ShardReport:
    """What was written."""

    recordings: int
    ticks: int
    bytes: int
    skipped: tuple[tuple[Path, str], ...]
    """Recordings that could not be read, with the reason."""

    def as_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON has."""
        skipped = [{"path": str(path), "reason": reason} for path, reason in self.skipped]
        return {"recordings": self.recordings, "ticks": self.ticks, "bytes": self.bytes, "skipped": skipped}


def write_shards(
    paths: Path | str | Sequence[Path | str], output: str, options: ShardOptions, *, motion: FixedMotion | None = None
) -> ShardReport:
    """Writes recordings (a folder, or a list) as shards to a folder or an s3:// address that holds none yet.

    The manifest comes last. A writer that was stopped is gone on with: of what it had handed over, which it notes in
    `writing.json`, nothing is encoded again, as long as options and recordings are the same; else it begins anew. A
    recording that cannot be read is passed over and listed. Raises `GhostkeysError` for an output that holds shards,
    `RecordingError` if no recording could be read.
    """
    found = find_recordings(paths, kind=options.kind)
    litdata = import_litdata()
    store = store_at(output)
    with ExitStack() as stack:
        if not is_url(output):
            check_writable(output)
            taken = GhostkeysError(f"{output}: another process is writing shards there; choose another folder.")
            stack.enter_context(folder_lock(output, LOCK, taken=taken))
        handed = _begun(store, output, _options_of(options, motion), found)
        beside = None if is_url(output) else output
        staging = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".staging-", dir=beside)))
        return _write(found, handed, store, staging, options, motion, litdata)


def _begun(store: Store, output: str, options: str, found: Sequence[Path]) -> HandedOver:
    """What an interrupted writer handed over, if it goes with these options and recordings; the rest is removed.

    Raises `GhostkeysError` where one has finished.
    """
    names = store.names()
    if MANIFEST in names:
        raise GhostkeysError(f"{output} holds shards already ({MANIFEST}); choose another place, or remove them.")
    noted = store.read(PROGRESS) if PROGRESS in names else None
    handed = None if noted is None else HandedOver.from_json(noted, options, {_identity(path) for path in found}, names)
    kept = handed or HandedOver(options)
    if handed is not None:
        log.info("%s: %d recordings are there already; going on", output, len(handed.recordings))
    left = [name for name in names if CHUNK_NAME.fullmatch(name) or name == INDEX]
    left = [name for name in left if name not in {chunk["filename"] for chunk in kept.chunks}]
    for name in left:
        store.remove(name)
    if left:
        log.info("%s: removed %d files of a writer that was interrupted", output, len(left))
    return kept


def _options_of(options: ShardOptions, motion: FixedMotion | None) -> str:
    """What the samples depend on besides the recordings, as text."""
    keys = None if options.keys is None else KeyTable.read(options.keys).fingerprint
    chosen = (options.size, options.interpolation, options.sample_ticks, options.crf, options.kind, keys)
    return json.dumps([*chosen, None if motion is None else motion.identity])


def _identity(path: Path) -> str:
    """Tells a recording from others, and from itself when its files change."""
    stats = [each.stat() for each in (path, *videos_beside(path))]
    return json.dumps([str(path), *((each.st_size, each.st_mtime_ns) for each in stats)])


def _write(
    found: Sequence[Path],
    handed: HandedOver,
    store: Store,
    staging: Path,
    options: ShardOptions,
    motion: FixedMotion | None,
    litdata: Any,
) -> ShardReport:
    skipped: list[tuple[Path, str]] = []
    waiting: list[tuple[str, Encoded]] = []
    rest = [path for path in found if _identity(path) not in handed.identities]
    for path, result in _encoded(rest, options, motion):
        try:
            waiting.append((_identity(path), result.result()))
        except (GhostkeysError, OSError) as error:
            log.warning("passed over %s: %s", path, error)
            skipped.append((path, str(error)))
            continue
        if sum(len(sample.video) for _, (_, _, samples) in waiting for sample in samples) >= options.group_bytes:
            handed = _hand_over(waiting, handed, store, staging, options, litdata)
            waiting = []
    if waiting:
        handed = _hand_over(waiting, handed, store, staging, options, litdata)
    if not handed.recordings:
        raise RecordingError(f"none of the {len(found)} recordings could be read. The first: {skipped[0][1]}")
    (staging / INDEX).write_text(json.dumps({"chunks": handed.chunks, "config": handed.config}), encoding="utf-8")
    manifest = Manifest(
        size=options.size,
        interpolation=options.interpolation,
        sample_ticks=options.sample_ticks,
        motion=None if motion is None else motion.identity,
        features=0 if motion is None else motion.features,
        index_sha256=sha256_of(staging / INDEX),
        recordings=handed.recordings,
    )
    (staging / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    store.take(staging / INDEX)
    store.take(staging / MANIFEST)
    store.remove(PROGRESS)
    written = sum(chunk["chunk_bytes"] for chunk in handed.chunks)
    return ShardReport(len(handed.recordings), sum(each.ticks for each in handed.recordings), written, tuple(skipped))


def _hand_over(
    waiting: Sequence[tuple[str, Encoded]],
    handed: HandedOver,
    store: Store,
    staging: Path,
    options: ShardOptions,
    litdata: Any,
) -> HandedOver:
    """Gives the store some recordings in chunks of their own, and then notes that it has them."""
    group = staging / "group"
    writer = litdata.streaming.Cache(str(group), chunk_bytes=options.shard_mb * 1_000_000)
    samples = 0
    for number, (_, (_, _, encoded)) in enumerate(waiting, start=len(handed.recordings)):
        for sample in encoded:
            writer[samples] = pack(replace(sample, recording=number))
            samples += 1
    writer.done()
    writer.merge()
    index = json.loads((group / INDEX).read_text(encoding="utf-8"))
    chunks = []
    for number, chunk in enumerate(index["chunks"], start=len(handed.chunks)):
        name = f"chunk-0-{number}.bin"
        target = staging / name
        (group / chunk["filename"]).rename(target)
        chunks.append({**chunk, "filename": name})
        store.take(target)
    shutil.rmtree(group)
    handed = handed.with_more(
        identities=[identity for identity, _ in waiting],
        recordings=[ShardedRecording(name, sum(map(len, encoded)), found) for _, (name, found, encoded) in waiting],
        chunks=chunks,
        config=index["config"],
    )
    (staging / PROGRESS).write_text(handed.to_json(), encoding="utf-8")
    store.take(staging / PROGRESS)
    return handed


def _encoded(
    found: Sequence[Path], options: ShardOptions, motion: FixedMotion | None
) -> Iterator[tuple[Path, "Future[Encoded]"]]:
    """The recordings in their order, a few of them encoded ahead."""
    workers = min(options.workers or usable_processors(), len(found))
    keys = None if options.keys is None else KeyTable.read(options.keys)
    # Threads are enough: decoding, resizing and encoding run outside the interpreter lock.
    with ThreadPoolExecutor(workers) as pool:
        try:
            waiting: deque[tuple[Path, Future[Encoded]]] = deque()
            left = iter(found)
            with tqdm(total=len(found), desc="writing shards", unit="file", leave=False) as bar:
                while True:
                    for path in islice(left, workers + 1 - len(waiting)):
                        waiting.append((path, pool.submit(_encode, path, options, motion, keys)))
                    if not waiting:
                        return
                    yield waiting.popleft()
                    bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _encode(path: Path, options: ShardOptions, motion: FixedMotion | None, keys: KeyTable | None) -> Encoded:
    """One recording; its motion features are those of the frames as they come out of the shard."""
    recording = RecordingIndex().open(path, kind=options.kind, keys=keys)
    if not len(recording):
        raise RecordingError(f"{path} has no frames.")
    check_usable(recording, path)
    frames = recording.iter_frames(options.size, options.interpolation)
    samples: list[Sample] = []
    videos: list[bytes] = []
    features: list[NDArray[np.float16]] = []
    before: NDArray[np.uint8] | None = None
    while part := list(islice(frames, options.sample_ticks)):
        videos.append(encode_clip(np.stack(part), crf=options.crf))
        if motion is None:
            continue
        shown = decode_clip(videos[-1], 0, len(part), length=len(part), size=options.size, name=str(path))
        if before is not None:  # the last tick of a sample moves into the first frame of the next
            features.append(motion.compute(np.concatenate([before, shown[:1]]))[:-1])
        before = shown
    if motion is not None and before is not None:
        features.append(motion.compute(before))
    for number, video in enumerate(videos):
        start = number * options.sample_ticks
        ticks = slice(start, min(start + options.sample_ticks, len(recording)))
        gui = recording.gui[ticks] if recording.kind == "contractor" else None
        moved = features[number] if motion is not None else None
        samples.append(Sample(0, start, recording.actions[ticks], recording.usable[ticks], gui, moved, video))
    return recording.name, recording.milestones, samples
