# mypy: disable-error-code="assignment"
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
"""The largest value, and how far a change of one block is felt."""
FLATNESS = (3, 2)
"""Width of the box by its height, downwards and upwards."""


@njit(cache=True)
def fill_space(
    blocks: NDArray[np.uint8], low: tuple[int, int, int], high: tuple[int, int, int], space: NDArray[np.uint8]
) -> None:
    """Write space (2, X, Y, Z), down then up, for the cells low <= (x, y, z) < high."""
    x0, y0, z0 = max(low[0] - REACH, 0), max(low[1] - REACH, 0), max(low[2] - REACH, 0)
    x1, y1, z1 = (
        min(high[0] + REACH, blocks.shape[0]),
        min(high[1] + REACH, blocks.shape[1]),
        min(high[2] + REACH, blocks.shape[2]),
    )
    size_y, size_z = y1 - y0, z1 - z0
    along_z = np.empty((x1 - x0, size_y, size_z), np.uint8)
    for x in range(x1 - x0):
        for y in range(size_y):
            run = REACH
            for z in range(size_z):
                run = 0 if blocks[x0 + x, y0 + y, z0 + z] != 0 else min(run + 1, REACH)
                along_z[x, y, z] = run
            run = REACH
            for z in range(size_z - 1, -1, -1):
                run = min(run + 1, np.int64(along_z[x, y, z]))
                along_z[x, y, z] = run
    level = np.empty((size_y, size_z), np.uint8)
    for x in range(low[0] - x0, high[0] - x0):
        # The distance within each layer: a block k columns away and v along z is max(k, v) away.
        for y in range(size_y):
            for z in range(size_z):
                level[y, z] = along_z[x, y, z]
            for k in range(1, REACH):
                if x - k >= 0:
                    for z in range(size_z):
                        level[y, z] = min(level[y, z], max(along_z[x - k, y, z], np.uint8(k)))
                if x + k < x1 - x0:
                    for z in range(size_z):
                        level[y, z] = min(level[y, z], max(along_z[x + k, y, z], np.uint8(k)))
        for direction in range(2):
            for y in range(low[1] - y0, high[1] - y0):
                for z in range(low[2] - z0, high[2] - z0):
                    space[direction, x0 + x, y0 + y, z0 + z] = level[y, z]
                for k in range(1, REACH // FLATNESS[direction] + 1):
                    other = y + k if direction == 1 else y - k
                    if other < 0 or other >= size_y:
                        break
                    least = np.uint8(k * FLATNESS[direction])
                    for z in range(low[2] - z0, high[2] - z0):
                        reach = max(level[other, z], least)
                        if reach < space[direction, x0 + x, y0 + y, z0 + z]:
                            space[direction, x0 + x, y0 + y, z0 + z] = reach
