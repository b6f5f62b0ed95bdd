# mypy: disable-error-code="assignment,arg-type,no-any-return"
"""The ray caster: colours and distances of the blocks along a grid of rays, in one compiled function.

Everything compiled lives in this file, because numba's cache does not notice changes in functions imported from
elsewhere. Directions are not normalised: a ray's parameter t is the depth along the view axis. Indices that are never
negative are made unsigned, which spares a test at each access.
"""
# mypy takes numba's integers for numpy's.

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from env.voxel.land.blocks import BLOCKS

Float = NDArray[np.floating[Any]]

EMPTY, CUBE, LEAVES, GLASS, WATER, PLANT, TORCH = range(7)
SHAPES = np.zeros(256, np.uint8)
"""(256,) how each block is drawn, as one of the numbers above."""
SHAPES[: len(BLOCKS)] = [("empty", "cube", "leaves", "glass", "water", "plant", "torch").index(b.shape) for b in BLOCKS]

SPECKLED = np.zeros(256, np.bool_)
"""(256,) blocks whose texture is mirrored from cell to cell, so that its repetition does not show."""
SPECKLED[: len(BLOCKS)] = [
    b.name in ("grass_block", "dirt", "stone", "sand", "gravel", "grass", "bedrock", "clay", "snow_block")
    or b.shape == "leaves"
    for b in BLOCKS
]

FLATTER_DOWN, FLATTER_UP = 11, 16
"""Height of the boxes of `space` by their width, in 32nds: a third (exact for all widths that there are) and a half."""
RIM = 1.0 - 1e-9
OUTLINE_SHADE = 0.45
WATER_MURK = 0.22
"""Share of colour that a block's length of water takes, roughly."""
WATER_HEIGHT = 0.875
"""How high water stands in its uppermost cell."""


class Rays(NamedTuple):
    """A grid of rays from one eye."""

    eye: Float
    """(3,) origin; inside the world in x and z, and not below it."""
    axes: Float
    """(3, 3) rows: the view's right, up and backward directions."""
    columns: Float
    """(C,) how far right of the middle each column looks, per unit of depth."""
    rows: Float
    """(R,) how far up of the middle each row looks, per unit of depth."""


class Scene(NamedTuple):
    """What the rays meet."""

    blocks: NDArray[np.uint8]
    light: NDArray[np.uint8]
    space: NDArray[np.uint8]
    top: int
    texels: NDArray[np.uint32]
    """(tiles * 341,) red + green << 8 + blue << 16 + alpha << 24."""
    faces: NDArray[np.int16]
    shapes: NDArray[np.uint8]
    speckled: NDArray[np.bool_]
    brightness: NDArray[np.float64]
    """(256,) how bright a cell of that light is."""
    crack: NDArray[np.uint8]
    """(256,) darkness of the crack on the target's faces."""
    target: tuple[int, int, int]
    """The outlined cell; y is -1 if there is none."""
    line: float
    """Width of the outline per unit of depth."""
    pixel: float
    """Width of a pixel per unit of depth."""
    fog_start: float
    fog_end: float


@njit(cache=True, error_model="numpy")
def _corner(brightness: Float, light: NDArray[np.uint8], middle: int, side: int, other: int, diagonal: int) -> float:
    """Smooth light at a face's corner: the mean brightness of the four cells there, dimmer for every opaque one."""
    own = brightness[light[np.uintp(middle)]]
    total, shade = own, 1.0
    closed = 0
    for cell in (side, other):
        if light[np.uintp(cell)] == 255:
            closed += 1
            total += own
            shade += 0.2
        else:
            total += brightness[light[np.uintp(cell)]]
            shade += 1.0
    if closed == 2 or light[np.uintp(diagonal)] == 255:
        total += own
        shade += 0.2
    else:
        total += brightness[light[np.uintp(diagonal)]]
        shade += 1.0
    return total * shade * 0.0625


