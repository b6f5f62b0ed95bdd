"""Frames that carry their own number, so that a test can tell which one it was given."""

import numpy as np
import pytest
from numpy.typing import NDArray

BITS = 12


class BarCode:
    """Numbers below 4096 as black and white bars, readable after lossy coding and at half the size."""

    size = (32, 16 * BITS)

    def draw(self, number: int) -> NDArray[np.uint8]:
        bits = number >> np.arange(BITS) & 1
        row = np.repeat(bits * 255, 16).astype(np.uint8)
        return np.broadcast_to(row[None, :, None], (*self.size, 3)).copy()

    def clip(self, length: int) -> NDArray[np.uint8]:
        return np.stack([self.draw(number) for number in range(length)])

    def read(self, frame: NDArray[np.uint8]) -> int:
        bars = frame.mean(axis=(0, 2)).reshape(BITS, -1).mean(axis=1)
        return int(((bars > 127) << np.arange(BITS)).sum())


@pytest.fixture(scope="session")
def bars() -> BarCode:
    return BarCode()
