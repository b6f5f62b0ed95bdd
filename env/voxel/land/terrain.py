"""Makes worlds: rolling hills with lakes, caves, ores and woods, from a seed alone."""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from env.checks import whole_number
from env.voxel.land.biomes import MIXED, Land
from env.voxel.land.blocks import (
    ANDESITE,
    BEDROCK,
    BIRCH_LEAVES,
    BIRCH_LOG,
    CLAY,
    COAL_ORE,
    CORNFLOWER,
    DANDELION,
    DIAMOND_ORE,
    DIORITE,
    DIRT,
    GOLD_ORE,
    GRANITE,
    GRASS,
    GRASS_BLOCK,
    GRAVEL,
    IRON_ORE,
    OAK_LEAVES,
    OAK_LOG,
    OXEYE_DAISY,
    POPPY,
    REDSTONE_ORE,
    SAND,
    SOLID,
    SPRUCE_LEAVES,
    SPRUCE_LOG,
    STONE_BLOCK,
    WATER,
)
from env.voxel.land.world import TALLEST, World

SIZE = (256, 96, 256)
WATER_LEVEL = 38
"""Water fills what lies below this y."""
LOWEST, WIDEST = WATER_LEVEL + 2, 4096
"""Bounds of a world's height and of its sides."""
CAVE_GRID = 4
"""Cave noise is drawn on every fourth cell and interpolated."""


def generate(seed: int, size: tuple[int, int, int] = SIZE, *, land: Land = MIXED) -> World:
    """A new world of `size` (x, y, z) blocks; equal arguments give the same world on every machine.

    Raises `GhostkeysError` for a size that is too low for its water, or too large.
    """
    for axis, blocks_along, least, most in zip("xyz", size, (1, LOWEST, 1), (WIDEST, TALLEST, WIDEST), strict=True):
        whole_number(f"the world's size along {axis}", blocks_along, least=least, most=most)
    mixed = seed % 2**62
    blocks = np.zeros(size, np.uint8)
    ground = _ground(mixed, size[0], size[1], size[2], land)
    _fill(blocks, ground, mixed, land)
    _carve(blocks, ground, mixed)
    _scatter_ores(blocks, mixed)
    _plant(blocks, ground, mixed, land)
    spawn = _spawn(blocks, ground, land)
    return World(blocks, seed=seed, spawn=spawn)


@njit(cache=True)
def _hash(seed: int, x: int, y: int, z: int) -> float:
    """A number in [0, 1) that depends on all arguments and looks random."""
    h = np.uint64(seed) + np.uint64(x) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    h += np.uint64(y) * np.uint64(0xC2B2AE3D27D4EB4F)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    h += np.uint64(z) * np.uint64(0x165667B19E3779F9)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    h ^= h >> np.uint64(32)
    return np.float64(h >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True)
def _smooth(seed: int, x: float, z: float) -> float:
    """Value noise in [-1, 1] with features one unit wide."""
    ix, iz = int(np.floor(x)), int(np.floor(z))
    fx, fz = x - ix, z - iz
    fx, fz = fx * fx * (3.0 - 2.0 * fx), fz * fz * (3.0 - 2.0 * fz)
    near = _hash(seed, ix, 0, iz) * (1.0 - fx) + _hash(seed, ix + 1, 0, iz) * fx
    far = _hash(seed, ix, 0, iz + 1) * (1.0 - fx) + _hash(seed, ix + 1, 0, iz + 1) * fx
    return 2.0 * (near * (1.0 - fz) + far * fz) - 1.0


@njit(cache=True)
def _ground(seed: int, size_x: int, size_y: int, size_z: int, land: Land) -> NDArray[np.int32]:
    """(X, Z) y of the highest ground block."""
    ground = np.empty((size_x, size_z), np.int32)
    for x in range(size_x):
        for z in range(size_z):
            rolling = _smooth(seed + 1, x / 70.0, z / 70.0)
            hills = _smooth(seed + 2, x / 29.0, z / 29.0)
            bumps = 0.7 * _smooth(seed + 3, x / 13.0, z / 13.0) + 0.3 * _smooth(seed + 4, x / 5.0, z / 5.0)
            steep = 0.5 + 0.5 * _smooth(seed + 5, x / 90.0, z / 90.0)
            height = WATER_LEVEL + land.level + land.rolling * rolling
            height += (land.hills + land.steep_hills * steep) * hills
            height += (land.bumps + land.steep_bumps * steep) * bumps
            ground[x, z] = min(max(int(np.floor(height)), 4), size_y - 14)
    return ground


