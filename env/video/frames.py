"""Frames of a video with their time stamps, read and written through PyAV; and the one resize everybody uses."""

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from env.errors import VideoError
from env.files import atomic_path
from env.video.decoding import SEEK_FROM, PathLike, decode, opened
from env.video.encoding import Encoder, check_size

Frame = NDArray[np.uint8]
"""uint8 (H, W, 3) RGB."""
Size = tuple[int, int]
"""(height, width)."""
Interpolation = Literal["linear"] | None
"""How `resize` blends pixels."""

TICKS_PER_SECOND = 20
TIME_TOLERANCE = 1e-3
"""Some containers round time stamps to milliseconds: a frame this much (s) too late still belongs to its tick."""
CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".ts": "mpegts"}


@dataclass(frozen=True)
class VideoInfo:
    """What the container says of a video; nothing is decoded."""

    frames: int | None
    """None where the container does not say (.ts, fragmented .mp4)."""
    fps: float
    height: int
    width: int
    seconds: float


def probe(path: PathLike) -> VideoInfo:
    """Size, rate and length of a video. Raises `VideoError`."""
    with opened(path) as (container, stream):
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        if stream.duration is not None:
            seconds = float(stream.duration * stream.time_base)
        else:
            seconds = (container.duration or 0) / av.time_base
        return VideoInfo(stream.frames or None, fps, stream.height, stream.width, seconds)


def read_frames(
    path: PathLike, *, size: Size | None = None, start: int = 0, stop: int | None = None
) -> Iterator[tuple[float, Frame]]:
    """Frames `start` to `stop` (exclusive): (seconds since the first frame, uint8 (H, W, 3) RGB), resized to `size`.

    Frames are counted in the order they are shown. A file that is cut off or damaged yields its good prefix and then
    raises `VideoError`, which says how many frames were good.
    """
    if stop is not None and stop <= start:
        return
    for number, seconds, picture in decode(path, start):
        yield seconds, pixels(picture, size)
        if stop is not None and number + 1 >= stop:
            return


def read_ticks(
    path: PathLike, *, fps: Literal["native"] | None = None, size: Size | None = None
) -> Iterator[tuple[int, float, Frame]]:
    """The video at 20 ticks a second: (tick, time stamp in s of the frame shown, uint8 (H, W, 3) RGB).

    Tick k shows the last frame whose time stamp is at most k/20, so slow videos repeat frames, fast ones skip some,
    and a variable rate is followed. With `fps="native"` each frame is a tick, whatever the time stamps say. Raises
    `VideoError` after the good ticks, as `read_frames` does.
    """
    if fps == "native":
        for tick, (seconds, frame) in enumerate(read_frames(path, size=size)):
            yield tick, seconds, frame
        return
    tick = 0
    for seconds, end, picture in _shown_until(path):
        ticks = range(tick, first_tick(end))
        if ticks:
            tick = ticks.stop
            frame = pixels(picture, size)
            for shown in ticks:
                yield shown, seconds, frame


def first_tick(seconds: float) -> int:
    """The first tick to show a frame with this time stamp."""
    return math.ceil((seconds - TIME_TOLERANCE) * TICKS_PER_SECOND)


def resize(frames: NDArray[np.uint8], size: Size, *, interpolation: Interpolation = None) -> NDArray[np.uint8]:
    """uint8 (..., H, W, 3) -> uint8 (..., height, width, 3), the aspect ratio given up.

    Shrinking averages over the pixels that fall together (OpenCV's INTER_AREA), anything else blends neighbours
    (INTER_LINEAR, which OpenAI's models expect also for shrinking: `interpolation="linear"`).
    """
    height, width = size
    if frames.shape[-3:-1] == (height, width):
        return frames
    shrinks = height <= frames.shape[-3] and width <= frames.shape[-2]
    method = cv2.INTER_AREA if shrinks and interpolation is None else cv2.INTER_LINEAR
    flat = frames.reshape(-1, *frames.shape[-3:])
    resized = np.empty((len(flat), height, width, 3), np.uint8)
    for source, target in zip(flat, resized, strict=True):
        cv2.resize(np.ascontiguousarray(source), (width, height), dst=target, interpolation=method)
    return resized.reshape(*frames.shape[:-3], height, width, 3)


