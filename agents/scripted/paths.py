"""Where a player can walk, and the shortest way to the next tree."""

import heapq
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from env.voxel.land.blocks import BLOCKS, SOLID
from env.voxel.land.world import World

Cell = tuple[int, int, int]
"""A block's place in the world, x, y, z; for a player, the block that holds the feet."""

IS_LOG = np.zeros(256, np.bool_)
IS_LOG[[block.id for block in BLOCKS if block.name.endswith("_log")]] = True
IS_LEAVES = np.zeros(256, np.bool_)
IS_LEAVES[[block.id for block in BLOCKS if block.shape == "leaves"]] = True
IS_SOFT = IS_LEAVES.copy()
IS_SOFT[[block.id for block in BLOCKS if block.shape == "plant"]] = True
"""Leaves and plants: what one hits on the way to a trunk and breaks without a thought."""
IS_WATER = np.zeros(256, np.bool_)
IS_WATER[[block.id for block in BLOCKS if block.shape == "water"]] = True

_STEPS = [(dx, dz) for dx in (-1, 0, 1) for dz in (-1, 0, 1) if dx or dz]
_MAX_CELLS = 3500
TURN_COST = 24.0
"""Cells that a player would rather walk than turn right round for a tree behind."""


@dataclass(frozen=True)
class Route:
    """A way to walk: cells from the next one to the last, each a straight walk from the one before."""

    cells: tuple[Cell, ...]
    trunk: tuple[Cell, ...] = ()
    """The logs that can be reached at its end, lowest first."""


class Ground:
    """The neighbourhood of a player, read once from the world: where one can stand, and where there are logs."""

    RADIUS = 40
    BELOW = 12
    ABOVE = 12

    def __init__(self, world: World, centre: Cell, *, max_drop: int = 3) -> None:
        """`max_drop` is how many blocks a step may go down: 3 do not hurt, and 1 can be climbed again."""
        self._max_drop = max_drop
        shape = world.blocks.shape
        reach = (self.RADIUS, self.BELOW, self.RADIUS)
        self.origin = [max(0, min(c - r, s - 1)) for c, r, s in zip(centre, reach, shape, strict=True)]
        end = [c + r + 1 for c, r in zip(centre, (self.RADIUS, self.ABOVE, self.RADIUS), strict=True)]
        window = world.blocks[tuple(slice(o, max(e, o + 1)) for o, e in zip(self.origin, end, strict=True))]
        self._shape = window.shape
        solid = SOLID[window]
        free = ~solid & ~IS_WATER[window]
        stand = np.zeros_like(solid)
        stand[:, 1:-1] = solid[:, :-2] & free[:, 1:-1] & free[:, 2:]
        self._stand, self._free = stand.tobytes(), free.tobytes()
        self._log = IS_LOG[window]

    def _at(self, flags: bytes, x: int, y: int, z: int) -> bool:
        x, y, z = x - self.origin[0], y - self.origin[1], z - self.origin[2]
        width, height, depth = self._shape
        inside = 0 <= x < width and 0 <= y < height and 0 <= z < depth
        return bool(inside and flags[(x * height + y) * depth + z])

    def stands(self, x: int, y: int, z: int) -> bool:
        """Whether a player can stand with the feet in this cell."""
        return self._at(self._stand, x, y, z)

    def free(self, x: int, y: int, z: int) -> bool:
        """Whether the cell holds nothing to bump into and no water."""
        return self._at(self._free, x, y, z)

    def logs(self) -> NDArray[np.int64]:
        """(N, 3) places of all logs."""
        places: NDArray[np.int64] = np.argwhere(self._log) + self.origin
        return places

    def steps(self, cell: Cell) -> Iterator[tuple[Cell, float]]:
        """The cells one step away, each with its cost."""
        x, y, z = cell
        for dx, dz in _STEPS:
            diagonal = dx != 0 and dz != 0
            if self.stands(x + dx, y, z + dz):
                if not diagonal or (self._passes(x + dx, y, z) and self._passes(x, y, z + dz)):
                    yield (x + dx, y, z + dz), 1.414 if diagonal else 1.0
            elif diagonal:
                continue
            elif self.stands(x + dx, y + 1, z + dz):
                if self.free(x, y + 2, z):
                    yield (x + dx, y + 1, z + dz), 2.5
            elif self._passes(x + dx, y, z + dz):
                for drop in range(1, self._max_drop + 1):
                    if self.stands(x + dx, y - drop, z + dz):
                        yield (x + dx, y - drop, z + dz), 1.0 + drop
                    if not self.free(x + dx, y - drop, z + dz):
                        break

    def _passes(self, x: int, y: int, z: int) -> bool:
        return self.free(x, y, z) and self.free(x, y + 1, z)

    def flood(self, start: Cell) -> Iterator[tuple[Cell, float, Mapping[Cell, Cell]]]:
        """Cells that can be walked to, nearest first (Dijkstra), with the cost and the cell before each one so far."""
        before: dict[Cell, Cell] = {}
        costs = {start: 0.0}
        queue = [(0.0, start)]
        done: set[Cell] = set()
        while queue and len(done) < _MAX_CELLS:
            cost, cell = heapq.heappop(queue)
            if cell in done:
                continue
            done.add(cell)
            yield cell, cost, before
            for neighbour, extra in self.steps(cell):
                if cost + extra < costs.get(neighbour, math.inf):
                    costs[neighbour] = cost + extra
                    before[neighbour] = cell
                    heapq.heappush(queue, (cost + extra, neighbour))

    def straight(self, start: Cell, end: Cell) -> bool:
        """Whether a player 0.6 wide can walk in a straight line between two cells of one height."""
        if start[1] != end[1]:
            return False
        length = math.hypot(end[0] - start[0], end[2] - start[2])
        for along in np.linspace(0.0, 1.0, 1 + math.ceil(3 * length)):
            x, z = start[0] + 0.5 + along * (end[0] - start[0]), start[2] + 0.5 + along * (end[2] - start[2])
            corners = {(math.floor(x + dx), math.floor(z + dz)) for dx in (-0.35, 0.35) for dz in (-0.35, 0.35)}
            if not all(self.stands(cx, start[1], cz) for cx, cz in corners):
                return False
        return True

    def smooth(self, cells: list[Cell]) -> tuple[Cell, ...]:
        """Leaves out the cells between two that a straight line joins."""
        kept: list[Cell] = []
        start = 0
        while start < len(cells) - 1:
            end = start + 1
            while end + 1 < len(cells) and self.straight(cells[start], cells[end + 1]):
                end += 1
            kept.append(cells[end])
            start = end
        return tuple(kept)