@njit(cache=True)
def _fill(blocks: NDArray[np.uint8], ground: NDArray[np.int32], seed: int, land: Land) -> None:
    """Bedrock, stone with veins of other rock, a few blocks of soil, and water up to its level."""
    size_x, _, size_z = blocks.shape
    for x in range(size_x):
        for z in range(size_z):
            top = ground[x, z]
            beach = top <= WATER_LEVEL + (1 if _smooth(seed + 6, x / 11.0, z / 11.0) > -0.2 else -1)
            deep = top < WATER_LEVEL - 2
            bed = (
                GRAVEL
                if _smooth(seed + 7, x / 9.0, z / 9.0) > 0.35
                else CLAY
                if _smooth(seed + 8, x / 6.0, z / 6.0) > 0.55
                else SAND
            )
            soil = 3 + int(_hash(seed + 9, x, 0, z) * 2.0)
            for y in range(top + 1):
                if y == 0 or (y <= 2 and _hash(seed + 10, x, y, z) < 0.5):
                    blocks[x, y, z] = BEDROCK
                elif y <= top - soil:
                    blocks[x, y, z] = STONE_BLOCK
                elif deep and y == top:
                    blocks[x, y, z] = bed
                elif beach:
                    blocks[x, y, z] = SAND
                else:
                    blocks[x, y, z] = land.top if y == top else land.soil
            for y in range(top + 1, WATER_LEVEL):
                blocks[x, y, z] = WATER


@njit(cache=True)
def _lattice(seed: int, nx: int, ny: int, nz: int, stretch: float) -> NDArray[np.float32]:
    """(nx, ny, nz) smooth 3-d noise in [-1, 1], a feature every `stretch` points."""
    noise = np.empty((nx, ny, nz), np.float32)
    for x in range(nx):
        for y in range(ny):
            for z in range(nz):
                px, py, pz = x / stretch, y / stretch, z / stretch
                ix, iy, iz = int(px), int(py), int(pz)
                fx, fy, fz = px - ix, py - iy, pz - iz
                total = 0.0
                for corner in range(8):
                    dx, dy, dz = corner & 1, corner >> 1 & 1, corner >> 2
                    weight = (fx if dx else 1.0 - fx) * (fy if dy else 1.0 - fy) * (fz if dz else 1.0 - fz)
                    total += weight * _hash(seed, ix + dx, iy + dy, iz + dz)
                noise[x, y, z] = 2.0 * total - 1.0
    return noise


@njit(cache=True)
def _between(noise: NDArray[np.float32], x: int, y: int, z: int) -> float:
    """The lattice's noise at a cell, interpolated."""
    ix, iy, iz = x // CAVE_GRID, y // CAVE_GRID, z // CAVE_GRID
    fx, fy, fz = (x % CAVE_GRID) / CAVE_GRID, (y % CAVE_GRID) / CAVE_GRID, (z % CAVE_GRID) / CAVE_GRID
    total = 0.0
    for dx in range(2):
        for dy in range(2):
            weight = (fx if dx else 1.0 - fx) * (fy if dy else 1.0 - fy)
            total += weight * (noise[ix + dx, iy + dy, iz] * (1.0 - fz) + noise[ix + dx, iy + dy, iz + 1] * fz)
    return total


