"""What a set of shards holds, and the check that neither it nor LitData's index makes anything else of the bytes."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import Any, Self

from env.errors import RecordingError
from env.video.container import MAX_SIDE
from learning.shard_samples import MAX_TICKS

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
INDEX = "index.json"
MAX_FEATURES = 100_000
MAX_RECORDING = 100_000_000
"""Ticks of one recording, 58 days: more is taken for damage."""
CHUNK_NAME = re.compile(r"chunk-\d{1,9}-\d{1,9}\.bin")


@dataclass(frozen=True)
class ShardedRecording:
    """A recording in the shards."""

    name: str
    ticks: int
    milestones: Mapping[str, int] = field(default_factory=dict)
    """The tick at which the player first has each item."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is in a set of shards. Samples of a recording lie one after the other, in the order of time."""

    size: tuple[int, int]
    """(height, width) of the frames."""
    interpolation: str | None
    """How they were shrunk to it."""
    sample_ticks: int
    """Ticks of a sample; the last one of a recording may be shorter."""
    motion: str | None
    """Which fixed motion features the samples hold, as `motion_identity` gives it."""
    features: int
    """Motion features per tick, 0 for none."""
    index_sha256: str
    """Of LitData's index: the two were written together."""
    recordings: tuple[ShardedRecording, ...]

    @property
    def first_samples(self) -> list[int]:
        """The number of the first sample of each recording, and last how many samples there are."""
        return list(accumulate((-(-each.ticks // self.sample_ticks) for each in self.recordings), initial=0))

    def to_json(self) -> str:
        """As JSON text."""
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: bytes, *, name: str) -> Self:
        """Read and checked. Raises `RecordingError`."""
        document = _parsed(text, name)
        version = document.get("format_version")
        if version != FORMAT_VERSION:
            raise RecordingError(
                f"{name} is of format {version!r}; this version reads format {FORMAT_VERSION}. Update ghostkeys, or "
                "write the shards again."
            )
        try:
            manifest = cls(
                size=(_number(document, "size", 0, 1, MAX_SIDE), _number(document, "size", 1, 1, MAX_SIDE)),
                interpolation=_choice(document["interpolation"], (None, "linear")),
                sample_ticks=_whole(document["sample_ticks"], 1, MAX_TICKS),
                motion=None if document["motion"] is None else _text(document["motion"]),
                features=_whole(document["features"], 0, MAX_FEATURES),
                index_sha256=_text(document["index_sha256"]),
                recordings=tuple(
                    ShardedRecording(
                        _text(each["name"]),
                        _whole(each["ticks"], 1, MAX_RECORDING),
                        {_text(item): _whole(tick, 0, MAX_RECORDING) for item, tick in each["milestones"].items()},
                    )
                    for each in document["recordings"]
                ),
            )
        except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
            raise RecordingError(
                f"{name} is damaged ({type(error).__name__}: {error}); expected what `ghostkeys data shard` wrote."
            ) from None
        if (manifest.motion is None) != (manifest.features == 0):
            raise RecordingError(f"{name} tells of {manifest.features} motion features of {manifest.motion!r}.")
        return manifest


def check_index(text: bytes, samples: int, *, name: str) -> None:
    """Raises `RecordingError` unless LitData's index is of `samples` samples of raw bytes in files beside it.

    LitData decodes what an index declares, pickles among it: whatever is not plain bytes is refused before anything is
    decoded.
    """
    document = _parsed(text, name)
    config, chunks = document.get("config"), document.get("chunks")
    if not isinstance(config, dict) or not isinstance(chunks, list) or not chunks:
        raise RecordingError(f"{name} is no index of LitData's; expected one with `config` and `chunks`.")
    for key, expected in _RAW_BYTES.items():
        if config.get(key) != expected:
            raise RecordingError(
                f"{name} declares {key} {config.get(key)!r}; expected {expected!r}. Samples of another form, such as "
                "pickles, are not read."
            )
    spec = config.get("data_spec")
    if spec != _ONE_LEAF:
        raise RecordingError(f"{name} declares the data_spec {str(spec)[:80]!r}; expected {_ONE_LEAF!r}.")
    found: set[str] = set()
    total = 0
    for chunk in chunks:
        file = chunk.get("filename") if isinstance(chunk, dict) else None
        if not isinstance(file, str) or not CHUNK_NAME.fullmatch(file) or file in found:
            raise RecordingError(f"{name} names the file {file!r}; expected distinct ones such as chunk-0-0.bin.")
        found.add(file)
        count, size = chunk.get("chunk_size"), chunk.get("chunk_bytes")
        if not _is_whole(count, 1, samples) or not _is_whole(size, 1, 2**32):
            raise RecordingError(f"{name}: {file} has {count!r} samples in {size!r} bytes; expected at most {samples}.")
        total += count
    if total != samples:
        raise RecordingError(f"{name} lists {total} samples; expected the {samples} of {MANIFEST}.")


_RAW_BYTES: dict[str, Any] = {
    "data_format": ["bytes"],
    "compression": None,
    "encryption": None,
    "item_loader": "PyTreeLoader",
}
_ONE_LEAF = '[1, {"type": null, "context": null, "children_spec": []}]'
"""A sample that is one object, as LitData writes it."""


def _parsed(text: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise RecordingError(f"{name} is no JSON; it is cut off or another kind of file.") from None
    if not isinstance(document, dict):
        raise RecordingError(f"{name} holds a {type(document).__name__}; expected a JSON object.")
    return document


def _number(document: dict[str, Any], key: str, place: int, least: int, most: int) -> int:
    if len(document[key]) != 2:
        raise ValueError(f"{key} has {len(document[key])} numbers, not 2")
    return _whole(document[key][place], least, most)


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _whole(value: Any, least: int, most: int) -> int:
    if not _is_whole(value, least, most):
        raise ValueError(f"{str(value)[:80]!r} is no whole number from {least} to {most}")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 1000:
        raise ValueError(f"{str(value)[:80]!r} is no text of at most 1000 letters")
    return value


def _choice(value: Any, choices: tuple[str | None, ...]) -> str | None:
    if value not in choices:
        raise ValueError(f"{str(value)[:80]!r} is none of {choices}")
    return value if value is None else str(value)