@njit(cache=True, error_model="numpy")
def _level(footprint: float) -> int:
    """The level of detail whose texels are about as wide as a pixel, which covers `footprint` texels."""
    if footprint < 1.25:
        return 0
    if footprint < 2.5:
        return 1
    if footprint < 5.0:
        return 2
    if footprint < 10.0:
        return 3
    return 4


@njit(cache=True, error_model="numpy")
def _texel(tile: int, u: float, v: float, level: int) -> int:
    """Index of the texel at (u, v), v down, of one of a tile's levels of detail."""
    side = 16 >> level
    column = min(max(int(u * side), 0), side - 1)
    row = min(max(int(v * side), 0), side - 1)
    return tile * 341 + (1024 - (1024 >> (2 * level))) // 3 + row * side + column


@njit(cache=True, error_model="numpy")
def _near_edge(x: float, y: float, z: float, axis: int, width: float) -> bool:
    """Whether a point on a cell's face (coordinates within the cell) lies within `width` of the face's rim."""
    edge = 1.0
    if axis != 0:
        edge = min(edge, x, 1.0 - x)
    if axis != 1:
        edge = min(edge, y, 1.0 - y)
    if axis != 2:
        edge = min(edge, z, 1.0 - z)
    return edge < width


@njit(cache=True, error_model="numpy")
def _aim(rays: Rays, row: int, size_x: int, top: int, size_z: int, fog_end: float, aims: tuple[Float, ...]) -> None:
    """Write eight (C,) for a row of rays: direction, its inverse, its length, and the depth at which the ray ends.

    A ray ends in the fog or at the world's rim; the rim is drawn in a hair, so that rounding cannot step over it.
    """
    axes, up = rays.axes, rays.rows[row]
    dxs, dys, dzs, ixs, iys, izs, lengths, ends = aims
    row_x, row_y, row_z = up * axes[1, 0] - axes[2, 0], up * axes[1, 1] - axes[2, 1], up * axes[1, 2] - axes[2, 2]
    ox, oy, oz = rays.eye
    for column in range(len(rays.columns)):
        right = rays.columns[column]
        dx, dy, dz = row_x + right * axes[0, 0], row_y + right * axes[0, 1], row_z + right * axes[0, 2]
        dx = dx if dx != 0.0 else 1e-12
        dy = dy if dy != 0.0 else 1e-12
        dz = dz if dz != 0.0 else 1e-12
        ix, iy, iz = 1.0 / dx, 1.0 / dy, 1.0 / dz
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        out_x = ((size_x - ox) if dx > 0.0 else -ox) * ix
        out_y = ((top - oy) if dy > 0.0 else -oy) * iy
        out_z = ((size_z - oz) if dz > 0.0 else -oz) * iz
        out = out_x if out_x < out_y else out_y
        out = (out if out < out_z else out_z) * RIM
        fog = fog_end / length
        dxs[column], dys[column], dzs[column] = dx, dy, dz
        ixs[column], iys[column], izs[column] = ix, iy, iz
        lengths[column], ends[column] = length, out if out < fog else fog


