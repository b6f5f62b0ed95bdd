"""Overlapping windows over a video, of which the middle is kept.

An inverse dynamics model sees the past and the future, so its answers are worst at the edges of what it is shown. A
long video is therefore cut into windows that overlap by half, and each window answers only for its middle half, as VPT
labelled web video. The first and the last window also keep their outer edge, so every tick is answered exactly once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from env.errors import GhostkeysError


@dataclass(frozen=True)
class Window:
    """Ticks [start, stop) are shown to the model; of its answers those for [keep_start, keep_stop) are kept."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def kept(self) -> slice:
        """The kept ticks, counted from the window's start."""
        return slice(self.keep_start - self.start, self.keep_stop - self.start)


class WindowPlanner:
    """Plans windows of `length` ticks, half a window apart, over a video whose end is not known beforehand.

    A window is released when the tick after it is known, or at the video's end. The last window ends with the video
    and starts wherever that takes it, so that every window is full; only a video shorter than a window gets a shorter
    one.
    """

    def __init__(self, length: int = 128) -> None:
        if length < 4 or length % 4:
            raise GhostkeysError(
                f"a window of {length} ticks has no middle half; expected a multiple of 4, such as 128."
            )
        self.length = length
        self.stride = length // 2
        self._start = 0
        self._kept = 0

    @property
    def first_needed(self) -> int:
        """Ticks before this one belong to no window still to come."""
        return max(self._start - self.stride, 0)

    def ready(self, ticks: int, *, last: bool = False) -> Iterator[Window]:
        """Windows that can be computed now that `ticks` ticks are known in all; `last` says that there are no more."""
        while ticks > self._start + self.length:
            stop = self._start + self.length
            yield self._release(self._start, stop, stop - self.length // 4)
            self._start += self.stride
        if last and ticks > self._kept:
            yield self._release(max(ticks - self.length, 0), ticks, ticks)

    def _release(self, start: int, stop: int, keep_stop: int) -> Window:
        window = Window(start, stop, self._kept, keep_stop)
        self._kept = keep_stop
        return window


def plan_windows(ticks: int, length: int = 128) -> list[Window]:
    """All windows over a video of `ticks` ticks; none when it is empty."""
    return list(WindowPlanner(length).ready(ticks, last=True))
