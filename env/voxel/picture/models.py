"""Draws small things that are not on the block grid: the arm, the held item, dropped items.

Each is a box, or a flat picture with thickness.
"""

from dataclasses import dataclass
from math import cos, radians, sin
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.floating[Any]]
Matrix = Float
"""(4, 4), acts on column vectors."""

_SUN = np.array([-0.25, 0.85, 0.46])
"""Direction the light on models comes from, in the view's axes."""
_CORNERS = np.array([(x, y, z, 1.0) for x in (0, 1) for y in (0, 1) for z in (0, 1)])


@dataclass(frozen=True)
class Model:
    """A unit box (0 to 1 along each axis) placed somewhere."""

    pose: Matrix
    """From the box to the view's axes (x right, y up, z backward)."""
    tiles: NDArray[np.int16]
    """(6,) tile of each face -x +x -y +y -z +z."""
    flat: bool = False
    """A picture in the xy plane, a sixteenth thick, whose see-through texels are really missing."""
    light: float = 1.0


def shift(x: float, y: float, z: float) -> Matrix:
    """A translation."""
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    return matrix


def scale(x: float, y: float, z: float) -> Matrix:
    """A stretch along the axes."""
    return np.diag([x, y, z, 1.0])


def turn(axis: int, degrees: float) -> Matrix:
    """A rotation around axis 0, 1 or 2, counter-clockwise seen from its tip."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(4)
    sine = sin(radians(degrees))
    matrix[first, first] = matrix[second, second] = cos(radians(degrees))
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def draw_model(
    model: Model,
    columns: Float,
    rows: Float,
    *,
    texels: NDArray[np.uint8],
    colour: NDArray[np.float32],
    depth: NDArray[np.float32],
) -> None:
    """Draw over `colour` (R, C, 3) where the model is nearer than `depth` (R, C); the rays are `raycast.Rays`."""
    window = _window(model.pose, columns, rows)
    inverse = np.linalg.inv(model.pose)
    edges = model.pose[:3, :3]
    normals = edges / np.maximum(np.sqrt(np.add.reduce(edges * edges, axis=0)), 1e-9)
    slant = _SUN @ normals
    shades = np.empty(6)
    shades[0::2], shades[1::2] = 0.7 - 0.3 * slant, 0.7 + 0.3 * slant
    shades *= model.light
    _trace(inverse, columns, rows, window, model.tiles, model.flat, shades, texels, colour, depth)


def _window(pose: Matrix, columns: Float, rows: Float) -> tuple[int, int, int, int]:
    """First and last-plus-one row and column that the box may cover."""
    corners = _CORNERS @ pose.T
    ahead = -corners[:, 2]
    if ahead.max() <= 0.02:
        return 0, 0, 0, 0
    if ahead.min() <= 0.02:
        return 0, len(rows), 0, len(columns)
    x, y = corners[:, 0] / ahead, corners[:, 1] / ahead
    first_row, last_row = np.searchsorted(-rows, [-y.max(), -y.min()])
    first_column, last_column = np.searchsorted(columns, [x.min(), x.max()])
    return int(first_row), int(last_row), int(first_column), int(last_column)


@njit(cache=True, error_model="numpy")
def _trace(
    inverse: Matrix, columns: Float, rows: Float, window: tuple[int, int, int, int],
    tiles: NDArray[np.int16], flat: bool, shades: Float, texels: NDArray[np.uint8],
    colour: NDArray[np.float32], depth: NDArray[np.float32],
) -> None:  # fmt: skip
    ox, oy, oz = inverse[0, 3], inverse[1, 3], inverse[2, 3]
    low_z, high_z = (0.46875, 0.53125) if flat else (0.0, 1.0)
    for row in range(window[0], window[1]):
        for column in range(window[2], window[3]):
            right, up = columns[column], rows[row]
            dx = inverse[0, 0] * right + inverse[0, 1] * up - inverse[0, 2]
            dy = inverse[1, 0] * right + inverse[1, 1] * up - inverse[1, 2]
            dz = inverse[2, 0] * right + inverse[2, 1] * up - inverse[2, 2]
            dx = dx if dx != 0.0 else 1e-12
            dy = dy if dy != 0.0 else 1e-12
            dz = dz if dz != 0.0 else 1e-12
            x0, x1 = -ox / dx, (1.0 - ox) / dx
            y0, y1 = -oy / dy, (1.0 - oy) / dy
            z0, z1 = (low_z - oz) / dz, (high_z - oz) / dz
            enter_x, enter_y, enter_z = min(x0, x1), min(y0, y1), min(z0, z1)
            t = max(enter_x, enter_y, enter_z, 0.02)
            leave = min(max(x0, x1), max(y0, y1), max(z0, z1))
            if t >= leave or t >= depth[row, column]:
                continue
            axis = 0 if enter_x >= t else 1 if enter_y >= t else 2
            if flat:
                # Walk through the picture's texels until one is there.
                u = int(min(max(np.floor((ox + t * dx) * 16.0), 0.0), 15.0))
                v = int(min(max(np.floor((oy + t * dy) * 16.0), 0.0), 15.0))
                found = False
                while t < leave:
                    if texels[tiles[4], (15 - v) * 16 + u, 3] > 127:
                        found = True
                        break
                    tx = ((u + (1 if dx > 0.0 else 0)) * 0.0625 - ox) / dx
                    ty = ((v + (1 if dy > 0.0 else 0)) * 0.0625 - oy) / dy
                    t = min(tx, ty)
                    if tx < ty:
                        axis = 0
                        u += 1 if dx > 0.0 else -1
                    else:
                        axis = 1
                        v += 1 if dy > 0.0 else -1
                    if u < 0 or u > 15 or v < 0 or v > 15:
                        break
                if not found or t >= depth[row, column]:
                    continue
                tile, texel = tiles[4], (15 - v) * 16 + u
            else:
                px, py, pz = ox + t * dx, oy + t * dy, oz + t * dz
                a, b = (pz, 1.0 - py) if axis == 0 else (px, pz) if axis == 1 else (px, 1.0 - py)
                tile = tiles[axis * 2 + (0 if (dx, dy, dz)[axis] > 0.0 else 1)]
                texel = min(max(int(b * 16.0), 0), 15) * 16 + min(max(int(a * 16.0), 0), 15)
                if texels[tile, texel, 3] < 10:
                    continue
            shade = shades[axis * 2 + (0 if (dx, dy, dz)[axis] > 0.0 else 1)]
            depth[row, column] = t
            for channel in range(3):
                colour[row, column, channel] = texels[tile, texel, channel] * shade
