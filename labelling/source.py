"""A video as game ticks: one frame every 1/20 s, each with its time in the source."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Literal

from env.errors import VideoError
from env.video.frames import TICKS_PER_SECOND, Frame, Size, VideoInfo, probe, read_frames, read_ticks, resize
from idm.data import Interpolation

FrameRate = Literal["auto", "native"] | float
"""How a video's frames become ticks.

"auto" follows the time stamps, "native" takes every frame for a tick, and a number is the rate the frames were really
recorded at, for a container that states another.
"""


END_SLACK = 0.05
"""Sound may outlast the picture by this share of a video (and at least a second); a video shorter still is cut off."""


def read_source(
    video: Path, *, fps: FrameRate, size: Size, interpolation: Interpolation = None
) -> Iterator[tuple[float, Frame]]:
    """The ticks as (time in the source in s, uint8 (H, W, 3) RGB). Raises `VideoError`, after the good ticks."""
    ticks, seconds = 0, 0.0
    for seconds, frame in _read(video, fps):
        yield seconds, resize(frame, size, interpolation=interpolation)
        ticks += 1
    # Some containers count no frames, so nobody misses those that are cut off; but they know how long the video was.
    info = probe(video)
    if info.frames is None and info.seconds - seconds > max(END_SLACK * info.seconds, 1.0):
        raise VideoError(
            f"{video} is cut off: it ends after {seconds:.1f} s of {info.seconds:.1f} s; {ticks} ticks are good."
        )


def _read(video: Path, fps: FrameRate) -> Iterator[tuple[float, Frame]]:
    try:
        if fps == "native":
            yield from read_frames(video)
        elif fps == "auto":
            for _, seconds, frame in read_ticks(video):
                yield seconds, frame
        else:
            yield from _at_rate(read_frames(video), fps)
    except OSError as error:
        raise VideoError(f"{video} cannot be read: {error.strerror or error}.") from error


def expected_ticks(info: VideoInfo, *, fps: FrameRate) -> int:
    """How many ticks a video has, by what its container says."""
    if fps == "auto":
        return round(info.seconds * TICKS_PER_SECOND)
    frames = info.frames or round(info.seconds * info.fps)
    return frames if fps == "native" else round(frames * TICKS_PER_SECOND / fps)


def _at_rate(frames: Iterator[tuple[float, Frame]], fps: float) -> Iterator[tuple[float, Frame]]:
    """Tick k shows the last frame i with i / fps <= k / 20."""
    ticks_per_frame = TICKS_PER_SECOND / Fraction(fps).limit_denominator(1001)
    for index, shown in enumerate(frames):
        for _ in range(ceil(index * ticks_per_frame), ceil((index + 1) * ticks_per_frame)):
            yield shown
