"""Which ticks of a video are usable as training data, and why the others are not.

Simple detectors see each frame once, at the model's input size; the model's confidence comes on top. Confidence alone
misses static screens, letterboxes and repeated frames: the model is sure that nothing moves there.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

USABLE = ""
ABSENT = "absent"
BLACK = "black"
LETTERBOXED = "letterboxed"
DUPLICATED = "duplicated"
FROZEN = "frozen"
CUT = "cut"
GAP = "gap"
UNCERTAIN = "low confidence"

REASONS = (ABSENT, GAP, BLACK, LETTERBOXED, DUPLICATED, FROZEN, CUT, UNCERTAIN)
"""Why a tick is not usable; of several reasons the first in this order is given."""


@dataclass(frozen=True, kw_only=True)
class QualityThresholds:
    """Thresholds of the detectors. Levels are of luma, 0 to 255."""

    black_level: int = 20
    """A pixel this dark is black: one step above video black, 16, and the noise a codec adds."""
    bar_share: float = 0.03
    """Black bars at two opposite edges, each at least this share of the height or the width, are a letterbox …"""
    bar_ticks: int = 200
    """… when they stay for so long. A cave may be black at both sides for a moment."""
    still_level: float = 0.3
    """Two frames whose mean difference is below this are the same frame, encoded twice."""
    frozen_ticks: int = 100
    """A picture that stays the same for so long (5 s) is a pause or a stalled stream rather than a player who waits."""
    duplicate_share: float = 0.2
    """Repeated frames between moving ones, if they are this share of a second or more, mean a lower frame rate."""
    moving_level: float = 2.0
    """Two frames whose mean difference is above this show motion."""
    cut_level: float = 20.0
    """A cut changes the mean pixel by at least this …"""
    cut_correlation: float = 0.25
    """… leaves less than this correlation at the top, the left and the right, where menus leave the picture alone …"""
    cut_ratio: float = 3.0
    """… and stands out by this factor from the differences before and after it, as no turn of the view does.

    Only sure cuts are found, about a quarter: two views that both have sky above grass are too much alike. Of play in
    the embedded world one tick in 2,000 is taken for a cut: a block breaks before the player's eyes.
    """


class FrameMeasures:
    """Measures each frame of a video in turn; `reasons` then tells which ticks are not usable."""

    def __init__(self, thresholds: QualityThresholds) -> None:
        self.thresholds = thresholds
        self._previous: NDArray[np.uint8] | None = None
        self._rows: list[tuple[bool, bool, float, float]] = []

    def add(self, frame: NDArray[np.uint8]) -> None:
        """frame: uint8 (H, W, 3) RGB."""
        luma: NDArray[np.uint8] = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
        dark: NDArray[np.bool_] = luma <= self.thresholds.black_level
        black = bool(np.count_nonzero(dark) >= 0.995 * dark.size)
        difference, correlation = _compare(self._previous, luma)
        self._rows.append((black, not black and self._has_bars(dark), difference, correlation))
        self._previous = luma

    def _has_bars(self, dark: NDArray[np.bool_]) -> bool:
        for axis in (1, 0):
            lines = np.all(dark, axis=axis)
            bar = max(int(np.ceil(self.thresholds.bar_share * len(lines))), 1)
            if lines[:bar].all() and lines[-bar:].all():
                return True
        return False

    def reasons(
        self,
        times: NDArray[np.float64],
        confidence: NDArray[np.float32],
        low: float,
        *,
        gaps: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.object_]:
        """(T,) why each tick is not usable, `USABLE` where it is.

        `times` are the frames' times in the source, in seconds; ticks whose `confidence` is below `low` are uncertain.
        Where the source leaps after a tick (`gaps`, (T,)), the action before has no result, the one after no history.
        """
        limits = self.thresholds
        columns = zip(*self._rows, strict=True) if self._rows else ((), (), (), ())
        black, bars, difference, correlation = (np.array(column) for column in columns)
        still = difference < limits.still_level
        found = {
            BLACK: black.astype(bool),
            LETTERBOXED: _long_runs(bars.astype(bool), limits.bar_ticks),
            DUPLICATED: _repeated(times) | self._duplicates(difference),
            FROZEN: _long_runs(still, limits.frozen_ticks),
            CUT: self._cuts(difference, correlation),
            UNCERTAIN: confidence < low,
            **({} if gaps is None else {GAP: gaps | _shifted(gaps, 1)}),
        }
        reasons = np.full(len(times), USABLE, object)
        for reason in reversed(REASONS):
            if reason in found:
                reasons[found[reason]] = reason
        return reasons

    def _duplicates(self, difference: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Repeated frames with motion right before and after, where they are frequent: all ticks of that second."""
        limits = self.thresholds
        moving = difference > limits.moving_level
        lone = (difference < limits.still_level) & _shifted(moving, 1) & _shifted(moving, -1)
        return _share_around(lone, 20) >= limits.duplicate_share

    def _cuts(self, difference: NDArray[np.float64], correlation: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The ticks on both sides of a scene change: the action before it has no result, the one after no history."""
        limits = self.thresholds
        around = np.maximum(_shifted(difference, 1), _shifted(difference, -1))
        cut = (difference > limits.cut_level) & (correlation < limits.cut_correlation)
        cut &= difference > limits.cut_ratio * around
        both: NDArray[np.bool_] = cut | _shifted(cut, -1)
        return both


def _compare(before: NDArray[np.uint8] | None, after: NDArray[np.uint8]) -> tuple[float, float]:
    """Mean absolute difference in levels, and the highest of the correlations along three edges.

    A video's first frame is compared with nothing: (inf, 1).
    """
    if before is None:
        return float("inf"), 1.0
    difference = float(cv2.mean(cv2.absdiff(before, after))[0])
    if difference < 5:  # alike, and the correlation of flat pictures means nothing
        return difference, 1.0
    height, width = after.shape
    upper = slice(0, height * 5 // 6)  # not the hotbar, which stays
    edges = (
        (slice(0, height // 6), slice(0, width)),
        (upper, slice(0, width // 5)),
        (upper, slice(width - width // 5, width)),
    )
    return difference, max(_correlation(before[edge], after[edge]) for edge in edges)


def _correlation(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    return float(cv2.matchTemplate(after, before, cv2.TM_CCOEFF_NORMED)[0, 0])


def _repeated(times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Ticks that show the same frame of the source as a neighbour: between two such an action has no visible result."""
    same = np.diff(times, prepend=-np.inf) <= 0
    both: NDArray[np.bool_] = same | _shifted(same, -1)
    return both


def _shifted(values: NDArray[Any], by: int) -> NDArray[Any]:
    """Values moved `by` ticks later (earlier when negative); False or 0 moves in."""
    moved = np.zeros_like(values)
    if by > 0:
        moved[by:] = values[:-by]
    else:
        moved[:by] = values[-by:]
    return moved


def _long_runs(flags: NDArray[np.bool_], shortest: int) -> NDArray[np.bool_]:
    """The flags that belong to a run of at least `shortest`."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    kept = np.zeros_like(flags)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        kept[start:stop] = stop - start >= shortest
    return kept


def _share_around(flags: NDArray[np.bool_], ticks: int) -> NDArray[np.float64]:
    """Share of flags among the `ticks` around each tick; beyond the ends there are none."""
    sums = np.concatenate([np.zeros(ticks), np.cumsum(flags), np.full(ticks, np.count_nonzero(flags))])
    half = ticks // 2
    positions = np.arange(len(flags)) + ticks
    share: NDArray[np.float64] = (sums[positions + half - 1] - sums[positions - half - 1]) / ticks
    return share
