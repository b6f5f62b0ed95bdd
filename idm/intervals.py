"""95 % intervals by drawing whole recordings anew: ticks of one recording resemble each other, recordings less so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_RECORDINGS = 5
"""With fewer recordings, blocks of BLOCK ticks are drawn instead."""
BLOCK = 1200
"""Ticks of a block: one minute."""
RESAMPLES = 1000
LEVEL = 0.95
MAX_UNDEFINED = 0.2
"""A figure that more of the draws leave without a value has no interval: a single unit is behind it, or nearly so."""


@dataclass(frozen=True)
class Estimate:
    """A figure and its interval; None where it is not defined, as R² of what never varies is not."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Bootstrap:
    """Draws units of play with replacement, and works figures out of sums over what was drawn.

    `lengths` are the ticks of each recording. A unit is a recording, or with fewer than MIN_RECORDINGS a block of about
    BLOCK ticks of one. With a single unit there is nothing to draw, and no interval.
    """

    def __init__(self, lengths: Sequence[int], *, resamples: int = RESAMPLES, seed: int = 0) -> None:
        recordings = [length for length in lengths if length]
        self.over = "recordings" if len(recordings) >= MIN_RECORDINGS else "blocks"
        counts = [1 if self.over == "recordings" else max(1, round(length / BLOCK)) for length in recordings]
        ends = np.cumsum(recordings)
        self.starts = np.concatenate(
            [end - length + np.arange(n) * length // n for end, length, n in zip(ends, recordings, counts, strict=True)]
        )
        self.seed, self.resamples = seed, resamples
        rng = np.random.default_rng(seed)
        units = len(self.starts)
        self.weights = rng.multinomial(units, np.full(units, 1 / units), size=resamples)  # (resamples, units)

    def sums(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """values (T, ...) -> sums over the ticks of each unit, (units, ...)."""
        summed: NDArray[np.float64] = np.add.reduceat(values, self.starts, axis=0, dtype=np.float64)
        return summed

    def estimate(
        self, statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]], sums: NDArray[np.float64]
    ) -> list[Estimate]:
        """Figures with intervals.

        sums: (units, ...). `statistic` turns totals (n, ...) into figures (n, figures), NaN where not defined.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            values = statistic(sums.sum(axis=0)[None])[0]
            if len(self.starts) < 2:
                return [Estimate(_defined(value)) for value in values]
            drawn = statistic(np.tensordot(self.weights, sums, axes=1))  # (resamples, figures)
        return [self._interval(value, column) for value, column in zip(values, drawn.T, strict=True)]

    def _interval(self, value: float, drawn: NDArray[np.float64]) -> Estimate:
        defined = np.isfinite(drawn)
        if not np.isfinite(value) or defined.mean() < 1 - MAX_UNDEFINED:
            return Estimate(_defined(value))
        low, high = np.quantile(drawn[defined], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Estimate(float(value), float(low), float(high))

    def to_dict(self) -> dict[str, Any]:
        """How the intervals were made, as plain data for JSON."""
        return {
            "over": self.over,
            "units": len(self.starts),
            "resamples": self.resamples,
            "seed": self.seed,
            "level": LEVEL,
        }

    def note(self) -> str:
        """One line that says what the intervals are over."""
        units = len(self.starts)
        if units < 2:
            return "no intervals: they take five recordings, or two minutes of play"
        what = "recordings" if self.over == "recordings" else "blocks of a minute, as there are fewer than 5 recordings"
        return f"95 % intervals: {self.resamples:,} draws of {units} {what}"


def _defined(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