@njit(cache=True)
def _carve(blocks: NDArray[np.uint8], ground: NDArray[np.int32], seed: int) -> None:
    """Winding tunnels where two noises are both near zero; they stay clear of water, and open in some hillsides."""
    size_x, size_y, size_z = blocks.shape
    shape = (size_x // CAVE_GRID + 2, size_y // CAVE_GRID + 2, size_z // CAVE_GRID + 2)
    first = _lattice(seed + 11, shape[0], shape[1], shape[2], 4.0)
    second = _lattice(seed + 12, shape[0], shape[1], shape[2], 4.0)
    for x in range(size_x):
        for z in range(size_z):
            # Nearby water must not hang in the air.
            lowest = ground[x, z]
            for dx in range(-2, 3):
                for dz in range(-2, 3):
                    lowest = min(lowest, ground[min(max(x + dx, 0), size_x - 1), min(max(z + dz, 0), size_z - 1)])
            roof = ground[x, z] if lowest > WATER_LEVEL else lowest - 4
            for y in range(4, roof + 1):
                width = 0.075 if y < ground[x, z] - 4 else 0.05
                a = _between(first, x, y, z)
                if -width < a < width and abs(_between(second, x, y, z)) < width:
                    blocks[x, y, z] = 0


@njit(cache=True)
def _scatter_ores(blocks: NDArray[np.uint8], seed: int) -> None:
    """Small clumps of ore and larger ones of other rock, each kind below its own height."""
    size_x, size_y, size_z = blocks.shape
    # kind, clumps per 16 x 16 columns, highest y, blocks per clump
    kinds = (
        (GRANITE, 3, 60, 40), (DIORITE, 3, 60, 40), (ANDESITE, 3, 60, 40), (GRAVEL, 2, 60, 30), (DIRT, 2, 60, 30),
        (COAL_ORE, 14, 64, 10), (IRON_ORE, 12, 48, 7), (GOLD_ORE, 2, 24, 7), (REDSTONE_ORE, 4, 14, 7),
        (DIAMOND_ORE, 2, 14, 6),
    )  # fmt: skip
    chunks = size_x * size_z // 256
    for number, (kind, clumps, top, amount) in enumerate(kinds):
        for clump in range(clumps * chunks):
            key = seed + 1000 * (number + 1)
            x = int(_hash(key, clump, 0, 0) * size_x)
            y = 2 + int(_hash(key, clump, 0, 1) * min(top, size_y - 3))
            z = int(_hash(key, clump, 0, 2) * size_z)
            radius = (amount * 0.24) ** (1.0 / 3.0) + 0.5
            reach = int(radius) + 1
            for dx in range(-reach, reach + 1):
                for dy in range(-reach, reach + 1):
                    for dz in range(-reach, reach + 1):
                        cx, cy, cz = x + dx, y + dy, z + dz
                        if (
                            not (0 <= cx < size_x and 0 < cy < size_y and 0 <= cz < size_z)
                            or blocks[cx, cy, cz] != STONE_BLOCK
                        ):
                            continue
                        ragged = 0.6 + 0.8 * _hash(key + 7, cx, cy, cz)
                        if dx * dx + dy * dy + dz * dz < radius * radius * ragged:
                            blocks[cx, cy, cz] = kind


@njit(cache=True)
def _plant(blocks: NDArray[np.uint8], ground: NDArray[np.int32], seed: int, land: Land) -> None:
    """Trees, at most one per 4 x 4 cells and thicker in the woods; then grass and flowers on open soil."""
    size_x, _, size_z = blocks.shape
    for cell_x in range(size_x // 4):
        for cell_z in range(size_z // 4):
            x = cell_x * 4 + int(_hash(seed + 20, cell_x, 0, cell_z) * 4.0)
            z = cell_z * 4 + int(_hash(seed + 21, cell_x, 0, cell_z) * 4.0)
            wooded = max(land.trees + land.woods * _smooth(seed + 22, x / 34.0, z / 34.0), land.lone_trees)
            if 3 <= x < size_x - 3 and 3 <= z < size_z - 3 and _hash(seed + 23, cell_x, 0, cell_z) < wooded:
                y = ground[x, z]
                if blocks[x, y, z] == land.top:
                    blocks[x, y, z] = DIRT
                    _grow_tree(blocks, x, y + 1, z, seed, land.cold)
    for x in range(size_x):
        for z in range(size_z):
            y = ground[x, z]
            if blocks[x, y, z] != GRASS_BLOCK or blocks[x, y + 1, z] != 0:
                continue
            draw = _hash(seed + 30, x, 0, z)
            meadow = 0.17 + 0.17 * _smooth(seed + 31, x / 12.0, z / 12.0)
            if draw < meadow:
                blocks[x, y + 1, z] = GRASS
            elif draw > 0.95 and _smooth(seed + 32, x / 10.0, z / 10.0) > 0.1:
                # Flowers of one kind stand together.
                kind = _smooth(seed + 33, x / 16.0, z / 16.0) + 0.5 * (_hash(seed + 34, x, 0, z) - 0.5)
                blocks[x, y + 1, z] = (
                    POPPY if kind < -0.3 else DANDELION if kind < 0.1 else OXEYE_DAISY if kind < 0.4 else CORNFLOWER
                )


@njit(cache=True)
def _grow_tree(blocks: NDArray[np.uint8], x: int, y: int, z: int, seed: int, cold: float) -> None:
    """An oak, birch or spruce whose trunk starts at (x, y, z)."""
    mood = _smooth(seed + 40, x / 48.0, z / 48.0) + 0.7 * (_hash(seed + 41, x, y, z) - 0.5) + cold
    size = _hash(seed + 42, x, y, z)
    if mood > 0.52:
        _grow_spruce(blocks, x, y, z, 6 + int(size * 4.0))
        return
    birch = mood < -0.28
    height = 5 + int(size * 3.0)
    log, leaves = (BIRCH_LOG, BIRCH_LEAVES) if birch else (OAK_LOG, OAK_LEAVES)
    if y + height + 2 >= blocks.shape[1]:
        return
    for layer in range(height - 3, height + 1):
        radius = 2 if layer < height - 1 else 1
        for dx in range(-radius, radius + 1):
            for dz in range(-radius, radius + 1):
                corner = abs(dx) == radius and abs(dz) == radius
                if corner and (layer == height or _hash(seed + 43, x + dx, y + layer, z + dz) < 0.5):
                    continue
                if blocks[x + dx, y + layer, z + dz] == 0:
                    blocks[x + dx, y + layer, z + dz] = leaves
    for layer in range(height):
        blocks[x, y + layer, z] = log


@njit(cache=True)
def _grow_spruce(blocks: NDArray[np.uint8], x: int, y: int, z: int, height: int) -> None:
    """A cone of needles in rings that widen and narrow."""
    if y + height + 2 >= blocks.shape[1]:
        return
    for below in range(height - 1):
        layer = height - below
        radius = 0 if below == 0 else 1 if below % 2 == 1 or below < 3 else 2
        for dx in range(-radius, radius + 1):
            for dz in range(-radius, radius + 1):
                round_enough = radius == 0 or abs(dx) + abs(dz) < 2 * radius
                if round_enough and blocks[x + dx, y + layer, z + dz] == 0:
                    blocks[x + dx, y + layer, z + dz] = SPRUCE_LEAVES
    for layer in range(height):
        blocks[x, y + layer, z] = SPRUCE_LOG


def _spawn(blocks: NDArray[np.uint8], ground: NDArray[np.int32], land: Land) -> tuple[float, float, float]:
    """Where feet start: open, fairly level ground near the middle, with trees around but not in the face."""
    size_x, size_y, size_z = blocks.shape
    x, z = np.meshgrid(np.arange(size_x), np.arange(size_z), indexing="ij")
    on = np.take_along_axis(blocks, ground[:, None, :], 1)[:, 0]
    above = np.stack(
        [np.take_along_axis(blocks, np.minimum(ground + k, size_y - 1)[:, None, :], 1)[:, 0] for k in range(1, 9)]
    )
    good = (on == land.top) & ~SOLID[above].any(axis=0) & (above[0] != WATER)
    logs = (blocks == OAK_LOG).any(axis=1) | (blocks == BIRCH_LOG).any(axis=1)
    trees = cv2.boxFilter(logs.astype(np.float32), -1, (21, 21), normalize=False, borderType=cv2.BORDER_CONSTANT)
    low_leaves = sum((above[k] == leaves) for k in range(4) for leaves in (OAK_LEAVES, BIRCH_LEAVES, SPRUCE_LEAVES))
    crowd = cv2.boxFilter((low_leaves > 0).astype(np.float32), -1, (7, 7), normalize=False)
    level = np.ones((7, 7), np.uint8)
    steep = cv2.dilate(ground.astype(np.float32), level) - cv2.erode(ground.astype(np.float32), level)
    away = np.hypot(x - size_x / 2, z - size_z / 2)
    # Every missing tree, up to four, is worth a walk of 20 blocks; so is a free view; bad ground is worth any walk.
    cost = away + 20.0 * (4 - np.minimum(trees, 4)) + 2.0 * crowd + 4.0 * steep + 1e6 * ~good
    best_x, best_z = np.unravel_index(int(cost.argmin()), cost.shape)
    return float(best_x) + 0.5, float(ground[best_x, best_z]) + 1.0, float(best_z) + 0.5
