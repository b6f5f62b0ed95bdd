"""How well the camera's turns are found: in all, where the view moves and where not, with a screen open or not."""

import numpy as np
from numpy.typing import NDArray

from idm.comparison import Comparison

FIGURES = ("r2", "mae_degrees", "pearson", "scale", "n")
SUBSETS = ("all", "moving", "still", "screen_open", "screen_closed")


def subsets(comparison: Comparison) -> dict[str, NDArray[np.bool_]]:
    """(T,) the ticks of each of SUBSETS. The view moves where it truly turns about either axis."""
    moving = (comparison.true.camera != 0).any(axis=1)
    chosen = (np.ones_like(moving), moving, ~moving, comparison.screen_open, comparison.screen_closed)
    return {name: ticks & comparison.known for name, ticks in zip(SUBSETS, chosen, strict=True)}


def turn_sums(comparison: Comparison, ticks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(T, 2, 9): what `turn_figures` and `mean_turn_ratio` need, zero outside `ticks` (T,). Sums of it may be added."""
    true, found = comparison.true.camera.astype(np.float64), comparison.predicted.camera.astype(np.float64)
    parts = (
        np.ones_like(true), true, found, true * true, found * found, true * found,
        np.abs(found - true), np.abs(true), np.abs(found),
    )  # fmt: skip
    return np.where(ticks[:, None, None], np.stack(parts, axis=2), 0.0)


def turn_figures(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums (..., 9) -> FIGURES (..., 5): R², mean absolute error, Pearson's r, scale ratio and how many ticks.

    The scale ratio is the least-squares slope of found on true turns: below 1 turns are found too small. R², r and the
    ratio are NaN where the true turns do not vary, r also where the found ones do not.
    """
    n, true, found, true2, found2, product, error, *_ = np.moveaxis(sums, -1, 0)
    spread, found_spread = _spread(n, true, true2), _spread(n, found, found2)
    together = product - true * found / n
    squared_error = np.maximum(true2 - 2 * product + found2, 0.0)
    r2 = 1 - squared_error / spread
    return np.stack([r2, error / n, together / np.sqrt(spread * found_spread), together / spread, n], axis=-1)


def mean_turn_ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean true over mean found turn, without signs and turned over where it is below 1; from sums (..., 9)."""
    ratio = sums[..., 7] / sums[..., 8]
    ratio = np.maximum(ratio, 1 / ratio)
    return np.where(np.isfinite(ratio), ratio, np.nan)


def _spread(n: NDArray[np.float64], total: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squared distances from the mean; NaN where it is no more than rounding."""
    spread = squares - total * total / n
    return np.where(spread > 1e-9 * squares, spread, np.nan)
