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
    late: NDArray[np.float64]
    """(N,) by how much (s) the game had gone on when it drew that frame, from the tick on; negative where the frame is
    from before the tick."""

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
        return Ticks(np.arange(count), _marked(count, joined), np.zeros(count))
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
    numbers = np.arange(len(frames)) + np.repeat(first - np.cumsum(repeats) + repeats, repeats)
    late = clock[frames] - numbers / TICKS_PER_SECOND if phases is None else np.zeros(len(frames))
    before_leaps = np.union1d(np.flatnonzero(held[:-1]), joined)
    return Ticks(frames, _marked(len(frames), np.searchsorted(frames, before_leaps, side="right") - 1), late)


def turns_per_tick(
    camera: NDArray[np.float32], *, late: NDArray[np.float64], gaps: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The view's turn in each tick (N, 2), from its turn between each tick's frame and the next one's (N, 2).

    Frames that are drawn early or late show more or less than a tick's turn: the view is taken to turn evenly between
    them. `late` (N,) and `gaps` (N,) are those of `Ticks`.
    """
    turns = np.array(camera)
    ends = np.flatnonzero(gaps) + 1
    for start, stop in zip([0, *ends], [*ends, len(turns)], strict=True):
        if stop > start and np.abs(late[start:stop]).max() > TIME_TOLERANCE:
            drawn = np.arange(stop - start) + late[start:stop] * TICKS_PER_SECOND
            turns[start:stop] = _spread(camera[start:stop].astype(np.float64), drawn)
    return turns


def _spread(turns: NDArray[np.float64], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns (N, 2) from one frame to the next, which are drawn at these times (N,) in ticks -> turns in each tick."""
    angles = np.cumsum(np.insert(turns, 0, 0.0, axis=0), axis=0)  # (N + 1, 2) at each frame
    drawn, first = np.unique(
        np.round(drawn, 6), return_index=True
    )  # each frame once, though it may be shown repeatedly
    known = angles[[*first, -1]]
    drawn = np.append(drawn, drawn[-1] + 1)
    before = known[0] - (known[1] - known[0]) / (drawn[1] - drawn[0])  # a tick before the first frame
    drawn, known = np.insert(drawn, 0, drawn[0] - 1), np.insert(known, 0, before, axis=0)
    grid = np.arange(len(turns) + 1)
    return np.diff(np.stack([np.interp(grid, drawn, axis) for axis in known.T], axis=1), axis=0)


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
