# mypy: disable-error-code="assignment,arg-type"
"""Empty space: how far a ray may leap without meeting a block, for every cell of a world.

A ray that goes down only cares for what lies beside and below it, one that goes up for what lies beside and above. So
there are two fields, and their boxes are wide and low, because most rays of a picture are nearly level. A value v > 0
promises that the box reaching v - 1 cells to all four sides and (v - 1) // FLATNESS cells downwards (or upwards) holds
no block; 0 is a block itself.
"""
# mypy takes numba's integers for numpy's.

import numpy as np
from numba import njit
from numpy.typing import NDArray

REACH = 15
"""The largest value, and how far a change of one block is felt to the sides."""
FLATNESS = (3, 2)
"""Width of the box by its height, downwards and upwards."""
DEPTH = (REACH // FLATNESS[0], REACH // FLATNESS[1])
"""How far above itself, and below, a block is felt."""

Row = NDArray[np.uint8]


@njit(cache=True)
def _squares(blocks: Row, beyond: Row, ahead: bool, row: Row) -> None:
    """Write the sides of the largest empty squares that reach from each cell of a row (n) towards `beyond`.

    `beyond` and `row` have a cell more at either end. Along the row the squares reach towards its end if it is ahead,
    else towards its start.
    """
    count = len(blocks)
    last = np.uint8(REACH)
    if ahead:
        for z in range(1, count + 1):
            row[z] = min(beyond[z], beyond[z + 1])
        for z in range(count, 0, -1):
            last = np.uint8(min(min(last, row[z]) + 1, REACH)) if blocks[z - 1] == 0 else np.uint8(0)
            row[z] = last
    else:
        for z in range(1, count + 1):
            row[z] = min(beyond[z], beyond[z - 1])
        for z in range(1, count + 1):
            last = np.uint8(min(min(last, row[z]) + 1, REACH)) if blocks[z - 1] == 0 else np.uint8(0)
            row[z] = last


@njit(cache=True)
def _lower(row: Row, other: Row, least: np.uint8) -> None:
    """Lower the values of a row to those of another, but not below `least`."""
    for z in range(len(row)):
        row[z] = min(row[z], max(other[z], least))


@njit(cache=True)
def _layers(blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(X, Y, Z) the same promise within each layer alone; beyond `blocks` everything is taken for empty."""
    size_x, size_y, size_z = blocks.shape
    level = np.full(blocks.shape, np.uint8(REACH))
    for quadrant in range(4):
        ahead_x, ahead_z = quadrant & 1 != 0, quadrant & 2 != 0
        squares = np.full((2, size_y, size_z + 2), np.uint8(REACH))  # of this x and the one before
        for i in range(size_x):
            x = size_x - 1 - i if ahead_x else i
            for y in range(size_y):
                row = squares[i & 1, y]
                _squares(blocks[x, y], squares[1 - (i & 1), y], ahead_z, row)
                _lower(level[x, y], row[1:-1], np.uint8(0))
    return level


@njit(cache=True)
def fill_space(
    blocks: NDArray[np.uint8], low: tuple[int, int, int], high: tuple[int, int, int], space: NDArray[np.uint8]
) -> None:
    """Write space (2, X, Y, Z), down then up, for the cells low <= (x, y, z) < high."""
    size_x, size_y, size_z = blocks.shape
    x0, x1 = max(low[0] - REACH, 0), min(high[0] + REACH, size_x)
    y0, y1 = max(low[1] - DEPTH[0], 0), min(high[1] + DEPTH[1], size_y)
    z0, z1 = max(low[2] - REACH, 0), min(high[2] + REACH, size_z)
    level = _layers(blocks[x0:x1, y0:y1, z0:z1])[low[0] - x0 : high[0] - x0, :, low[2] - z0 : high[2] - z0]
    for x in range(low[0], high[0]):
        for direction in range(2):
            step = 1 if direction == 1 else -1
            for y in range(low[1], high[1]):
                row = space[direction, x, y, low[2] : high[2]]
                row[:] = level[x - low[0], y - y0]
                for k in range(1, DEPTH[direction] + 1):
                    other = y + k * step
                    if not 0 <= other < size_y:
                        break
                    _lower(row, level[x - low[0], other - y0], np.uint8(k * FLATNESS[direction]))
