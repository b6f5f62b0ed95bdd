"""Which frame of a video belongs to which line of a contractor's file, where there are more of one than the other."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from env.errors import RecordingError
from env.recordings.contractor import PlayerInput
from env.video.decoding import decode, frame_table
from env.video.frames import TICKS_PER_SECOND, probe

FRAME_SLACK = 2
"""Recorders may lose this many frames or lines at the end."""
TICK_MILLISECONDS = 1000 / TICKS_PER_SECOND

log = logging.getLogger(__name__)


Clock = Literal["index", "tick", "milli"]
"""Line i is frame i; or they are matched by the recorder's count of ticks, or by its clock."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """The frame of each line (L), and what tells so."""

    frames: NDArray[np.int64]
    """(L,) number of the line's frame, rising; -1 where the video has none."""
    by: Clock
    video_frames: int
    unexplained: int
    """How many more frames (or, negative, fewer) the video has than it should by that count."""


def align(path: Path, ticks: Sequence[PlayerInput], video: Path, *, by_index: bool = False) -> Alignment:
    """Lays the lines of the file `path` on the frames of its video.

    Line i is frame i where there are as many of both, or `by_index` is set. Otherwise the recorder's count of ticks, or
    else its clock, tells where lines are missing or were written twice, and the video's time stamps where frames are
    missing. What is surplus beyond that is left out at the end: up to `FRAME_SLACK` silently, more with a warning.
    Raises `RecordingError` where that many are surplus and neither count nor clock was recorded.
    """
    lines, frames = len(ticks), frame_count(video)
    index = np.arange(lines)
    if lines == frames or by_index:
        return Alignment(np.where(index < frames, index, -1), "index", frames, frames - lines)
    shown = _ticks_shown(video, frames)
    span = int(shown[-1]) + 1 if frames else 0
    count, clock = _counted_places(ticks), _clocked_places(ticks)
    # Of what explains the number of frames equally well, the first: a clock goes unevenly.
    places: list[tuple[Clock, NDArray[np.int64]]] = [*count, ("index", index), *([] if count else clock)]
    if len(places) == 1 and abs(frames - lines) > FRAME_SLACK:
        raise RecordingError(
            f"{path} has {lines} ticks but {video.name} has {frames} frames, and no `tick` or `milli` tells which "
            f"belong together; expected one frame a tick, give or take {FRAME_SLACK}."
        )
    by, place = min(places, key=lambda candidate: abs(int(candidate[1][-1]) + 1 - span))
    unexplained = span - int(place[-1]) - 1
    if abs(unexplained) > FRAME_SLACK:
        log.warning(
            "%s has %d lines for the %d frames of %s: the surplus at the end is left out", path, lines, frames, video
        )
    first = np.diff(place, prepend=-1) > 0  # of lines that were written twice
    found = np.minimum(np.searchsorted(shown, place), frames - 1)
    return Alignment(np.where(first & (shown[found] == place), found, -1), by, frames, unexplained)


def frame_count(video: Path) -> int:
    """How many frames a video has; decoded and counted only where nothing else tells."""
    frames = probe(video).frames
    if frames is None:
        table = frame_table(video)
        frames = len(table) if table is not None else sum(1 for _ in decode(video))
    return frames


def _counted_places(ticks: Sequence[PlayerInput]) -> list[tuple[Clock, NDArray[np.int64]]]:
    """The possible ticks of the video (L,) that the lines belong to, from the recorder's `tick` counts.

    The count may have begun with the recording or before: it says how many ticks came between the lines, and perhaps
    also how many came before the first.
    """
    count = _rising([tick.tick for tick in ticks])
    if count is None:
        return []
    since_first: list[tuple[Clock, NDArray[np.int64]]] = [("tick", count - count[0])]
    return [*since_first, ("tick", count)] if count[0] > 0 else since_first


def _clocked_places(ticks: Sequence[PlayerInput]) -> list[tuple[Clock, NDArray[np.int64]]]:
    """The possible ticks of the lines from the recorder's `milli` clock, counted from the first line."""
    clock = _rising([tick.milli for tick in ticks])
    return [] if clock is None else [("milli", np.rint((clock - clock[0]) / TICK_MILLISECONDS).astype(np.int64))]


def _rising(values: Sequence[float | None]) -> NDArray[np.int64] | None:
    """The values, if they are all there, never fall and do not stand still."""
    if any(value is None for value in values):
        return None
    numbers = np.array(values, np.float64).astype(np.int64)
    if (np.diff(numbers) < 0).any() or (len(numbers) > 1 and numbers[0] == numbers[-1]):
        return None
    return numbers


def _ticks_shown(video: Path, frames: int) -> NDArray[np.int64]:
    """(frames,) which tick each frame shows: a video of 20 Hz has a gap in its time stamps where one was lost."""
    table = frame_table(video)
    if table is None or len(table) != frames or frames < 2:
        return np.arange(frames)
    shown = np.rint(table.seconds * TICKS_PER_SECOND).astype(np.int64)
    steps = np.diff(shown)
    return shown if np.median(steps) == 1 and steps.min() > 0 else np.arange(frames)
