# mypy: disable-error-code="assignment,arg-type,no-any-return"
"""The ray caster: colours and distances of the blocks along a grid of rays, in one compiled function.

Everything compiled lives in this file, because numba's cache does not notice changes in functions imported from
elsewhere. Parts of a ray's way are compiled into the loop over the rays (`forceinline`): calls would cost more than
what they do. They get arrays as arguments of their own, because numba counts references at each access to an array in a
tuple. Directions are not normalised: a ray's parameter t is the depth along the view axis. Indices that are never
negative are made unsigned, which spares a test at each access.
"""
# mypy takes numba's integers for numpy's.

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from env.voxel.land.blocks import BLOCKS

Float = NDArray[np.floating[Any]]
Place = tuple[float, float, float]
"""A point or a direction, along x, y and z."""
Cell = tuple[int, int, int]

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


_part = njit(cache=True, error_model="numpy", forceinline=True)


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


class Ray(NamedTuple):
    """One ray."""

    eye: Place
    direction: Place
    """Per unit of depth."""
    inverse: Place
    """1 / direction."""
    ahead: Cell
    """Along each axis 1 if it goes up the axis, else 0: the side by which it leaves a cell."""
    step: Cell
    """Along each axis 1 or -1."""


class Hit(NamedTuple):
    """What a ray meets in a cell."""

    tile: int
    """Number of the texture; -1 if the ray goes on through the cell."""
    depth: float
    axis: int
    """Of the face it enters by; -1 for a plant or a torch."""
    u: float
    """The place on the texture, 0 to 1 to the right,"""
    v: float
    """and down."""
    level: int
    """Of detail; -1 is to be chosen by the face's slant."""
    shade: float
    """Of a face by its direction; 1 is none."""


class Colour(NamedTuple):
    """What a ray has gathered."""

    red: float
    green: float
    blue: float
    left: float
    """The share, 0 to 1, that what lies behind has in the colour."""


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


@_part
def _ray(eye: Place, aims: tuple[Float, ...], column: int) -> Ray:
    """The ray of a column, from the arrays of a row that `_aim` wrote."""
    dx, dy, dz = aims[0][column], aims[1][column], aims[2][column]
    x, y, z = 1 if dx > 0.0 else 0, 1 if dy > 0.0 else 0, 1 if dz > 0.0 else 0
    inverse = (aims[3][column], aims[4][column], aims[5][column])
    return Ray(eye, (dx, dy, dz), inverse, (x, y, z), (2 * x - 1, 2 * y - 1, 2 * z - 1))


@_part
def _exits(ray: Ray, x: int, y: int, z: int, side: int, rise: int) -> Place:
    """Depths at which a ray leaves, along each axis, the box that reaches `side` and `rise` cells beyond a cell."""
    return (
        (x + ray.ahead[0] + side * ray.step[0] - ray.eye[0]) * ray.inverse[0],
        (y + ray.ahead[1] + rise * ray.step[1] - ray.eye[1]) * ray.inverse[1],
        (z + ray.ahead[2] + side * ray.step[2] - ray.eye[2]) * ray.inverse[2],
    )


@_part
def _point(origin: Place, ray: Ray, t: float) -> Place:
    """Where a ray is at a depth, seen from where the eye is at `origin`."""
    (ox, oy, oz), (dx, dy, dz) = origin, ray.direction
    return ox + t * dx, oy + t * dy, oz + t * dz


@_part
def _kept_near(place: float, cell: int, reach: int) -> int:
    """The cell of a place, kept within the reach of another cell: rounding must not step out of a box."""
    return min(max(int(place), cell - reach), cell + reach)


@_part
def _leap(ray: Ray, x: int, y: int, z: int, side: int, rise: int) -> tuple[float, int, int, int, int]:
    """On through an empty box: the depth at which the ray leaves it, the axis it crosses, and the cell behind."""
    tx, ty, tz = _exits(ray, x, y, z, side, rise)
    t = min(tx, ty, tz)
    px, py, pz = _point(ray.eye, ray, t)
    if tx <= ty and tx <= tz:
        return t, 0, x + (side + 1) * ray.step[0], _kept_near(py, y, rise), _kept_near(pz, z, side)
    if ty <= tz:
        return t, 1, _kept_near(px, x, side), y + (rise + 1) * ray.step[1], _kept_near(pz, z, side)
    return t, 2, _kept_near(px, x, side), _kept_near(py, y, rise), z + (side + 1) * ray.step[2]


