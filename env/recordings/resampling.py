"""The ticks of a contractor's recording: its lines, or what lines at another rate become.

With a line and a frame 30 or 60 times a second, each of 20 ticks a second shows the frame that it would if the video
were labelled (`ticks_of`), and does what was done from that frame until the next tick's.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from env.actions import MAX_TURN, Actions
from env.recordings.alignment import Alignment, same_rate
from env.recordings.play import Play
from env.video.held import tick_phases
from env.video.table import frame_table
from env.video.ticks import TICKS_PER_SECOND, FrameRate, ticks_of


@dataclass(frozen=True, eq=False)
class PlayedTicks:
    """The ticks of a recording (T), each with the frame it shows."""

    play: Play
    lines: NDArray[np.int64]
    """(T,) the line of that frame, from 0."""
    frames: NDArray[np.int64]
    """(T,) the number of the frame."""
    seconds: NDArray[np.float64]
    """(T,) when it is shown, since the first."""

    def __getitem__(self, ticks: NDArray[np.int64]) -> "PlayedTicks":
        return PlayedTicks(self.play[ticks], self.lines[ticks], self.frames[ticks], self.seconds[ticks])


def as_ticks(play: Play, alignment: Alignment, video: Path) -> PlayedTicks:
    """The lines that have a frame as ticks, one each, or resampled where they came at another rate than 20."""
    if alignment.source_rate != TICKS_PER_SECOND:
        return _resampled(play, alignment, video)
    lines = np.flatnonzero(alignment.frames >= 0)
    frames = alignment.frames[lines]
    return PlayedTicks(play[lines], lines, frames, frames / TICKS_PER_SECOND)


def _resampled(play: Play, alignment: Alignment, video: Path) -> PlayedTicks:
    """The lines of a file (L), laid on the frames of its video, as 20 ticks a second.

    A tick's lines are those from its frame until the next tick's; where the game's pictures are held, from the first
    frame of its picture. A button is held that was held in any, and turns of the view add up; GUI and cursor are those
    of the frame that is shown. Where slow video shows a frame for several ticks, its buttons are held in each, and the
    view turns in the last. A tick is not usable if one of its lines is not, if a line or frame of it is missing, if the
    video leaps after it or the view turns by more than half a circle. Ticks whose frame has no line are left out.

    The video's time stamps tell where ticks are, if they go at the rate of the lines; else the frames are evenly apart.
    """
    table = frame_table(video)
    real_time = same_rate(alignment.rate, alignment.source_rate)
    seconds = table.seconds if real_time else np.arange(len(table)) / alignment.source_rate
    phases = tick_phases(video, seconds) if real_time else None
    fps: FrameRate = "auto" if real_time else alignment.source_rate
    ticks = ticks_of(table.seconds, table.end, restarts=table.restarts, fps=fps, phases=phases)

    lines = np.flatnonzero(alignment.frames >= 0)
    shown = alignment.frames[lines]
    begin = ticks.frames if phases is None else _first_of_picture(seconds - phases, ticks.frames)
    until = np.append(begin[1:], len(table))
    first, last = np.searchsorted(shown, begin), np.searchsorted(shown, np.maximum(until, begin + 1))
    known = np.flatnonzero((last > first) & np.isin(ticks.frames, shown))
    frames = ticks.frames[known]
    runs = _Runs(first[known], last[known])

    broken = np.append((np.diff(lines) > 1) | (np.diff(shown) > 1), shown[-1:] != len(table) - 1)
    each = play[lines]
    camera = runs.total(each.actions.camera.astype(np.float64))
    camera[begin[known] == until[known]] = 0.0
    usable = ~runs.any(~each.usable | broken) & ~ticks.gaps[known] & (np.abs(camera) <= MAX_TURN).all(axis=1)
    at = np.searchsorted(shown, frames)
    resampled = replace(
        each[at],
        actions=Actions(runs.any(each.actions.buttons), camera.astype(np.float32)),
        null=~runs.any(~each.null),
        usable=usable,
        unmapped=tuple(
            frozenset[str]().union(*each.unmapped[start:stop])
            for start, stop in zip(runs.first, runs.last, strict=True)
        ),
    )
    return PlayedTicks(resampled, lines[at], frames, seconds[frames])


def _first_of_picture(clock: NDArray[np.float64], frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) the first frame of the held picture to which each frame belongs, by the time (F,) on the game's clock."""
    pictures = np.floor(TICKS_PER_SECOND * np.maximum.accumulate(clock) + 1e-6)
    return np.searchsorted(pictures, pictures[frames])


@dataclass(frozen=True, eq=False)
class _Runs:
    """Runs of one line or more each (N) among lines (K)."""

    first: NDArray[np.int64]
    """(N,)"""
    last: NDArray[np.int64]
    """(N,) the line after the run's last."""

    def any(self, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(N, ...) whether a value in each run is true, of (K, ...)."""
        return self.total(values.astype(np.float64)) > 0

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, ...) the sum over each run of (K, ...)."""
        padded = np.concatenate([values, np.zeros((1, *values.shape[1:]))])
        borders = np.stack([self.first, self.last], axis=1).ravel()
        sums: NDArray[np.float64] = np.add.reduceat(padded, borders)[::2] if len(borders) else padded[:0]
        return sums
