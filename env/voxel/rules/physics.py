"""Boxes and rays among the blocks: collision, edges, water and the crosshair's ray.

Positions are in blocks, y up; a box is (x0, y0, z0, x1, y1, z1). Beside and below the world everything is solid; above
it is sky. As in Minecraft 1.16 the vertical motion is resolved first and the shorter horizontal one last. Every solid
block is a full cube, so Minecraft's climbing of ledges up to 0.6 blocks has nothing to climb here.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from env.voxel.land.blocks import BLOCKS, SOLID, WATER

Box = tuple[float, float, float, float, float, float]
Vector = tuple[float, float, float]
Cell = tuple[int, int, int]
Blocks = NDArray[np.uint8]
Table = NDArray[np.bool_]

EPSILON = 1e-7
"""Boxes that overlap by less only touch."""
DROP_HEIGHT = 0.6
"""A sneaking player does not leave the edge of a deeper drop."""
EDGE_STEP = 0.05
"""Step, in blocks, by which a sneaking player's motion shrinks until it ends above ground."""
WATER_LEVEL = 8.0 / 9.0
"""Height of open water in its cell."""


def _outlines() -> NDArray[np.float64]:
    """(256, 6) the box of each block that the crosshair can point at, inside its cell; none where x1 < x0."""
    sizes = {"plant": (0.125, 0.8125), "torch": (0.375, 0.625)}  # side margin, height
    boxes = np.tile((1.0, 0.0, 0.0, 0.0, 0.0, 0.0), (256, 1))
    for block in BLOCKS:
        if block.targetable:
            margin, height = sizes.get(block.shape, (0.0, 1.0))
            boxes[block.id] = (margin, 0.0, margin, 1.0 - margin, height, 1.0 - margin)
    return boxes


OUTLINES = _outlines()


@njit(cache=True)
def _is_solid(blocks: Blocks, solid: Table, x: int, y: int, z: int) -> bool:
    if x < 0 or y < 0 or z < 0 or x >= blocks.shape[0] or z >= blocks.shape[2]:
        return True
    return y < blocks.shape[1] and bool(solid[blocks[x, y, z]])


@njit(cache=True)
def _any_solid(blocks: Blocks, solid: Table, x0: int, y0: int, z0: int, x1: int, y1: int, z1: int) -> bool:
    """Whether a cell of the range, both ends included, is solid."""
    for x in range(x0, x1 + 1):
        for y in range(y0, y1 + 1):
            for z in range(z0, z1 + 1):
                if _is_solid(blocks, solid, x, y, z):
                    return True
    return False


@njit(cache=True)
def _first(low: float) -> int:
    """The first cell that a box from `low` upwards overlaps."""
    return int(np.floor(low + EPSILON))


@njit(cache=True)
def _last(high: float) -> int:
    """The last cell that a box up to `high` overlaps."""
    return int(np.ceil(high - EPSILON)) - 1


@njit(cache=True)
def _shift(box: Box, x: float, y: float, z: float) -> Box:
    return (box[0] + x, box[1] + y, box[2] + z, box[3] + x, box[4] + y, box[5] + z)


@njit(cache=True)
def _inside(blocks: Blocks, solid: Table, box: Box) -> bool:
    return _any_solid(
        blocks, solid, _first(box[0]), _first(box[1]), _first(box[2]), _last(box[3]), _last(box[4]), _last(box[5])
    )


@njit(cache=True)
def _sweep_x(blocks: Blocks, solid: Table, box: Box, motion: float) -> float:
    """The free part of a motion along x."""
    y0, z0, y1, z1 = _first(box[1]), _first(box[2]), _last(box[4]), _last(box[5])
    if motion > 0.0:
        for x in range(_last(box[3]) + 1, _last(box[3] + motion) + 1):
            if _any_solid(blocks, solid, x, y0, z0, x, y1, z1):
                return x - box[3]
    else:
        for x in range(_first(box[0]) - 1, _first(box[0] + motion) - 1, -1):
            if _any_solid(blocks, solid, x, y0, z0, x, y1, z1):
                return x + 1 - box[0]
    return motion


@njit(cache=True)
def _sweep_y(blocks: Blocks, solid: Table, box: Box, motion: float) -> float:
    """The free part of a motion along y."""
    x0, z0, x1, z1 = _first(box[0]), _first(box[2]), _last(box[3]), _last(box[5])
    if motion > 0.0:
        for y in range(_last(box[4]) + 1, _last(box[4] + motion) + 1):
            if _any_solid(blocks, solid, x0, y, z0, x1, y, z1):
                return y - box[4]
    else:
        for y in range(_first(box[1]) - 1, _first(box[1] + motion) - 1, -1):
            if _any_solid(blocks, solid, x0, y, z0, x1, y, z1):
                return y + 1 - box[1]
    return motion


@njit(cache=True)
def _sweep_z(blocks: Blocks, solid: Table, box: Box, motion: float) -> float:
    """The free part of a motion along z."""
    x0, y0, x1, y1 = _first(box[0]), _first(box[1]), _last(box[3]), _last(box[4])
    if motion > 0.0:
        for z in range(_last(box[5]) + 1, _last(box[5] + motion) + 1):
            if _any_solid(blocks, solid, x0, y0, z, x1, y1, z):
                return z - box[5]
    else:
        for z in range(_first(box[2]) - 1, _first(box[2] + motion) - 1, -1):
            if _any_solid(blocks, solid, x0, y0, z, x1, y1, z):
                return z + 1 - box[2]
    return motion