@_part
def _meet_cube(faces: NDArray[np.int16], ray: Ray, block: int, inside: Place, t: float, axis: int) -> Hit:
    """The face by which a ray enters a cube at a point inside its cell."""
    face, u, v, shade = _face(axis, *ray.direction, *inside)
    return Hit(np.int64(faces[block, face]), t, axis, u, v, -1, shade)


@_part
def _meet_water(tile: int, ray: Ray, corner: Place, t: float, axis: int, leave: float, surface: bool) -> Hit:
    """Where a ray from outside meets water; where the water ends its surface lies lower than its cell's top."""
    hit, hit_axis, shade = t, axis, 1.0
    (fx, fy, fz), (dx, dy, dz) = corner, ray.direction
    if surface and fy + t * dy > WATER_HEIGHT:
        # The ray enters above the water's surface and may meet it inside the cell.
        hit, hit_axis = (WATER_HEIGHT - fy) * ray.inverse[1], 1
        if dy >= 0.0 or hit >= leave:
            tile = -1
    u, v = fx + hit * dx, fz + hit * dz
    if hit_axis != 1:
        u, v, shade = u + v, 1.0 - fy - hit * dy, 0.8
    return Hit(tile, hit, hit_axis, u, v, -1, shade)


@_part
def _meet_plant(
    texels: NDArray[np.uint32], tile: int, ray: Ray, x: int, z: int, corner: Place, t: float, leave: float, level: int
) -> Hit:
    """Where a ray meets a plant."""
    mirrored = (x * 7 + z * 13) & 4 != 0
    depth, u, v = _cross(texels, tile, level, mirrored, *corner, *ray.direction, t, leave)
    return Hit(tile if depth >= 0.0 else -1, depth, -1, u, v, level, 1.0)


@_part
def _meet_torch(tile: int, ray: Ray, corner: Place) -> Hit:
    """Where a ray meets a torch."""
    depth, u, v = _post(*corner, *ray.inverse)
    return Hit(tile if depth >= 0.0 else -1, depth, -1, u, v, 0, 1.0)


@_part
def _mirror(x: int, y: int, z: int, axis: int, u: float, v: float) -> tuple[float, float]:
    """The place on the face of a speckled block, whose texture is mirrored from cell to cell."""
    flips = (x * 374761393 ^ y * 668265263 ^ z * 2147483647) >> 5
    return 1.0 - u if flips & 1 else u, 1.0 - v if flips & 2 and axis == 1 else v


@_part
def _slanted_level(ray: Ray, hit: Hit, texel_angle: float) -> int:
    """The level of detail of a face: one seen at a slant has smaller pixels."""
    dx, dy, dz = ray.direction
    slope = abs(dx) if hit.axis == 0 else abs(dy) if hit.axis == 1 else abs(dz)
    return _level(hit.depth * texel_angle * min(1.0 / (slope + 0.1), 2.5))


@_part
def _alpha(shape: int, level: int, opacity: int) -> float:
    """How much of what lies behind a texel it hides, 0 to 1."""
    if shape in (LEAVES, GLASS):
        # From afar leaves close up.
        closed = (shape == LEAVES and level > 1) or opacity > (127 if level == 0 else 60)
        return 1.0 if closed else 0.0
    return opacity / 255.0 if shape == WATER else 1.0


@_part
def _face_place(axis: int, ray: Ray, inside: Place, stride_x: int, stride_y: int) -> tuple[int, int, int, float, float]:
    """Strides from a cell to the one before the face a ray enters by, and along the face; the place on the face."""
    x, y, z = inside
    if axis == 0:
        return -stride_x * ray.step[0], 1, stride_y, z, y
    if axis == 1:
        return -stride_y * ray.step[1], stride_x, 1, x, z
    return -ray.step[2], stride_x, stride_y, x, y


@_part
def _between(corners: Float, a: float, b: float) -> float:
    """Light at a place on a face, between that at its corners."""
    lower = corners[0] * (1.0 - a) + corners[1] * a
    return lower * (1.0 - b) + (corners[2] * (1.0 - a) + corners[3] * a) * b


