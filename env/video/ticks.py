"""Which frame of a video each game tick shows: how video of any frame rate becomes 20 ticks a second."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

TICKS_PER_SECOND = 20
FrameRate = Literal["auto", "native"] | float
"""How a video's frames become ticks.

"auto" follows the time stamps, "native" takes every frame for a tick, and a number is the rate the frames were really
recorded at, for a container that states another.
"""
TIME_TOLERANCE = 1e-3
"""Some containers round time stamps to milliseconds: a frame this much (s) too late still belongs to its tick."""
MAX_HOLD = 1.0
"""A frame shown for longer (s) marks a gap: it is repeated for so long and no longer, and then the ticks go on after
the gap."""


@dataclass(frozen=True, eq=False)
class Ticks:
    """The ticks (N) of a video."""

    frames: NDArray[np.int64]
    """(N,) number of the frame that each tick shows, never falling."""
    gaps: NDArray[np.bool_]
    """(N,) True where the next tick is not the next twentieth of a second: the video leaps there."""

    def __len__(self) -> int:
        return len(self.frames)


def ticks_of(seconds: NDArray[np.float64], end: float, *, restarts: ArrayLike = (), fps: FrameRate = "auto") -> Ticks:
    """The ticks of a video whose frames (T) are shown from `seconds` on (never falling), the last until `end`.

    Tick k shows the last frame that is due at k/20 s: slow videos repeat frames, fast ones skip some, and a variable
    rate is followed. Where a frame is shown for longer than `MAX_HOLD`, or the time stamps begin anew (before the
    frames `restarts`), the ticks leap.
    """
    joined = np.asarray(restarts, np.int64) - 1
    if fps == "native":
        return Ticks(np.arange(len(seconds)), _marked(len(seconds), joined))
    if not isinstance(fps, str):
        seconds, end = np.arange(len(seconds)) / fps, len(seconds) / fps
    until = np.append(seconds[1:], max(end, seconds[-1] + 2 * TIME_TOLERANCE))
    held = until - seconds > MAX_HOLD + TIME_TOLERANCE
    until[held] = seconds[held] + MAX_HOLD
    tolerance = TIME_TOLERANCE if fps == "auto" else 1e-9
    first, stop = _first_tick(seconds, tolerance), _first_tick(until, tolerance)
    frames = np.repeat(np.arange(len(seconds)), np.maximum(stop - first, 0))
    before_leaps = np.union1d(np.flatnonzero(held[:-1]), joined)
    return Ticks(frames, _marked(len(frames), np.searchsorted(frames, before_leaps, side="right") - 1))


def _first_tick(seconds: NDArray[np.float64], tolerance: float) -> NDArray[np.int64]:
    """The first tick to show a frame with this time stamp, which may be later than the tick by the tolerance (s)."""
    return np.ceil((seconds - tolerance) * TICKS_PER_SECOND).astype(np.int64)


def _marked(length: int, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(length,) True at the places, those before the first left out."""
    marked = np.zeros(length, bool)
    marked[places[places >= 0]] = True
    return marked
