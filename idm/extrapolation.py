"""What more minutes of labelled play would bring, read off the minutes that were tried: a power law, and no more."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idm.intervals import LEVEL, RESAMPLES, Estimate

MIN_MINUTES = 3
"""Through fewer amounts of play than these no curve is drawn: two always lie on one."""
LEAST_ERROR = 1e-4
FORM = "1 - figure = a * minutes ** -b"


@dataclass(frozen=True)
class Extrapolation:
    """A figure at more minutes than were tried, if it goes on as it did."""

    minutes: float
    value: Estimate
    gain: Estimate
    """By how much it lies above the curve at the minutes there are."""
    a: float
    b: float


def extrapolate(minutes: Sequence[float], figures: Sequence[float], *, now: float, more: float) -> Extrapolation | None:
    """The figure at `more` minutes beyond `now`; `minutes` and `figures` are of each model that was trained.

    Fits log(1 - figure) to log(minutes) with least squares, which knows no floor: what no play teaches is left out.
    Intervals come from fits to points drawn with replacement. None with fewer than MIN_MINUTES different minutes, of
    which nothing can be told.
    """
    if len(set(minutes)) < MIN_MINUTES:
        return None
    x = np.log(np.asarray(minutes, np.float64))
    y = np.log(np.maximum(1.0 - np.asarray(figures, np.float64), LEAST_ERROR))
    count = len(x)
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    farthest, nearest = np.where(drawn > 0, x, -np.inf).max(axis=1), np.where(drawn > 0, x, np.inf).min(axis=1)
    weights = np.concatenate([np.ones((1, count)), drawn[farthest > nearest]])  # the first is the fit itself
    slopes, levels = _fits(x, y, weights)
    before, then = (np.exp(levels + slopes * np.log(when)) for when in (now, now + more))
    return Extrapolation(
        now + more, _estimate(1.0 - then), _estimate(before - then), a=float(np.exp(levels[0])), b=float(-slopes[0])
    )


def _fits(
    x: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes and intercepts (N,) of weighted least squares; x and y (P,), weights (N, P)."""
    weights = weights / weights.sum(axis=1, keepdims=True)
    middle_x, middle_y = weights @ x, weights @ y
    spread = (weights * (x - middle_x[:, None]) ** 2).sum(axis=1)
    slopes = (weights * (x - middle_x[:, None]) * (y - middle_y[:, None])).sum(axis=1) / spread
    return slopes, middle_y - slopes * middle_x


def _estimate(values: NDArray[np.float64]) -> Estimate:
    """Of the fit itself, which comes first, and of those to drawn points."""
    low, high = np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(values[0]), float(low), float(high))
