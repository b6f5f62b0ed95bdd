"""The frames of a video by number, in the order of presentation, from any of them on."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av

from env.errors import VideoError
from env.video.container import PathLike, reason_of
from env.video.table import FrameTable, KeyFrame, decoded_packets, frame_table

SEEK_FROM = 64
"""Nearer frames are reached by decoding from the start: dearer to seek than to decode."""


def decode(path: PathLike, start: int = 0, *, table: FrameTable | None = None) -> Iterator[tuple[int, float, Any]]:
    """(frame number, seconds since the first frame, PyAV picture) from frame `start` on, in the order of presentation.

    The numbers are those of `table`, by default `frame_table(path)`, wherever decoding starts; the number of a frame
    that is damaged beyond decoding is left out. Raises `VideoError`, after the good prefix, where a file is damaged or
    cut off.
    """
    table = frame_table(path) if table is None else table
    if start >= len(table):
        return
    if start >= SEEK_FROM:
        for key in table.keys_before(start):
            pictures = _numbered(path, table, start, key)
            first = None
            with suppress(VideoError):  # met again below, if it was not the seek's fault
                first = next(pictures, None)
            if first is not None and first[0] == start:
                yield first
                yield from pictures
                return
    yield from _numbered(path, table, start)


def _numbered(
    path: PathLike, table: FrameTable, start: int, key: KeyFrame | None = None
) -> Iterator[tuple[int, float, Any]]:
    """Frames from number `start` on, decoded from a key frame or from the file's start."""
    good = start
    shape: tuple[int, int] | None = None
    try:
        for packet, picture in decoded_packets(path, table.decoded, key):
            number = int(table.numbers[packet])
            if number < start:
                continue
            if number < good:
                raise VideoError(
                    f"{path}: the time stamps of its frames are not in the order of the frames (at frame {number}); "
                    "expected rising ones. Re-encode it."
                )
            shape = shape or (picture.height, picture.width)
            if shape != (picture.height, picture.width):
                raise VideoError(
                    f"{path} changes from {shape[0]}x{shape[1]} to {picture.height}x{picture.width} at "
                    f"frame {number}; expected one frame size. Re-encode it."
                )
            yield number, float(table.seconds[number]), picture
            good = number + 1
    except av.FFmpegError as error:
        damage = "cut off" if table.cut_off else "damaged"
        raise VideoError(f"{path} is {damage} ({reason_of(error)}): {_good(good, table)}.") from error
    if table.cut_off:
        raise VideoError(f"{path} is cut off: {_good(good, table)}.")


def _good(frames: int, table: FrameTable) -> str:
    announced = f" of the {table.announced} it announces" if table.announced else ""
    return f"{frames} frames are good{announced}"
