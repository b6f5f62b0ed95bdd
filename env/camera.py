"""Turns of the view in degrees, as a few bins that are fine near zero and coarse far from it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class CameraQuantizer:
    """Degrees <-> bins, element by element, for arrays of any shape.

    The camera of VPT's action space (arXiv 2206.11795, appendix). Degrees are clipped to +-`max_degrees` and
    squeezed by the mu-law before they are rounded to the nearest of `bins` levels; a value half-way between two goes to
    the even one. `mu=None` spaces the levels evenly.
    """

    max_degrees: float = 10.0
    bin_size: float = 2.0
    """Distance of the levels after squeezing, in degrees."""
    mu: float | None = 10.0

    def __post_init__(self) -> None:
        settings = [self.max_degrees, self.bin_size, *([] if self.mu is None else [self.mu])]
        if not all(0 < setting < math.inf for setting in settings):
            raise ValueError(f"{self}: all of these must be positive numbers (mu may be None for even bins).")
        steps = self.max_degrees / self.bin_size
        if not math.isclose(steps, max(1, round(steps)), rel_tol=1e-9):
            raise ValueError(f"{self}: max_degrees must be a multiple of bin_size, so that one bin means no turn.")

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return 2 * self.null_bin + 1

    @property
    def null_bin(self) -> int:
        """The bin of no turn."""
        return round(self.max_degrees / self.bin_size)

    @property
    def centres(self) -> NDArray[np.float32]:
        """(bins,) degrees each bin stands for."""
        return self.decode(np.arange(self.bins))

    def encode(self, degrees: ArrayLike) -> NDArray[np.int64]:
        """The bin of each turn, 0 to `bins` - 1. Raises `ValueError` for a turn that is not a number."""
        levels = np.clip(np.asarray(degrees, np.float64), -self.max_degrees, self.max_degrees)
        if np.isnan(levels).any():
            raise ValueError("a turn of the camera is not a number (NaN); expected degrees.")
        if self.mu is not None:
            # Not log1p: where a turn lies on the edge of two bins, rounding must fall as in OpenAI's formula.
            squeezed = np.log(1.0 + self.mu * np.abs(levels) / self.max_degrees) / np.log(1.0 + self.mu)
            levels = np.sign(levels) * squeezed * self.max_degrees
        return np.round((levels + self.max_degrees) / self.bin_size).astype(np.int64)

    def decode(self, bins: ArrayLike) -> NDArray[np.float32]:
        """The turn in degrees each bin stands for."""
        levels = np.asarray(bins, np.float64) * self.bin_size - self.max_degrees
        if self.mu is not None:
            stretched = ((1.0 + self.mu) ** (np.abs(levels) / self.max_degrees) - 1.0) / self.mu
            levels = np.sign(levels) * stretched * self.max_degrees
        return levels.astype(np.float32)
