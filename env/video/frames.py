"""Frames of a video by their numbers and as game ticks, in RGB."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import av
import numpy as np
from numpy.typing import NDArray

from env.errors import VideoError
from env.video.container import PathLike, frame_rate, opened, packets_of
from env.video.decoding import SEEK_FROM, decode
from env.video.held import tick_phases
from env.video.pictures import Frame, Interpolation, Size, pixels, shown_size
from env.video.table import FrameTable, frame_table
from env.video.ticks import FrameRate, ticks_of


@dataclass(frozen=True)
class VideoInfo:
    """What the container says of a video, and the size of its first frame."""

    frames: int | None
    """None where the container does not say (.ts, .mkv, fragmented .mp4); an edit list may show fewer."""
    fps: float
    height: int
    width: int
    seconds: float


class Tick(NamedTuple):
    """One tick of a video."""

    tick: int
    seconds: float
    """Since the first frame, of the frame that the tick shows."""
    picture: Frame
    """uint8 (H, W, 3) RGB."""
    frame: int
    """Number of that frame, in the order of presentation."""
    gap: bool
    """Whether the video leaps after this tick: what follows is not the result of its action."""


def probe(path: PathLike) -> VideoInfo:
    """Size, rate and length of a video, of which only the first frame is decoded. Raises `VideoError`."""
    with opened(path) as (container, stream):
        seconds = 0.0
        if stream.duration is not None:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            seconds = container.duration / av.time_base
        picture = _first_picture(container, stream)
        if picture is None:
            raise VideoError(f"{path} holds no frame that can be decoded; expected a video with at least one.")
        return VideoInfo(stream.frames or None, frame_rate(stream), *shown_size(picture), max(seconds, 0.0))


def read_frames(
    path: PathLike, *, size: Size | None = None, start: int = 0, stop: int | None = None
) -> Iterator[tuple[float, Frame]]:
    """Frames `start` to `stop` (exclusive): (seconds since the first frame, uint8 (H, W, 3) RGB), resized to `size`.

    Frames are counted in the order of presentation. A file that is cut off or damaged yields its good prefix and then
    raises `VideoError`, which says how many frames were good.
    """
    if stop is not None and stop <= start:
        return
    for number, seconds, picture in decode(path, start):
        yield seconds, pixels(picture, size)
        if stop is not None and number + 1 >= stop:
            return


def read_ticks(
    path: PathLike, *, fps: FrameRate = "auto", size: Size | None = None, interpolation: Interpolation = None
) -> Iterator[Tick]:
    """The video at 20 ticks a second, by the rule of `ticks_of`.

    A frame that is damaged beyond decoding is replaced by the one before it. Raises `VideoError`, after the good ticks,
    as `read_frames` does.
    """
    table = frame_table(path)
    phases = tick_phases(path, table.seconds) if fps == "auto" else None
    ticks = ticks_of(table.seconds, table.end, restarts=table.restarts, fps=fps, phases=phases)
    starts = np.searchsorted(ticks.frames, np.arange(len(table) + 1))  # the first tick of each frame
    for number, stop, picture in _shown_until(path):
        shown = range(starts[number], starts[stop])
        if shown:
            frame = pixels(picture, size, interpolation=interpolation)
            for tick in shown:
                yield Tick(tick, float(table.seconds[number]), frame, number, bool(ticks.gaps[tick]))


class FrameReader:
    """Reads frames by their number; going on where the last call ended decodes nothing twice.

    `table` is the video's, if it is known; else the file is read through for it.
    """

    def __init__(self, path: PathLike, table: FrameTable | None = None) -> None:
        self.path = Path(path)
        self._table = table
        self._pictures: Iterator[tuple[int, float, Any]] | None = None
        self._process = os.getpid()
        self._number = -1
        self._last: Any = None

    def read(
        self, numbers: NDArray[np.int64], *, size: Size | None = None, interpolation: Interpolation = None
    ) -> NDArray[np.uint8]:
        """uint8 (N, H, W, 3) RGB of the N frames with these numbers, rising or repeated. Raises `VideoError`."""
        if not len(numbers):
            info = probe(self.path)
            return np.empty((0, *(size or (info.height, info.width)), 3), np.uint8)
        first = self.frame(int(numbers[0]), size=size, interpolation=interpolation)
        frames = np.empty((len(numbers), *first.shape), np.uint8)
        frames[0] = first
        for position in range(1, len(numbers)):
            if numbers[position] == numbers[position - 1]:
                frames[position] = frames[position - 1]
            else:
                frames[position] = self.frame(int(numbers[position]), size=size, interpolation=interpolation)
        return frames

    def frame(self, number: int, *, size: Size | None = None, interpolation: Interpolation = None) -> Frame:
        """uint8 (H, W, 3) RGB, the frame with this number. Raises `VideoError`."""
        return pixels(self._picture(number), size, interpolation=interpolation)

    def _picture(self, number: int) -> Any:
        if self._process != os.getpid():
            # A forked process shares the open file's position with its parent: it must open its own. It must not even
            # close the inherited decoder, which would wait for threads that only the parent has.
            self._inherited, self._pictures = self._pictures, None
        if self._pictures is None or not self._number <= number < self._number + SEEK_FROM:
            self._pictures, self._process = decode(self.path, number, table=self._table), os.getpid()
            self._number = -1
        while self._number < number:
            try:
                self._number, _, self._last = next(self._pictures)
            except StopIteration:
                self._pictures = None
                frames = len(frame_table(self.path) if self._table is None else self._table)
                raise VideoError(f"{self.path} ends after {frames} frames; expected frame {number} as well.") from None
            except VideoError:
                self._pictures = None
                raise
        if self._number > number:
            raise VideoError(f"{self.path}: frame {number} is damaged beyond decoding.")
        return self._last

    def __reduce__(self) -> tuple[type[Self], tuple[Path, FrameTable | None]]:
        # An open decoder cannot go to another process; it starts anew there.
        return type(self), (self.path, self._table)


def _first_picture(container: Any, stream: Any) -> Any:
    """The first PyAV picture that the decoder gives, or None; what comes before the first key frame may give errors."""
    with suppress(av.FFmpegError):
        for packet in packets_of(container, stream):
            with suppress(av.FFmpegError):
                for picture in packet.decode():
                    return picture
        return next(iter(stream.codec_context.decode(None)), None)
    return None


def _shown_until(path: PathLike) -> Iterator[tuple[int, int, Any]]:
    """Each picture with its number and that of the frame that replaces it."""
    last: tuple[int, Any] | None = None
    try:
        for number, _, picture in decode(path):
            if last is not None:
                yield last[0], number, last[1]
            last = number, picture
    except VideoError:
        if last is not None:
            yield last[0], last[0] + 1, last[1]
        raise
    if last is not None:
        yield last[0], last[0] + 1, last[1]
