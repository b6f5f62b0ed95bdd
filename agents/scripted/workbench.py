"""The crafting table: putting it down, going back to it, opening it, taking it along."""

import math
from collections.abc import Generator, Iterator

from agents.scripted.block_actions import USE, BlockActions
from agents.scripted.body import Body
from agents.scripted.goals import TABLE
from agents.scripted.human_input import NONE, Keys
from agents.scripted.item_kinds import count_kinds, hotbar_slot
from agents.scripted.paths import Cell, Route, middle, route_nearest
from agents.scripted.walking import Walker
from env.voxel.land.blocks import CRAFTING_TABLE

NEAR, FAR = 16.0, 64.0
"""Blocks to a table that one walks rather than make another: with wood to spare, and without."""
WOOD_TO_SPARE = 8
"""Planks, or logs' worth of them."""
_CLOSE = 4.0
"""Blocks from the eye at which a table is easily opened."""
_TURNS = (0, 25, -25, 50, -50, 80, -80, 110, -110, 145, -145, 180)
_PITCHES = (45.0, 55.0, 35.0, 65.0, 25.0, 10.0, -5.0)


class Workbench:
    """Knows the tables that this player has put down."""

    def __init__(self, body: Body, walker: Walker, work: BlockActions) -> None:
        self._body = body
        self._walker = walker
        self._work = work
        self._standing: list[Cell] = []

    def nearest(self) -> Cell | None:
        """The nearest table that still stands, if it is near enough to walk to."""
        body, have = self._body, count_kinds(self._body.inventory)
        limit = NEAR if have["planks"] + 4 * have["log"] >= WOOD_TO_SPARE or have[TABLE] else FAR
        self._standing = [cell for cell in self._standing if body.block(cell) == CRAFTING_TABLE]
        near = min(self._standing, key=lambda cell: math.dist(cell, body.position), default=None)
        return near if near is not None and math.dist(near, body.position) < limit else None

    def open(self) -> Generator[Keys, None, bool]:
        """Opens the table near by, or puts one down and opens that; returns whether its screen is open."""
        table = self.nearest()
        if table is None:
            yield from self._put_down()
            table = self.nearest()
        if table is None:
            return False
        if not (yield from self._go_to(table)):
            self._standing.remove(table)
            return False
        return (yield from self._use(table))

    def take_along(self) -> Iterator[Keys]:
        """Breaks the table near by and picks it up again."""
        body, table = self._body, self.nearest()
        if table is None or not body.sees(table) or not (yield from self._work.break_block(table)):
            return
        yield from self._work.collect(middle(table))
        if not count_kinds(body.inventory)[TABLE]:  # it lies higher, or lower, than one steps without a thought
            yield from self._walker.walk(self._route_to(table, length=8))

    def _put_down(self) -> Iterator[Keys]:
        """Places the table from the hotbar wherever there is room around."""
        body = self._body
        slot = hotbar_slot(body.inventory, TABLE)
        if slot is None:
            return
        yield from self._work.hold(slot)
        for _ in range(4):
            spot = self._spot()
            if spot is None:
                return
            body.mouse.aim(*spot, tolerance=2.0)
            yield from self._work.settle()
            for _ in range(12):
                place = body.place_for_block()
                if place is None:
                    break
                yield USE
                if body.block(place) == CRAFTING_TABLE:
                    self._standing.append(place)
                    self._work.placed.add((place[0], place[2]))
                    yield NONE
                    return

    def _spot(self) -> tuple[float, float] | None:
        """Yaw and pitch at which a table would come to stand on the ground; the smallest turn that will do."""
        body = self._body
        for turn in _TURNS:
            for pitch in _PITCHES:
                place = body.place_towards(body.yaw + turn, pitch)
                if place is not None and body.filled((place[0], place[1] - 1, place[2])):
                    return body.yaw + turn, pitch
        return None

    def _go_to(self, table: Cell) -> Generator[Keys, None, bool]:
        """Walks until the table is at hand; returns whether it is."""
        body = self._body
        for _ in range(3):
            if math.dist(body.eye, middle(table)) < _CLOSE and body.sees(table):
                return True
            route = self._route_to(table, length=60)
            if not route.cells:
                break
            yield from self._walker.walk(route)
        return body.sees(table)

    def _route_to(self, table: Cell, *, length: int) -> Route:
        """The way to where the table stands, or stood."""
        body = self._body
        return route_nearest(body.game.world, body.cell, score=lambda cell: math.dist(cell, table), length=length)

    def _use(self, table: Cell) -> Generator[Keys, None, bool]:
        """Presses use on a table until its screen is open."""
        body = self._body
        for _ in range(4):
            body.look_at(middle(table), tolerance=2.0)
            yield from self._work.settle()
            for _ in range(10):
                if body.screen is not None or body.target != table:
                    break
                yield USE
            for _ in range(3):
                yield NONE
            if body.screen is not None:
                return True
        return False
