"""The blocks of one world, with the light and distance fields that the renderer reads."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from env.checks import as_numbers, shown
from env.errors import GhostkeysError
from env.voxel.land.blocks import AIR, BEDROCK, BLOCKS, SOLID
from env.voxel.land.light import GLOW, LOSS, add_lamps, column_heights, fill_skylight
from env.voxel.land.space import DEPTH, REACH, fill_space

LIGHT_REACH = 15
"""How far, in blocks, a change of one block can change the light."""
TALLEST = 255
"""Blocks a world can be high: heights are kept in bytes."""
HEADROOM = 256
"""Blocks above a world in which things may be."""


class World:
    """A box of blocks, y up.

    `blocks` may be read by anyone; write through `set_block`, which keeps the renderer's fields right.
    """

    def __init__(self, blocks: NDArray[np.uint8], *, seed: int, spawn: tuple[float, float, float]) -> None:
        """Raises `GhostkeysError` for blocks that are none, and for a spawn outside the world."""
        _check(blocks)
        self.blocks = np.ascontiguousarray(blocks)
        """uint8 (X, Y, Z) block ids."""
        self.seed = seed
        self.spawn = position_in(self.size, spawn, name="spawn")
        """Where a player's feet start."""
        size_x, _, size_z = self.blocks.shape
        self.heights = np.zeros((size_x, size_z), np.uint8)
        """uint8 (X, Z): the lowest y from which the column is open to the sky."""
        self.light = np.zeros_like(self.blocks)
        """uint8 (X, Y, Z): skylight 0 to 15, the light of lamps in the high four bits; 255 in opaque blocks."""
        self.space = np.zeros((2, *self.blocks.shape), np.uint8)
        """uint8 (2, X, Y, Z): how far rays that go down, and up, may leap; see `space`."""
        column_heights(self.blocks, LOSS, 0, size_x, 0, size_z, self.heights)
        self._lamps = {(int(x), int(y), int(z)) for x, y, z in np.argwhere(np.isin(self.blocks, np.flatnonzero(GLOW)))}
        self._fill_light(0, size_x, 0, size_z)
        fill_space(self.blocks, (0, 0, 0), self.blocks.shape, self.space)
        self.top = int(np.flatnonzero(self.blocks.any(axis=(0, 2))).max(initial=-1)) + 1
        """No block is at or above this y."""

    @property
    def size(self) -> tuple[int, int, int]:
        """Blocks along x, y and z."""
        size_x, size_y, size_z = self.blocks.shape
        return size_x, size_y, size_z

    def block(self, x: int, y: int, z: int) -> int:
        """The block id at a cell: air above and bedrock beside or below the world."""
        size_x, size_y, size_z = self.blocks.shape
        if 0 <= x < size_x and 0 <= y < size_y and 0 <= z < size_z:
            return int(self.blocks[x, y, z])
        return AIR if y >= size_y and 0 <= x < size_x and 0 <= z < size_z else BEDROCK

    def set_block(self, x: int, y: int, z: int, block: int) -> None:
        """Put a block into a cell of the world; `IndexError` outside it, or if there is no such block."""
        size_x, size_y, size_z = self.blocks.shape
        if not (0 <= x < size_x and 0 <= y < size_y and 0 <= z < size_z):
            raise IndexError(f"cell ({x}, {y}, {z}) lies outside the world of {size_x} x {size_y} x {size_z} blocks")
        if not 0 <= block < len(BLOCKS):
            raise IndexError(f"there is no block {block}; expected 0 to {len(BLOCKS) - 1}")
        before = self.blocks[x, y, z]
        self.blocks[x, y, z] = block
        self.top = max(self.top, y + 1) if block != AIR else self.top
        if GLOW[before] or GLOW[block]:
            self._lamps.discard((x, y, z))
            self._lamps.update([(x, y, z)] if GLOW[block] else ())
        if LOSS[before] != LOSS[block] or GLOW[before] != GLOW[block]:
            self._relight(x, z)
        if (before == AIR) != (block == AIR):
            low = (max(x - REACH, 0), max(y - DEPTH[1], 0), max(z - REACH, 0))
            high = (min(x + REACH + 1, size_x), min(y + DEPTH[0] + 1, size_y), min(z + REACH + 1, size_z))
            fill_space(self.blocks, low, high, self.space)

    def surface(self, x: int, z: int) -> int:
        """The y of the highest solid block of a column, -1 if it has none."""
        return int(np.flatnonzero(SOLID[self.blocks[x, :, z]]).max(initial=-1))

    def _relight(self, x: int, z: int) -> None:
        size_x, _, size_z = self.blocks.shape
        column_heights(self.blocks, LOSS, x, x + 1, z, z + 1, self.heights)
        x0, x1 = max(x - LIGHT_REACH, 0), min(x + LIGHT_REACH + 1, size_x)
        z0, z1 = max(z - LIGHT_REACH, 0), min(z + LIGHT_REACH + 1, size_z)
        self._fill_light(x0, x1, z0, z1)

    def _fill_light(self, x0: int, x1: int, z0: int, z1: int) -> None:
        """Light for x0 <= x < x1, z0 <= z < z1 anew, from what is there and from the light just outside."""
        box = (x0, x1, z0, z1)
        fill_skylight(self.blocks, LOSS, self.heights, box, self.light)
        if self._lamps:
            inside = [lamp for lamp in self._lamps if x0 <= lamp[0] < x1 and z0 <= lamp[2] < z1]
            lamps = np.array(sorted(inside), np.int32).reshape(-1, 3)
            add_lamps(self.blocks, LOSS, GLOW, box, lamps, self.light)


def position_in(size: tuple[int, int, int], position: Any, *, name: str) -> tuple[float, float, float]:
    """A position (x, y, z) of feet in a world of that size, or in the sky not far above it.

    Raises `GhostkeysError`, which calls it by its name, for anything else.
    """
    most = (size[0], size[1] + HEADROOM, size[2])
    numbers = as_numbers(position)
    if numbers is None or numbers.shape != (3,) or not ((numbers >= 0) & (numbers <= most)).all():  # NaN fails, too
        limits = ", ".join(f"{axis} from 0 to {high}" for axis, high in zip("xyz", most, strict=True))
        raise GhostkeysError(f"{name} is {shown(position)}; expected (x, y, z) in blocks, {limits}.")
    x, y, z = numbers.tolist()
    return float(x), float(y), float(z)


def _check(blocks: object) -> None:
    expected = f"expected uint8 (X, Y, Z), at least one block and at most {TALLEST} high"
    if not isinstance(blocks, np.ndarray):
        raise GhostkeysError(f"blocks is {shown(blocks)}; {expected}.")
    if blocks.dtype != np.uint8 or blocks.ndim != 3 or blocks.size == 0 or blocks.shape[1] > TALLEST:
        raise GhostkeysError(f"blocks is {blocks.dtype} {blocks.shape}; {expected}.")
    if blocks.max() >= len(BLOCKS):
        raise GhostkeysError(f"blocks holds the id {blocks.max()}; expected ids of blocks, 0 to {len(BLOCKS) - 1}.")
