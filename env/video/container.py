"""Opens a video file from a stranger safely."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av

from env.errors import VideoError

PathLike = str | os.PathLike[str]

MAX_SIDE = 8192
"""Larger pictures are taken for a damaged header rather than decoded."""
FALLBACK_RATE = 20.0
"""Frames a second where neither time stamps nor container tell."""
MAX_RATE = 1000.0
"""A container that claims more frames a second is not believed."""
_DEMUXERS = "mov,matroska,avi,mpegts,flv,asf,mpeg,mpegvideo,m4v,h264,hevc,obu,ivf,ogg,mxf,nut,gif,wav,mp3,flac,aac"
# Playlists and scripts, which make FFmpeg open other files or addresses, are not among the demuxers.
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}


@contextmanager
def opened(path: PathLike) -> Iterator[tuple[Any, Any]]:
    """PyAV's container and the video stream that players show. Raises `VideoError` for whatever is no video."""
    file = Path(path)
    _check_file(file)
    try:
        # The prefix keeps FFmpeg from taking a name such as "run:1.mp4" for a protocol.
        container = av.open(f"file:{file}", metadata_errors="replace", container_options=_OPTIONS)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"{file} cannot be opened as a video ({reason_of(error)}): "
            "it is cut off before its index was written, damaged, or another kind of file."
        ) from error
    with container:
        stream = _shown_stream(file, container)
        codec = stream.codec_context
        if codec is None:
            raise VideoError(f"{file}: there is no decoder for its video codec; re-encode it, as H.264 for example.")
        if not (0 < codec.height <= MAX_SIDE and 0 < codec.width <= MAX_SIDE):
            raise VideoError(f"{file} has frames of {codec.height}x{codec.width}; expected 1 to {MAX_SIDE} a side.")
        codec.thread_count = 1
        codec.copy_opaque = True  # each picture tells which packet it came from
        codec.options = {**codec.options, "max_pixels": str(MAX_SIDE * MAX_SIDE)}
        yield container, stream


def packets_of(container: Any, stream: Any) -> Iterator[Any]:
    """The packets of a stream that hold something, in the order of the file. Raises `av.FFmpegError`."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except IndexError:
        return  # PyAV at the end of a file in which another stream turned up on the way


def frame_rate(stream: Any) -> float:
    """Frames a second as the container states them, or `FALLBACK_RATE` where it says nothing that can be."""
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    return rate if 0 < rate <= MAX_RATE else FALLBACK_RATE


def reason_of(error: Exception) -> str:
    """What an error of FFmpeg or of the operating system says, in a few words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _check_file(file: Path) -> None:
    """Raises `VideoError` for a path that leads to no file with something in it."""
    try:
        status = file.stat()
    except FileNotFoundError:
        raise VideoError(f"{file}: no such file; expected a video.") from None
    except (OSError, ValueError) as error:
        raise VideoError(f"{file} cannot be read: {reason_of(error)}.") from None
    if stat.S_ISDIR(status.st_mode):
        raise VideoError(f"{file} is a folder; expected a video file.")
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(f"{file} is a device or a pipe; expected a video file.")
    if status.st_size == 0:
        raise VideoError(f"{file} is empty (0 bytes); expected a video. Was a download or copy interrupted?")


def _shown_stream(file: Path, container: Any) -> Any:
    """The first video stream, one marked as default before others; never an attached picture (cover art)."""
    streams = container.streams.video
    if not streams:
        raise VideoError(f"{file} has no video stream; expected one (is it sound only?).")
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    moving = [stream for stream in streams if not stream.disposition & still]
    if not moving:
        raise VideoError(f"{file} holds a cover picture but no video; expected a video stream (is it sound only?).")
    return next((stream for stream in moving if stream.disposition & av.stream.Disposition.default), moving[0])
