"""Light: how bright each cell of a world is, kept right while blocks change.

Skylight is 15 in cells that see the sky, loses one a block sideways and down, and is dimmed by leaves and water; the
light of lamps spreads alike. Both as in Minecraft.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from env.voxel.land.blocks import BLOCKS

OPAQUE_LIGHT = 255
"""Marks a cell light cannot enter. Else the low four bits are skylight, the high four the light of lamps."""
LOSS = np.full(256, 16, np.uint8)
"""(256,) light lost on entering a cell of this block; 16 stops it. A cell of loss 0 lets the sky straight down."""
LOSS[: len(BLOCKS)] = [{"cube": 16, "leaves": 2, "water": 2}.get(block.shape, 0) for block in BLOCKS]
GLOW = np.zeros(256, np.uint8)
"""(256,) light that a block gives, at most 14."""
GLOW[: len(BLOCKS)] = [14 if block.shape == "torch" else 0 for block in BLOCKS]

_SKY, _LAMPS = 0, 4  # where the two lights lie in a cell's byte


@njit(cache=True)
def column_heights(
    blocks: NDArray[np.uint8], loss: NDArray[np.uint8], x0: int, x1: int, z0: int, z1: int, heights: NDArray[np.uint8]
) -> None:
    """Write heights[x, z], the lowest y from which a column is open to the sky, for x0 <= x < x1, z0 <= z < z1."""
    for x in range(x0, x1):
        for z in range(z0, z1):
            y = blocks.shape[1]
            while y > 0 and loss[blocks[x, y - 1, z]] == 0:
                y -= 1
            heights[x, z] = y


@njit(cache=True)
def _appended(queue: NDArray[np.int32], count: int, x: int, y: int, z: int) -> NDArray[np.int32]:
    """The queue with one more cell at its end; longer where it was full."""
    if count == len(queue):
        queue = np.concatenate((queue, np.empty_like(queue)))
    queue[count] = (x, y, z)
    return queue


@njit(cache=True)
def _spread(
    blocks: NDArray[np.uint8],
    loss: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    queue: NDArray[np.int32],
    count: int,
    shift: int,
    light: NDArray[np.uint8],
) -> None:
    """Let the light at `shift` spread inside the box (x0, x1, z0, z1), breadth first from the queue's cells."""
    x0, x1, z0, z1 = box
    kept = 255 ^ (15 << shift)
    head = 0
    while head < count:
        x, y, z = queue[head]
        head += 1
        here = (light[x, y, z] >> shift) & 15
        for dx, dy, dz in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
            nx, ny, nz = x + dx, y + dy, z + dz
            if nx < x0 or nx >= x1 or ny < 0 or ny >= blocks.shape[1] or nz < z0 or nz >= z1:
                continue
            cost = max(1, loss[blocks[nx, ny, nz]])
            if cost > 15 or here <= cost or (light[nx, ny, nz] >> shift) & 15 >= here - cost:
                continue
            light[nx, ny, nz] = (light[nx, ny, nz] & kept) | ((here - cost) << shift)
            queue = _appended(queue, count, nx, ny, nz)
            count += 1


@njit(cache=True)
def fill_skylight(
    blocks: NDArray[np.uint8],
    loss: NDArray[np.uint8],
    heights: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    light: NDArray[np.uint8],
) -> None:
    """Work out `light` in the box (x0, x1, z0, z1) from the heights and the skylight just outside; no lamps shine."""
    size_x, size_y, size_z = blocks.shape
    x0, x1, z0, z1 = box
    for x in range(x0, x1):
        for y in range(size_y):
            for z in range(z0, z1):
                if loss[blocks[x, y, z]] > 15:
                    light[x, y, z] = 255
                else:
                    light[x, y, z] = 15 if y >= heights[x, z] else 0
    # From every lit cell beside a darker one.
    queue = np.empty((1 << 16, 3), np.int32)
    count = 0
    for x in range(max(x0 - 1, 0), min(x1 + 1, size_x)):
        for z in range(max(z0 - 1, 0), min(z1 + 1, size_z)):
            inside = x0 <= x < x1 and z0 <= z < z1
            top = heights[x, z]
            for dx, dz in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                if 0 <= x + dx < size_x and 0 <= z + dz < size_z:
                    top = max(top, heights[x + dx, z + dz])
            # Inside, only open sky is lit yet; the cell at `heights` also shines down into leaves and water.
            for y in range(heights[x, z] if inside else 0, min(top + 1, size_y)):
                if light[x, y, z] != 255 and light[x, y, z] & 15 > 1:
                    queue = _appended(queue, count, x, y, z)
                    count += 1
    _spread(blocks, loss, box, queue, count, _SKY, light)


@njit(cache=True)
def add_lamps(
    blocks: NDArray[np.uint8],
    loss: NDArray[np.uint8],
    glow: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    lamps: NDArray[np.int32],
    light: NDArray[np.uint8],
) -> None:
    """Add to `light` in the box (x0, x1, z0, z1) what `lamps` (N, 3), cells in it, and lit cells just outside give."""
    size_x, size_y, size_z = blocks.shape
    x0, x1, z0, z1 = box
    queue = np.empty((1 << 12, 3), np.int32)
    count = 0
    for number in range(len(lamps)):
        x, y, z = lamps[number]
        light[x, y, z] = (light[x, y, z] & 15) | (glow[blocks[x, y, z]] << _LAMPS)
        queue = _appended(queue, count, x, y, z)
        count += 1
    for x in range(max(x0 - 1, 0), min(x1 + 1, size_x)):
        for z in range(max(z0 - 1, 0), min(z1 + 1, size_z)):
            if x0 <= x < x1 and z0 <= z < z1:
                continue
            for y in range(size_y):
                if light[x, y, z] != 255 and light[x, y, z] >> _LAMPS > 1:
                    queue = _appended(queue, count, x, y, z)
                    count += 1
    _spread(blocks, loss, box, queue, count, _LAMPS, light)