@_part
def _add_water(seen: Colour, length: float, fog: float, lit: float) -> Colour:
    """A length of water takes colour from what lies behind it."""
    murk = 1.0 - 1.0 / (1.0 + WATER_MURK * length)
    return Colour(
        seen.red + seen.left * murk * (1.0 - fog) * lit * 44.0,
        seen.green + seen.left * murk * (1.0 - fog) * lit * 90.0,
        seen.blue + seen.left * murk * (1.0 - fog) * lit * 192.0,
        seen.left * (1.0 - murk * (1.0 - fog)),
    )


@_part
def _add_texel(seen: Colour, texel: int, alpha: float, fog: float, lit: float) -> Colour:
    """A texel before whatever lies behind it."""
    share = seen.left * alpha * (1.0 - fog)
    scale = share * lit
    return Colour(
        seen.red + scale * (texel & 255),
        seen.green + scale * (texel >> 8 & 255),
        seen.blue + scale * (texel >> 16 & 255),
        seen.left - share,
    )


@njit(cache=True, error_model="numpy")
def _cast_row(
    scene: Scene, eye: Place, aims: tuple[Float, ...], starts: tuple[Float, ...], places: tuple[NDArray[np.int64], ...],
    corners: Float,
    colour: NDArray[np.float32], clear: NDArray[np.float32], depth: NDArray[np.float32],
) -> None:  # fmt: skip
    """Follow a row of rays through the cells, each to the first block that hides what is behind."""
    blocks, light, space = scene.blocks.reshape(-1), scene.light.reshape(-1), scene.space.reshape(-1)
    texels, faces, shapes, speckled, crack = scene.texels, scene.faces, scene.shapes, scene.speckled, scene.crack
    brightness = scene.brightness
    size_x, size_y, size_z = scene.blocks.shape
    stride_x, stride_y = size_y * size_z, size_z
    fog_start, fog_scale, texel_angle = scene.fog_start, 1.0 / (scene.fog_end - scene.fog_start), 16.0 * scene.pixel
    top, line, lit_face = scene.top, scene.line, -1
    target_x, target_y, target_z = scene.target
    ox, oy, oz = eye
    lengths, ends = aims[6], aims[7]
    axes, xs, ys, zs = places
    for column in range(len(ends)):
        ray = _ray(eye, aims, column)
        t, axis, x, y, z = starts[column], axes[column], xs[column], ys[column], zs[column]
        length, end = lengths[column], ends[column]
        seen = Colour(0.0, 0.0, 0.0, 1.0)
        before, wet, hidden = 0, -1.0, 1e9
        if oy >= top and ray.ahead[1] == 0:
            # From above everything, straight down to the highest block's level.
            t, axis, y = (top - oy) * ray.inverse[1], 1, top - 1
            x, z = int(ox + t * ray.direction[0]), int(oz + t * ray.direction[2])
        field = blocks.size if ray.ahead[1] else 0
        flatness = FLATTER_UP if ray.ahead[1] else FLATTER_DOWN
        cell = x * stride_x + y * stride_y + z
        tx, ty, tz = _exits(ray, x, y, z, 0, 0)
        while t < end:
            leap = np.int64(space[np.uintp(field + cell)]) - 1
            if leap > 0:
                t, axis, x, y, z = _leap(ray, x, y, z, leap, leap * flatness >> 5)
                before = 0
                cell = x * stride_x + y * stride_y + z
                tx, ty, tz = _exits(ray, x, y, z, 0, 0)
                continue
            block = np.int64(0)
            leave = min(tx, ty, tz)
            if leap < 0:
                block = np.int64(blocks[np.uintp(cell)])
                shape, tile = shapes[block], np.int64(faces[block, 0])
                corner = (ox - x, oy - y, oz - z)
                inside = _point(corner, ray, t)
                targeted = x == target_x and y == target_y and z == target_z
                if targeted and axis >= 0 and _near_edge(*inside, axis, line * t):
                    # The outline shades what lies behind it.
                    seen = Colour(seen.red, seen.green, seen.blue, seen.left * OUTLINE_SHADE)
                hit = Hit(-1, t, axis, 0.0, 0.0, -1, 1.0)
                if shape <= GLASS:
                    if axis >= 0 and not (shape == GLASS and before == block):
                        hit = _meet_cube(faces, ray, block, inside, t, axis)
                elif shape == WATER:
                    if before != block and axis >= 0:
                        surface = y + 1 >= size_y or shapes[blocks[cell + stride_y]] != WATER
                        hit = _meet_water(np.int64(faces[block, 3]), ray, corner, t, axis, leave, surface)
                        wet = hit.depth if hit.tile >= 0 else wet
                        block = block if hit.tile >= 0 else np.int64(0)
                elif shape == PLANT:
                    hit = _meet_plant(texels, tile, ray, x, z, corner, t, leave, min(_level(t * texel_angle), 1))
                elif shape == TORCH:
                    hit = _meet_torch(tile, ray, corner)
                if hit.tile >= 0:
                    u, v, level = hit.u, hit.v, hit.level
                    if speckled[block] and hit.axis >= 0:
                        u, v = _mirror(x, y, z, hit.axis, u, v)
                    if level < 0:
                        level = _slanted_level(ray, hit, texel_angle)
                    texel = np.int64(texels[np.uintp(_texel(hit.tile, u, v, level))])
                    alpha = _alpha(shape, level, texel >> 24)
                    if alpha > 0.0:
                        lit = brightness[light[cell]]
                        if hit.axis >= 0 and shape != WATER:
                            lit = 1.0
                            if 1 < x < size_x - 2 and 1 < y < size_y - 2 and 1 < z < size_z - 2:
                                front, along, across, a, b = _face_place(hit.axis, ray, inside, stride_x, stride_y)
                                if cell * 3 + hit.axis != lit_face:
                                    lit_face = cell * 3 + hit.axis
                                    _light_corners(brightness, light, cell + front, along, across, corners)
                                lit = _between(corners, a, b)
                        lit *= hit.shade
                        if shape == LEAVES and level > 0:
                            # The dark between the leaves.
                            lit *= 0.35 + 0.65 * (texel >> 24) / 255.0
                        if targeted and shape != WATER:
                            lit *= 1.0 - crack[_texel(0, u, v, 0)] / 255.0
                        fog = min(max((hit.depth * length - fog_start) * fog_scale, 0.0), 1.0)
                        if wet >= 0.0 and shape != WATER:
                            seen = _add_water(seen, (hit.depth - wet) * length, fog, lit)
                        seen = _add_texel(seen, texel, alpha, fog, lit)
                        if alpha == 1.0:
                            # What fog leaves over shows the sky behind.
                            hidden = hit.depth
                            break
            before, t = block, leave
            if tx <= ty and tx <= tz:
                axis, x, cell = 0, x + ray.step[0], cell + ray.step[0] * stride_x
                tx = (x + ray.ahead[0] - ox) * ray.inverse[0]
            elif ty <= tz:
                axis, y, cell = 1, y + ray.step[1], cell + ray.step[1] * stride_y
                ty = (y + ray.ahead[1] - oy) * ray.inverse[1]
            else:
                axis, z, cell = 2, z + ray.step[2], cell + ray.step[2]
                tz = (z + ray.ahead[2] - oz) * ray.inverse[2]
        colour[column, 0], colour[column, 1], colour[column, 2] = seen.red, seen.green, seen.blue
        clear[column], depth[column] = seen.left, hidden