@njit(cache=True, error_model="numpy")
def _depart(
    eye: Float, down: int, up: int, aims: tuple[Float, ...], depths: Float, places: tuple[NDArray[np.int64], ...]
) -> None:
    """Write for a row of rays where the first leap takes them: depth (C,) and four (C,), the axis crossed and the cell.

    The box around the eye's cell reaches `down` and `up` cells, for rays that go down and up; with 0 they stay in the
    cell, with axis -1. All of a row at once, without a branch, costs a fraction of a leap in `cast`.
    """
    dxs, dys, dzs, ixs, iys, izs, _, _ = aims
    axes, xs, ys, zs = places
    ox, oy, oz = eye
    x, y, z = int(ox), int(oy), int(oz)
    for column in range(len(depths)):
        dx, dy, dz = dxs[column], dys[column], dzs[column]
        ahead_x, ahead_y, ahead_z = 1 if dx > 0.0 else 0, 1 if dy > 0.0 else 0, 1 if dz > 0.0 else 0
        step_x, step_y, step_z = 2 * ahead_x - 1, 2 * ahead_y - 1, 2 * ahead_z - 1
        leap = up if dy > 0.0 else down
        rise = leap * (FLATTER_UP if dy > 0.0 else FLATTER_DOWN) >> 5
        tx = (x + ahead_x + leap * step_x - ox) * ixs[column]
        ty = (y + ahead_y + rise * step_y - oy) * iys[column]
        tz = (z + ahead_z + leap * step_z - oz) * izs[column]
        t = min(tx, ty, tz)
        axis = 0 if tx <= ty and tx <= tz else 1 if ty <= tz else 2
        in_x = min(max(int(ox + t * dx), x - leap), x + leap)
        in_y = min(max(int(oy + t * dy), y - rise), y + rise)
        in_z = min(max(int(oz + t * dz), z - leap), z + leap)
        moves = leap > 0
        depths[column] = t if moves else 0.0
        axes[column] = axis if moves else -1
        xs[column] = (x + (leap + 1) * step_x if axis == 0 else in_x) if moves else x
        ys[column] = (y + (rise + 1) * step_y if axis == 1 else in_y) if moves else y
        zs[column] = (z + (leap + 1) * step_z if axis == 2 else in_z) if moves else z


@njit(cache=True, error_model="numpy")
def _face(
    axis: int, dx: float, dy: float, dz: float, px: float, py: float, pz: float
) -> tuple[int, float, float, float]:
    """Which face of a cell the ray enters at a point (within the cell), the place on its tile, and the face's shade."""
    if axis == 0:
        return (0, pz, 1.0 - py, 0.6) if dx > 0.0 else (1, 1.0 - pz, 1.0 - py, 0.6)
    if axis == 1:
        return (2, px, pz, 0.5) if dy > 0.0 else (3, px, pz, 1.0)
    return (4, 1.0 - px, 1.0 - py, 0.8) if dz > 0.0 else (5, px, 1.0 - py, 0.8)


@njit(cache=True, error_model="numpy")
def _cross(
    texels: NDArray[np.uint32], tile: int, level: int, mirrored: bool,
    fx: float, fy: float, fz: float, dx: float, dy: float, dz: float, enter: float, leave: float,
) -> tuple[float, float, float]:  # fmt: skip
    """Where a ray meets a plant, which is two upright planes along its cell's diagonals.

    Returns the depth (-1 if it passes) and the place on the tile. (fx, fy, fz) is the eye seen from the cell's corner.
    """
    first, second = (fz - fx) / (dx - dz), (1.0 - fx - fz) / (dx + dz)
    for plane in (min(first, second), max(first, second)):
        if enter <= plane <= leave:
            u, v = fx + plane * dx, 1.0 - fy - plane * dy
            u = 1.0 - u if mirrored else u
            if texels[np.uintp(_texel(tile, u, v, level))] >> 24 >= 100:
                return plane, u, v
    return -1.0, 0.0, 0.0


@njit(cache=True, error_model="numpy")
def _post(fx: float, fy: float, fz: float, ix: float, iy: float, iz: float) -> tuple[float, float, float]:
    """Where a ray meets a torch, two pixels wide and ten high: depth (-1 if it passes) and place on the tile."""
    near_x, far_x = (0.4375 - fx) * ix, (0.5625 - fx) * ix
    near_y, far_y = -fy * iy, (0.625 - fy) * iy
    near_z, far_z = (0.4375 - fz) * iz, (0.5625 - fz) * iz
    enter_x, enter_y, enter_z = min(near_x, far_x), min(near_y, far_y), min(near_z, far_z)
    enter = max(enter_x, enter_y, enter_z)
    if enter <= 0.0 or enter > min(max(near_x, far_x), max(near_y, far_y), max(near_z, far_z)):
        return -1.0, 0.0, 0.0
    if enter == enter_y:
        return enter, 0.5, 0.40625
    across = fz + enter / iz if enter == enter_x else fx + enter / ix
    return enter, min(max(across, 0.44), 0.56), 1.0 - fy - enter / iy


