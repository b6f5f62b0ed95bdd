"""What a label file's metadata says of its making, and whether a new run would write the same file."""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from stat import S_ISREG
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from env.errors import RecordingError, VideoError
from env.files import sha256_of
from env.recordings.labels import LABEL_FORMAT_VERSION, label_metadata, update_label_metadata
from learning.checkpoint import CONFIG_FILE, WEIGHTS_FILE

Recipe = Mapping[str, Any]
"""What, besides the video, decides a label file's content: plain values by name."""
BEFORE = {"mirror": False}
"""Settings of label files that were made before there was a choice."""


def checkpoint_sha256(folder: Path) -> str:
    """One fingerprint for a checkpoint's config and weights."""
    parts = [sha256_of(folder / name) for name in (CONFIG_FILE, WEIGHTS_FILE)]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def describe(video: Path, labels: Path, recipe: Recipe) -> dict[str, Any]:
    """The metadata of the label file of `video`. It holds no date, so the same work gives the same bytes.

    Raises `VideoError` where there is no file that can be read to its end.
    """
    if not os.path.isfile(video):  # noqa: PTH113  (Path.is_file raises an error for a name that no file can have)
        raise VideoError(f"{video} is missing, or no file; expected a video.")
    try:
        stat = video.stat()
        return {
            "video": _relative(video, labels),
            "video_size": stat.st_size,
            "video_mtime_ns": stat.st_mtime_ns,
            "video_sha256": sha256_of(video),
            "ghostkeys_version": _ghostkeys_version(),
            **recipe,
        }
    except OSError as error:
        raise VideoError(f"{video} cannot be read: {error.strerror or error}.") from None


def is_current(labels: Path, video: Path, recipe: Recipe) -> bool:
    """Whether `labels` was made from this very video by this recipe.

    A video of the same place, size and time of change is taken for the same. One that was merely touched is compared by
    its content, which is read whole; the label file then gets the new time of change, so that this is done once.
    """
    try:
        found, stat = _read_metadata(labels), video.stat()
        if found is None or not S_ISREG(stat.st_mode):
            return False
        found = {**BEFORE, **found}
        same = {**recipe, "format_version": LABEL_FORMAT_VERSION, "video_size": stat.st_size}
        if found["video"] != _relative(video, labels) or any(found.get(key) != value for key, value in same.items()):
            return False
        if found.get("video_mtime_ns") == stat.st_mtime_ns:
            return True
        if found.get("video_sha256") != sha256_of(video):
            return False
    except (OSError, ValueError):  # the video cannot be read, or no file can have its name
        return False
    return _note_time(labels, stat.st_mtime_ns)


def _note_time(labels: Path, mtime_ns: int) -> bool:
    """Writes the video's time of change into its label file; False if that turns out to be no label table."""
    try:
        with suppress(OSError):  # its folder cannot be written to
            update_label_metadata(labels, {"video_mtime_ns": mtime_ns})
    except RecordingError:
        return False
    return True


def _relative(video: Path, labels: Path) -> str:
    """The video as seen from the label file's folder, so that both can be moved together."""
    return os.path.relpath(video.resolve(), labels.parent.resolve())


def _read_metadata(labels: Path) -> dict[str, Any] | None:
    """The metadata of a label table, None where the file is missing or is none."""
    try:
        with labels.open("rb") as file:
            return label_metadata(pq.read_schema(file))
    except (pa.ArrowException, OSError, ValueError):  # a GhostkeysError is a ValueError
        return None


def _ghostkeys_version() -> str:
    try:
        return version("ghostkeys")
    except PackageNotFoundError:
        return "unknown"