@njit(cache=True, error_model="numpy")
def cast(
    scene: Scene, rays: Rays, colour: NDArray[np.float32], clear: NDArray[np.float32], depth: NDArray[np.float32]
) -> None:
    """Draw the blocks: their part of each colour (R, C, 3), the share left `clear` (R, C) for the sky, depth (R, C)."""
    size_x, _, size_z = scene.blocks.shape
    ox, oy, oz = rays.eye
    count = len(rays.columns)
    floats, starts, cells = np.empty((8, count)), np.empty(count), np.empty((4, count), np.int64)
    aims = (floats[0], floats[1], floats[2], floats[3], floats[4], floats[5], floats[6], floats[7])
    places = (cells[0], cells[1], cells[2], cells[3])
    corners = np.zeros(4)
    down = up = np.int64(0)
    if oy < scene.top:
        x, y, z = int(ox), int(oy), int(oz)
        down, up = max(np.int64(scene.space[0, x, y, z]) - 1, 0), max(np.int64(scene.space[1, x, y, z]) - 1, 0)
    for row in range(len(rays.rows)):
        _aim(rays, row, size_x, scene.top, size_z, scene.fog_end, aims)
        _depart(rays.eye, down, up, aims, starts, places)
        _cast_row(scene, (ox, oy, oz), aims, starts, places, corners, colour[row], clear[row], depth[row])
