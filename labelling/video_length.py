"""How long a video is in game ticks, as far as its container tells."""

from env.video.frames import VideoInfo
from env.video.ticks import TICKS_PER_SECOND, FrameRate

MAX_EXPECTED = 20 * 3600 * 24
"""Ticks of a day: a container that claims more is not believed."""


def expected_ticks(info: VideoInfo, *, fps: FrameRate) -> int:
    """How many ticks a video has, by what its container says."""
    frames = info.frames or round(info.seconds * info.fps)
    if fps == "auto":
        ticks = round(info.seconds * TICKS_PER_SECOND)
    elif fps == "native":
        ticks = frames
    else:
        ticks = round(frames * TICKS_PER_SECOND / fps)
    return min(ticks, MAX_EXPECTED)