@njit(cache=True)
def _sweep(blocks: Blocks, solid: Table, box: Box, motion: Vector) -> Vector:
    x, y, z = motion
    y = _sweep_y(blocks, solid, box, y)
    box = _shift(box, 0.0, y, 0.0)
    if abs(x) < abs(z):
        z = _sweep_z(blocks, solid, box, z)
        x = _sweep_x(blocks, solid, _shift(box, 0.0, 0.0, z), x)
    else:
        x = _sweep_x(blocks, solid, box, x)
        z = _sweep_z(blocks, solid, _shift(box, x, 0.0, 0.0), z)
    return x, y, z


@njit(cache=True)
def _shrink(motion: float) -> float:
    return 0.0 if abs(motion) < EDGE_STEP else motion - np.sign(motion) * EDGE_STEP


@njit(cache=True)
def _stay(blocks: Blocks, solid: Table, box: Box, x: float, z: float) -> tuple[float, float]:
    while x != 0.0 and not _inside(blocks, solid, _shift(box, x, -DROP_HEIGHT, 0.0)):
        x = _shrink(x)
    while z != 0.0 and not _inside(blocks, solid, _shift(box, 0.0, -DROP_HEIGHT, z)):
        z = _shrink(z)
    while x != 0.0 and z != 0.0 and not _inside(blocks, solid, _shift(box, x, -DROP_HEIGHT, z)):
        x, z = _shrink(x), _shrink(z)
    return x, z


@njit(cache=True)
def water_depth(blocks: Blocks, box: Box) -> float:
    """How far the water's surface lies above the bottom of the box, in blocks; 0 outside water."""
    depth = 0.0
    for x in range(max(_first(box[0]), 0), min(_last(box[3]) + 1, blocks.shape[0])):
        for z in range(max(_first(box[2]), 0), min(_last(box[5]) + 1, blocks.shape[2])):
            for y in range(max(_first(box[1]), 0), min(_last(box[4]) + 1, blocks.shape[1])):
                if blocks[x, y, z] == WATER:
                    covered = y + 1 < blocks.shape[1] and blocks[x, y + 1, z] == WATER
                    depth = max(depth, y + (1.0 if covered else WATER_LEVEL) - box[1])
    return depth


@njit(cache=True)
def _enter(outline: NDArray[np.float64], eye: Vector, direction: Vector, cell: Cell) -> tuple[float, int]:
    """(distance to where a ray enters a block's outline, axis of the face entered); infinity if it misses."""
    near, far, axis = -np.inf, np.inf, 1
    for i in range(3):
        low, high = cell[i] + outline[i] - eye[i], cell[i] + outline[i + 3] - eye[i]
        if direction[i] == 0.0:
            if low > 0.0 or high < 0.0:
                return np.inf, axis
            continue
        enter, leave = low / direction[i], high / direction[i]
        if enter > leave:
            enter, leave = leave, enter
        if enter > near:
            near, axis = enter, i
        far = min(far, leave)
    return (near if near <= far and far >= 0.0 else np.inf), axis


@njit(cache=True)
def _next_cell(eye: Vector, direction: Vector, cell: Cell) -> tuple[float, Cell]:
    """(distance at which a ray leaves the cell, the cell it goes to)."""
    nearest, axis = np.inf, 0
    for i in range(3):
        if direction[i] != 0.0:
            edge = cell[i] + (1 if direction[i] > 0.0 else 0)
            distance = (edge - eye[i]) / direction[i]
            if distance < nearest:
                nearest, axis = distance, i
    step = 1 if direction[axis] > 0.0 else -1
    return nearest, (cell[0] + step * (axis == 0), cell[1] + step * (axis == 1), cell[2] + step * (axis == 2))


@njit(cache=True)
def _cast(
    blocks: Blocks, outlines: NDArray[np.float64], eye: Vector, direction: Vector, reach: float
) -> tuple[bool, Cell, Cell]:
    cell = (int(np.floor(eye[0])), int(np.floor(eye[1])), int(np.floor(eye[2])))
    travelled = 0.0
    while travelled <= reach:
        x, y, z = cell
        if 0 <= x < blocks.shape[0] and 0 <= y < blocks.shape[1] and 0 <= z < blocks.shape[2]:
            outline = outlines[blocks[x, y, z]]
            if outline[0] < outline[3]:
                distance, axis = _enter(outline, eye, direction, cell)
                if distance <= reach:
                    sign = -1 if direction[axis] > 0.0 else 1
                    normal = (sign * (axis == 0), sign * (axis == 1), sign * (axis == 2))
                    return True, cell, normal
        travelled, cell = _next_cell(eye, direction, cell)
    return False, cell, (0, 0, 0)


# The kernels above get the tables of blocks as arguments: numba would bake a global one into its cache on disk,
# where it outlives a change of `blocks`.


def is_inside_solid(blocks: Blocks, box: Box) -> bool:
    """Whether the box overlaps a solid block."""
    return bool(_inside(blocks, SOLID, box))


def sweep(blocks: Blocks, box: Box, motion: Vector) -> Vector:
    """The free part of a motion, one axis after the other."""
    x, y, z = _sweep(blocks, SOLID, box, motion)
    return x, y, z


def stay_above_ground(blocks: Blocks, box: Box, x: float, z: float) -> tuple[float, float]:
    """The part of a sneaking player's horizontal motion that does not leave the edge it stands on."""
    x, z = _stay(blocks, SOLID, box, x, z)
    return x, z


def cast_ray(blocks: Blocks, eye: Vector, direction: Vector, reach: float) -> tuple[bool, Cell, Cell]:
    """The first block along a ray of unit direction: (whether there is one, its cell, the normal of the face hit)."""
    found, cell, normal = _cast(blocks, OUTLINES, eye, direction, reach)
    return found, cell, normal
