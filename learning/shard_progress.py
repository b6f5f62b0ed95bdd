"""What an unfinished writer of shards has handed over, noted beside the shards so that it can be gone on with."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from learning.shard_manifest import ShardedRecording

PROGRESS = "writing.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class HandedOver:
    """Recordings whose samples the store has, in its chunks."""

    options: str
    """What the samples depend on besides the recordings."""
    identities: frozenset[str] = frozenset()
    """Of the recordings' files."""
    recordings: tuple[ShardedRecording, ...] = ()
    chunks: tuple[dict[str, Any], ...] = ()
    """As LitData's index describes them."""
    config: dict[str, Any] = field(default_factory=dict)
    """LitData's."""

    def with_more(
        self,
        *,
        identities: Sequence[str],
        recordings: Sequence[ShardedRecording],
        chunks: Sequence[dict[str, Any]],
        config: dict[str, Any],
    ) -> Self:
        """With recordings and chunks that came after these."""
        return type(self)(
            self.options,
            self.identities | set(identities),
            (*self.recordings, *recordings),
            (*self.chunks, *chunks),
            config,
        )

    def to_json(self) -> str:
        """As JSON text."""
        recordings = [[each.name, each.ticks, dict(each.milestones)] for each in self.recordings]
        document = {"recordings": recordings, "chunks": self.chunks, "config": self.config}
        known = {"format_version": FORMAT_VERSION, "options": self.options, "identities": sorted(self.identities)}
        return json.dumps({**known, **document})

    @classmethod
    def from_json(cls, text: bytes, options: str, found: Collection[str], names: Collection[str]) -> Self | None:
        """What was noted, if it is of these options, of recordings that are still found, and of files that are there.

        None for anything else: then all is written anew.
        """
        try:
            document = json.loads(text)
            if document["format_version"] != FORMAT_VERSION or document["options"] != options:
                return None
            noted = cls(
                options,
                frozenset(document["identities"]),
                tuple(ShardedRecording(name, ticks, told) for name, ticks, told in document["recordings"]),
                tuple(document["chunks"]),
                document["config"],
            )
            whole = noted.identities <= set(found) and {chunk["filename"] for chunk in noted.chunks} <= set(names)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return noted if whole and len(noted.identities) == len(noted.recordings) else None
