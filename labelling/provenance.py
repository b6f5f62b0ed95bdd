"""What a label file says of its making, and whether it is still what a new run would write."""

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from env.files import sha256_of
from env.recordings.labels import LABEL_FORMAT_VERSION, METADATA_KEY
from idm.checkpoint import CONFIG_FILE, WEIGHTS_FILE

Recipe = Mapping[str, Any]
"""What, besides the video, decides a label file's content: plain values by name."""


def checkpoint_sha256(folder: Path) -> str:
    """One fingerprint for a checkpoint's config and weights."""
    parts = [sha256_of(folder / name) for name in (CONFIG_FILE, WEIGHTS_FILE)]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def describe(video: Path, labels: Path, recipe: Recipe) -> dict[str, Any]:
    """The metadata of the label file of `video`. It holds no date, so the same work gives the same bytes."""
    stat = video.stat()
    return {
        "video": _relative(video, labels),
        "video_size": stat.st_size,
        "video_mtime_ns": stat.st_mtime_ns,
        "video_sha256": sha256_of(video),
        "ghostkeys_version": _ghostkeys_version(),
        **recipe,
    }


def is_current(labels: Path, video: Path, recipe: Recipe) -> bool:
    """Whether `labels` was made from this very video by this recipe.

    A video of the same place, size and time of change is taken for the same; one that was merely touched is compared by
    its content.
    """
    found = _read_metadata(labels)
    if found is None or not video.is_file():
        return False
    if found.get("format_version") != LABEL_FORMAT_VERSION or any(found.get(k) != v for k, v in recipe.items()):
        return False
    stat = video.stat()
    if (found.get("video"), found.get("video_size")) != (_relative(video, labels), stat.st_size):
        return False
    return found.get("video_mtime_ns") == stat.st_mtime_ns or found.get("video_sha256") == sha256_of(video)


def _relative(video: Path, labels: Path) -> str:
    """The video as seen from the label file's folder, so that both can be moved together."""
    return os.path.relpath(video.resolve(), labels.parent.resolve())


def _read_metadata(labels: Path) -> dict[str, Any] | None:
    try:
        metadata = pq.ParquetFile(labels).schema_arrow.metadata or {}
        content: dict[str, Any] = json.loads(metadata[METADATA_KEY])
    except (pa.ArrowException, OSError, KeyError, ValueError):
        return None
    return content


def _ghostkeys_version() -> str:
    try:
        return version("ghostkeys")
    except PackageNotFoundError:
        return "unknown"
