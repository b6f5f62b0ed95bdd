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
FALLBACK_RATE = 20
"""Frames a second where neither frames nor container tell the time."""


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
        container = av.open(f"file:{file}", metadata_errors="replace")  # a name like run:1.mp4 is no protocol
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

    def number(self, stamp: int | None) -> int | None:
        """The number of the frame with this time stamp, or None if there is none."""
        number = np.searchsorted(self.stamps, stamp) if stamp is not None else len(self)
        return int(number) if number < len(self) and self.stamps[number] == stamp else None

    def key_frame(self, frame: int) -> tuple[int, int]:
        """Number and decoding time stamp of the last key frame shown no later than the frame."""
        key = max(int(np.searchsorted(self.keys[:, 0], self.stamps[frame], side="right")) - 1, 0)
        return int(np.searchsorted(self.stamps, self.keys[key, 0])), int(self.keys[key, 1])


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
    table = frame_table(path) if start >= SEEK_FROM else None
    if table is not None and start < len(table):
        pictures = _from_key_frame(path, start, table)
        first = next(pictures, None)
        # Time stamps may lie; then the frames are counted from the start.
        if first is not None and first[0] == start:
            yield first
            yield from pictures
            return
    yield from (numbered for numbered in _from_start(path) if numbered[0] >= start)


def _from_start(path: PathLike) -> Iterator[tuple[int, float, Any]]:
    with opened(path) as (container, stream):
        origin = None
        for number, picture in enumerate(_pictures(path, container, stream, 0)):
            if picture.pts is None:
                yield number, number / float(stream.average_rate or FALLBACK_RATE), picture
            else:
                origin = picture.pts if origin is None else origin
                yield number, float((picture.pts - origin) * picture.time_base), picture


def _from_key_frame(path: PathLike, start: int, table: FrameTable) -> Iterator[tuple[int, float, Any]]:
    """As `_from_start`, but decoded from the last key frame before frame `start`, and without those before `start`.

    Ends at a picture whose time stamp no packet had.
    """
    with opened(path) as (container, stream):
        key, stamp = table.key_frame(start)
        container.seek(stamp, stream=stream)
        for picture in _pictures(path, container, stream, key):
            number = table.number(picture.pts)
            if number is None:
                return
            if number >= start:
                yield number, float(table.seconds[number]), picture


def _pictures(path: PathLike, container: Any, stream: Any, first: int) -> Iterator[Any]:
    """Pictures as they are decoded; the number of the `first` is needed for messages only. Raises `VideoError`."""
    stream.codec_context.thread_count = 1
    good, packets = first, 0
    shape: tuple[int, int] | None = None
    announced = f" of the {stream.frames} it announces" if stream.frames else ""
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
                yield picture
                good += 1
    except av.FFmpegError as error:
        raise VideoError(
            f"{path} is damaged or cut off ({error.strerror}): {good} frames are good{announced}."
        ) from error
    if first == 0 and packets < stream.frames:
        raise VideoError(f"{path} is cut off: {good} frames are good{announced}.")
    if good == 0:
        raise VideoError(f"{path} holds no frame; expected a video with at least one.")