@njit(cache=True, error_model="numpy")
def _light_corners(
    brightness: Float, light: NDArray[np.uint8], front: int, along: int, across: int, corners: Float
) -> None:
    """Write the light at the corners of the face before which cell `front` lies; the strides lead along the face."""
    for corner in range(4):
        side = along if corner & 1 else -along
        other = across if corner & 2 else -across
        corners[corner] = _corner(brightness, light, front, front + side, front + other, front + side + other)


@njit(cache=True, error_model="numpy")
def cast(
    scene: Scene, rays: Rays, colour: NDArray[np.float32], clear: NDArray[np.float32], depth: NDArray[np.float32]
) -> None:
    """Draw the blocks: their part of each colour (R, C, 3), the share left `clear` (R, C) for the sky, depth (R, C)."""
    blocks = scene.blocks.reshape(-1)
    light = scene.light.reshape(-1)
    space = scene.space.reshape(-1)
    texels, faces, shapes, brightness = scene.texels, scene.faces, scene.shapes, scene.brightness
    size_x, size_y, size_z = scene.blocks.shape
    stride_x, stride_y = size_y * size_z, size_z
    ox, oy, oz = rays.eye
    columns, rows = rays.columns, rays.rows
    top = scene.top
    target_x, target_y, target_z = scene.target
    fog_scale = 1.0 / (scene.fog_end - scene.fog_start)
    texel_angle = 16.0 * scene.pixel
    lit_face = -1
    corners = np.zeros(4)
    floats = np.empty((8, len(columns)))
    aims = (floats[0], floats[1], floats[2], floats[3], floats[4], floats[5], floats[6], floats[7])
    dxs, dys, dzs, ixs, iys, izs, lengths, ends = aims
    depths, cells = np.empty(len(columns)), np.empty((4, len(columns)), np.int64)
    places = (cells[0], cells[1], cells[2], cells[3])
    axes, xs, ys, zs = places
    down = up = np.int64(0)
    if oy < top:
        start = int(ox) * stride_x + int(oy) * stride_y + int(oz)
        down, up = max(np.int64(space[start]) - 1, 0), max(np.int64(space[blocks.size + start]) - 1, 0)
    for row in range(len(rows)):
        _aim(rays, row, size_x, top, size_z, scene.fog_end, aims)
        _depart(rays.eye, down, up, aims, depths, places)
        for column in range(len(columns)):
            dx, dy, dz = dxs[column], dys[column], dzs[column]
            ix, iy, iz = ixs[column], iys[column], izs[column]
            length, far = lengths[column], ends[column]
            x, y, z, axis = xs[column], ys[column], zs[column], axes[column]
            t = depths[column]
            before = 0
            red = green = blue = 0.0
            left = 1.0
            seen = 1e9
            wet = -1.0
            if oy >= top and dy < 0.0:
                # From above everything, straight down to the highest block's level.
                t = (top - oy) * iy
                axis = 1
                y = top - 1
                x, z = int(ox + t * dx), int(oz + t * dz)
            field = blocks.size if dy > 0.0 else 0
            flatness = FLATTER_UP if dy > 0.0 else FLATTER_DOWN
            ahead_x, ahead_y, ahead_z = 1 if dx > 0.0 else 0, 1 if dy > 0.0 else 0, 1 if dz > 0.0 else 0
            step_x, step_y, step_z = 2 * ahead_x - 1, 2 * ahead_y - 1, 2 * ahead_z - 1
            cell = x * stride_x + y * stride_y + z
            # Where the ray leaves its cell, along each axis.
            tx, ty, tz = (x + ahead_x - ox) * ix, (y + ahead_y - oy) * iy, (z + ahead_z - oz) * iz
            while t < far:
                leap = np.int64(space[np.uintp(field + cell)]) - 1
                if leap > 0:
                    # On through an empty box, to the cell behind it.
                    rise = leap * flatness >> 5
                    tx = (x + ahead_x + leap * step_x - ox) * ix
                    ty = (y + ahead_y + rise * step_y - oy) * iy
                    tz = (z + ahead_z + leap * step_z - oz) * iz
                    t = min(tx, ty, tz)
                    if tx <= ty and tx <= tz:
                        axis = 0
                        x += (leap + 1) * step_x
                        y = min(max(int(oy + t * dy), y - rise), y + rise)
                        z = min(max(int(oz + t * dz), z - leap), z + leap)
                    elif ty <= tz:
                        axis = 1
                        y += (rise + 1) * step_y
                        x = min(max(int(ox + t * dx), x - leap), x + leap)
                        z = min(max(int(oz + t * dz), z - leap), z + leap)
                    else:
                        axis = 2
                        z += (leap + 1) * step_z
                        x = min(max(int(ox + t * dx), x - leap), x + leap)
                        y = min(max(int(oy + t * dy), y - rise), y + rise)
                    before = 0
                    cell = x * stride_x + y * stride_y + z
                    tx, ty, tz = (x + ahead_x - ox) * ix, (y + ahead_y - oy) * iy, (z + ahead_z - oz) * iz
                    continue
                block = np.int64(0)
                leave = min(tx, ty, tz)
                if leap < 0:
                    block = np.int64(blocks[np.uintp(cell)])
                    shape = shapes[block]
                    fx, fy, fz = ox - x, oy - y, oz - z
                    targeted = x == target_x and y == target_y and z == target_z
                    rim = scene.line * t
                    if targeted and axis >= 0 and _near_edge(fx + t * dx, fy + t * dy, fz + t * dz, axis, rim):
                        # The outline shades what lies behind it.
                        left *= OUTLINE_SHADE
                    hit, hit_axis, level = t, axis, -1
                    u = v = 0.0
                    tile = -1
                    shade = 1.0
                    if shape <= GLASS:
                        if axis >= 0 and not (shape == GLASS and before == block):
                            face, u, v, shade = _face(axis, dx, dy, dz, fx + t * dx, fy + t * dy, fz + t * dz)
                            tile = np.int64(faces[block, face])
                    elif shape == WATER:
                        if before != block and axis >= 0:
                            surface = y + 1 >= size_y or shapes[blocks[cell + stride_y]] != WATER
                            if surface and fy + t * dy > WATER_HEIGHT:
                                # The ray enters above the water's surface and may meet it inside the cell.
                                hit, hit_axis = (WATER_HEIGHT - fy) * iy, 1
                                if dy >= 0.0 or hit >= leave:
                                    block = 0
                            if block != 0:
                                u, v = fx + hit * dx, fz + hit * dz
                                if hit_axis != 1:
                                    u, v, shade = u + v, 1.0 - fy - hit * dy, 0.8
                                tile = np.int64(faces[block, 3])
                                wet = hit
                    elif shape == PLANT:
                        level = min(_level(t * texel_angle), 1)
                        number = np.int64(faces[block, 0])
                        mirrored = (x * 7 + z * 13) & 4 != 0
                        plane, u, v = _cross(texels, number, level, mirrored, fx, fy, fz, dx, dy, dz, t, leave)
                        if plane >= 0.0:
                            hit, hit_axis, tile = plane, -1, number
                    elif shape == TORCH:
                        plane, u, v = _post(fx, fy, fz, ix, iy, iz)
                        if plane >= 0.0:
                            hit, hit_axis, level, tile = plane, -1, 0, np.int64(faces[block, 0])
                    if tile >= 0:
                        if scene.speckled[block] and hit_axis >= 0:
                            flips = (x * 374761393 ^ y * 668265263 ^ z * 2147483647) >> 5
                            u = 1.0 - u if flips & 1 else u
                            v = 1.0 - v if flips & 2 and hit_axis == 1 else v
                        if level < 0:
                            # Faces seen at a slant have smaller pixels.
                            slope = abs(dx) if hit_axis == 0 else abs(dy) if hit_axis == 1 else abs(dz)
                            level = _level(hit * texel_angle * min(1.0 / (slope + 0.1), 2.5))
                        texel = np.int64(texels[np.uintp(_texel(tile, u, v, level))])
                        opacity = texel >> 24
                        alpha = 1.0
                        if shape in (LEAVES, GLASS):
                            # From afar leaves close up.
                            closed = (shape == LEAVES and level > 1) or opacity > (127 if level == 0 else 60)
                            alpha = 1.0 if closed else 0.0
                        elif shape == WATER:
                            alpha = opacity / 255.0
                        if alpha > 0.0:
                            inside = 1 < x < size_x - 2 and 1 < y < size_y - 2 and 1 < z < size_z - 2
                            lit = brightness[light[cell]]
                            if hit_axis >= 0 and shape != WATER:
                                lit = 1.0
                                if inside:
                                    if hit_axis == 0:
                                        front = cell + (-stride_x if dx > 0.0 else stride_x)
                                        along, across, a, b = 1, stride_y, fz + t * dz, fy + t * dy
                                    elif hit_axis == 1:
                                        front = cell + (-stride_y if dy > 0.0 else stride_y)
                                        along, across, a, b = stride_x, 1, fx + t * dx, fz + t * dz
                                    else:
                                        front = cell + (-1 if dz > 0.0 else 1)
                                        along, across, a, b = stride_x, stride_y, fx + t * dx, fy + t * dy
                                    if cell * 3 + hit_axis != lit_face:
                                        lit_face = cell * 3 + hit_axis
                                        _light_corners(brightness, light, front, along, across, corners)
                                    lower = corners[0] * (1.0 - a) + corners[1] * a
                                    lit = lower * (1.0 - b) + (corners[2] * (1.0 - a) + corners[3] * a) * b
                            lit *= shade
                            if shape == LEAVES and level > 0:
                                # The dark between the leaves.
                                lit *= 0.35 + 0.65 * opacity / 255.0
                            if targeted and shape != WATER:
                                lit *= 1.0 - scene.crack[_texel(0, u, v, 0)] / 255.0
                            fog = min(max((hit * length - scene.fog_start) * fog_scale, 0.0), 1.0)
                            if wet >= 0.0 and shape != WATER:
                                # Water takes colour from what lies deep in it.
                                murk = 1.0 - 1.0 / (1.0 + WATER_MURK * (hit - wet) * length)
                                red += left * murk * (1.0 - fog) * lit * 44.0
                                green += left * murk * (1.0 - fog) * lit * 90.0
                                blue += left * murk * (1.0 - fog) * lit * 192.0
                                left *= 1.0 - murk * (1.0 - fog)
                            share = left * alpha * (1.0 - fog)
                            scale = share * lit
                            red += scale * (texel & 255)
                            green += scale * (texel >> 8 & 255)
                            blue += scale * (texel >> 16 & 255)
                            left -= share
                            if alpha == 1.0:
                                # What fog leaves over shows the sky behind.
                                seen = hit
                                break
                before = block
                t = leave
                if tx <= ty and tx <= tz:
                    axis = 0
                    x += step_x
                    cell += step_x * stride_x
                    tx = (x + ahead_x - ox) * ix
                elif ty <= tz:
                    axis = 1
                    y += step_y
                    cell += step_y * stride_y
                    ty = (y + ahead_y - oy) * iy
                else:
                    axis = 2
                    z += step_z
                    cell += step_z
                    tz = (z + ahead_z - oz) * iz
            colour[row, column, 0] = red
            colour[row, column, 1] = green
            colour[row, column, 2] = blue
            clear[row, column] = left
            depth[row, column] = seen
