"""The ray caster: colours and distances of the blocks along a grid of rays, in one compiled function.

Everything compiled lives in this file, because numba's cache does not notice changes in functions imported from elsewhere.
Directions are not normalised: a ray's parameter t is the depth along the view axis.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from env.voxel.blocks import BLOCKS

Float = NDArray[np.float64]

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

RIM = 1.0 - 1e-9
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
    fog_start: float
    fog_end: float


@njit(cache=True, error_model="numpy")
def _corner(brightness: Float, light: NDArray[np.uint8], middle: int, side: int, other: int, diagonal: int) -> float:
    """Smooth light at a face's corner: the mean brightness of the four cells that meet there, dimmer for every opaque one."""
    own = brightness[light[middle]]
    total, shade = own, 1.0
    closed = 0
    for cell in (side, other):
        if light[cell] == 255:
            closed += 1
            total += own
            shade += 0.2
        else:
            total += brightness[light[cell]]
            shade += 1.0
    if closed == 2 or light[diagonal] == 255:
        total += own
        shade += 0.2
    else:
        total += brightness[light[diagonal]]
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
def cast(
    scene: Scene, rays: Rays, colour: NDArray[np.float32], clear: NDArray[np.float32], depth: NDArray[np.float32]
) -> None:
    """Fill colour (R, C, 3) with the blocks' share of each pixel, 0 to 255; clear (R, C) with the share left to the sky; depth (R, C)."""
    blocks = scene.blocks.reshape(-1)
    light = scene.light.reshape(-1)
    space = scene.space.reshape(2, -1)
    texels, faces, shapes, brightness = scene.texels, scene.faces, scene.shapes, scene.brightness
    size_x, size_y, size_z = scene.blocks.shape
    stride_x, stride_y = size_y * size_z, size_z
    ox, oy, oz = rays.eye
    columns, rows, axes = rays.columns, rays.rows, rays.axes
    top = scene.top
    target_x, target_y, target_z = scene.target
    fog_scale = 1.0 / (scene.fog_end - scene.fog_start)
    texel_angle = 16.0 * (rows[0] - rows[-1]) / max(len(rows) - 1, 1)
    start_x, start_y, start_z = int(ox), int(oy), int(oz)
    face_key = -1
    c00 = c10 = c01 = c11 = 0.0
    for row in range(len(rows)):
        up = rows[row]
        row_x = up * axes[1, 0] - axes[2, 0]
        row_y = up * axes[1, 1] - axes[2, 1]
        row_z = up * axes[1, 2] - axes[2, 2]
        for column in range(len(columns)):
            right = columns[column]
            dx = row_x + right * axes[0, 0]
            dy = row_y + right * axes[0, 1]
            dz = row_z + right * axes[0, 2]
            if dx == 0.0:
                dx = 1e-12
            if dy == 0.0:
                dy = 1e-12
            if dz == 0.0:
                dz = 1e-12
            ix, iy, iz = 1.0 / dx, 1.0 / dy, 1.0 / dz
            length = np.sqrt(dx * dx + dy * dy + dz * dz)
            x, y, z = start_x, start_y, start_z
            t = 0.0
            axis = -1
            before = 0
            red = green = blue = 0.0
            left = 1.0
            seen = 1e9
            # The ray ends in the fog or at the world's rim; the rim is drawn in a hair, so that rounding cannot step over it.
            out_x = ((size_x - ox) if dx > 0.0 else -ox) * ix
            out_y = ((top - oy) if dy > 0.0 else -oy) * iy
            out_z = ((size_z - oz) if dz > 0.0 else -oz) * iz
            far = min(scene.fog_end / length, out_x * RIM, out_y * RIM, out_z * RIM)
            if oy >= top and dy < 0.0:
                # From above everything, straight down to the highest block's level.
                t = (top - oy) * iy
                axis = 1
                y = top - 1
                x, z = int(ox + t * dx), int(oz + t * dz)
            rising = 1 if dy > 0.0 else 0
            while t < far:
                cell = x * stride_x + y * stride_y + z
                leap = np.int64(space[rising, cell])
                block = np.int64(0)
                if leap > 0:
                    leap -= 1
                else:
                    block = np.int64(blocks[cell])
                rise = leap >> 1 if rising else leap // 3
                # Where the ray leaves the empty box around this cell (for a block: the cell itself).
                tx = ((x + leap + 1 if dx > 0.0 else x - leap) - ox) * ix
                ty = ((y + rise + 1 if dy > 0.0 else y - rise) - oy) * iy
                tz = ((z + leap + 1 if dz > 0.0 else z - leap) - oz) * iz
                leave = min(tx, ty, tz)
                if block != 0:
                    shape = shapes[block]
                    if x == target_x and y == target_y and z == target_z and axis >= 0:
                        if _near_edge(ox + t * dx - x, oy + t * dy - y, oz + t * dz - z, axis, scene.line * t):
                            # The outline shades what lies behind it.
                            left *= 0.45
                    hit = t
                    hit_axis = axis
                    u = v = 0.0
                    tile = -1
                    shade = 1.0
                    if shape <= GLASS:
                        if axis >= 0 and not (shape == GLASS and before == block):
                            px, py, pz = ox + t * dx - x, oy + t * dy - y, oz + t * dz - z
                            if axis == 0:
                                u, v, shade = (pz if dx > 0.0 else 1.0 - pz), 1.0 - py, 0.6
                                tile = faces[block, 0 if dx > 0.0 else 1]
                            elif axis == 1:
                                u, v, shade = px, pz, (0.5 if dy > 0.0 else 1.0)
                                tile = faces[block, 2 if dy > 0.0 else 3]
                            else:
                                u, v, shade = (1.0 - px if dz > 0.0 else px), 1.0 - py, 0.8
                                tile = faces[block, 4 if dz > 0.0 else 5]
                    elif shape == WATER:
                        if before != block:
                            py = oy + t * dy - y
                            open_above = y + 1 >= size_y or shapes[blocks[cell + stride_y]] != WATER
                            if open_above and py > WATER_HEIGHT and axis >= 0:
                                hit = (y + WATER_HEIGHT - oy) * iy
                                hit_axis = 1
                                if dy >= 0.0 or hit >= leave:
                                    block = 0
                            if block != 0 and axis >= 0:
                                u, v = ox + hit * dx - x, oz + hit * dz - z
                                if hit_axis != 1:
                                    u, v, shade = u + v, 1.0 - (oy + hit * dy - y), 0.8
                                tile = faces[block, 3]
                    elif shape == PLANT:
                        # Two upright planes along the cell's diagonals; the nearer one with something at the hit counts.
                        fx, fz = ox - x, oz - z
                        first = (fz - fx) / (dx - dz)
                        second = (1.0 - fx - fz) / (dx + dz)
                        for nearer in range(2):
                            plane = first if (first < second) == (nearer == 0) else second
                            if plane < t or plane > leave or tile >= 0:
                                continue
                            u, v = fx + plane * dx, y + 1 - oy - plane * dy
                            if (x * 7 + z * 13) & 4:
                                u = 1.0 - u
                            level = min(_level(plane * texel_angle), 1)
                            number = np.int64(faces[block, 0])
                            texel = texels[_texel(number, u, v, level)]
                            if texel >> 24 >= 100:
                                tile, hit, hit_axis = number, plane, -1
                    elif shape == TORCH:
                        # A post two pixels wide and ten high: the entry into its box.
                        near_x, far_x = (x + 0.4375 - ox) * ix, (x + 0.5625 - ox) * ix
                        near_y, far_y = (y - oy) * iy, (y + 0.625 - oy) * iy
                        near_z, far_z = (z + 0.4375 - oz) * iz, (z + 0.5625 - oz) * iz
                        enter_x, enter_y, enter_z = min(near_x, far_x), min(near_y, far_y), min(near_z, far_z)
                        enter = max(enter_x, enter_y, enter_z)
                        if enter > 0.0 and enter <= min(max(near_x, far_x), max(near_y, far_y), max(near_z, far_z)):
                            hit, hit_axis = enter, -1
                            u = ox + enter * dx - x if enter_x < enter else oz + enter * dz - z
                            v = y + 1 - oy - enter * dy
                            if enter == enter_y:
                                u, v = ox + enter * dx - x, 0.40625
                            u = min(max(u, 0.44), 0.56)
                            tile = faces[block, 0]
                    if tile >= 0:
                        if scene.speckled[block] and shape != PLANT:
                            flips = (x * 374761393 ^ y * 668265263 ^ z * 2147483647) >> 5
                            if flips & 1:
                                u = 1.0 - u
                            if flips & 2 and hit_axis == 1:
                                v = 1.0 - v
                        slope = (
                            1.0 if hit_axis < 0 else abs(dx) if hit_axis == 0 else abs(dy) if hit_axis == 1 else abs(dz)
                        )
                        level = _level(hit * texel_angle * min(1.0 / (slope + 0.1), 2.5))
                        if shape == TORCH or (shape == PLANT and level > 1):
                            level = 0 if shape == TORCH else 1
                        texel = np.int64(texels[_texel(tile, u, v, level)])
                        opacity = texel >> 24
                        alpha = 1.0
                        if shape == LEAVES or shape == GLASS:
                            # From afar leaves close up, and show the dark of their inside.
                            alpha = (
                                1.0 if opacity > (127 if level == 0 else 60) or (shape == LEAVES and level > 1) else 0.0
                            )
                        elif shape == WATER:
                            alpha = opacity / 255.0
                        if alpha > 0.0:
                            # Light at the hit: of the cell in front of the face, smoothed between the face's corners.
                            lit = 1.0
                            if hit_axis < 0:
                                lit = brightness[light[cell]]
                            elif shape == WATER:
                                front = light[cell + stride_y] if hit_axis == 1 and y + 1 < size_y else light[cell]
                                lit = brightness[front] if front != 255 else brightness[light[cell]]
                            elif 1 < x < size_x - 2 and 1 < y < size_y - 2 and 1 < z < size_z - 2:
                                px, py, pz = ox + t * dx - x, oy + t * dy - y, oz + t * dz - z
                                key = cell * 3 + hit_axis
                                if hit_axis == 0:
                                    front = cell + (-stride_x if dx > 0.0 else stride_x)
                                    along, across, a, b = 1, stride_y, pz, py
                                elif hit_axis == 1:
                                    front = cell + (-stride_y if dy > 0.0 else stride_y)
                                    along, across, a, b = stride_x, 1, px, pz
                                else:
                                    front = cell + (-1 if dz > 0.0 else 1)
                                    along, across, a, b = stride_x, stride_y, px, py
                                if key != face_key:
                                    face_key = key
                                    c00 = _corner(
                                        brightness, light, front, front - along, front - across, front - along - across
                                    )
                                    c10 = _corner(
                                        brightness, light, front, front + along, front - across, front + along - across
                                    )
                                    c01 = _corner(
                                        brightness, light, front, front - along, front + across, front - along + across
                                    )
                                    c11 = _corner(
                                        brightness, light, front, front + along, front + across, front + along + across
                                    )
                                lit = (c00 * (1.0 - a) + c10 * a) * (1.0 - b) + (c01 * (1.0 - a) + c11 * a) * b
                            lit *= shade
                            if shape == LEAVES and level > 0:
                                lit *= 0.35 + 0.65 * opacity / 255.0
                            if x == target_x and y == target_y and z == target_z and shape != WATER:
                                lit *= 1.0 - scene.crack[_texel(0, u, v, 0)] / 255.0
                            fog = (hit * length - scene.fog_start) * fog_scale
                            fog = min(max(fog, 0.0), 1.0)
                            share = left * alpha * (1.0 - fog)
                            scale = share * lit
                            red += scale * (texel & 255)
                            green += scale * (texel >> 8 & 255)
                            blue += scale * (texel >> 16 & 255)
                            left -= share
                            if seen > 1e8:
                                seen = hit
                            if alpha == 1.0:
                                seen = hit
                                # What fog leaves over shows the sky behind.
                                break
                before = block
                t = leave
                if tx <= ty and tx <= tz:
                    axis = 0
                    x += leap + 1 if dx > 0.0 else -leap - 1
                    if leap > 0:
                        y = min(max(int(oy + t * dy), y - rise), y + rise)
                        z = min(max(int(oz + t * dz), z - leap), z + leap)
                elif ty <= tz:
                    axis = 1
                    y += rise + 1 if dy > 0.0 else -rise - 1
                    if leap > 0:
                        x = min(max(int(ox + t * dx), x - leap), x + leap)
                        z = min(max(int(oz + t * dz), z - leap), z + leap)
                else:
                    axis = 2
                    z += leap + 1 if dz > 0.0 else -leap - 1
                    if leap > 0:
                        x = min(max(int(ox + t * dx), x - leap), x + leap)
                        y = min(max(int(oy + t * dy), y - rise), y + rise)
            colour[row, column, 0] = red
            colour[row, column, 1] = green
            colour[row, column, 2] = blue
            clear[row, column] = left
            depth[row, column] = seen
