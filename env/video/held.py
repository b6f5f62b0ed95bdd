"""Finds the game's ticks in a video that repeats each tick's picture until the next.

The capture of a 20-fps stream at 30 fps shows pictures 0, 0, 1, 2, 2, 3, ...: where two frames are the same, the game
did not step between them. The phase of the ticks that fits what is the same and what is not is looked for in short
pieces all over the video, because the clocks of game and recorder drift apart.
"""

from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from env.errors import VideoError
from env.video.container import PathLike
from env.video.decoding import decode
from env.video.pictures import converted
from env.video.ticks import TICKS_PER_SECOND

PIECE, EVERY = 5.0, 30.0
"""So many seconds are looked at, beginning every so many."""
SLOWEST = 21.0
"""Frames a second below which no tick has two frames to compare."""
PHASES = 60
"""Candidates within a tick."""
MOST_INSIDE = 0.25
"""The share that may fall inside ticks of what would if the picture changed evenly: codecs change pictures a little."""
STILL = 0.02
"""Mean change of luma (0 to 255) between frames below which a piece tells nothing."""
SPACING = 4
"""Every so many-th pixel, in both directions, is compared."""


def tick_phases(path: PathLike, seconds: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """(T,) by how much (s) ticks begin after multiples of 1/20 s, at each frame; None where pictures are not held.

    `seconds` (T,) are the frames' times. Decodes about a sixth of the video.
    """
    if len(seconds) < 2 or (len(seconds) - 1) / max(seconds[-1] - seconds[0], 1e-9) < SLOWEST:
        return None
    found = [
        (seconds[piece.start], phase)
        for piece, changes in _pieces(path, seconds)
        if changes.mean() > STILL
        for phase in [phase_of(seconds[piece], changes)]
    ]
    known = [(time, phase) for time, phase in found if phase is not None]
    if 2 * len(known) <= len(found):
        return None
    times, phases = np.array(known).T
    at_frames: NDArray[np.float64] = np.interp(seconds, times, np.unwrap(phases, period=1 / TICKS_PER_SECOND))
    return at_frames


def phase_of(seconds: NDArray[np.float64], changes: NDArray[np.float64]) -> float | None:
    """By how much (s, less than a tick) ticks begin after multiples of 1/20 s, in frames (T,) of a held picture.

    `changes` (T - 1,) is by how much each frame differs from the one before, in any unit. None where no phase leaves
    the frames within a tick alike. Of phases that fit as well, the middle one.
    """
    phases = np.arange(PHASES) / PHASES
    ticks = np.floor(TICKS_PER_SECOND * seconds - phases[:, None] + 1e-6)  # (phases, T)
    within = np.diff(ticks, axis=1) == 0
    inside = within @ changes / max(float(changes.sum()), 1e-9)  # (phases,) share of the change
    least = int(inside.argmin())
    if inside[least] > MOST_INSIDE * within[least].mean():
        return None
    good = inside <= inside[least] + 0.02 * within[least].mean()
    # The good phases are neighbours on a circle: their middle is the direction of their mean.
    middle = np.angle(np.exp(2j * np.pi * phases[good]).sum()) / (2 * np.pi)
    return float(middle % 1.0) / TICKS_PER_SECOND


def _pieces(path: PathLike, seconds: NDArray[np.float64]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Runs of frames, and by how much each of them but the first differs from the one before."""
    for begin in np.arange(seconds[0], seconds[-1], EVERY):
        start, stop = np.searchsorted(seconds, [begin, begin + PIECE])
        lumas: list[NDArray[np.int16]] = []
        try:
            for _, _, picture in islice(decode(path, int(start)), int(stop - start)):
                lumas.append(converted(picture, "gray")[::SPACING, ::SPACING].astype(np.int16))
        except VideoError:
            return  # met again by whoever reads the frames
        if len(lumas) == stop - start and len(lumas) > TICKS_PER_SECOND:
            changes = [np.abs(after - before).mean() for before, after in pairwise(lumas)]
            yield slice(int(start), int(stop)), np.array(changes)
