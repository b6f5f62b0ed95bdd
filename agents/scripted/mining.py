"""Getting stone: where to begin, and stairs that lead to it without a fall or a swim."""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal

from agents.scripted.block_actions import BlockActions
from agents.scripted.body import Body
from agents.scripted.goals import PICKAXES
from agents.scripted.human_input import Keys
from agents.scripted.item_kinds import count_kinds, hotbar_slot
from agents.scripted.paths import IS_WATER, Cell, Ground, Route, route_nearest, way_to
from agents.scripted.walking import Walker
from env.voxel.land.blocks import BLOCKS, COBBLESTONE, CRAFTING_TABLE, SOLID, STONE_BLOCK, TARGETABLE, Item, item
from env.voxel.land.world import World
from env.voxel.rules.mining import damage_per_tick

Slope = Literal[-1, 0, 1]
"""Down, level or up, a block a step."""
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1))
_LONGEST = 12
"""Steps of stairs that are looked ahead."""
_TICKS_TO_TURN = 6.0
"""What a block costs beside its breaking: to aim at it."""
_TICKS_A_CELL = 5.0
"""What a walk costs, a cell."""
_DARK = 4
"""Skylight, of 15, in which one sees little."""
_STONE = (STONE_BLOCK, COBBLESTONE)


@dataclass(frozen=True)
class StairStep:
    """One step of stairs: what to break, top first, and where one stands then."""

    clear: tuple[Cell, ...]
    stand: Cell


@dataclass(frozen=True)
class Stairs:
    """Steps in one direction, and what they cost and give."""

    steps: tuple[StairStep, ...]
    ticks: float
    stone: int
    """Blocks that leave cobblestone."""


class Miner:
    """Digs stairs and tunnels with the best pickaxe in the hotbar."""

    def __init__(self, body: Body, walker: Walker, work: BlockActions) -> None:
        self._body = body
        self._walker = walker
        self._work = work

    def mine(self, count: int) -> Generator[Keys, None, bool]:
        """Goes where stone is soonest had and digs for so much more cobblestone; returns whether any came."""
        yield from self.take_pickaxe()
        before = self._cobblestone()
        site = self._best_site(count)
        if site is None:
            return False
        route, way_down = site
        if route.cells and not (yield from self._walker.walk(route)):
            return False
        for step in way_down.steps:
            if self._cobblestone() >= before + count or not (yield from self._take(step)):
                break
        yield from self._work.collect(self._body.position)
        return self._cobblestone() > before

    @property
    def has_pickaxe(self) -> bool:
        """Whether a pickaxe is at hand."""
        return any(hotbar_slot(self._body.inventory, pickaxe) is not None for pickaxe in PICKAXES)

    def explore(self) -> Iterator[Keys]:
        """Digs for the sake of it: down from the surface, then on underground, and up again where it gets dark."""
        length = int(self._body.rng.integers(4, 12))
        if self._body.outside:
            yield from self.tunnel(length, slope=-1)
        elif self._body.light < _DARK:
            yield from self.climb_out()
        else:
            yield from self.tunnel(length, slope=self._body.rng.choice([0, 0, 1]))

    def climb_out(self) -> Iterator[Keys]:
        """Walks into the open, or digs stairs up to it."""
        body = self._body
        route = route_nearest(
            body.game.world,
            body.cell,
            score=lambda cell: math.dist(cell, body.cell) + (0.0 if body.is_outside(cell) else 1e3),
            length=_LONGEST * 4,
        )
        if route.cells and body.is_outside(route.cells[-1]):
            yield from self._walker.walk(route)
        else:
            yield from self.tunnel(_LONGEST, slope=1)

    def tunnel(self, length: int, *, slope: Slope) -> Iterator[Keys]:
        """Digs stairs from here in the direction in which they get farthest, up to so many steps."""
        yield from self.take_pickaxe()
        options = [
            stairs(self._body.game.world, self._body.cell, direction, slope=slope, length=length, tool=self._tool())
            for direction in DIRECTIONS
        ]
        farthest = max(options, key=lambda option: (len(option.steps), option.stone))
        if not farthest.steps:
            yield from self._walker.unstick()
        for step in farthest.steps:
            if not (yield from self._take(step)):
                return

    def take_pickaxe(self) -> Iterator[Keys]:
        """Takes the best pickaxe of the hotbar in hand."""
        slots = [hotbar_slot(self._body.inventory, pickaxe) for pickaxe in PICKAXES]
        best = next((slot for slot in reversed(slots) if slot is not None), None)
        if best is not None:
            yield from self._work.hold(best)

    def _take(self, step: StairStep) -> Generator[Keys, None, bool]:
        """Breaks what is in the way of a step and goes there; returns whether it got there."""
        for cell in step.clear:
            if TARGETABLE[self._body.block(cell)] and not (yield from self._work.break_block(cell)):
                return False
        return (yield from self._walker.step_to(step.stand))

    def _best_site(self, count: int) -> tuple[Route, Stairs] | None:
        """The way to a place near by, and the stairs from there, that give so much stone in the shortest time."""
        world, start = self._body.game.world, self._body.cell
        ground = Ground(world, start, max_drop=1)  # so that there is a way back
        best: tuple[float, Route, Stairs] | None = None
        for cell, cost, before in ground.flood(start):
            if best is not None and cost * _TICKS_A_CELL >= best[0]:
                break
            for direction in DIRECTIONS:
                found = stairs(world, cell, direction, slope=-1, length=_LONGEST, tool=self._tool(), stone=count)
                ticks = cost * _TICKS_A_CELL + found.ticks
                if found.stone >= count and (best is None or ticks < best[0]):
                    best = ticks, Route(ground.smooth(way_to(cell, before))), found
        return None if best is None else best[1:]

    def _tool(self) -> Item | None:
        held = self._body.game.player.held_item
        return item(held) if held else None

    def _cobblestone(self) -> int:
        return count_kinds(self._body.inventory)["cobblestone"]