class FrameReader:
    """Reads frames by their number; going on where the last call ended decodes nothing twice."""

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
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
            self._pictures, self._process = decode(self.path, number), os.getpid()
            self._number = -1
        while self._number < number:
            try:
                self._number, _, self._last = next(self._pictures)
            except StopIteration:
                frames = self._number + 1
                self._pictures = None
                raise VideoError(f"{self.path} ends after {frames} frames; expected frame {number} as well.") from None
            except VideoError:
                self._pictures = None
                raise
        return self._last

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        # An open decoder cannot go to another process; it starts anew there.
        return type(self), (self.path,)


class VideoWriter:
    """Writes H.264 (yuv420p) frame by frame; the file appears, whole, when the `with` block ends well.

    The height and width of `size` must be even. `threads` is the encoder's; one is right where many videos are
    written at once.
    """

    def __init__(
        self, path: PathLike, size: Size, fps: float = TICKS_PER_SECOND, *, crf: int = 20, threads: int = 1
    ) -> None:
        self.path = Path(path)
        self.size = size
        check_size(self.path, size)
        if self.path.suffix not in CONTAINERS:
            raise VideoError(
                f"{self.path}: cannot write a video of this kind; expected a name in {', '.join(CONTAINERS)}."
            )
        self._fps = fps
        self._options = {"crf": str(crf), "preset": "veryfast", "threads": str(threads)}
        self._files = ExitStack()
        self._encoder: Encoder | None = None

    @property
    def frames(self) -> int:
        """How many were written so far."""
        return self._encoder.frames if self._encoder else 0

    def __enter__(self) -> Self:
        temporary = self._files.enter_context(atomic_path(self.path))
        container = CONTAINERS[self.path.suffix]
        self._encoder = Encoder(
            temporary, self.size, fps=self._fps, format=container, options=self._options, name=self.path
        )
        return self

    def write(self, frame: Frame) -> None:
        """Append one frame, uint8 (H, W, 3) RGB."""
        assert self._encoder is not None, "frames are written inside the `with` block"
        self._encoder.write(frame)

    def finish(self) -> None:
        """Flush the encoder and close the file, which waits under its temporary name for the block to end."""
        if self._encoder is not None:
            self._encoder.finish()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.finish()
            elif self._encoder is not None:
                self._encoder.close()
        except BaseException as failure:
            self._files.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._files.__exit__(kind, error, trace)


def write_video(path: PathLike, frames: NDArray[np.uint8], fps: float = TICKS_PER_SECOND, *, crf: int = 20) -> Path:
    """Write uint8 (T, H, W, 3) RGB as H.264."""
    with VideoWriter(path, frames.shape[1:3], fps, crf=crf) as writer:
        for frame in frames:
            writer.write(frame)
    return writer.path


def pixels(picture: Any, size: Size | None = None, *, interpolation: Interpolation = None) -> Frame:
    """A decoded picture as uint8 (H, W, 3) RGB, resized to `size` if given."""
    frame: Frame = picture.to_ndarray(format="rgb24")
    return frame if size is None else resize(frame, size, interpolation=interpolation)


def _shown_until(path: PathLike) -> Iterator[tuple[float, float, Any]]:
    """Each picture with the time (s) from which and until which it is shown."""
    last: tuple[float, float, Any] | None = None
    try:
        for number, seconds, picture in decode(path):
            if last is not None:
                yield last[0], seconds, last[2]
            last = seconds, seconds + _duration(picture, number, seconds), picture
    except VideoError:
        if last is not None:
            yield last
        raise
    if last is not None:
        yield last


def _duration(picture: Any, number: int, seconds: float) -> float:
    """How long (s) the picture is shown: as the container says, else the mean so far; long enough for a tick on it."""
    if picture.duration:
        duration = float(picture.duration * picture.time_base)
    else:
        duration = seconds / number if number else 1 / TICKS_PER_SECOND
    return max(duration, 2 * TIME_TOLERANCE)
