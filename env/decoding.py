"""A video file opened safely, its frames numbered, and a way to start in the middle that never miscounts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from env.errors import VideoError

PathLike = str | os.PathLike[str]

MAX_SIDE = 8192
"""Larger pictures are taken for a damaged header rather than decoded."""
SEEK_FROM = 64
"""Nearer frames are reached by decoding from the start: dearer to seek than to decode."""


@contextmanager
def opened(path: PathLike) -> Iterator[tuple[Any, Any]]:
    """PyAV's container and its first video stream. Raises `VideoError` for whatever is no video."""
    file = Path(path)
    if not file.exists():
        raise VideoError(f"{file}: no such file; expected a video.")
    if file.is_dir():
        raise VideoError(f"{file} is a folder; expected a video file.")
    if file.stat().st_size == 0:
        raise VideoError(f"{file} is empty (0 bytes); expected a video. Was a download or copy interrupted?")
    try:
        container = av.open(str(file))
    except (av.FFmpegError, OSError) as error:
        raise VideoError(
            f"{file} cannot be opened as a video ({error.strerror}): "
            "it is cut off before its index was written, damaged, or another kind of file."
        ) from error
    with container:
        if not container.streams.video:
            raise VideoError(f"{file} has no video stream; expected one (is it sound only?).")
        stream = container.streams.video[0]
        if not (0 < stream.height <= MAX_SIDE and 0 < stream.width <= MAX_SIDE):
            raise VideoError(f"{file} has frames of {stream.height}x{stream.width}; expected 1 to {MAX_SIDE} a side.")
        yield container, stream


@dataclass(frozen=True)
class FrameTable:
    """Where each frame of a video stands, read from the packets without decoding."""

    stamps: NDArray[np.int64]
    """(T,) presentation time stamps, rising, in the stream's time base."""
    seconds: NDArray[np.float64]
    """(T,) time stamps in seconds since the first frame."""
    keys: NDArray[np.int64]
    """(K, 2) presentation and decoding time stamp of each key frame."""

    def __len__(self) -> int:
        return len(self.stamps)

    def number(self, stamp: int) -> int:
        """The number of the frame with this time stamp."""
        return int(np.searchsorted(self.stamps, stamp))

    def seek_stamp(self, frame: int) -> int:
        """Decoding time stamp of the last key frame shown no later than the frame."""
        key = np.searchsorted(self.keys[:, 0], self.stamps[frame], side="right") - 1
        return int(self.keys[max(key, 0), 1])


def frame_table(path: PathLike) -> FrameTable | None:
    """The table of a video, or None where its packets carry no time stamps to rely on. Reads the whole file once."""
    status = Path(path).stat()
    return _frame_table(os.fspath(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=32)
def _frame_table(path: str, _modified: int, _size: int) -> FrameTable | None:
    with opened(path) as (container, stream):
        try:
            packets = [
                (packet.pts, packet.dts, packet.is_keyframe)
                for packet in container.demux(stream)
                if packet.size and not packet.is_discard
            ]
        except av.FFmpegError:
            return None
        time_base = stream.time_base
    if not packets or any(pts is None or dts is None for pts, dts, _ in packets):
        return None
    stamps = np.sort(np.array([pts for pts, _, _ in packets], np.int64))
    keys = np.array(sorted((pts, dts) for pts, dts, key in packets if key), np.int64).reshape(-1, 2)
    if not len(keys) or (np.diff(stamps) <= 0).any():
        return None
    return FrameTable(stamps, (stamps - stamps[0]) * float(time_base), keys)


def decode(path: PathLike, start: int = 0) -> Iterator[tuple[int, float, Any]]:
    """(frame number, seconds since the first frame, PyAV picture) from frame `start` on, in the order they are shown.

    Raises `VideoError`, after the good prefix, where a file is damaged or ends too early.
    """
    with opened(path) as (container, stream):
        table = frame_table(path) if start >= SEEK_FROM else None
        if table is not None and start < len(table):
            container.seek(table.seek_stamp(start), stream=stream)
        else:
            table = None
        yield from _numbered(path, container, stream, start, table)


def _numbered(
    path: PathLike, container: Any, stream: Any, start: int, table: FrameTable | None
) -> Iterator[tuple[int, float, Any]]:
    """As `decode`; after a seek the `table` says which frame a picture is, otherwise they are counted."""
    stream.codec_context.thread_count = 1
    good = packets = 0
    origin: int | None = None
    shape: tuple[int, int] | None = None
    try:
        for packet in container.demux(stream):
            packets += packet.size > 0
            for picture in packet.decode():
                shape = shape or (picture.height, picture.width)
                if shape != (picture.height, picture.width):
                    raise VideoError(
                        f"{path} changes from {shape[0]}x{shape[1]} to {picture.height}x{picture.width} at "
                        f"frame {good}; expected one frame size. Re-encode it."
                    )
                number = good if table is None else table.number(picture.pts)
                origin = picture.pts if origin is None else origin
                if number >= start:
                    yield number, _seconds(picture, number, origin, stream, table), picture
                good = number + 1
    except av.FFmpegError as error:
        announced = f" of the {stream.frames} it announces" if stream.frames else ""
        raise VideoError(
            f"{path} is damaged or cut off ({error.strerror}): {good} frames are good{announced}."
        ) from error
    if table is None and packets < stream.frames:
        raise VideoError(f"{path} is cut off: {good} frames are good of the {stream.frames} it announces.")
    if good == 0:
        raise VideoError(f"{path} holds no frame; expected a video with at least one.")


def _seconds(picture: Any, number: int, origin: int | None, stream: Any, table: FrameTable | None) -> float:
    if table is not None:
        return float(table.seconds[number])
    if picture.pts is None or origin is None:
        return number / float(stream.average_rate or 20)
    return float((picture.pts - origin) * picture.time_base)
