"""Which frame of a video each game tick shows: how video of any frame rate becomes 20 ticks a second.

A game steps at 20 ticks a second and is recorded at another rate. Two kinds of video come of that. The picture may be
*held*: each tick's picture is shown until the next tick, and frames repeat. Where they do tells when the game's ticks
begin (`env.video.held`), and one frame is taken of each. Or it is *live*: the game draws between ticks, no frame
repeats, and each tick shows the frame nearest in time.
"""

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
HALF_TICK = 0.5 / TICKS_PER_SECOND
AHEAD = 0.7
"""A frame is taken early by this share of the interval since the one before. With 0.5 it would be the nearest; of two
about as near, the later is taken, because the game may have stepped just at the tick."""


@dataclass(frozen=True, eq=False)
class Ticks:
    """The ticks (N) of a video."""

    frames: NDArray[np.int64]
    """(N,) number of the frame that each tick shows, never falling."""
    gaps: NDArray[np.bool_]
    """(N,) True where the next tick is not the next twentieth of a second: the video leaps there."""

    def __len__(self) -> int:
        return len(self.frames)


def ticks_of(
    seconds: NDArray[np.float64],
    end: float,
    *,
    restarts: ArrayLike = (),
    fps: FrameRate = "auto",
    phases: NDArray[np.float64] | None = None,
) -> Ticks:
    """The ticks of a video whose frames (T) are shown from `seconds` on (never falling), the last until `end`.

    Tick k shows the frame nearest to k/20 s, at most half a tick early: slow videos repeat frames, fast ones skip some,
    and a variable rate is followed. Where the picture is held, `phases` (T,) are by how much (s) the game's ticks begin
    later than multiples of 1/20 s, at each frame: each tick then shows a frame of its own picture, the one nearest to
    the middle. Where a frame is shown for longer than `MAX_HOLD`, or the time stamps begin anew (before the frames
    `restarts`), the ticks leap.
    """
    joined = np.asarray(restarts, np.int64) - 1
    count = len(seconds)
    if fps == "native":
        return Ticks(np.arange(count), _marked(count, joined))
    if not isinstance(fps, str):
        seconds, end = np.arange(count) / fps, count / fps
    # Tick k shows the frame nearest to k/20 s of this clock, which is the middle of the time its held picture is shown.
    clock = seconds if phases is None else np.maximum.accumulate(seconds - phases - HALF_TICK)
    shown_for = np.append(seconds[1:], max(end, seconds[-1] + 2 * TIME_TOLERANCE)) - seconds
    held = shown_for > MAX_HOLD + TIME_TOLERANCE
    begins = _taken_from(clock)
    starts = np.append(True, held[:-1])  # nothing before these frames is shown instead
    begins[starts] = clock[starts]
    ends = np.append(begins[1:], clock[-1] + shown_for[-1])
    ends[held] = clock[held] + MAX_HOLD
    first = _first_tick(begins)
    repeats = np.maximum(_first_tick(ends) - first, 0)
    frames = np.repeat(np.arange(count), repeats)
    before_leaps = np.union1d(np.flatnonzero(held[:-1]), joined)
    return Ticks(frames, _marked(len(frames), np.searchsorted(frames, before_leaps, side="right") - 1))


def _taken_from(clock: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) the times (s) from which on each frame is the nearest, but no more than half a tick early."""
    return clock - np.minimum(AHEAD * np.diff(clock, prepend=clock[0]), HALF_TICK)


def _first_tick(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """The first tick to show a frame that is taken from this time on, or up to `TIME_TOLERANCE` (s) before."""
    return np.ceil((seconds - TIME_TOLERANCE) * TICKS_PER_SECOND).astype(np.int64)


def _marked(length: int, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(length,) True at the places, those before the first left out."""
    marked = np.zeros(length, bool)
    marked[places[places >= 0]] = True
    return marked