def middle(cell: Cell) -> tuple[float, float, float]:
    """The middle of a cell."""
    return cell[0] + 0.5, cell[1] + 0.5, cell[2] + 0.5


def way_to(cell: Cell, before: Mapping[Cell, Cell]) -> list[Cell]:
    """The way to a cell, from the start on."""
    way = [cell]
    while way[-1] in before:
        way.append(before[way[-1]])
    return way[::-1]


def _trunks(ground: Ground, avoid: Collection[tuple[int, int]]) -> dict[tuple[int, int], list[Cell]]:
    """The logs of each column, lowest first."""
    trunks: dict[tuple[int, int], list[Cell]] = {}
    for x, y, z in sorted(map(tuple, ground.logs().tolist())):
        if (x, z) not in avoid:
            trunks.setdefault((x, z), []).append((x, y, z))
    return trunks


def route_to_tree(
    world: World, start: Cell, *, yaw: float | None = None, avoid: Collection[tuple[int, int]] = ()
) -> Route | None:
    """The way to the nearest tree whose trunk can be reached from the ground, except the columns (x, z) in `avoid`.

    With the `yaw` of the player's view, a tree ahead is preferred: a whole turn round counts as `TURN_COST` cells.
    """
    ground = Ground(world, start)
    trunks = _trunks(ground, avoid)
    best: tuple[float, Route] | None = None
    for cell, cost, before in ground.flood(start):
        if best is not None and cost >= best[0]:
            break
        for column, logs in _reachable_trunks(cell, trunks):
            total = cost + (0.0 if yaw is None else TURN_COST * _turn(yaw, start, column) / 180.0)
            if best is None or total < best[0]:
                best = total, Route(ground.smooth(way_to(cell, before)), logs)
    return None if best is None else best[1]


def _reachable_trunks(
    cell: Cell, trunks: Mapping[tuple[int, int], list[Cell]]
) -> Iterator[tuple[tuple[int, int], tuple[Cell, ...]]]:
    """The columns beside a cell with a trunk that begins at the ground, and their logs within reach."""
    x, y, z = cell
    for dx, dz in _STEPS:
        trunk = trunks.get((x + dx, z + dz), [])
        # From the ground, that is: not from the top of the leaves.
        if trunk and y - 1 <= trunk[0][1] <= y + 2:
            logs = tuple(log for log in trunk if y <= log[1] <= y + 3)
            if logs:
                yield (x + dx, z + dz), logs


def _turn(yaw: float, start: Cell, column: tuple[int, int]) -> float:
    """Degrees from a view's yaw to a column, 0 to 180."""
    towards = math.degrees(math.atan2(-(column[0] - start[0]), column[1] - start[2]))
    return abs((towards - yaw + 180.0) % 360.0 - 180.0)


def route_nearest(world: World, start: Cell, *, score: Callable[[Cell], float], length: int) -> Route:
    """The way to the reachable cell with the least score, cut off after so many cells."""
    ground = Ground(world, start)
    reached = list(ground.flood(start))
    best = min((cell for cell, _, _ in reached), key=score)
    return Route(ground.smooth(way_to(best, reached[-1][2])[: length + 1]))