def stairs(
    world: World,
    start: Cell,
    direction: tuple[int, int],
    *,
    slope: Slope,
    length: int,
    tool: Item | None,
    stone: float = math.inf,
) -> Stairs:
    """The stairs from a cell in a direction (x, z), as far as they are safe, up to so many steps or so much stone.

    Safe stairs lead over firm ground, touch no water, and break no bedrock.
    """
    steps: list[StairStep] = []
    ticks, found, (x, y, z) = 0.0, 0, start
    while len(steps) < length and found < stone:
        clear, stand = _step((x, y, z), direction, slope)
        blocks = [world.block(*cell) for cell in clear]
        floor = (stand[0], stand[1] - 1, stand[2])
        if not SOLID[world.block(*floor)] or any(map(_is_trouble, blocks)) or _is_wet(world, stand):
            break
        steps.append(StairStep(clear, stand))
        broken = [block for block in blocks if TARGETABLE[block]]
        ticks += _TICKS_A_CELL + sum(_TICKS_TO_TURN + 1.0 / damage_per_tick(BLOCKS[block], tool) for block in broken)
        found += sum(block in _STONE for block in broken)
        x, y, z = stand
    return Stairs(tuple(steps), ticks, found)


def _step(cell: Cell, direction: tuple[int, int], slope: Slope) -> tuple[tuple[Cell, ...], Cell]:
    """What must be free for a step from a cell, top first, and where it leads."""
    x, y, z = cell
    ahead = [(x + direction[0], y + up, z + direction[1]) for up in (-1, 0, 1, 2)]
    down, level, above, high = ahead
    if slope < 0:
        return (above, level, down), down
    if slope == 0:
        return (above, level), level
    return ((x, y + 2, z), high, above), above


def _is_trouble(block: int) -> bool:
    """Whether a block cannot, or should not, be dug away."""
    return bool(IS_WATER[block]) or block == CRAFTING_TABLE or (bool(SOLID[block]) and BLOCKS[block].hardness > 10.0)


def _is_wet(world: World, cell: Cell) -> bool:
    x, y, z = cell
    return any(IS_WATER[world.block(x + dx, y + up, z + dz)] for dx, dz in DIRECTIONS for up in (0, 1))
